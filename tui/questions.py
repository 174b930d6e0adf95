"""What each screen wants to know, as functions of the use cases; the feed calls them in its thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.model.job import Attempt, Job
from ..core.model.results import DeadGroup, Dependency, Event, OutputChunk, WorkerInfo
from ..core.model.schedule import Schedule
from ..core.model.states import State
from ..core.model.watching import DeadKind, Flow, Totals, WatchedQueue

if TYPE_CHECKING:
    from ..core.service import Service

LOG_PAGE = 1000
DEAD_PAGE = 2000
FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Board:
    """Queues with what came and went, and the workers that serve them."""

    queues: list[WatchedQueue]
    flow: Flow
    workers: list[WorkerInfo]
    totals: Totals


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with everything about it but its output."""

    job: Job
    attempts: list[Attempt]
    dependencies: list[Dependency]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs a list is about; all that are given must hold."""

    states: tuple[State, ...] = ()
    queue: str | None = None
    type: str | None = None
    tag: str | None = None


def board(service: Service) -> Board:
    """For the overview and the queues."""
    return Board(service.watched_queues(), service.flow(), service.workers(), service.totals())


def totals(service: Service) -> Totals:
    """The server's counters alone."""
    return service.totals()


def workers(service: Service) -> list[WorkerInfo]:
    """Workers that have not ended."""
    return service.workers()


def schedules(service: Service) -> list[Schedule]:
    """Every schedule, by name."""
    return service.cron.list()


def dead_kinds(service: Service) -> list[DeadKind]:
    """The dead-letter queue by what went wrong."""
    return service.dead_kinds()


def events(service: Service) -> list[Event]:
    """What ended last."""
    return service.newest_events()


def job(job_id: int) -> Callable[[Service], JobView]:
    """A job as it stands. JobNotFound."""

    def ask(service: Service) -> JobView:
        return JobView(service.get(job_id), service.attempts(job_id), service.dependencies(job_id))

    return ask


def output(job_id: int, after: tuple[int, int] | None) -> Callable[[Service], list[OutputChunk]]:
    """What a job said after (token, chunk)."""
    return lambda service: service.output(job_id, after=after, limit=LOG_PAGE)


def why(job_id: int) -> Callable[[Service], list[tuple[str, str | None]]]:
    """Why a job does not run: reasons in words, each with the command that does away with it."""

    def ask(service: Service) -> list[tuple[str, str | None]]:
        from ..core.why import explain

        return [("  " * each.depth + each.text, each.fix) for each in explain(service, service.get(job_id))]

    return ask


class Jobs:
    """Jobs that fit, newest first, as pages. ask: the feed's."""

    def __init__(self, ask: Callable[..., object], wanted: Wanted | None = None) -> None:
        self._ask = ask
        self.wanted = wanted or Wanted()
        self._span = 400

    async def newest(self, limit: int) -> Sequence[Job]:
        return await self._page(None, limit)

    async def below(self, row: Job, limit: int) -> Sequence[Job]:
        return await self._page(row.id, limit)

    async def again(self, rows: Sequence[Job]) -> Sequence[Job]:
        ids = [row.id for row in rows]
        return await self._ask(lambda service: service.look(ids))  # type: ignore[misc, no-any-return]

    async def oldest(self, limit: int) -> Sequence[Job]:
        """Look for the number below which there is just a page: a store is read from above."""
        rows = await self.newest(limit)
        if len(rows) < limit:
            return rows
        low, high = 1, rows[0].id  # below `low` there is less than a page, below `high` a whole one
        best: Sequence[Job] = []
        while high - low > 1:
            middle = (low + high) // 2
            page = await self._page(middle, limit)
            if len(page) < limit:
                low, best = middle, page
            else:
                high = middle
        return best

    async def above(self, row: Job, limit: int) -> Sequence[Job]:
        """Some of the jobs right before `row`, none where there is none: the distance at which there are at
        most `limit` of them is felt for, and remembered for the next page."""
        near, far = 0, 0
        best: Sequence[Job] = []
        while True:
            page = await self._page(min(FAR, row.id + self._span + 1), limit)
            found = [each for each in page if each.id > row.id]
            if len(found) == limit and self._span > limit:  # there may be others in between
                far = self._span
            else:
                near, best = self._span, found
                if len(found) >= limit // 2 or self._span >= FAR or (far and found):
                    return best
            if far and far - near <= 1:
                return best
            self._span = (near + far) // 2 if far else min(FAR, self._span * 4)

    async def _page(self, before: int | None, limit: int) -> Sequence[Job]:
        wanted = self.wanted
        return await self._ask(  # type: ignore[misc, no-any-return]
            lambda service: service.list(
                states=wanted.states, queue=wanted.queue, type=wanted.type, tag=wanted.tag, before=before, limit=limit
            )
        )


def dead_of(groups: Sequence[DeadGroup], most: int) -> Callable[[Service], list[Job]]:
    """The dead jobs of these kinds, newest first, at most so many."""
    kinds = {(each.fingerprint, each.queue, each.type) for each in groups}

    def ask(service: Service) -> list[Job]:
        found: list[Job] = []
        before: int | None = None
        while len(found) < most:
            page = service.dlq(limit=DEAD_PAGE, before=before)
            found += [job for job in page if (job.fingerprint or "", job.queue, job.type) in kinds]
            if len(page) < DEAD_PAGE:
                break
            before = page[-1].id
        return found[:most]

    return ask
