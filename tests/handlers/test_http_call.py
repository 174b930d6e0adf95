"""http_call: what is sent, what is expected, which redirects are followed, and for how long."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobsched.core.fetch import retry_after
from jobsched.core.handler import Discard, Retry
from jobsched.handlers.http_call import HttpCall, http_call

from .conftest import METHODS, Web  # noqa: TID251 (it is tests.handlers)
from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)
from .http_calls import TOKEN, call, reaching_here  # noqa: TID251 (it is tests.handlers)


@pytest.fixture
def context(context: RecordingContext) -> RecordingContext:
    """One whose jobs may reach the test's server."""
    return reaching_here(context)


# ---- what is sent ---------------------------------------------------------------------------------------


def test_a_request_is_sent_as_it_was_asked_for(web: Web, context: RecordingContext) -> None:
    """Method, headers and body of the seed's own example."""
    url = web.serve("/endpoint", b'{"ok": true}', status=201, headers={"Content-Type": "application/json"})
    headers = {"Authorization": "Bearer token", "Content-Type": "application/json"}
    result = call(context, url, method="POST", headers=headers, body='{"key": "value"}')
    (sent,) = web.received
    assert (sent.method, sent.path, sent.body) == ("POST", "/endpoint", b'{"key": "value"}')
    assert sent.headers == {
        "Host": f"127.0.0.1:{web.port}",
        "Accept-Encoding": "identity",
        "Authorization": "Bearer token",
        "Content-Type": "application/json",
        "Idempotency-Key": context.idempotency_key,
        "User-Agent": "jobsched",
        "Content-Length": "16",
    }
    assert result == {
        "status": 201,
        "url": url,
        "redirects": 0,
        "headers": {"content-type": "application/json", "content-length": "12"},
        "bytes": 12,
        "truncated": False,
        "body": '{"ok": true}',
    }


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_sent_as_itself(web: Web, context: RecordingContext, method: str) -> None:
    """And what comes without a body, as for HEAD, is an answer like any other."""
    result = call(context, web.serve("/x", b"hello"), method=method)
    assert web.received[0].method == method
    assert result["body"] == ("" if method == "HEAD" else "hello")
    assert result["headers"]["content-length"] == "5"


@pytest.mark.parametrize("value", [None, False, 0, "täxt", [], {"a": [1, 2.5, {"b": None}]}])
def test_json_is_any_value(web: Web, context: RecordingContext, value: Any) -> None:
    """Null too: what counts is that it was given."""
    call(context, web.serve("/x"), method="PUT", json=value)
    assert json.loads(web.received[0].body) == value
    assert web.received[0].headers["Content-Type"] == "application/json"


def test_a_text_is_text_unless_it_is_said_to_be_something_else(web: Web, context: RecordingContext) -> None:
    """In UTF-8; a POST with no body at all says so."""
    url = web.serve("/x")
    call(context, url, method="POST", body="grüße")
    call(context, url, method="POST", body="a=1", headers={"content-type": "application/x-www-form-urlencoded"})
    call(context, url, method="POST")
    assert [each.body.decode() for each in web.received] == ["grüße", "a=1", ""]
    types = [{k.lower(): v for k, v in each.headers.items()}.get("content-type") for each in web.received]
    assert types == ["text/plain; charset=utf-8", "application/x-www-form-urlencoded", None]
    assert web.received[2].headers["Content-Length"] == "0"


def test_every_attempt_sends_the_same_idempotency_key_unless_one_is_given(web: Web, context: RecordingContext) -> None:
    """So a POST whose answer was lost is done once by a service that knows the header."""
    url = web.serve("/x")
    for context.attempt in (1, 2):
        call(context, url, method="POST")
    call(context, url, method="POST", headers={"IDEMPOTENCY-KEY": "mine"})
    keys = [{k.lower(): v for k, v in each.headers.items()}["idempotency-key"] for each in web.received]
    assert keys == [context.idempotency_key, context.idempotency_key, "mine"]


