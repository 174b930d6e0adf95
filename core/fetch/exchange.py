"""One request and its answer, redirects included, within one time limit."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..model.errors import FetchFailed, FetchRefused
from .addresses import as_address, resolve
from .redirects import Call, port_of, read_url, redirected, shown
from .statuses import REDIRECTS

if TYPE_CHECKING:
    import ssl

    from httpx import URL, AsyncBaseTransport, Response

MAX_REDIRECTS = 5
USER_AGENT = "jobsched"
CONNECT_SECONDS = 5.0
"""How long one address of several may take to connect before the next one is tried."""


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


class Answer:
    """A response whose body has not been read yet. url: the last one, as `shown`. headers: by lower-case
    name. redirects: how many were followed."""

    def __init__(self, response: Response, url: URL, redirects: int) -> None:
        self.status = response.status_code
        self.url = shown(str(url))
        self.headers: Mapping[str, str] = response.headers
        self.redirects = redirects
        self._response = response

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, with no limit but the time; once."""
        return self._response.aiter_raw()

    async def read(self, limit: int) -> tuple[bytes, bool]:
        """Return at most `limit` bytes of the body, and whether that is all of it. No more is read."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                return bytes(body[:limit]), False
        return bytes(body), True

    async def glance(self, limit: int, seconds: float) -> bytes:
        """Return what comes of the first `limit` bytes within `seconds`, also where the body then breaks off."""
        import httpx

        body = bytearray()
        with contextlib.suppress(TimeoutError, httpx.HTTPError, OSError):
            async with asyncio.timeout(seconds):
                async for chunk in self.chunks():
                    body += chunk
                    if len(body) >= limit:
                        break
        return bytes(body[:limit])


@contextlib.asynccontextmanager
async def exchange(call: Call, policy: FetchPolicy, follow: Collection[int] = REDIRECTS) -> AsyncIterator[Answer]:
    """Send `call`, follow redirects, and hand out the answer while its body is read.

    follow: the statuses that are followed where they name a place. The time limit covers all of the
    block. Leaving the block, also by cancellation, drops the connection.

    FetchRefused: not http(s), credentials in the URL, or an address that is neither public nor
    allowed, at the start or after a redirect; a redirect from https to http. FetchFailed: no
    connection, it broke off, too many redirects, or longer than `timeout`.
    """
    import httpx

    try:
        async with asyncio.timeout(policy.timeout), _transport() as transport:
            response, url, redirects = await _arrive(transport, call, policy, follow)
            try:
                yield Answer(response, url, redirects)
            finally:
                await response.aclose()
    except TimeoutError:
        raise FetchFailed(f"{shown(call.url)} took longer than {policy.timeout:g} s", temporary=True) from None
    except (httpx.HTTPError, OSError) as error:  # OSError: TLS that breaks off comes through as it is
        reason = "".join(c for c in " ".join(str(error).split()) if c.isprintable())[:200] or type(error).__name__
        raise FetchFailed(f"{shown(call.url)} cannot be fetched — {reason}", temporary=True) from None


def _transport() -> AsyncBaseTransport:
    """Plain connections: no proxy, no cookies kept, no request logged, and none used twice. The pool
    knows them by address, and another name at the same address is another server."""
    import httpx

    certificates = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return httpx.AsyncHTTPTransport(
        verify=_tls(*certificates), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
    )


@cache
def _tls(file: str | None, folder: str | None) -> ssl.SSLContext:
    """The certificates to trust: the operator's, or those that come with certifi. Reading them takes 20 ms."""
    import httpx

    return httpx.create_ssl_context(trust_env=bool(file or folder))


async def _arrive(
    transport: AsyncBaseTransport, call: Call, policy: FetchPolicy, follow: Collection[int]
) -> tuple[Response, URL, int]:
    """Return the first response that is not a redirect to follow, its URL, and how many came before it."""
    for redirects in range(MAX_REDIRECTS + 1):
        url = read_url(call.url)
        try:
            response = await _send(transport, call, url, policy)
        except FetchRefused as error:
            if not redirects:
                raise
            raise FetchRefused(f"redirected to {shown(call.url)}: {error.message}", fix=error.fix) from None
        location = response.headers.get("location")
        if response.status_code not in follow or not location:
            return response, url, redirects
        await response.aclose()
        call = redirected(call, response.status_code, url, location)
    raise FetchFailed(f"{shown(call.url)} is one redirect too many — at most {MAX_REDIRECTS} times")


async def _send(transport: AsyncBaseTransport, call: Call, url: URL, policy: FetchPolicy) -> Response:
    """Send the request to one of the host's addresses, under the host's own name."""
    import httpx

    host = url.raw_host.decode("ascii")
    addresses = await resolve(host, port_of(url), policy.allow)
    headers = [("Host", url.netloc.decode("ascii")), ("Accept-Encoding", "identity"), *call.headers]
    if not any(name.lower() == "user-agent" for name, _ in call.headers):
        headers.append(("User-Agent", USER_AGENT))
    extensions: dict[str, Any] = {} if as_address(host) else {"sni_hostname": host.rstrip(".")}
    for address in addresses:
        last = address == addresses[-1]
        extensions["timeout"] = {} if last else {"connect": CONNECT_SECONDS}
        pinned = url.copy_with(host=str(address))
        request = httpx.Request(call.method, pinned, headers=headers, content=call.body, extensions=extensions)
        try:
            return await transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing has been sent yet
            if last:
                raise
    raise AssertionError("a host that was resolved has an address")
