"""Mail through Resend's API: once for each job, whatever happens on the way, with the key told to nobody."""

from __future__ import annotations

import asyncio
import base64
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import resend

from jobsched.core.config import Settings
from jobsched.core.handler import Discard, Retry
from jobsched.handlers import _email_resend
from jobsched.handlers.email import Email, email

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)
from .mail import API_KEY, Answer, ResendServer  # noqa: TID251


@pytest.fixture
def server() -> Iterator[ResendServer]:
    made = ResendServer()
    yield made
    made.close()


@pytest.fixture
def context(server: ResendServer, settings: Settings, context: RecordingContext) -> RecordingContext:
    """Of a worker that sends its mail there."""
    context.settings = server.settings(settings)
    return context


def mail(**changes: Any) -> Email:
    return Email.model_validate({"to": "a@example.com", "subject": "Hi", "message": "Hello", **changes})


async def test_a_mail_is_sent_with_the_jobs_own_key(server: ResendServer, context: RecordingContext) -> None:
    """With both forms of its text, and Resend's id in the result."""
    everybody = {"to": ["A. Müller <a@example.com>"], "cc": "c@example.com", "bcc": "b@bücher.example"}
    result = await email(mail(**everybody, reply_to="help@example.org"), context)
    assert result == {
        "transport": "resend",
        "message_id": "mail-1",
        "accepted": ["a@example.com", "c@example.com", "b@xn--bcher-kva.example"],
        "refused": {},
    }
    ((headers, body),) = server.requests
    assert headers["idempotency-key"] == context.idempotency_key
    assert headers["authorization"] == f"Bearer {API_KEY}"
    assert headers["user-agent"].startswith("resend-python:")
    assert "<p" in body.pop("html")
    assert body == {
        "from": '"Shop" <shop@example.org>',
        "to": ['"A. Müller" <a@example.com>'],
        "cc": ["c@example.com"],
        "bcc": ["b@xn--bcher-kva.example"],
        "reply_to": ["help@example.org"],
        "subject": "Hi",
        "text": "Hello\n",
        "headers": {"Auto-Submitted": "auto-generated"},
    }


async def test_an_attachment_comes_from_the_object_store(server: ResendServer, context: RecordingContext) -> None:
    """With its type, in base64."""
    context.objects.put("secure", "invoices/7.pdf", b"%PDF-1.7 seven", "application/pdf")
    await email(mail(attachments=[{"bucket": "secure", "key": "invoices/7.pdf"}]), context)
    (attached,) = server.requests[0][1]["attachments"]
    content = base64.b64encode(b"%PDF-1.7 seven").decode()
    assert attached == {"filename": "7.pdf", "content": content, "content_type": "application/pdf"}