# ---- the door -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "internal"},
        {"HOST": "internal"},
        {"Content-Length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"Keep-Alive": "1"},
        {"TE": "trailers"},
        {"Upgrade": "websocket"},
        {"Expect": "100-continue"},
        {"Accept-Encoding": "gzip"},
        {"Proxy-Authorization": TOKEN},
        {"X-A": f"{TOKEN}\r\nX-Injected: 1"},
        {"X-A": f"{TOKEN}\n"},
        {"X-A": f"{TOKEN}\0"},
        {"X-A": f"{TOKEN}\x1b[31m"},
        {"X-A": f"{TOKEN}é"},
        {"X-A": TOKEN * 1000},
        {"X A": TOKEN},
        {"X-A:": TOKEN},
        {"X-A\r\nX-B": TOKEN},
        {"": TOKEN},
        {"Ä": TOKEN},
        {"X-A": TOKEN, "x-a": TOKEN},
        {f"X-{number}": TOKEN for number in range(65)},
    ],
    ids=lambda headers: repr(next(iter(headers.items())))[:40],
)
def test_headers_that_a_job_may_not_set_are_refused_at_the_door(headers: dict[str, str]) -> None:
    """Those of the connection, and whatever would become another line; the refusal repeats no value."""
    with pytest.raises(ValidationError) as refused:
        HttpCall.model_validate({"url": "http://example.com/", "headers": headers})
    (problem,) = refused.value.errors(include_input=False)
    assert problem["loc"] == ("headers",)
    assert problem["msg"].isprintable()
    assert TOKEN not in problem["msg"]


@pytest.mark.parametrize(
    "more",
    [
        {"body": "a", "json": 1},
        {"body": "", "json": None},
        {"method": "HEAD", "body": "a"},
        {"method": "TRACE"},
        {"method": "CONNECT"},
        {"method": "GET / HTTP/1.1\r\nX: y"},
        {"url": "http://user:pass@example.com/"},
        {"url": "http://[::1]:x@example.com/"},
        {"url": "ftp://example.com/"},
        {"url": "http://example.com/\r\nX: y"},
        {"url": "http://[x"},
        {"expect": "abc"},
        {"expect": 99},
        {"expect": []},
        {"expect": ["2xx", 600]},
        {"timeout": 0},
        {"timeout": "-1s"},
        {"timeout": "soon"},
    ],
    ids=repr,
)
def test_what_makes_no_request_is_refused_at_the_door(more: dict[str, Any]) -> None:
    """Before it is stored."""
    with pytest.raises(ValidationError):
        HttpCall.model_validate_json(json.dumps({"url": "http://example.com/", **more}))


def test_headers_are_never_shown() -> None:
    """Credentials live there."""
    assert http_call.jobsched_handler.secret_fields == ("headers",)  # type: ignore[attr-defined]


# ---- what is expected -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "status"),
    [(None, 200), (None, 204), (None, 299), (404, 404), ("404", 404), ("4xx", 418), (["2XX", 503], 503), ([302], 302)],
)
def test_an_expected_status_is_a_success(web: Web, context: RecordingContext, expect: Any, status: int) -> None:
    """By number or by class; 2xx where nothing is said."""
    url = web.serve("/x", status=status, headers={"Location": "/elsewhere"})
    assert call(context, url, **({} if expect is None else {"expect": expect}))["status"] == status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_temporary_status_is_worth_another_attempt(web: Web, context: RecordingContext, status: int) -> None:
    """When the server says."""
    with pytest.raises(Retry, match=f"/x answered with status {status} — no time$") as failed:
        call(context, web.serve("/x", b"no\n\ttime", status=status, headers={"Retry-After": "7"}) + "?sig=s3cret")
    assert failed.value.delay == 7.0


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 409, 410, 413, 422, 501, 505])
def test_any_other_status_ends_the_job(web: Web, context: RecordingContext, status: int) -> None:
    """It says what the server said, as far as that can be printed."""
    body = b"" if status == 304 else b"\x1b[31mno\x00" if status == 400 else b"field 'a'\nis missing" + b"." * 5000
    with pytest.raises(Discard, match=f"answered with status {status}") as failed:
        call(context, web.serve("/x", body, status=status))
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 500
    assert ("field 'a' is missing" in str(failed.value)) == (status not in (304, 400))


