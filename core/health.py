"""The small HTTP server beside a worker: /metrics, /health (it lives) and /ready (it can work).

It runs in a thread of its own and answers GET and HEAD. What a client may cost is bounded: one
request a connection, IDLE_SECONDS of silence, MAX_CONNECTIONS at once (the oldest one makes room, so
idle connections cannot keep a probe out).
"""

from __future__ import annotations

import ipaddress
import json
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, cast

from .model.errors import ConfigError
from .model.text import printable

IDLE_SECONDS = 5.0
MAX_CONNECTIONS = 16
Check = Callable[[], tuple[bool, str]]
"""Returns whether it is so, and the reason where it is not."""


class Metrics(Protocol):
    """What /metrics shows; `WorkerMetrics` is one."""

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the page and its content type, in the format that the Accept header asks for."""
        ...


def _always() -> tuple[bool, str]:
    return True, ""


class HealthServer:
    """Serves `metrics`, and the answers of two checks.

    host: address to bind, loopback unless the operator asked for another. port: 0 takes a free one.
    ready: decides /ready, 503 with its reason. alive: decides /health, default: this process answers.
    """

    def __init__(self, host: str, port: int, metrics: Metrics, ready: Check, alive: Check = _always) -> None:
        self._host = host
        self._port = port
        self.metrics = metrics
        self.ready = ready
        self.alive = alive
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Bind, serve in a daemon thread, and return the port. ConfigError: the address cannot be bound."""
        try:
            self._server = _Server(_resolve(self._host, self._port), self)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"metrics cannot be served on {printable(self._host)} port {self._port} — "
                f"{getattr(error, 'strerror', None) or error}",
                fix="--metrics-port 0 takes a free port; --metrics-host names an address of this host",
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True)
        self._thread.start()
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stop serving and free the port; without a start, nothing."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
        raise OverflowError("a port is 0 to 65535")
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return family, address


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, bound: tuple[socket.AddressFamily, Any], door: HealthServer) -> None:
        self.address_family, address = bound
        self.door = door
        self._open: dict[socket.socket, None] = {}
        self._lock = threading.Lock()
        super().__init__(address, _Request)
        self.loopback = ipaddress.ip_address(self.server_address[0]).is_loopback  # type: ignore[arg-type]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._open) >= MAX_CONNECTIONS:
                _hang_up(next(iter(self._open)))
            self._open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            for request in self._open:
                _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: only a client that hung up gets here; checks that fail are answered with it."""


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it had gone already


class _Request(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS
    server_version = "jobsched"
    sys_version = ""

    def do_GET(self) -> None:
        server = cast("_Server", self.server)
        if server.loopback and not _names_this_host(self.headers.get("Host", "")):
            self._say(403, {"status": "refused", "reason": "the Host header names another host"})
            return
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._metrics(server.door)
        elif path == "/health":
            self._check(server.door.alive, "alive")
        elif path == "/ready":
            self._check(server.door.ready, "ready")
        else:
            self._say(404, {"status": "not found", "paths": ["/health", "/metrics", "/ready"]})

    do_HEAD = do_GET  # noqa: N815 — http.server looks for these names

    def do_POST(self) -> None:
        self._say(405, {"status": "refused", "reason": "GET and HEAD only"}, Allow="GET, HEAD")

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815

    def _metrics(self, door: HealthServer) -> None:
        try:
            page, content_type = door.metrics.render(self.headers.get("Accept", ""))
        except Exception as error:  # noqa: BLE001 — a gauge may fail in any way, and the scraper is told
            self._say(500, {"status": "error", "reason": printable(f"{type(error).__name__}: {error}")})
            return
        self._send(200, page, content_type)

    def _check(self, check: Check, word: str) -> None:
        try:
            good, reason = check()
        except Exception as error:  # noqa: BLE001 — a check that cannot be made is a check that failed
            good, reason = False, f"{type(error).__name__}: {error}"
        self._say(200, {"status": word}) if good else self._say(
            503, {"status": f"not {word}", "reason": printable(reason)[:500]}
        )

    def _say(self, status: int, answer: dict[str, Any], **headers: str) -> None:
        self._send(status, json.dumps(answer).encode() + b"\n", "application/json", **headers)

    def _send(self, status: int, body: bytes, content_type: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a probe every few seconds is not news."""


def _names_this_host(header: str) -> bool:
    """Whether a Host header is an address or localhost: a web page in a browser that had its own
    name resolve to loopback (DNS rebinding) cannot send that."""
    host = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    if not host or host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
