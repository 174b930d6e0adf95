"""Sends a mail through Resend's API, with the official package. Not a handler.

The package keeps key, URL and HTTP client in its module's globals. Jobs that run beside each other
must not meet there, so one client is installed that takes key and URL from the job's own context, and
hands everybody else's requests to the client that was there before.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.handler import Discard, Retry
from ._email_message import HEADERS, Mail

if TYPE_CHECKING:
    import ssl

    from resend import AsyncHTTPClient
    from resend.exceptions import ResendError

SECONDS = 60.0
"""For the whole request."""
CONCURRENT = "concurrent_idempotent_requests"
"""Another request with the same idempotency key is being worked on (status 409)."""
TEMPORARY = frozenset({408, 425, 429})
"""And every status from 500 on."""
MAX_REASON = 300


class _Account(NamedTuple):
    key: str
    url: str


_account: ContextVar[_Account | None] = ContextVar("jobsched_resend_account", default=None)


async def send_resend(mail: Mail, settings: Mapping[str, Any]) -> str:
    """Send it once, however often this is called for one `mail.key`; return Resend's id.

    Resend remembers a key for 24 hours. Retry: 429, 5xx, no answer; after what Retry-After says.
    Discard: everything that the same request cannot mend.
    """
    import resend
    from resend.exceptions import NoContentError, ResendError

    _install_client()
    account = _Account(settings["email.resend_key"], settings["email.resend_url"].rstrip("/"))
    token = _account.set(account)
    try:
        async with asyncio.timeout(SECONDS):
            answer = await resend.Emails.send_async(_parameters(mail), {"idempotency_key": mail.key})
        return str(answer["id"])
    except TimeoutError:
        raise Retry(f"Resend did not answer within {SECONDS:g} s") from None
    except ResendError as error:
        raise _told(error, (account.key, *mail.secrets)) from None
    except (NoContentError, KeyError, TypeError):
        raise Retry("Resend's answer names no mail") from None
    finally:
        _account.reset(token)


def _parameters(mail: Mail) -> Any:
    """The body of POST /emails. The same mail gives the same body, or Resend would refuse its key."""
    parameters: dict[str, Any] = {
        "from": str(mail.sender),
        "to": [str(box) for box in mail.to],
        "subject": mail.content.subject,
        "html": mail.content.html,
        "text": mail.content.text,
        "headers": dict(HEADERS),
    }
    for name, boxes in (("cc", mail.cc), ("bcc", mail.bcc), ("reply_to", mail.reply_to)):
        if boxes:
            parameters[name] = [str(box) for box in boxes]
    if mail.files:
        parameters["attachments"] = [
            {
                "filename": file.name,
                "content": base64.b64encode(file.data).decode(),
                "content_type": file.content_type,
            }
            for file in mail.files
        ]
    return parameters


def _told(error: ResendError, secrets: Sequence[str]) -> Exception:
    """What the error means for the job; its words without `secrets`."""
    from ..core.fetch import retry_after

    said = " ".join("".join(c if c.isprintable() else " " for c in error.message).split())
    for secret in secrets:
        said = said.replace(secret, "***")
    if error.error_type == "HttpClientError":
        return Retry(f"Resend cannot be reached — {said[:MAX_REASON]}")
    status = int(error.code) if str(error.code).isdecimal() else 500
    message = f"Resend answered {status} {error.error_type} — {said[:MAX_REASON]}"
    if status in TEMPORARY or status >= 500 or (status == 409 and error.error_type == CONCURRENT):
        headers = {name.lower(): value for name, value in error.headers.items()}
        return Retry(message, delay=retry_after(headers.get("retry-after")))
    return Discard(message)


def _install_client() -> None:
    """Put our client before the one that is there, once; nothing waits between this and its use."""
    import resend

    before = resend.default_async_http_client
    if not getattr(before, "is_jobsched", False):
        resend.default_async_http_client = _client_before(before)


def _client_before(other: AsyncHTTPClient | None) -> AsyncHTTPClient:
    import httpx
    import resend

    class Client(resend.AsyncHTTPClient):
        """Sends requests of jobs with their own key to their own URL, and all others through `other`."""

        is_jobsched = True

        async def request(
            self,
            method: str,
            url: str,
            headers: Mapping[str, str],
            json: dict[str, object] | list[object] | None = None,
            files: dict[str, Any] | None = None,
            data: dict[str, str] | None = None,
        ) -> tuple[bytes, int, Mapping[str, str]]:
            account = _account.get()
            if account is None:
                if other is None:
                    raise RuntimeError("no async HTTP client is configured")
                return await other.request(method, url, headers, json, files, data)
            target = account.url + url.removeprefix(resend.api_url)
            own = {**headers, "Authorization": f"Bearer {account.key}"}
            # The time limit is the caller's, over everything; httpx's are per read.
            async with httpx.AsyncClient(timeout=None, verify=_certificates()) as client:  # noqa: S113
                try:
                    answer = await client.request(method, target, headers=own, json=json)
                except httpx.HTTPError as error:
                    raise RuntimeError(str(error) or type(error).__name__) from None
                return answer.content, answer.status_code, answer.headers

    return Client()


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Reading them takes 20 ms, which each mail would pay."""
    import httpx

    return httpx.create_ssl_context()
