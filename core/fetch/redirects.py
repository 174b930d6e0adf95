"""What a redirect makes of a request: the next URL, its method and body, and what it is not told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.errors import FetchRefused

if TYPE_CHECKING:
    from httpx import URL

TOLD_TO_ANYBODY = frozenset(
    {"accept", "accept-language", "cache-control", "content-language", "content-type", "idempotency-key", "user-agent"}
)
"""Headers, in lower case, that another origin gets too. Any other one may be a key to the first."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. headers: pairs that are sent as they are, beside Host, User-Agent, Accept-Encoding
    and Content-Length. body: None sends none."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


def redirected(call: Call, status: int, base: URL, location: str) -> Call:
    """Return the request that `status` and `location` ask for after `call` went to `base`.

    As browsers do (Fetch standard, 4.4): 303, and 301 and 302 after a POST, become GET without the
    body; 307 and 308 keep both. Headers that may be credentials stay with their origin. FetchRefused:
    the place is no http(s) URL, has credentials, or would leave https.
    """
    target = read_url(_join(base, location))
    if base.scheme == "https" and target.scheme == "http":
        raise FetchRefused(f"{shown(str(base))} redirects from https to http — whoever is in between could read along")
    if _origin(target) != _origin(base):
        call = _keep_headers(call, lambda name: name in TOLD_TO_ANYBODY)
    if (status == 303 and call.method != "HEAD") or (status in (301, 302) and call.method == "POST"):
        call = replace(_keep_headers(call, lambda name: not name.startswith("content-")), method="GET", body=None)
    return replace(call, url=str(target))


def read_url(text: str) -> URL:
    """Return the URL that will be connected to. FetchRefused: one that must not be."""
    import httpx

    try:
        url = httpx.URL(text)
        host = url.host
        if not 0 < port_of(url) < 1 << 16:
            raise ValueError("no such port")
    except (httpx.InvalidURL, ValueError, TypeError):
        raise FetchRefused(f"{shown(text)!r} is not a URL") from None
    if url.scheme not in ("http", "https") or not host:
        raise FetchRefused(f"{shown(text)!r} cannot be fetched — only http:// and https:// URLs can")
    if url.userinfo:
        raise FetchRefused(f"{url.scheme}://{host} was given with credentials — they do not belong in a URL")
    return url


def shown(url: str) -> str:
    """Return `url` as it may appear in errors: no query (it may hold a signature), one line, short."""
    return "".join(c for c in url.partition("?")[0].partition("#")[0] if c.isprintable())[:200]


def port_of(url: URL) -> int:
    """The port that is connected to."""
    return url.port if url.port is not None else 443 if url.scheme == "https" else 80


def _origin(url: URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, port_of(url)


def _keep_headers(call: Call, wanted: Callable[[str], bool]) -> Call:
    return replace(call, headers=tuple(pair for pair in call.headers if wanted(pair[0].lower())))


def _join(base: URL, location: str) -> str:
    import httpx

    try:
        return str(base.join(location))
    except (httpx.InvalidURL, ValueError):
        raise FetchRefused(f"{shown(str(base))} redirects to something that is not a URL") from None
