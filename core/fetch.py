"""Fetches a URL that somebody else chose, without becoming their way into the network.

The host is resolved once, every address it has must be public (what `ipaddress` calls global, also
inside the IPv6 forms that carry an IPv4 address), and the connection goes to that address, so a
name that resolves differently the second time gains nothing. Every redirect passes the same door.
Proxy variables are ignored: a proxy would resolve the name for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .model.errors import FetchFailed, FetchRefused

if TYPE_CHECKING:
    from httpx import URL, AsyncClient, Response

MAX_REDIRECTS = 5
USER_AGENT = "jobsched"
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later (RFC 9110, 8470, 6585)."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What a fetch may do. allow: host names, addresses and networks (CIDR) that may be reached
    although they are not public. max_bytes: of the body. timeout: seconds in all, redirects included."""

    allow: tuple[str, ...] = ()
    max_bytes: int = 50 << 20
    timeout: float = 30.0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> FetchPolicy:
        """Return the policy that the operator has set (`fetch.*`)."""
        return cls(settings["fetch.allow"], settings["fetch.max_bytes"], settings["fetch.timeout"])


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response with a status of 200 to 299. url: the last one, after redirects. content_type: "" if unsaid."""

    url: str
    status: int
    content_type: str
    body: bytes


def fetch(url: str, policy: FetchPolicy) -> Fetched:
    """GET `url`; for threads, as `fetch_async` is for event loops."""
    return asyncio.run(fetch_async(url, policy))


async def fetch_async(url: str, policy: FetchPolicy) -> Fetched:
    """GET `url`.

    FetchRefused: not http(s), credentials in the URL, or an address that is neither public nor
    allowed, at the start or after a redirect. FetchFailed: no connection, a status outside 200-299,
    too many redirects, more than `max_bytes`, longer than `timeout`.
    """
    import httpx

    try:
        async with (
            asyncio.timeout(policy.timeout),
            # The time limit is the one above, over everything; httpx's are per read.
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=None) as client,  # noqa: S113
        ):
            return await _follow(client, url, policy)
    except TimeoutError:
        raise FetchFailed(f"{shown(url)} took longer than {policy.timeout:g} s", temporary=True) from None
    except httpx.HTTPError as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FetchFailed(f"{shown(url)} cannot be fetched — {reason}", temporary=True) from error


def shown(url: str) -> str:
    """Return `url` as it may appear in errors: no query (it may hold a signature), one line, short."""
    return "".join(c for c in url.partition("?")[0].partition("#")[0] if c.isprintable())[:200]


async def _follow(client: AsyncClient, url: str, policy: FetchPolicy) -> Fetched:
    target = _read_url(url)
    for _ in range(MAX_REDIRECTS + 1):
        response = await _open(client, target, policy)
        try:
            location = response.headers.get("location")
            if response.status_code in _REDIRECTS and location:
                target = _read_url(_join(target, location))
                continue
            return await _read(response, target, policy)
        finally:
            await response.aclose()
    raise FetchFailed(f"{shown(url)} redirects more than {MAX_REDIRECTS} times")


def _read_url(text: str) -> URL:
    """Return the URL that will be connected to. FetchRefused: one that must not be."""
    import httpx

    try:
        url = httpx.URL(text)
        host = url.host
    except (httpx.InvalidURL, ValueError, TypeError):
        raise FetchRefused(f"{shown(text)!r} is not a URL") from None
    if url.scheme not in ("http", "https") or not host:
        raise FetchRefused(f"{shown(text)!r} cannot be fetched — only http:// and https:// URLs can")
    if url.userinfo:
        raise FetchRefused(f"{url.scheme}://{host} was given with credentials — they do not belong in a URL")
    return url


def _join(base: URL, location: str) -> str:
    import httpx

    try:
        return str(base.join(location))
    except (httpx.InvalidURL, ValueError):
        raise FetchRefused(f"{shown(str(base))} redirects to something that is not a URL") from None


async def _open(client: AsyncClient, url: URL, policy: FetchPolicy) -> Response:
    """Send the request to one of the host's addresses, under the host's own name."""
    import httpx

    port = url.port or (443 if url.scheme == "https" else 80)
    addresses = await _resolve(url.host, port, policy)
    headers = {"Host": url.netloc.decode("ascii"), "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    extensions = {} if _as_address(url.host) else {"sni_hostname": url.raw_host.decode("ascii")}
    for address in addresses:
        pinned = url.copy_with(host=str(address))
        request = client.build_request("GET", pinned, headers=headers, extensions=extensions)
        try:
            return await client.send(request, stream=True)
        except httpx.ConnectError:
            if address == addresses[-1]:
                raise
    raise FetchFailed(f"{shown(str(url))} cannot be fetched — {url.host} has no address", temporary=True)


async def _resolve(host: str, port: int, policy: FetchPolicy) -> list[Address]:
    """Return the host's addresses, each of which may be reached; FetchRefused if one may not."""
    literal = _as_address(host)
    addresses = [literal] if literal else await _look_up(host, port)
    if host.lower() in {entry.lower() for entry in policy.allow}:
        return addresses
    for address in addresses:
        if not may_reach(address, policy.allow):
            raise FetchRefused(
                f"{host[:100]} leads to {address} — jobs may only reach public addresses",
                fix=f"if it is meant, let the worker's operator set JOBSCHED_FETCH_ALLOW={address}",
            )
    return addresses


