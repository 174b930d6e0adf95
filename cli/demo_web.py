"""The service that the demo's `http_call` talks to: overloaded at first, then it takes the order."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RETRY_AFTER_SECONDS = 1
ORDER = 1042


class DemoWeb:
    """A web server on a free port of 127.0.0.1. It answers the first POST with 429 and each later one with 201.

    orders: the bodies that it took, by idempotency key: a request that comes twice is one order.
    """

    def __init__(self) -> None:
        self.orders: dict[str, str] = {}
        self.refused = 0
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
                if not web.refused:
                    web.refused += 1
                    self._answer(429, {"error": "too many orders"}, {"Retry-After": str(RETRY_AFTER_SECONDS)})
                    return
                web.orders[self.headers.get("Idempotency-Key", "")] = body
                self._answer(201, {"order": ORDER}, {})

            def _answer(self, status: int, document: dict[str, object], headers: dict[str, str]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the demo's own lines are what is read."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/orders"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo-web", daemon=True
        )

    def __enter__(self) -> DemoWeb:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
