"""Fetching a URL that somebody else chose."""

from __future__ import annotations

import gzip
import ipaddress
import socket
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.fetch import FetchPolicy, fetch, may_reach
from jobsched.core.model.errors import FetchFailed, FetchRefused

from .conftest import Web  # noqa: TID251 (it is tests.handlers)

OPEN = FetchPolicy(allow=("127.0.0.1",), max_bytes=10_000, timeout=10)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(host: str) -> None:
    """What counts is the address that the system would connect to, not its spelling."""
    with pytest.raises(FetchRefused, match=r"public|not a URL"):
        fetch(f"http://{host}:9/", FetchPolicy())


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/", "gopher://x/", "//example.com/", "http://", "x"]
)
def test_only_http_urls_are_fetched(url: str) -> None:
    """Anything else is refused before a name is resolved."""
    with pytest.raises(FetchRefused):
        fetch(url, OPEN)


def test_a_url_with_credentials_is_refused_and_they_are_not_repeated(web: Web) -> None:
    """Payloads are shown to people, so they are no place for a password, and neither are errors."""
    with pytest.raises(FetchRefused) as refused:
        fetch(f"http://user:hunter2@127.0.0.1:{web.port}/", OPEN)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.0/8", "localhost", "LOCALHOST"])
def test_the_operator_may_allow_a_host_an_address_or_a_network(web: Web, allow: str) -> None:
    """`fetch.allow` takes all three."""
    url = web.serve("/x", b"hello", headers={"Content-Type": "text/plain"}).replace("127.0.0.1", "localhost")
    fetched = fetch(url, FetchPolicy(allow=("[bad", allow)))
    assert (fetched.status, fetched.body, fetched.content_type) == (200, b"hello", "text/plain")


def test_the_server_sees_the_hosts_own_name(web: Web) -> None:
    """The connection goes to an address, the request to a name."""
    fetch(web.serve("/x").replace("127.0.0.1", "localhost"), FetchPolicy(allow=("localhost",)))
    assert web.requests[0][1]["Host"] == f"localhost:{web.port}"


def test_a_name_is_resolved_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to something else the second time gains nothing: there is no second time."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def counting(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(str(host))
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", counting)
    fetch(web.serve("/x").replace("127.0.0.1", "localhost"), FetchPolicy(allow=("localhost",)))
    assert [host for host in asked if host != "127.0.0.1"] == ["localhost"]


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:{port}/secret", "http://[::1]:{port}/secret", "file:///etc/passwd"]
)
def test_a_redirect_passes_the_same_door(web: Web, target: str) -> None:
    """Being allowed to one address does not open another one."""
    web.serve("/secret", b"secret")
    url = web.serve("/", status=302, headers={"Location": target.format(port=web.port)})
    with pytest.raises(FetchRefused):
        fetch(url, OPEN)
    assert [path for path, _ in web.requests] == ["/"]


def test_five_redirects_are_followed_and_no_sixth(web: Web) -> None:
    """Relative ones too."""
    web.serve("/0", b"end")
    for number in range(1, 7):
        web.serve(f"/{number}", status=307, headers={"Location": f"{number - 1}"})
    assert fetch(f"{web.url}/5", OPEN).body == b"end"
    with pytest.raises(FetchFailed, match="5 times"):
        fetch(f"{web.url}/6", OPEN)


def test_proxy_variables_are_ignored(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name for itself, behind the guard's back."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetch(web.serve("/x", b"direct"), OPEN).body == b"direct"


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


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_inside_an_ipv6_one(address: ipaddress.IPv4Address) -> None:
    """Mapped, NAT64 and 6to4 addresses lead to the IPv4 address that they carry."""
    number = int(address)
    carriers = [0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    for carrier in carriers:
        assert may_reach(ipaddress.IPv6Address(carrier)) == may_reach(address)