def test_a_success_that_was_not_expected_is_a_failure(web: Web, context: RecordingContext) -> None:
    """Whoever waits for 201 has not got it with 200."""
    with pytest.raises(Discard, match="status 200"):
        call(context, web.serve("/x"), expect=[201])


def test_an_error_whose_body_never_comes_is_still_told_by_its_status(web: Web, context: RecordingContext) -> None:
    """A few seconds are waited for the words."""
    with pytest.raises(Discard, match="status 403 — because"):
        call(context, web.hang("/x", b"HTTP/1.1 403 No\r\n\r\nbecause"))


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("0", 0, 0),
        ("120", 120, 120),
        ("in an hour, GMT", 3500, 3600),
        ("in an hour, +0000", 3500, 3600),
        ("Sun Nov  6 08:49:37 1994", 0, 0),
        ("9" * 400, 86400, 86400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400, 86400),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(text: str, least: float, most: float) -> None:
    """In every form of RFC 9110."""
    if text.startswith("in an hour"):
        text = in_an_hour().replace("GMT", text.rpartition(" ")[2])
    seconds = retry_after(text)
    assert seconds is not None
    assert least <= seconds <= most


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1.5", "Mon, 32 Nov 2026 99:99:99 GMT", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"]
)
def test_a_retry_after_that_says_nothing_is_ignored(web: Web, context: RecordingContext, text: str) -> None:
    """Then the job's own backoff counts."""
    with pytest.raises(Retry) as failed:
        call(context, web.serve("/x", status=503, headers={"Retry-After": text}))
    assert failed.value.delay is None


@given(st.text())
def test_no_retry_after_breaks_anything(text: str) -> None:
    """Whatever a server sends."""
    assert 0.0 <= (retry_after(text) or 0.0) <= 86400.0


# ---- redirects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "DELETE", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (302, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (308, "PATCH", "PATCH"),
    ],
)
def test_a_redirect_changes_the_method_as_it_does_in_a_browser(
    web: Web, context: RecordingContext, status: int, method: str, then: str
) -> None:
    """And with the method go the body and what describes it."""
    url = web.redirect("/old", "/new", status)
    web.serve("/new", b"arrived")
    body = {} if method == "HEAD" else {"json": {"a": 1}}
    result = call(context, url, method=method, **body)
    first, second = web.received
    kept = then == method and method != "HEAD"
    assert (first.method, second.method, second.body) == (method, then, b'{"a": 1}' if kept else b"")
    assert ("Content-Type" in second.headers) == kept
    assert (result["url"], result["redirects"]) == (f"{web.url}/new", 1)


SECRET_HEADERS = {"Authorization": f"Bearer {TOKEN}", "Cookie": f"session={TOKEN}", "X-Api-Key": TOKEN}


def test_credentials_follow_within_their_origin(web: Web, context: RecordingContext) -> None:
    """Scheme, host and port are the same."""
    web.serve("/new")
    call(context, web.redirect("/old", "/new"), headers=SECRET_HEADERS)
    assert SECRET_HEADERS.items() <= web.received[1].headers.items()


def test_credentials_do_not_follow_to_another_origin_nor_back(web: Web, context: RecordingContext) -> None:
    """Any header may be one, but those that everybody may know; 307 keeps the body."""
    other = Web()
    try:
        web.serve("/end")
        url = web.redirect("/start", other.redirect("/", f"{web.url}/end", 307), 307)
        plain = {"Accept": "text/plain", "Content-Type": "text/x", "Idempotency-Key": "one"}
        call(context, url, method="POST", body="text", headers={**SECRET_HEADERS, **plain})
    finally:
        other.close()
    for request in (other.received[0], web.received[1]):
        assert plain.items() <= request.headers.items()
        assert TOKEN not in repr(request.headers)
        assert request.body == b"text"


