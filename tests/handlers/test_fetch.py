"""Fetching a URL that somebody else chose."""

from __future__ import annotations

import gzip
import socket
from http.server import BaseHTTPRequestHandler

import pytest

from jobsched.core.fetch import FetchPolicy, fetch
from jobsched.core.model.errors import FetchFailed, FetchRefused

from .conftest import Web  # noqa: TID251 (it is tests.handlers)

OPEN = FetchPolicy(allow=("127.0.0.1",), max_bytes=10_000, timeout=10)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/", "gopher://x/", "//example.com/", "http://", "x"]
)
def test_only_http_urls_are_fetched(url: str) -> None:
    """Anything else is refused before a name is resolved."""
    with pytest.raises(FetchRefused):
        fetch(url, OPEN)


def test_the_server_sees_the_hosts_own_name(web: Web) -> None:
    """The connection goes to an address, the request to a name."""
    fetch(web.serve("/x").replace("127.0.0.1", "localhost"), FetchPolicy(allow=("localhost",)))
    assert web.requests[0][1]["Host"] == f"localhost:{web.port}"


def test_five_redirects_are_followed_and_no_sixth(web: Web) -> None:
    """Relative ones too."""
    web.serve("/0", b"end")
    for number in range(1, 7):
        web.serve(f"/{number}", status=307, headers={"Location": f"{number - 1}"})
    assert fetch(f"{web.url}/5", OPEN).body == b"end"
    with pytest.raises(FetchFailed, match="5 times"):
        fetch(f"{web.url}/6", OPEN)


def test_a_body_that_announces_too_much_is_not_read(web: Web) -> None:
    """The limit is checked before a byte is taken."""
    url = web.serve("/big", headers={"Content-Length": "10001"})
    with pytest.raises(FetchFailed, match="10,000 bytes") as failed:
        fetch(url, OPEN)
    assert not failed.value.temporary


def test_a_body_that_never_ends_is_cut_off_at_the_limit(web: Web) -> None:
    """Also when the server does not say how much it has."""

    def flood(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not web.closing.is_set():
            request.wfile.write(b"x" * 4096)

    web.answers["/flood"] = flood
    with pytest.raises(FetchFailed, match="larger than"):
        fetch(f"{web.url}/flood", OPEN)


def test_a_compressed_body_is_refused(web: Web) -> None:
    """It was not asked for, and a small one can unpack to gigabytes."""
    url = web.serve("/bomb", gzip.compress(b"\0" * 1_000_000), headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchFailed, match="compressed"):
        fetch(url, OPEN)
    assert web.requests[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("stall_after", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nsome"])
def test_a_server_that_dawdles_is_left_when_the_time_is_over(web: Web, stall_after: bytes) -> None:
    """The time limit covers headers and body alike, however the bytes trickle."""

    def dawdle(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(stall_after)
        while not web.closing.wait(0.02):
            request.wfile.write(b"." if stall_after.endswith(b"some") else b"")

    web.answers["/slow"] = dawdle
    with pytest.raises(FetchFailed, match=r"longer than 0\.3 s") as failed:
        fetch(f"{web.url}/slow", FetchPolicy(allow=("127.0.0.1",), timeout=0.3))
    assert failed.value.temporary


@pytest.mark.parametrize(("status", "temporary"), [(404, False), (403, False), (410, False), (503, True), (429, True)])
def test_a_status_says_whether_asking_again_may_help(web: Web, status: int, temporary: bool) -> None:
    """And the server's Retry-After is kept."""
    url = web.serve("/x", status=status, headers={"Retry-After": "7"})
    with pytest.raises(FetchFailed, match=str(status)) as failed:
        fetch(url + "?signature=s3cret", OPEN)
    assert (failed.value.status, failed.value.temporary, failed.value.retry_after) == (status, temporary, 7.0)
    assert "s3cret" not in str(failed.value)


def test_no_connection_and_no_such_host_are_worth_another_attempt() -> None:
    """Both may be otherwise in a minute."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "http://no-such-host.invalid/"):
        with pytest.raises(FetchFailed) as failed:
            fetch(url, OPEN)
        assert failed.value.temporary
