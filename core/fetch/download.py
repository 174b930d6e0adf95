"""GETs a whole body, or says why not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..model.errors import FetchFailed
from .exchange import Answer, FetchPolicy, exchange
from .redirects import Call
from .statuses import TEMPORARY, retry_after


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response with a status of 200 to 299. url: the last one, after redirects, without its query.
    content_type: "" if unsaid."""

    url: str
    status: int
    content_type: str
    body: bytes


def fetch(url: str, policy: FetchPolicy) -> Fetched:
    """GET `url`; for threads, as `fetch_async` is for event loops."""
    return asyncio.run(fetch_async(url, policy))


async def fetch_async(url: str, policy: FetchPolicy) -> Fetched:
    """GET `url`. FetchRefused, FetchFailed: as `exchange`, and for a status outside 200-299, a body of
    more than `max_bytes`, or one that is compressed although that was not asked for."""
    async with exchange(Call(url), policy) as answer:
        _check(answer, policy.max_bytes)
        body, whole = await answer.read(policy.max_bytes)
        if not whole:
            raise _too_big(answer, policy.max_bytes)
        return Fetched(answer.url, answer.status, answer.headers.get("content-type", ""), body)


def _check(answer: Answer, max_bytes: int) -> None:
    if not 200 <= answer.status < 300:
        raise FetchFailed(
            f"{answer.url} answered with status {answer.status}",
            status=answer.status,
            temporary=answer.status in TEMPORARY,
            retry_after=retry_after(answer.headers.get("retry-after")),
        )
    if answer.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise FetchFailed(f"{answer.url} answered in a compressed form that was not asked for")
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_big(answer, max_bytes)


def _too_big(answer: Answer, max_bytes: int) -> FetchFailed:
    return FetchFailed(f"{answer.url} is larger than {max_bytes:,} bytes, the limit")
