"""What a job keeps of an HTTP response, without the secrets of its request. Not a handler."""

from __future__ import annotations

import base64
import codecs
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from ..core.fetch import Answer

KEPT_HEADERS = (
    "content-type",
    "content-length",
    "content-encoding",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "x-request-id",
)
MAX_HEADER_CHARS = 500
MAX_BODY_BYTES = 400 << 10
"""As text in JSON it can double; a job's result is at most 1 MiB."""
MESSAGE_BYTES = 300
"""Of the body of an unexpected answer, in the error's message."""
GLANCE_SECONDS = 2.0
HIDDEN = "(hidden)"
MIN_SECRET = 6
"""Characters: what is shorter, like true or json, appears by chance."""
_NOT_SECRET = frozenset({"accept", "accept-language", "cache-control", "content-type", "user-agent"})
_CHARSETS = frozenset(
    {
        *("ascii", "iso8859-1", "iso8859-15", "cp1250", "cp1251", "cp1252", "utf-16"),
        *("shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"),
    }
)
"""Beside UTF-8; `codecs` knows others that are no character sets, or take very long."""


class Hider:
    """Takes the values of a request's headers out of what the server says: some repeat them."""

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        found: set[str] = set()
        for name, value in headers:
            if name.lower() not in _NOT_SECRET:
                found.update(_parts(name.lower(), value))
        spellings = {spelling for text in found if len(text) >= MIN_SECRET for spelling in _spellings(text)}
        self._secrets = sorted((text.encode() for text in spellings), key=len, reverse=True)
        self.longest = len(self._secrets[0]) if self._secrets else 0

    def hide(self, data: bytes) -> bytes:
        """Return `data` with "(hidden)" for every secret."""
        for secret in self._secrets:
            data = data.replace(secret, HIDDEN.encode())
        return data

    def beginning(self, data: bytes, limit: int) -> bytes:
        """Return the first `limit` bytes of `data` so, given `longest` more of them: then a secret across the
        limit is seen whole, and one that begins behind it goes with what is cut off."""
        hidden = self.hide(data)
        surplus = max(0, len(data) - limit)
        return hidden[: min(limit, max(0, len(hidden) - surplus))]

    def text(self, text: str) -> str:
        """As `hide`."""
        return self.hide(text.encode(errors="replace")).decode(errors="replace")


def _spellings(text: str) -> Iterable[str]:
    """As it is, in JSON, and in a URL."""
    return text, json.dumps(text)[1:-1], quote(text), quote(text, safe="")


def _parts(name: str, value: str) -> Iterable[str]:
    """A header's value and what in it is a secret by itself: a token, a password, a cookie."""
    yield value
    scheme, _, token = value.partition(" ")
    if token:
        yield token.strip()
    if scheme.lower() == "basic":
        pair = _from_base64(token)
        yield from (pair, pair.partition(":")[2])
    if name == "cookie":
        yield from (cookie.partition("=")[2].strip() for cookie in value.split(";"))


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""


async def record(answer: Answer, limit: int, hider: Hider) -> dict[str, Any]:
    """Return the result of a job that got `answer`: status, url, redirects, headers, bytes, truncated, and
    `body` (text) or `body_base64`. At most `limit` bytes of the body are kept, and hardly more are read."""
    limit = min(limit, MAX_BODY_BYTES)
    read, whole = await answer.read(limit + hider.longest)
    whole = whole and len(read) <= limit
    kept = hider.beginning(read, limit)
    text = readable(kept, answer.headers, whole=whole)
    return {
        "status": answer.status,
        "url": hider.text(answer.url),
        "redirects": answer.redirects,
        "headers": _headers(answer.headers, hider),
        "bytes": min(len(read), limit),
        "truncated": not whole,
        # Again, as text: another character set spells a secret in other bytes.
        **({"body_base64": base64.b64encode(kept).decode()} if text is None else {"body": hider.text(text)}),
    }


async def describe(answer: Answer, hider: Hider) -> str:
    """Return one line about an unexpected answer: its status, and how its body begins if that is text."""
    data = await answer.glance(MESSAGE_BYTES + hider.longest, GLANCE_SECONDS)
    text = hider.text(readable(hider.beginning(data, MESSAGE_BYTES), answer.headers, whole=False) or "")
    begins = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{hider.text(answer.url)} answered with status {answer.status}" + (f" — {begins}" if begins else "")


def readable(data: bytes, headers: Mapping[str, str], *, whole: bool) -> str | None:
    """The text that `data` is, in UTF-8 or the character set that the server names; None for anything else.

    whole: whether nothing follows; otherwise a last character that is cut off is left out.
    """
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        return None
    for charset in ("utf-8", _charset(headers.get("content-type", ""))):
        if charset is None:
            continue
        try:
            text = codecs.getincrementaldecoder(charset)().decode(data, final=whole)
        except UnicodeError:
            continue
        if all(c.isprintable() or c in "\t\n\r\f" or c > "\x9f" for c in text):
            return text
    return None


def _charset(content_type: str) -> str | None:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                found = codecs.lookup(value.strip().strip("\"'")[:40]).name
            except (LookupError, ValueError):
                return None
            return found if found in _CHARSETS else None
    return None


def _headers(headers: Mapping[str, str], hider: Hider) -> dict[str, str]:
    from ..core.fetch import shown

    kept = {}
    for name in KEPT_HEADERS:
        if name in headers:
            # Hidden first: what is cut through can no longer be found.
            value = hider.text("".join(c for c in headers[name] if c.isprintable()))
            kept[name] = shown(value) if name == "location" else value[:MAX_HEADER_CHARS]
    return kept