def test_cookies_that_a_server_sets_are_not_sent_on(web: Web, context: RecordingContext) -> None:
    """A job is not a browser; and the next server might be another one at the same address."""
    web.serve("/new")
    url = web.serve("/old", status=302, headers={"Location": "/new", "Set-Cookie": "a=b"})
    call(context, url)
    assert "Cookie" not in web.received[1].headers


@pytest.mark.parametrize("more", [{"follow_redirects": False}, {"expect": ["2xx", 302]}, {"expect": "3xx"}])
def test_a_redirect_is_not_followed_where_it_is_the_answer(
    web: Web, context: RecordingContext, more: dict[str, Any]
) -> None:
    """Because that was asked for, or because it is expected."""
    url = web.redirect("/old", "/new?token=s3cret")
    if "expect" in more:
        assert call(context, url, **more)["headers"]["location"] == "/new"
    else:
        with pytest.raises(Discard, match="status 302"):
            call(context, url, **more)
    assert len(web.received) == 1


def test_a_redirect_to_itself_ends(web: Web, context: RecordingContext) -> None:
    """After five."""
    with pytest.raises(Discard, match="5 times"):
        call(context, web.redirect("/loop", "/loop"))
    assert len(web.received) == 6


# ---- time -----------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(("begin", "drip"), [(b"", b""), (HEAD[:10], b""), (HEAD[:-2], b"X: y\r\n"), (HEAD, b".")])
def test_a_server_that_dawdles_is_left_when_the_time_is_over(
    web: Web, context: RecordingContext, begin: bytes, drip: bytes
) -> None:
    """However the bytes trickle; it may be quicker next time."""
    with pytest.raises(Retry, match=r"longer than 0\.3 s"):
        call(context, web.hang("/slow", begin, drip), timeout="300ms")
    assert web.dropped.wait(10)


def test_the_operators_limit_is_the_longest(web: Web, context: RecordingContext) -> None:
    """A payload can only ask for less; redirects count."""
    context.settings = context.settings.replace(fetch__timeout=0.3)
    web.hang("/slow")
    with pytest.raises(Retry, match=r"longer than 0\.3 s"):
        call(context, web.redirect("/", "/slow"), timeout=1000)


@pytest.mark.parametrize("begin", [b"", HEAD])
def test_a_job_that_is_stopped_drops_its_request_at_once(web: Web, context: RecordingContext, begin: bytes) -> None:
    """Before and within the answer."""
    url = web.hang("/slow", begin)

    async def stopped() -> None:
        async with asyncio.timeout(5):
            task = asyncio.create_task(http_call(HttpCall(url=url), context))
            await asyncio.to_thread(web.asked.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(stopped())
    assert web.dropped.wait(10)


def test_many_calls_wait_side_by_side(web: Web, context: RecordingContext) -> None:
    """None holds up the runner's loop."""
    arrived = threading.Barrier(20, timeout=20)

    def meet(request: BaseHTTPRequestHandler) -> None:
        arrived.wait()
        request.send_response(204)
        request.end_headers()

    web.answers["/meet"] = meet

    async def all_of_them() -> list[dict[str, Any]]:
        return await asyncio.gather(*(http_call(HttpCall(url=f"{web.url}/meet"), context) for _ in range(20)))

    assert [each["status"] for each in asyncio.run(all_of_them())] == [204] * 20


def test_what_cannot_be_reached_is_worth_another_attempt(context: RecordingContext) -> None:
    """Both may be otherwise in a minute."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "http://no-such-host.invalid/"):
        with pytest.raises(Retry):
            call(context, url)
