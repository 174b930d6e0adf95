"""Sends a mail over SMTP, and tells who took it. Not a handler."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..core.handler import Discard, Retry
from ._email_message import Mail, compose

if TYPE_CHECKING:
    from aiosmtplib import SMTP, SMTPResponse

SECONDS = 60.0
"""For a connection, and for each of the server's answers."""
GOODBYE_SECONDS = 2.0
MAX_REASON = 120


@dataclass(slots=True)
class Delivery:
    """Who took the mail. refused: address → why, for good. later: the same, to be tried again."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)


async def send_smtp(mail: Mail, recipients: list[str], settings: Mapping[str, Any]) -> Delivery:
    """Hand the mail to the configured server for `recipients`, which may be fewer than it names.

    The connection is encrypted as configured or not made. Retry: no connection, no answer in time, a
    reply of 4xx, no encryption, a certificate that is not trusted. Discard: a reply of 5xx to anything
    but a recipient, such as a wrong password.
    """
    from aiosmtplib import SMTPException, SMTPResponseException

    host, secrets = settings["email.smtp_host"], (*mail.secrets, *_secrets(settings))
    try:
        client = await asyncio.to_thread(_client, settings)
        try:
            return await _cancellable(_converse(client, mail, recipients))
        finally:
            client.close()
            await asyncio.sleep(0)  # in which the connection's end is noticed and its socket closed
    except SMTPResponseException as error:
        said = f"SMTP server {host} said {_said(error.code, error.message, secrets)}"
        raise (Discard if 500 <= error.code <= 599 else Retry)(said) from None
    except (SMTPException, OSError) as error:  # OSError: also of ssl, and time limits
        raise Retry(f"SMTP server {host}: {_reason(error, secrets)}") from None


async def _cancellable(work: Coroutine[Any, Any, Delivery]) -> Delivery:
    """Await `work`; when cancelled, cancel it until it has ended. aiosmtplib waits with `asyncio.wait_for`,
    which before Python 3.12 loses a cancellation that comes together with what it waits for (gh-86296)."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.05)
        if not task.cancelled():
            task.exception()  # nobody else will look at it
        raise
    return task.result()


async def _converse(client: SMTP, mail: Mail, recipients: list[str]) -> Delivery:
    from aiosmtplib import SMTPException

    await client.connect()
    delivery = await _transfer(client, mail, recipients)
    # The mail is accepted: whatever happens now is no reason to send it again.
    with contextlib.suppress(SMTPException, OSError):
        await client.quit(timeout=GOODBYE_SECONDS)
    return delivery


def _client(settings: Mapping[str, Any]) -> SMTP:
    """A client that is not connected yet. Retry: the certificates to trust cannot be read."""
    from aiosmtplib import SMTP

    class Client(SMTP):
        """Leaves at once: a connection in TLS would go on waiting for the server to agree to its end."""

        def close(self) -> None:
            transport = self.transport
            super().close()
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    security, user = settings["email.smtp_security"], settings["email.smtp_user"]
    context = None
    if security != "none":
        try:
            context = ssl.create_default_context(cafile=settings["email.smtp_ca"])
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or "it holds no certificate"
            raise Retry(f"email.smtp_ca cannot be read — {reason} (set JOBSCHED_SMTP_CA to a PEM file)") from None
    return Client(
        hostname=settings["email.smtp_host"],
        port=settings["email.smtp_port"],
        username=user,
        password=(settings["email.smtp_password"] or "") if user else None,
        timeout=SECONDS,
        use_tls=security == "tls",
        start_tls=security == "starttls",
        tls_context=context,
    )


async def _transfer(client: SMTP, mail: Mail, recipients: list[str]) -> Delivery:
    from aiosmtplib import SMTPNotSupported, SMTPRecipientsRefused

    message = compose(mail)
    del message["Bcc"]
    options = () if mail.is_ascii else ("SMTPUTF8", "BODY=8BITMIME")
    errors: dict[str, SMTPResponse] = {}
    try:
        errors, _ = await client.sendmail(mail.sender.address, recipients, message.as_bytes(), mail_options=options)
    except SMTPRecipientsRefused as error:
        refused = {each.recipient: (each.code, each.message) for each in error.recipients}
        return _sort(recipients, refused, mail.secrets)
    except SMTPNotSupported:
        raise Discard("the SMTP server takes no addresses outside ASCII (it lacks SMTPUTF8)") from None
    return _sort(recipients, {address: (each.code, each.message) for address, each in errors.items()}, mail.secrets)


def _sort(recipients: list[str], errors: Mapping[str, tuple[int, str]], secrets: Sequence[str]) -> Delivery:
    delivery = Delivery()
    for address in recipients:
        if address not in errors:
            delivery.accepted.append(address)
            continue
        code, message = errors[address]
        kind = delivery.refused if 500 <= code <= 599 else delivery.later
        kind[address] = _said(code, message, secrets)
    return delivery


def _said(code: int, message: str, secrets: Sequence[str]) -> str:
    """A server's reply as it may be shown: one line, short, without what was sent to log in and the job's data."""
    return f"{code} {_shown(message, secrets)}".rstrip()


def _reason(error: Exception, secrets: Sequence[str]) -> str:
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted — {cause.verify_message} (certificates of your own: JOBSCHED_SMTP_CA)"
    return _shown(str(error), secrets) or type(error).__name__


def _shown(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:MAX_REASON]


def _secrets(settings: Mapping[str, Any]) -> list[str]:
    """The password, and the forms in which logins send it (RFC 4616; LOGIN)."""
    password, user = settings.get("email.smtp_password"), settings.get("email.smtp_user") or ""
    if not password:
        return []
    forms = (f"\0{user}\0{password}", password)
    return [*(base64.b64encode(each.encode()).decode() for each in forms), password]
