"""`network_intensive`: keeps the network busy, or at least the loopback interface."""

from __future__ import annotations

import time
from typing import Annotated, Any

from pydantic import Field, model_validator

from ..core.handler import Context, Discard, Retry, handler
from ..core.model.errors import FetchFailed, FetchRefused
from ._simulation import Kilobytes, Meter, Requests, Workload, talk, talked
from ._source import Url


class NetworkIntensive(Workload):
    """`requests`, each a GET of `url`, or without one a connection to a server of the job's own."""

    url: Url | None = Field(None, description="what to GET; default: nothing, the job talks to itself")
    requests: Annotated[Requests, Field(ge=1)] = Field(10, description="one after the other")
    kilobytes: Kilobytes = 64

    @model_validator(mode="after")
    def _sends_only_to_itself(self) -> NetworkIntensive:
        if self.url is not None and "kilobytes" in self.model_fields_set:
            raise ValueError("give either url or kilobytes: what a url answers with has its own size")
        return self


@handler(
    "network_intensive",
    aliases=("network_task",),
    examples=(
        {"payload": "test task"},
        {"requests": 5, "kilobytes": 256},
        {"url": "https://example.com/", "requests": 3},
    ),
)
async def network_intensive(payload: NetworkIntensive, context: Context) -> dict[str, Any]:
    """GET a URL again and again, or send bytes through a TCP server of its own and compare what comes back."""
    payload.fail_if_asked()
    if payload.url is None:
        return await talk(Meter(context), requests=payload.requests, kilobytes=payload.kilobytes)
    try:
        return await _get(payload.url, payload.requests, context)
    except FetchRefused as error:
        raise Discard(f"{error.message} ({error.fix})" if error.fix else error.message) from None
    except FetchFailed as error:
        if error.temporary:
            raise Retry(error.message, delay=error.retry_after) from None
        raise Discard(error.message) from None


async def _get(url: str, requests: int, context: Context) -> dict[str, Any]:
    from ..core.fetch import FetchPolicy, fetch_async

    policy = FetchPolicy.of(context.settings)
    meter = Meter(context)
    began = time.monotonic()
    size = 0
    for number in range(1, requests + 1):
        size += len((await fetch_async(url, policy)).body)
        meter.at(number / requests, "fetching")
    return talked(requests, size, time.monotonic() - began)