@pytest.mark.parametrize("silence", ["hang", "cut"])
async def test_an_answer_that_never_came_is_no_second_mail(
    server: ResendServer, context: RecordingContext, monkeypatch: pytest.MonkeyPatch, silence: str
) -> None:
    """The server had taken it: the next attempt names the same key with the same body, and it is sent once."""
    _email_resend._certificates()  # what only the first mail of a process waits for
    monkeypatch.setattr(_email_resend, "SECONDS", 2 if silence == "hang" else 30)
    server.answers = [Answer(silence=silence)]
    with pytest.raises(Retry, match="did not answer within 2 s" if silence == "hang" else "cannot be reached"):
        await email(mail(), context)
    monkeypatch.setattr(_email_resend, "SECONDS", 30)
    context.attempt = 2
    assert (await email(mail(), context))["message_id"] == "mail-1"
    assert (len(server.requests), len(server.sent)) == (2, 1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("17", 17.0), ("in an hour", 3600.0), ("soon", None)],
)
async def test_too_many_requests_wait_as_long_as_the_server_says(
    server: ResendServer, context: RecordingContext, value: str, seconds: float | None
) -> None:
    """Retry-After in seconds or as a date; without it the job's backoff decides."""
    if value == "in an hour":
        value = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.answers = [Answer(429, "rate_limit_exceeded", headers=(("Retry-After", value),))]
    with pytest.raises(Retry, match="429 rate_limit_exceeded") as failed:
        await email(mail(), context)
    assert failed.value.delay == (seconds if seconds is None else pytest.approx(seconds, abs=30))
    await email(mail(), context)
    assert len(server.sent) == 1


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        (Answer(500, "application_error"), Retry),
        (Answer(503, "service_unavailable", headers=(("retry-after", "5"),)), Retry),
        (Answer(502, raw=b"<html>bad gateway</html>"), Retry),
        (Answer(200, raw=b"<html>a hotel's door</html>"), Retry),
        (Answer(409, "concurrent_idempotent_requests"), Retry),
        (Answer(429, "daily_quota_exceeded"), Retry),
        (Answer(400, "validation_error"), Discard),
        (Answer(401, "restricted_api_key"), Discard),
        (Answer(403, "invalid_api_key"), Discard),
        (Answer(404, "not_found"), Discard),
        (Answer(409, "invalid_idempotent_request"), Discard),
        (Answer(422, "missing_required_field"), Discard),
        (Answer(422, "something new"), Discard),
    ],
    ids=lambda each: f"{each.status}-{each.name}" if isinstance(each, Answer) else "",
)
async def test_what_the_server_says_decides_whether_another_attempt_can_help(
    server: ResendServer, context: RecordingContext, answer: Answer, means: type[Exception]
) -> None:
    """429, 5xx and what is no answer of the API: yes. What the same request would meet again: no."""
    server.answers = [answer]
    with pytest.raises(means, match=str(answer.status if answer.status != 200 else 500)):
        await email(mail(), context)


async def test_a_server_that_is_not_there_is_worth_another_attempt(
    settings: Settings, context: RecordingContext
) -> None:
    """Connection refused, or a name that cannot be resolved now."""
    for url in ("http://127.0.0.1:1", "http://api.invalid"):
        context.settings = settings.replace(email__resend_key=API_KEY, email__resend_url=url)
        with pytest.raises(Retry, match="Resend cannot be reached"):
            await email(mail(), context)


async def test_the_key_is_in_nothing_that_is_said(server: ResendServer, context: RecordingContext) -> None:
    """Not even where the server repeats it."""
    server.keys = {"another"}
    with pytest.raises(Discard, match=r"403 invalid_api_key — API key \*\*\* is invalid") as failed:
        await email(mail(), context)
    said = "".join(traceback.format_exception(failed.value)) + repr(context.logs) + repr(context.checkpoint)
    assert API_KEY not in said


async def test_jobs_with_different_keys_do_not_meet(server: ResendServer, settings: Settings, tmp_path: Path) -> None:
    """Although the package keeps key and URL in globals, which stay as they were."""
    server.keys = {f"key-{number}" for number in range(20)}
    before = (resend.api_key, resend.api_url)

    async def one(number: int) -> None:
        context = RecordingContext(tmp_path, server.settings(settings, email__resend_key=f"key-{number}"))
        context.idempotency_key = f"job-{number}"
        await email(mail(), context)

    await asyncio.gather(*(one(number) for number in range(20)))
    assert {job: sent["key"] for job, sent in server.sent.items()} == {f"job-{n}": f"key-{n}" for n in range(20)}
    assert (resend.api_key, resend.api_url) == before


async def test_others_who_use_the_package_keep_their_client(
    context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler of somebody's own in the same process has its own key and its own client."""

    class Theirs(resend.AsyncHTTPClient):
        async def request(
            self,
            method: str,
            url: str,
            headers: Mapping[str, str],
            json: Any = None,
            files: Any = None,
            data: Any = None,
        ) -> tuple[bytes, int, Mapping[str, str]]:
            assert (url, headers["Authorization"]) == ("https://theirs.example/emails", "Bearer theirs")
            return b'{"id": "theirs"}', 200, {"content-type": "application/json"}

    monkeypatch.setattr(resend, "default_async_http_client", Theirs())
    monkeypatch.setattr(resend, "api_url", "https://theirs.example")
    monkeypatch.setattr(resend, "api_key", "theirs")
    assert (await email(mail(), context))["message_id"] == "mail-1"
    assert (await resend.Emails.send_async({"from": "x", "to": "y", "text": "z"}))["id"] == "theirs"
