"""http_call: what is kept of an answer, and that no secret of the request is."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import tracemalloc
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

import pytest

from jobsched.core.engine.attempt import encode_result
from jobsched.core.handler import Discard, Retry

from .conftest import Web  # noqa: TID251 (it is tests.handlers)
from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)
from .http_calls import TOKEN, call, reaching_here  # noqa: TID251 (it is tests.handlers)


@pytest.fixture
def context(context: RecordingContext) -> RecordingContext:
    """One whose jobs may reach the test's server."""
    return reaching_here(context)


# ---- what is kept ---------------------------------------------------------------------------------------


def test_a_body_is_read_up_to_the_limit_and_no_further(web: Web, context: RecordingContext) -> None:
    """However much there is: neither memory nor the job suffers."""
    context.settings = context.settings.replace(http__max_response=10_000)
    sent = 0

    def flood(request: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.send_response(200)
        request.end_headers()
        while not web.closing.is_set():
            sent += request.wfile.write(b"x" * 65536)

    web.answers["/flood"] = flood
    call(context, web.serve("/small"))  # what httpx itself takes is not what is measured
    tracemalloc.start()
    try:
        result = call(context, f"{web.url}/flood")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (result["bytes"], result["truncated"], result["body"]) == (10_000, True, "x" * 10_000)
    assert sent < 32 << 20
    assert peak < 8 << 20


@pytest.mark.parametrize(("size", "truncated"), [(9_999, False), (10_000, False), (10_001, True)])
def test_a_body_of_the_limits_size_is_whole(web: Web, context: RecordingContext, size: int, truncated: bool) -> None:
    """Also while there are secrets to look for."""
    context.settings = context.settings.replace(http__max_response=10_000)
    for headers in ({}, {"Authorization": TOKEN}):
        result = call(context, web.serve("/x", b"x" * size), headers=headers)
        assert (result["bytes"], result["truncated"], len(result["body"])) == (
            min(size, 10_000),
            truncated,
            min(size, 10_000),
        )


@pytest.mark.parametrize(
    ("body", "type_", "text"),
    [
        ("grüße\n\tdich".encode(), "text/plain", "grüße\n\tdich"),
        ("grüße".encode("latin-1"), "text/plain; charset=ISO-8859-1", "grüße"),
        ("漢字".encode("shift_jis"), 'text/plain; charset="Shift_JIS"', "漢字"),
        (b"\xff\xfe\xfd", "application/octet-stream", None),
        (b"\xff\xfe\xfd", "text/plain; charset=utf-8", None),
        (b"a\x00b", "text/plain", None),
        (b"a\x1b[31mb", "text/plain", None),
        (base64.b64encode(b"\xff\xfe"), "text/plain; charset=base64", "//4="),
        (b"\xff", "text/plain; charset=unicode_escape", None),
        (b"\xff", "text/plain; charset=no-such-thing-\xff", None),
    ],
)
def test_text_is_kept_as_text_and_anything_else_in_base64(
    web: Web, context: RecordingContext, body: bytes, type_: str, text: str | None
) -> None:
    """What Postgres and a terminal can take is text."""
    result = call(context, web.serve("/x", body, headers={"Content-Type": type_}))
    kept = {key: result[key] for key in ("body", "body_base64") if key in result}
    assert kept == ({"body_base64": base64.b64encode(body).decode()} if text is None else {"body": text})


def test_a_character_that_the_limit_cuts_is_left_out(web: Web, context: RecordingContext) -> None:
    """Text stays text."""
    context.settings = context.settings.replace(http__max_response=4)
    assert call(context, web.serve("/x", "añoñ".encode()))["body"] == "año"
    context.settings = context.settings.replace(http__max_response=2)
    assert call(context, web.serve("/x", "añoñ".encode()))["body"] == "a"


def test_a_compressed_body_is_kept_as_it_came(web: Web, context: RecordingContext) -> None:
    """It was not asked for, and a small one can unpack to gigabytes; the call was made all the same."""
    bomb = gzip.compress(b"\0" * 10_000_000)
    url = web.serve("/bomb", bomb, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})
    result = call(context, url)
    assert base64.b64decode(result["body_base64"]) == bomb
    assert web.received[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("unit", [b"\n", b'"', b"\x01", "é".encode(), "\U0001f600".encode(), b"abcdef"])
def test_whatever_the_limit_the_result_can_be_stored(web: Web, context: RecordingContext, unit: bytes) -> None:
    """A result is at most 1 MiB of JSON, in which some characters take more room; the call has been made."""
    context.settings = context.settings.replace(http__max_response=50 << 20)
    result = call(context, web.serve("/x", unit * 1_000_000), headers={"X-Key": "abcdef"})
    assert result["truncated"]
    assert encode_result(result)


def test_only_some_headers_are_kept_and_no_cookie(web: Web, context: RecordingContext) -> None:
    """What identifies the answer and the thing, and is of a sensible size."""
    headers = {"Set-Cookie": "a=s3cret", "ETag": "x" * 5000, "X-Request-Id": "r\x1b1", "X-Other": "y"}
    kept = call(context, web.serve("/x", headers=headers))["headers"]
    assert kept == {"content-length": "0", "etag": "x" * 500, "x-request-id": "r1"}


# ---- secrets --------------------------------------------------------------------------------------------

BASIC = base64.b64encode(f"user:{TOKEN}".encode()).decode()
QUOTED = 'quo"ted\\secret'


@pytest.mark.parametrize(
    ("header", "secret", "told"),
    [
        (("Authorization", f"Bearer {TOKEN}"), TOKEN, f"no such token: {TOKEN}"),
        (("Authorization", f"Basic {BASIC}"), TOKEN, f"wrong password {TOKEN}"),
        (("Authorization", f"Basic {BASIC}"), BASIC, f"wrong header Basic {BASIC}"),
        (("Cookie", f"a=b; session={TOKEN}"), TOKEN, f"session {TOKEN} is over"),
        (("X-Api-Key", QUOTED), QUOTED, json.dumps({"key": QUOTED})),
        (("X-Api-Key", TOKEN), TOKEN, "." * 270 + TOKEN * 20),
    ],
)
@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_server_that_repeats_a_secret_does_not_get_it_into_the_store(
    web: Web, context: RecordingContext, header: tuple[str, str], secret: str, told: str, status: int
) -> None:
    """Not as the result, not as an error, not as a line of the log, not in the headers or the URL."""
    context.settings = context.settings.replace(http__max_response=285)
    repeating = {"X-Request-Id": secret, "Location": f"/{secret}"}
    place = f"/{quote(secret)}"
    url = web.redirect("/", place)
    web.serve(place, told.encode(), status=status, headers=repeating)
    try:
        said = json.dumps(call(context, url, headers=dict([header]))).replace("\\\\", "\\")
    except (Retry, Discard) as error:
        said = str(error)
    assert f"status{'' if status != 200 else chr(34) + ':'} {status}" in said
    for piece in (secret[:8], quote(secret[:8])):
        assert piece not in said
        assert piece not in repr(context.logs)


def test_a_secret_across_the_limit_is_not_kept_in_part(web: Web, context: RecordingContext) -> None:
    """At whatever place the limit falls."""
    for limit in range(1, 60):
        context.settings = context.settings.replace(http__max_response=limit)
        url = web.serve("/x", f"ab{TOKEN}cd{TOKEN}ef".encode())
        body = call(context, url, headers={"Authorization": f"Bearer {TOKEN}"})["body"]
        assert "tok" not in body


def test_a_secret_across_the_limit_of_a_header_is_not_kept_in_part(web: Web, context: RecordingContext) -> None:
    """It is hidden before the header is cut."""
    repeating = {"ETag": "e" * 490 + TOKEN, "Location": "/" + "l" * 190 + TOKEN}
    kept = call(context, web.serve("/x", headers=repeating), headers={"X-Key": TOKEN}, follow_redirects=False)
    assert "tok" not in repr(kept["headers"])


@pytest.mark.parametrize("status", [200, 403])
def test_a_secret_in_another_character_set_is_hidden(web: Web, context: RecordingContext, status: int) -> None:
    """Its bytes are others; as text it is the same."""
    told = f"<{TOKEN}>".encode("utf-16")
    url = web.serve("/x", told, status=status, headers={"Content-Type": "text/plain; charset=utf-16"})
    try:
        said = call(context, url, headers={"X-Key": TOKEN})["body"]
    except Discard as error:
        said = str(error)
    assert "<(hidden)>" in said


def test_no_library_writes_the_url_into_the_log(
    web: Web, context: RecordingContext, caplog: pytest.LogCaptureFixture
) -> None:
    """A job's log takes what libraries log, and a query may hold a signature."""
    with caplog.at_level(logging.INFO):
        result = call(context, web.serve("/x") + "?sig=s3cret#s3cret")
    assert "s3cret" not in caplog.text + repr(result) + repr(context.logs)
    assert web.received[0].path == "/x?sig=s3cret"
