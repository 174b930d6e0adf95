"""Servers that take mail: aiosmtpd with TLS, logins and refusals of any kind, and one that speaks Resend's
API. Both listen on free ports of a loopback address and remember what they took."""

from __future__ import annotations

import asyncio
import email.policy
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP as Server  # noqa: N811 (another SMTP is the client)
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from jobsched.core.config import Settings

USER, PASSWORD = "mailer", "s3cret of the mailer"
API_KEY = "re_s3cret_0123456789"


@dataclass
class Taken:
    """A mail that the server answered for."""

    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        return parse(self.data)


def parse(data: bytes) -> EmailMessage:
    """A mail as a reader's program sees it."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@dataclass
class MailServer:
    """What the server does with mail, and what it has got. replies: recipient → what RCPT is answered.
    replies_to: command (MAIL, DATA) → what it is answered. logins: how many were tried."""

    port: int = 0
    ca_file: str = ""
    replies: dict[str, str] = field(default_factory=dict)
    replies_to: dict[str, str] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd looks for it)
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self.replies_to.get("MAIL"):
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd looks for it)
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self.replies.get(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if reply := self.replies_to.get("DATA"):
            return reply
        assert isinstance(envelope.content, bytes)
        sender = envelope.mail_from or ""
        self.taken.append(
            Taken(
                sender,
                list(envelope.rcpt_tos),
                envelope.content,
                server.transport.get_extra_info("sslcontext") is not None,
            )
        )
        return "250 taken"

    def authenticate(
        self, server: Server, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        """handled=False, or aiosmtpd closes the connection instead of answering 535."""
        self.logins.append(mechanism)
        return AuthResult(success=data == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)

    def settings(self, base: Settings, **changes: Any) -> Settings:
        """Those of a worker that sends its mail here."""
        here = {"email__smtp_host": "127.0.0.1", "email__smtp_port": self.port, "email__smtp_ca": self.ca_file}
        return base.replace(**{"email__sender": "Shop <shop@example.org>", **here, **changes})


@contextmanager
def mail_server(folder: Path, *, tls: str = "starttls", auth: bool = False, utf8: bool = False) -> Iterator[MailServer]:
    """Run one in a thread. tls: `starttls` (required then), `tls` or `none`. auth: mail needs a login (with
    `tls` it may: aiosmtpd cannot see that such a connection is encrypted)."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    made = MailServer(ca_file=str(folder / "ca.pem"))
    authority.cert_pem.write_to_path(made.ca_file)
    loop = asyncio.new_event_loop()

    def protocol() -> Server:
        return Server(
            made, loop=loop, hostname="mail.example.org", enable_SMTPUTF8=utf8, authenticator=made.authenticate,
            tls_context=context if tls == "starttls" else None, require_starttls=tls == "starttls",
            auth_required=auth and tls != "tls", auth_require_tls=tls != "tls",
        )  # fmt: skip

    with _running(loop):
        opened = loop.create_server(protocol, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
        server = asyncio.run_coroutine_threadsafe(opened, loop).result(10)
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)


@contextmanager
def _running(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Close it, and cancel the conversations that have not ended."""
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Answer:
    """What POST /emails is answered instead. `hang`: the mail is taken, and the answer never comes;
    `cut`: the same, and the connection ends. raw: a body that is no JSON."""

    status: int = 200
    name: str = ""
    message: str = "no"
    headers: tuple[tuple[str, str], ...] = ()
    silence: str = ""
    raw: bytes = b""


class ResendServer:
    """answers: what is done with the next requests, then they are taken. sent: the mails, each once for
    its idempotency key, with the id that they got. requests: every request's headers and body."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.sent: dict[str, dict[str, Any]] = {}
        self.closing = threading.Event()
        self.keys = {API_KEY}
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                web.requests.append((headers, body))
                self.answer(*web.decide(self.path, headers, body))

            def answer(self, answer: Answer, body: dict[str, Any]) -> None:
                if answer.silence:
                    if answer.silence == "hang":
                        web.closing.wait(30)
                    self.close_connection = True
                    return
                data = answer.raw or json.dumps(body).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "text/html" if answer.raw else "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        class Many(ThreadingHTTPServer):
            request_queue_size = 64

        self._server = Many(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def decide(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[Answer, dict[str, Any]]:
        """As Resend's documentation has it (resend.com/docs/api-reference/errors)."""
        key = headers.get("authorization", "").removeprefix("Bearer ")
        planned = self.answers.pop(0) if self.answers else Answer()
        if path != "/emails":
            planned = Answer(404, "not_found")
        elif key not in self.keys:
            planned = Answer(403, "invalid_api_key", f"API key {key} is invalid")
        if planned.status != 200:
            problem = {"statusCode": planned.status, "name": planned.name, "message": planned.message}
            return planned, problem
        idempotency = headers["idempotency-key"]
        known = self.sent.setdefault(idempotency, {"id": f"mail-{len(self.sent) + 1}", "body": body, "key": key})
        if known["body"] != body:
            return Answer(409), {"statusCode": 409, "name": "invalid_idempotent_request", "message": "another body"}
        return planned, {"id": known["id"]}

    def settings(self, base: Settings, **changes: Any) -> Settings:
        """Those of a worker that sends its mail here."""
        here = {"email__resend_key": API_KEY, "email__resend_url": self.url}
        return base.replace(**{"email__sender": "Shop <shop@example.org>", **here, **changes})

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