def may_reach(address: Address, allow: tuple[str, ...] = ()) -> bool:
    """Whether jobs may connect to `address`: it is public in every reading, or `allow` names it."""
    readings = [address, *_embedded(address)]
    for entry in allow:
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(entry, strict=False)
            if any(reading.version == network.version and reading in network for reading in readings):
                return True
    return all(_is_public(reading) for reading in (readings[1:] or readings))


def _is_public(address: Address) -> bool:
    blocked = address.is_multicast or address.is_unspecified or address.is_loopback or address.is_link_local
    return address.is_global and not blocked and not getattr(address, "is_site_local", False)


def _embedded(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, NAT64, 6to4, Teredo, compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour:
        return [address.sixtofour]
    return list(address.teredo or ())


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def _look_up(host: str, port: int) -> list[Address]:
    """Resolve in a daemon thread: the loop's own executor would be waited for past the time limit."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(result: list[Any] | OSError | UnicodeError) -> None:
        if answer.done():
            return
        if isinstance(result, list):
            answer.set_result(result)
        else:
            answer.set_exception(result)

    def ask() -> None:
        result: list[Any] | OSError | UnicodeError
        try:
            result = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has gone: nobody waits for the answer any more
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=ask, daemon=True, name="jobsched-resolve").start()
    try:
        found = await answer
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a host name"
        raise FetchFailed(f"host {host[:100]} cannot be resolved — {reason}", temporary=True) from None
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in found))


async def _read(response: Response, url: URL, policy: FetchPolicy) -> Fetched:
    name = shown(str(url))
    if not response.is_success:
        status = response.status_code
        after = _retry_after(response.headers.get("retry-after"))
        raise FetchFailed(
            f"{name} answered with status {status}", status=status, temporary=status in TEMPORARY, retry_after=after
        )
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise FetchFailed(f"{name} answered in a compressed form that was not asked for")
    too_big = f"{name} is larger than {policy.max_bytes:,} bytes, the limit"
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > policy.max_bytes:
        raise FetchFailed(too_big)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > policy.max_bytes:
            raise FetchFailed(too_big)
    return Fetched(str(url), response.status_code, response.headers.get("content-type", ""), bytes(body))


def _retry_after(text: str | None) -> float | None:
    """Seconds, from seconds or an HTTP date (RFC 9110, 10.2.3); None if neither."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else None
