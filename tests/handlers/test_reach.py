"""What jobs may reach: the same door before every way of reaching a URL."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.fetch import FetchPolicy, fetch, may_reach
from jobsched.core.handler import Discard, Retry
from jobsched.core.model.errors import FetchFailed, FetchRefused
from jobsched.handlers.http_call import HttpCall, http_call
from jobsched.handlers.network_intensive import NetworkIntensive, network_intensive

from .conftest import Web  # noqa: TID251 (it is tests.handlers)
from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

Reach = Callable[..., None]
NOT_PUBLIC = [
    *("localhost", "localhost.", "LOCALHOST", "loopback.test"),
    *("127.0.0.1", "127.0.0.1.", "127.8.9.10", "127.1", "2130706433"),
    *("0x7f000001", "0X7F.1", "0177.0.0.1", "017700000001", "127.0.1", "127.0.0.0x1"),
    *("\uff11\uff12\uff17.0.0.1", "127\u30020.0.1"),
    *("0.0.0.0", "0", "00", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254"),
    *("0xa9fea9fe", "2852039166", "100.64.0.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1"),
    *("192.0.0.192", "168.63.129.16", "[::ffff:192.0.0.192]", "[64:ff9b::168.63.129.16]"),
    *("203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]"),
    *("[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]"),
    *("[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]"),
    *("[fec0::1]", "[ff02::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]"),
]  # fmt: skip


def by_fetch(url: str, allow: tuple[str, ...] = (), timeout: float = 10.0) -> None:
    fetch(url, FetchPolicy(allow, 10_000, timeout))


def by_http_call(url: str, allow: tuple[str, ...] = (), timeout: float = 10.0) -> None:
    context = RecordingContext(Path("/nowhere"))
    context.settings = context.settings.replace(fetch__allow=allow, fetch__timeout=timeout)
    asyncio.run(http_call(HttpCall.model_construct(url=url), context))


def by_network_intensive(url: str, allow: tuple[str, ...] = (), timeout: float = 10.0) -> None:
    context = RecordingContext(Path("/nowhere"))
    context.settings = context.settings.replace(fetch__allow=allow, fetch__timeout=timeout)
    asyncio.run(network_intensive(NetworkIntensive.model_construct(url=url, requests=1), context))


@pytest.fixture(params=[by_fetch, by_http_call, by_network_intensive], ids=lambda way: way.__name__)
def reach(request: pytest.FixtureRequest) -> Reach:
    """One of the ways in which a job reaches a URL of its payload."""
    way: Reach = request.param
    return way


class Resolver:
    """The system's resolver, as whoever owns a name server would have it answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[tuple[str, ...]]] = {
            "localhost.": [("127.0.0.1",)],
            "loopback.test": [("127.0.0.1",)],
        }
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        """One answer after the other; the last one from then on."""
        self.asked.append(str(host))
        answers = self.answers.get(str(host))
        if not answers:
            return self._real(host, port, *args, **kwargs)
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        return [self._real(address, port, *args, **kwargs)[0] for address in now]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    return resolver


REFUSED = (FetchRefused, Discard)
FAILED = (FetchFailed, Retry)


