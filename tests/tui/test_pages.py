"""Jobs as pages, from a real store: no page leaves a job out or gives one twice, from either end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobsched.core.model.job import NewJob
from jobsched.core.model.selection import parse
from jobsched.core.service import Service
from jobsched.tui.questions import Jobs


def pages(service: Service, text: str) -> Jobs:
    """The jobs that fit, asked for without a screen."""

    async def ask(question: Callable[[Service], Any]) -> Any:
        return question(service)

    return Jobs(ask, parse(text) if text else None)


@pytest.fixture
def rare(service: Service) -> list[int]:
    """Of a thousand jobs, every ninety-seventh is in the queue `rare`, and thirty at the end are; newest first."""
    new = [NewJob("noop", queue="rare" if n % 97 == 5 or n >= 970 else "often") for n in range(1000)]
    return [job.id for job, each in zip(service.submit_many(new), new, strict=True) if each.queue == "rare"][::-1]


@pytest.mark.parametrize("limit", [1, 7, 30, 200])
async def test_down_and_up_again(service: Service, rare: list[int], limit: int) -> None:
    """Page by page from the newest to the oldest, and back."""
    source = pages(service, "queue:rare")
    found = list(await source.newest(limit))
    while page := await source.below(found[-1], limit):
        found += page
    assert [job.id for job in found] == rare
    found = found[-1:]
    while page := await source.above(found[0], limit):
        found = [*page, *found]
    assert [job.id for job in found] == rare


@pytest.mark.parametrize("text", ["queue:rare", "queue:often", "", "queue:nobody"])
@pytest.mark.parametrize("limit", [2, 10, 5000])
async def test_the_oldest_are_the_last_ones(service: Service, rare: list[int], text: str, limit: int) -> None:
    """At least one where there is any, at most a page, and none is left out between them."""
    source = pages(service, text)
    everything = [job.id for job in service.select(parse(text) if text else None, limit=10_000)]
    found = [job.id for job in await source.oldest(limit)]
    assert found == everything[len(everything) - len(found) :]
    assert min(1, len(everything)) <= len(found) <= limit
    assert rare
