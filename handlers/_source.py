"""What several handlers do with objects and URLs that a payload names. Not a handler."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from ..core.handler import Context, Discard, Retry
from ..core.model.errors import (
    ConfigError,
    Conflict,
    FetchFailed,
    FetchRefused,
    ObjectNotFound,
    PermissionDenied,
    UsageError,
)
from ..core.objects.keys import check_bucket, key_problem

if TYPE_CHECKING:
    from ..core.fetch import Fetched, FetchPolicy
    from ..core.objects import ObjectRef


LOOK = 0.2
"""Seconds between looks whether a job was asked to stop."""


_ARCHIVE = re.compile(r"(?:^|/)[0-9a-f-]{32,36}/\d+/\d+-\d+\.jsonl?\.gz$", re.IGNORECASE)
_OF_AN_ARCHIVE = "it is that of an archive, which holds what is hidden in payloads — jobsched archive reads those"


def _bucket(value: str) -> str:
    try:
        check_bucket(value)
    except UsageError as error:
        raise ValueError(error.message.partition(" — ")[2]) from None
    return value


def _key(value: str) -> str:
    problem = key_problem(value) or (_OF_AN_ARCHIVE if _ARCHIVE.search(value) else None)
    if problem:
        raise ValueError(problem)
    return value


Bucket = Annotated[str, AfterValidator(_bucket), Field(description="a bucket of the object store")]
Key = Annotated[str, AfterValidator(_key), Field(description="an object's key", max_length=1024)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=4096, description="an http(s) URL")]


def fetch_for_job(url: str, context: Context) -> Fetched:
    """Fetch under the operator's policy; for threads. Retry: it may work later. Discard: it never will.
    Cancelled: the job was asked to stop."""
    from ..core.fetch import FetchPolicy

    try:
        return asyncio.run(_fetch_until_cancelled(url, FetchPolicy.of(context.settings), context))
    except FetchRefused as error:
        raise Discard(f"{error.message} ({error.fix})" if error.fix else error.message) from error
    except FetchFailed as error:
        if error.temporary:
            raise Retry(error.message, delay=error.retry_after) from error
        raise Discard(error.message) from error


async def _fetch_until_cancelled(url: str, policy: FetchPolicy, context: Context) -> Fetched:
    """Fetch, and look now and then whether anybody still wants it: a thread cannot be interrupted."""
    from ..core.fetch import fetch_async

    fetching = asyncio.create_task(fetch_async(url, policy))
    while not (await asyncio.wait({fetching}, timeout=LOOK))[0]:
        context.check_cancelled()  # asyncio.run cancels what still runs when this leaves it
    return fetching.result()


def read_object(bucket: str, key: str, context: Context, *, max_bytes: int) -> bytes:
    """Return an object's bytes. Discard: it is not there, larger than `max_bytes`, or refused."""
    with _refusals_are_final():
        size = context.objects.head(bucket, key).size
        if size > max_bytes:
            raise Discard(f"object {bucket}/{key} is {size:,} bytes — the limit is {max_bytes:,}")
        return context.objects.get(bucket, key)


def put_object(bucket: str, key: str, data: bytes, content_type: str, context: Context) -> ObjectRef:
    """Store `data`. Discard: the store refuses it, because of the credentials for example."""
    with _refusals_are_final():
        return context.objects.put(bucket, key, data, content_type)


@contextmanager
def _refusals_are_final() -> Iterator[None]:
    """Turn what the same request would meet again into Discard; a store that is down is not of that kind."""
    try:
        yield
    except (ObjectNotFound, PermissionDenied, ConfigError, Conflict, UsageError) as error:
        raise Discard(f"{error.message} ({error.fix})" if error.fix else error.message) from error