@pytest.mark.parametrize("host", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(
    reach: Reach, web: Web, resolver: Resolver, host: str
) -> None:
    """What counts is the address that the system would connect to, not its spelling."""
    with pytest.raises(REFUSED, match=r"jobs may only reach public|is not a URL"):
        reach(f"http://{host}:{web.port}/")
    assert web.requests == []


@pytest.mark.parametrize(
    "spelling",
    ["http://public@127.0.0.1:{port}/", "http://a:b@127.0.0.1:{port}/", "http://127.0.0.1:{port}@example.com/"],
)
def test_a_url_with_credentials_is_refused_before_anything_is_resolved(
    reach: Reach, web: Web, spelling: str, resolver: Resolver
) -> None:
    """Which host such a URL means is what tricks are made of."""
    with pytest.raises(REFUSED, match="credentials"):
        reach(spelling.format(port=web.port), allow=("127.0.0.1",))
    assert (web.requests, resolver.asked) == ([], [])


def test_credentials_of_a_url_are_not_repeated(reach: Reach, web: Web) -> None:
    """Payloads are shown to people, so they are no place for a password, and neither are errors."""
    with pytest.raises(REFUSED) as refused:
        reach(f"http://user:hunter2@127.0.0.1:{web.port}/")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1\\@example.com/", "http:///x", "http://", "http://[", "http://[::1"])
def test_what_two_readers_would_read_differently_does_not_get_through(reach: Reach, url: str) -> None:
    """It is no URL, or it leads to the address that is judged."""
    with pytest.raises((*REFUSED, *FAILED)):
        reach(url, timeout=2)


@pytest.mark.parametrize(
    ("host", "allow"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("2130706433", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("localhost", "localhost"),
        ("localhost", "LOCALHOST"),
        ("localhost.", "localhost"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_the_operator_may_allow_a_host_an_address_or_a_network(
    reach: Reach, web: Web, resolver: Resolver, host: str, allow: str
) -> None:
    """`fetch.allow` takes all three; an entry that is none of them does no harm."""
    reach(web.serve("/x", b"hello").replace("127.0.0.1", host), allow=("[bad", allow, "::1"))
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("host", "allow"),
    [("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "localhost"), ("localhost", "ocalhost"), ("127.0.0.1", "10.0.0.0/8")],
)
def test_what_the_operator_has_not_allowed_stays_closed(reach: Reach, web: Web, host: str, allow: str) -> None:
    """Being allowed to one address, or to one name of it, does not open another one."""
    with pytest.raises(REFUSED, match="public"):
        reach(web.serve("/x").replace("127.0.0.1", host), allow=(allow,))
    assert web.requests == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.2:{port}/secret", r"redirected to http://127.0.0.2:\d+/secret: 127.0.0.2 is not public"),
        ("//127.0.0.2:{port}/secret", "public"),
        ("http://2130706434:{port}/secret", "public"),
        ("http://[::1]:{port}/secret", "public"),
        ("http://169.254.169.254/latest/meta-data/", "public"),
        ("http://public@127.0.0.1:{port}/secret", "credentials"),
        ("file:///etc/passwd", "only http"),
        ("ftp://127.0.0.1/secret", "only http"),
        ("gopher://127.0.0.1:{port}/_x", "only http"),
        ("javascript:alert(1)", "only http"),
        ("http://127.0.0.1:99999/", "not a URL"),
    ],
)
def test_a_redirect_passes_the_same_door(reach: Reach, web: Web, target: str, said: str) -> None:
    """And there is nothing behind it but http and https."""
    web.serve("/secret", b"secret")
    with pytest.raises(REFUSED, match=said):
        reach(web.redirect("/", target.format(port=web.port)), allow=("127.0.0.1",))
    assert [path for path, _ in web.requests] == ["/"]


def test_a_name_that_leads_elsewhere_the_second_time_gains_nothing(reach: Reach, web: Web, resolver: Resolver) -> None:
    """There is no second time: the connection goes to the address that was judged."""
    resolver.answers["rebind.test"] = [("127.0.0.2",), ("127.0.0.1",)]
    with pytest.raises(FAILED, match="cannot be fetched"):  # nobody listens there
        reach(f"http://rebind.test:{web.port}/", allow=("127.0.0.2",))
    assert (web.requests, resolver.asked.count("rebind.test")) == ([], 1)


def test_a_name_is_judged_anew_at_every_redirect(reach: Reach, web: Web, resolver: Resolver) -> None:
    """It may lead elsewhere by then."""
    resolver.answers["rebind.test"] = [("127.0.0.1",), ("127.0.0.2",)]
    url = web.redirect("/", f"http://rebind.test:{web.port}/secret").replace("127.0.0.1", "rebind.test")
    with pytest.raises(REFUSED, match=r"127\.0\.0\.2"):
        reach(url, allow=("127.0.0.1",))
    assert [path for path, _ in web.requests] == ["/"]


def test_one_bad_address_among_several_is_enough(reach: Reach, web: Web, resolver: Resolver) -> None:
    """Which one would be connected to is not left to chance."""
    resolver.answers["mixed.test"] = [("127.0.0.1", "127.0.0.2")]
    with pytest.raises(REFUSED, match=r"127\.0\.0\.2"):
        reach(f"http://mixed.test:{web.port}/", allow=("127.0.0.1",))
    assert web.requests == []


def test_the_next_address_is_tried_where_the_first_does_not_answer(reach: Reach, web: Web, resolver: Resolver) -> None:
    """A name may have several, and one of its servers may be down."""
    resolver.answers["two.test"] = [("127.0.0.2", "127.0.0.1")]
    reach(web.serve("/x").replace("127.0.0.1", "two.test"), allow=("127.0.0.0/8",))
    assert web.requests[0][1]["Host"] == f"two.test:{web.port}"


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_not_asked(
    reach: Reach, web: Web, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It would resolve the name for itself, behind the guard's back."""
    monkeypatch.setenv(name, web.url)
    with pytest.raises(REFUSED):
        reach("http://169.254.169.254/latest/meta-data/")
    assert web.requests == []
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    reach(web.serve("/x", b"direct"), allow=("127.0.0.1",))
    assert len(web.requests) == 1


def test_a_server_is_who_its_certificate_says(reach: Reach, secure_web: Web, resolver: Resolver) -> None:
    """The connection goes to an address, the certificate is for the name."""
    resolver.answers["other.test"] = [("127.0.0.1",)]
    url = secure_web.serve("/x")
    for good in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "localhost.")):
        reach(good, allow=("127.0.0.1",))
    with pytest.raises(FAILED, match=r"(?i)certificate"):
        reach(url.replace("127.0.0.1", "other.test"), allow=("127.0.0.1",))
    assert len(secure_web.requests) == 3


def test_a_connection_is_not_used_for_another_name_at_the_same_address(
    reach: Reach, secure_web: Web, resolver: Resolver
) -> None:
    """Its certificate was checked for the first name alone."""
    resolver.answers["other.test"] = [("127.0.0.1",)]
    url = secure_web.redirect("/", f"https://other.test:{secure_web.port}/secret")
    with pytest.raises(FAILED, match=r"(?i)certificate"):
        reach(url, allow=("127.0.0.1",))
    assert [path for path, _ in secure_web.requests] == ["/"]


def test_a_certificate_of_nobody_we_know_is_refused(
    reach: Reach, secure_web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Trusted are the system's authorities, or those of SSL_CERT_FILE."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    with pytest.raises(FAILED, match=r"(?i)certificate"):
        reach(secure_web.serve("/x"), allow=("127.0.0.1",))
    assert secure_web.requests == []


def test_a_redirect_does_not_leave_https(reach: Reach, secure_web: Web, web: Web) -> None:
    """Whoever is in between could read along, and answer."""
    with pytest.raises(REFUSED, match="from https to http"):
        reach(secure_web.redirect("/", web.serve("/plain")), allow=("127.0.0.1",))
    assert web.requests == []


def test_a_tls_stream_that_turns_into_garbage_is_a_failure_like_any_other(reach: Reach, secure_web: Web) -> None:
    """It may be better the next time."""

    def garble(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
        plain = socket.socket(fileno=request.connection.detach())
        plain.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        plain.close()

    secure_web.answers["/garbage"] = garble
    with pytest.raises(FAILED, match="cannot be fetched"):
        reach(f"{secure_web.url}/garbage", allow=("127.0.0.1",))


HEADERS = b"".join(b"X-%d: y\r\n" % number for number in range(20_000))
ODDITIES = {
    "a million headers": (b"HTTP/1.1 200 OK\r\n", *[HEADERS] * 50, b"\r\n"),
    "a header without end": (b"HTTP/1.1 200 OK\r\nX: ", *[b"y" * 100_000] * 20),
    "a status line without end": (b"HTTP/1.1 200 ", *[b"y" * 100_000] * 20),
    "no HTTP": (b"220 mail.example.com ESMTP\r\n",),
    "nothing": (),
    "half a header": (b"HTTP/1.1 200 OK\r\nContent-",),
    "a split response": (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\x00: c\r\n\r\n",),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",),
    "a negative length": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",),
    "a length of a thousand digits": (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 1000 + b"\r\n\r\nab",),
    "less than announced": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",),
    "chunks of garbage": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\nab\r\n",),
    "a chunk without end": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", *[b"y" * 100_000] * 20),
    "chunks that break off": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx",),
    "only informational responses": (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000,),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_no_http_is_a_failed_connection(reach: Reach, web: Web, oddity: str) -> None:
    """The server may be itself again at the next attempt; nothing of what it sent is kept."""
    with pytest.raises(FAILED, match="cannot be fetched") as failed:
        reach(web.say("/odd", *ODDITIES[oddity]), allow=("127.0.0.1",))
    assert len(str(failed.value)) < 500
    assert str(failed.value).isprintable()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nold",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 500 Injected\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Trailer: y\r\n\r\n",
    ],
    ids=["HTTP/1.0 without a length", "1xx before", "more than announced", "trailers"],
)
def test_unusual_http_is_http(reach: Reach, web: Web, answer: bytes) -> None:
    """Old, chatty and verbose servers are understood."""
    reach(web.say("/x", answer), allow=("127.0.0.1",))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_inside_an_ipv6_one(address: ipaddress.IPv4Address) -> None:
    """Mapped, NAT64 and 6to4 addresses lead to the IPv4 address that they carry."""
    number = int(address)
    carriers = [0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    for carrier in carriers:
        assert may_reach(ipaddress.IPv6Address(carrier)) == may_reach(address)


@given(st.ip_addresses(v=6))
def test_outside_global_unicast_no_ipv6_address_is_public_by_itself(address: ipaddress.IPv6Address) -> None:
    """Only what carries an IPv4 address is judged by that; the rest of the space is nobody's or a site's own."""
    carries = address in ipaddress.ip_network("64:ff9b::/96") or int(address) >> 48 == 0
    if int(address) >> 125 != 1 and not carries:
        assert not may_reach(address)
