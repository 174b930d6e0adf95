"""Jobs as pages, from a real store: no page leaves a job out or gives one twice, from either end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobsched.core.model.errors import TryAgain
from jobsched.core.model.job import Job, NewJob
from jobsched.core.model.selection import Selection, parse
from jobsched.core.service import Service
from jobsched.tests.tui.driving import until, until_shown
from jobsched.tui.job_pages import Jobs


class Slow:
    """The use cases over a store that reads three hundred numbers in the time that a page may take, and no more."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.refused = 0

    def look(self, ids: list[int]) -> list[Job]:
        return self._service.look(ids)

    def select(self, wanted: Selection | None, *, before: int | None, **options: Any) -> list[Job]:
        if wanted is not None:
            [low] = [each.test.value for each in wanted.conditions if each.field == "id"]  # type: ignore[union-attr]
            if min(self._service.list(limit=1)[0].id + 1, before or 0) - low > 300:  # type: ignore[operator]
                self.refused += 1
                raise TryAgain("it took too long", fix="look for less")
        return self._service.select(wanted, before=before, **options)


def pages(service: Service | Slow, text: str) -> Jobs:
    """The jobs that fit, asked for without a screen."""

    async def ask(question: Callable[[Any], Any]) -> Any:
        return question(service)

    return Jobs(ask, parse(text) if text else None)


@pytest.fixture(params=["fast", "slow"])
def store(service: Service, request: pytest.FixtureRequest) -> Service | Slow:
    """The use cases, over a store that answers at once or one that needs its time."""
    return Slow(service) if request.param == "slow" else service


@pytest.fixture
def rare(service: Service) -> list[int]:
    """Of a thousand jobs, every ninety-seventh is in the queue `rare`, and thirty at the end are; newest first."""
    new = [NewJob("noop", queue="rare" if n % 97 == 5 or n >= 970 else "often") for n in range(1000)]
    return [job.id for job, each in zip(service.submit_many(new), new, strict=True) if each.queue == "rare"][::-1]


@pytest.mark.parametrize("limit", [1, 7, 30, 200])
async def test_down_and_up_again(store: Service | Slow, rare: list[int], limit: int) -> None:
    """Page by page from the newest to the oldest, and back."""
    source = pages(store, "queue:rare")
    part = await source.newest(limit)
    found = list(part.rows)
    while part.rest is not None:
        part = await source.below(part.rest, limit)
        assert len(part.rows) <= limit
        found += part.rows
    assert [job.id for job in found] == rare
    assert source.is_slow == isinstance(store, Slow)
    assert [job.id for job in await source.since(found[2], limit)] == rare[:2][:limit]
    found = found[-1:]
    while page := await source.above(found[0], limit):
        found = [*page, *found]
    assert [job.id for job in found] == rare


@pytest.mark.parametrize("text", ["queue:rare", "queue:often", "", "queue:nobody"])
@pytest.mark.parametrize("limit", [2, 10, 5000])
async def test_the_oldest_are_the_last_ones(
    store: Service | Slow, service: Service, rare: list[int], text: str, limit: int
) -> None:
    """At least one where there is any, at most a page, and none is left out between them."""
    source = pages(store, text)
    everything = [job.id for job in service.select(parse(text) if text else None, limit=10_000)]
    found = [job.id for job in await source.oldest(limit)]
    assert found == everything[len(everything) - len(found) :]
    assert min(1, len(everything)) <= len(found) <= limit
    assert rare


async def test_a_store_too_slow_for_the_smallest_span_says_so(service: Service, rare: list[int]) -> None:
    """It is not asked for ever."""

    class Stuck(Slow):
        def select(self, wanted: Selection | None, *, before: int | None, **options: Any) -> list[Job]:
            if wanted is not None:
                raise TryAgain("it took too long", fix="look for less")
            return super().select(wanted, before=before, **options)

    source = pages(Stuck(service), "queue:rare")

    async def look_for_a_row() -> None:
        part = await source.newest(5)
        while not part.rows:
            assert part.rest is not None
            part = await source.below(part.rest, 5)

    with pytest.raises(TryAgain):
        await look_for_a_row()
    with pytest.raises(TryAgain):
        await source.oldest(5)
    assert rare


async def test_new_jobs_are_found_however_far_below_the_newest_the_first_row_is(service: Service) -> None:
    """Span by span, once each; nothing is asked of the store that it cannot answer in time."""
    first = service.submit(NewJob("noop", queue="rare")).id
    service.submit_many([NewJob("noop", queue="often")] * 1500)
    slow = Slow(service)
    source = pages(slow, "queue:rare")
    part = await source.newest(5)
    while not part.rows:
        assert part.rest is not None
        part = await source.below(part.rest, 5)
    [row] = part.rows
    assert row.id == first
    for _ in range(20):
        assert await source.since(row, 5) == []
    new = [service.submit(NewJob("noop", queue=queue)).id for queue in ("rare", "often", "rare")]
    slow.refused = 0
    for _ in range(3):
        assert [job.id for job in await source.since(row, 5)] == [new[2], new[0]]
    assert [job.id for job in await source.since(service.get(new[0]), 5)] == [new[2]]
    assert slow.refused == 0


async def test_a_table_that_is_followed_leaves_out_no_job_below(driven: Any, service: Service) -> None:
    """New ones above push older ones out, which come back when somebody goes down there."""
    ids = [made.id for made in service.submit_many([NewJob("noop")] * 300)]
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "200 loaded")
        await pilot.press("f")
        await until_shown(pilot, "following")
        ids += [made.id for made in service.submit_many([NewJob("noop")] * 50)]
        await until(pilot, lambda: app.active.table.rows[0].id == ids[-1], "the new ones")
        for _ in range(8):
            await pilot.press("pagedown")
        await until_shown(pilot, "350 loaded")
        assert [job.id for job in app.active.table.rows] == ids[::-1]
