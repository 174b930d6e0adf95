"""Mail over SMTP: encrypted or not at all, to each recipient once, and never a password in what is said."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobsched.core.config import Settings
from jobsched.core.handler import Discard, Retry
from jobsched.handlers import _email_smtp
from jobsched.handlers.email import Email, email

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)
from .mail import PASSWORD, USER, MailServer, mail_server  # noqa: TID251

LOGIN = {"email__smtp_user": USER, "email__smtp_password": PASSWORD}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """STARTTLS, without a login."""
    with mail_server(tmp_path) as made:
        yield made


@pytest.fixture
def login_server(tmp_path: Path) -> Iterator[MailServer]:
    """STARTTLS, and mail only from who has logged in."""
    with mail_server(tmp_path, auth=True) as made:
        yield made


def mail(**changes: Any) -> Email:
    return Email.model_validate({"to": "a@example.com", "subject": "Hi", "message": "Hello", **changes})


async def send(context: RecordingContext, settings: Settings, **changes: Any) -> dict[str, Any]:
    """One attempt; the checkpoint is the one before's."""
    context.settings = settings
    return await email(mail(**changes), context)


async def test_mail_goes_over_an_encrypted_connection(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """STARTTLS with a certificate of the operator's own, and the result says who took it."""
    result = await send(context, server.settings(settings), cc="b@example.com", bcc=["c@example.com"])
    (taken,) = server.taken
    assert taken.encrypted
    assert (taken.sender, taken.recipients) == ("shop@example.org", ["a@example.com", "b@example.com", "c@example.com"])
    assert result == {
        "transport": "smtp",
        "message_id": taken.message["Message-ID"],
        "accepted": taken.recipients,
        "refused": {},
    }


async def test_blind_copies_are_not_in_the_mail(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """They are for the envelope alone."""
    await send(context, server.settings(settings), bcc="secret@example.com")
    assert server.taken[0].recipients == ["a@example.com", "secret@example.com"]
    assert b"secret@example.com" not in server.taken[0].data


async def test_somebody_named_twice_gets_it_once(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """In the same field or in two."""
    await send(context, server.settings(settings), to=["a@example.com", "A <a@example.com>"], cc="a@example.com")
    assert server.taken[0].recipients == ["a@example.com"]


async def test_tls_from_the_first_byte_works_too(settings: Settings, context: RecordingContext, tmp_path: Path) -> None:
    """As on port 465, with a login."""
    with mail_server(tmp_path, tls="tls", auth=True) as server:
        await send(context, server.settings(settings, email__smtp_security="tls", **LOGIN))
        assert (server.taken[0].encrypted, len(server.logins)) == (True, 1)


async def test_a_plain_connection_is_only_made_where_it_is_asked_for(
    settings: Settings, context: RecordingContext, tmp_path: Path
) -> None:
    """`none`, for a server on the same host."""
    with mail_server(tmp_path, tls="none") as server:
        await send(context, server.settings(settings, email__smtp_security="none"))
        assert not server.taken[0].encrypted


async def test_a_server_without_starttls_gets_nothing(
    settings: Settings, context: RecordingContext, tmp_path: Path
) -> None:
    """Encryption that somebody has stripped from the conversation is no reason to go on without."""
    with mail_server(tmp_path, tls="none") as server:
        with pytest.raises(Retry, match="STARTTLS"):
            await send(context, server.settings(settings, **LOGIN))
        assert (server.taken, server.logins) == ([], [])


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_is_not_trusted_gets_nothing(
    settings: Settings, context: RecordingContext, tmp_path: Path, security: str
) -> None:
    """Neither mail nor password, and the error says what to set."""
    with mail_server(tmp_path, tls=security) as server:
        wrong = server.settings(settings, email__smtp_security=security, email__smtp_ca=None, **LOGIN)
        with pytest.raises(Retry, match=r"certificate is not trusted .* JOBSCHED_SMTP_CA"):
            await send(context, wrong)
        assert (server.taken, server.logins) == ([], [])


async def test_a_certificate_for_another_name_gets_nothing(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """It is 127.0.0.1's, and the worker was told localhost."""
    with pytest.raises(Retry, match="certificate is not trusted"):
        await send(context, server.settings(settings, email__smtp_host="localhost"))
    assert server.taken == []


async def test_a_file_of_certificates_that_is_none_is_named(
    server: MailServer, settings: Settings, context: RecordingContext, tmp_path: Path
) -> None:
    """A wrong path, or a file without a certificate."""
    (tmp_path / "empty.pem").write_text("nothing")
    for path in ("missing.pem", "empty.pem"):
        with pytest.raises(Retry, match=r"email\.smtp_ca cannot be read"):
            await send(context, server.settings(settings, email__smtp_ca=str(tmp_path / path)))


async def test_a_login_opens_the_door(login_server: MailServer, settings: Settings, context: RecordingContext) -> None:
    """AUTH after STARTTLS."""
    await send(context, login_server.settings(settings, **LOGIN))
    assert (len(login_server.taken), len(login_server.logins)) == (1, 1)


@pytest.mark.parametrize("changes", [{}, {"email__smtp_user": USER, "email__smtp_password": "wrong s3cret"}])
async def test_no_login_or_a_wrong_one_is_hopeless(
    login_server: MailServer, settings: Settings, context: RecordingContext, changes: dict[str, str]
) -> None:
    """530 and 535: the job is dead at once."""
    with pytest.raises(Discard, match=r"530|535"):
        await send(context, login_server.settings(settings, **changes))
    assert login_server.taken == []


async def test_a_password_is_in_nothing_that_is_said(
    login_server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """Not in the error, its traceback, the log or the checkpoint."""
    wrong = login_server.settings(settings, email__smtp_user=USER, email__smtp_password="wrong s3cret")
    with pytest.raises(Discard) as failed:
        await send(context, wrong)
    said = "".join(traceback.format_exception(failed.value)) + repr(context.logs) + repr(context.checkpoint)
    assert "s3cret" not in said


async def test_a_server_that_repeats_the_password_is_not_repeated() -> None:
    """In any of the forms in which a login sends it."""
    settings = {"email.smtp_user": USER, "email.smtp_password": PASSWORD}
    for secret in _email_smtp._secrets(settings):
        assert secret not in _email_smtp._said(535, f"what is {secret}?", _email_smtp._secrets(settings))
    assert len(_email_smtp._secrets(settings)) == 3


async def test_one_refused_for_good_does_not_keep_it_from_the_others(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """The job has succeeded, and its result names who did not get it."""
    server.replies["b@example.com"] = "550 no such user"
    result = await send(context, server.settings(settings), to=["a@example.com", "b@example.com"])
    assert result["accepted"] == ["a@example.com"]
    assert result["refused"] == {"b@example.com": "550 no such user"}
    assert ("refused for good", {"recipient": "b@example.com", "reason": "550 no such user"}) in context.logs


async def test_those_refused_for_now_are_tried_again_alone(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """Nobody gets it twice, and nobody is asked twice who has refused it for good."""
    here = server.settings(settings)
    server.replies |= {"b@example.com": "451 greylisted", "c@example.com": "550 gone"}
    to = ["a@example.com", "b@example.com", "c@example.com"]
    with pytest.raises(Retry, match=r"not yet accepted for b@example\.com \(451 greylisted\)"):
        await send(context, here, to=to)
    assert server.taken[-1].recipients == ["a@example.com"]
    server.replies.clear()
    result = await send(context, here, to=to)
    assert [taken.recipients for taken in server.taken] == [["a@example.com"], ["b@example.com"]]
    assert result["accepted"] == ["a@example.com", "b@example.com"]
    assert result["refused"] == {"c@example.com": "550 gone"}


async def test_an_attempt_after_everybody_has_answered_asks_nobody(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """A worker died between the mail and the word about it."""
    here = server.settings(settings)
    first = await send(context, here)
    assert await send(context, here) == first
    assert len(server.taken) == 1


async def test_date_and_message_id_stay_over_attempts(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """So that a reader's program can tell a copy from a second mail."""
    here = server.settings(settings)
    server.replies["b@example.com"] = "450 later"
    with pytest.raises(Retry):
        await send(context, here, to=["a@example.com", "b@example.com"])
    context.checkpoint |= {"date": "2026-01-31T12:00:00+00:00"}
    server.replies.clear()
    await send(context, here, to=["a@example.com", "b@example.com"])
    first, second = (taken.message for taken in server.taken)
    assert first["Message-ID"] == second["Message-ID"] == "<jobsched-test-42@example.org>"
    assert second["Date"] == "Sat, 31 Jan 2026 12:00:00 +0000"


async def test_refused_by_all_for_good_is_hopeless(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """And the error names each with the server's words."""
    server.replies |= {"a@example.com": "550 no\x1b[31m", "b@example.com": "553 never"}
    with pytest.raises(Discard) as failed:
        await send(context, server.settings(settings), to=["a@example.com", "b@example.com"])
    assert str(failed.value).startswith("refused for a@example.com (550 no")
    assert str(failed.value).endswith("b@example.com (553 never)")
    assert str(failed.value).isprintable()


@pytest.mark.parametrize("command", ["MAIL", "DATA"])
@pytest.mark.parametrize(("reply", "means"), [("452 full", Retry), ("421 busy", Retry), ("554 spam", Discard)])
async def test_a_reply_to_the_whole_mail_decides_by_its_first_digit(
    server: MailServer,
    settings: Settings,
    context: RecordingContext,
    command: str,
    reply: str,
    means: type[Exception],
) -> None:
    """4xx is worth another attempt, 5xx is not (RFC 5321, 4.2.1)."""
    server.replies_to[command] = reply
    with pytest.raises(means, match=reply):
        await send(context, server.settings(settings))


@pytest.mark.parametrize("said", ["listed: https://example.com/r?token=t0ken-0123", "token=3Dt0ken-0123", "Jane Doe"])
@pytest.mark.parametrize("command", ["DATA", "RCPT"])
async def test_a_server_that_quotes_the_mail_does_not_get_its_data_into_the_error(
    server: MailServer, settings: Settings, context: RecordingContext, command: str, said: str
) -> None:
    """Filters of spam do, and `data` is hidden because of links like that."""
    replies = server.replies_to if command == "DATA" else server.replies
    replies["DATA" if command == "DATA" else "a@example.com"] = f"554 5.7.1 {'.' * 80} {said}"
    data = {"reset_url": "https://example.com/r?token=t0ken-0123", "name": "Jane Doe"}
    with pytest.raises(Discard, match=r"554 5\.7\.1") as failed:
        await send(context, server.settings(settings), template="reset_password", message=None, data=data)
    told = str(failed.value) + repr(context.checkpoint) + repr(context.logs)
    assert "t0ken" not in told
    assert "Jane" not in told


async def test_a_server_that_is_not_there_is_worth_another_attempt(
    settings: Settings, context: RecordingContext
) -> None:
    """Connection refused, or a name that cannot be resolved now."""
    for host in ("127.0.0.1", "mail.invalid"):
        with pytest.raises(Retry, match=host):
            await send(context, settings.replace(email__smtp_host=host, email__smtp_port=1))


async def test_a_server_that_hangs_is_left_when_the_time_is_over(
    settings: Settings, context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is worth another attempt."""
    monkeypatch.setattr(_email_smtp, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here = settings.replace(email__smtp_host="127.0.0.1", email__smtp_port=silent.getsockname()[1])
        with pytest.raises(Retry, match="Timed out"):
            await send(context, here)


async def test_a_cancelled_job_leaves_a_server_that_hangs_at_once(
    settings: Settings, context: RecordingContext
) -> None:
    """It does not wait to say goodbye."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here = settings.replace(email__smtp_host="127.0.0.1", email__smtp_port=silent.getsockname()[1])
        silent.settimeout(10)
        task = asyncio.create_task(send(context, here))
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                async with asyncio.timeout(5):
                    await task


@pytest.mark.parametrize("field", ["to", "reply_to"])
async def test_addresses_in_other_scripts_need_a_server_that_takes_them(
    settings: Settings, context: RecordingContext, tmp_path: Path, field: str
) -> None:
    """SMTPUTF8 where the server has it; else the job is dead, with the reason. Wherever the address stands."""
    address = "δοκιμή@παράδειγμα.ελ"
    with mail_server(tmp_path, utf8=True) as server:
        await send(context, server.settings(settings), **{field: address})
        (taken,) = server.taken
        assert "δοκιμή@xn--hxajbheg2az3al.xn--qxam".encode() in taken.data
        assert taken.recipients == ["δοκιμή@xn--hxajbheg2az3al.xn--qxam" if field == "to" else "a@example.com"]
    context.checkpoint = None
    with mail_server(tmp_path) as server:
        with pytest.raises(Discard, match="SMTPUTF8"):
            await send(context, server.settings(settings), **{field: address})
        assert server.taken == []


async def test_a_domain_in_another_script_goes_to_every_server(
    server: MailServer, settings: Settings, context: RecordingContext
) -> None:
    """As its ASCII form."""
    await send(context, server.settings(settings), to="Jürgen <jo@bücher.example>")
    (taken,) = server.taken
    assert taken.recipients == ["jo@xn--bcher-kva.example"]
    assert taken.data.isascii()
    assert taken.message["To"].addresses[0].display_name == "Jürgen"


async def test_many_mails_at_once_do_not_meet(server: MailServer, settings: Settings, tmp_path: Path) -> None:
    """Each has a connection of its own."""

    async def one(number: int) -> dict[str, Any]:
        context = RecordingContext(tmp_path)
        context.idempotency_key = f"key-{number}"
        return await send(context, server.settings(settings), to=f"u{number}@example.com")

    results = await asyncio.gather(*(one(number) for number in range(20)))
    assert sorted(taken.recipients[0] for taken in server.taken) == sorted(each["accepted"][0] for each in results)
    assert len({taken.message["Message-ID"] for taken in server.taken}) == 20
