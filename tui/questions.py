"""What each screen wants to know, as functions of the use cases; the feed calls them in its thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.model.job import Attempt, Job
from ..core.model.results import DeadGroup, Dependency, Event, Operation, OutputChunk, TailCursor, WorkerInfo
from ..core.model.schedule import Schedule
from ..core.model.watching import DeadKind, Flow, Totals, WatchedQueue

if TYPE_CHECKING:
    from ..core.model.selection import Selection
    from ..core.service import Service

LOG_PAGE = 1000
PATIENCE = 2.0
"""Seconds after which a list, or the count of what is about to be changed, is given up."""
COUNT_PATIENCE = 0.5
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


def ended_since(cursor: TailCursor | None) -> Callable[[Service], tuple[list[Event], TailCursor]]:
    """What ended after `cursor`, a thousand at most, and where to go on."""
    return lambda service: service.ended_since(cursor)


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
    """Jobs that fit, newest first, as pages; with `sort`, one page in that order. ask: the feed's. wanted: None is
    every job."""

    def __init__(self, ask: Callable[..., object], wanted: Selection | None = None, sort: str | None = None) -> None:
        self._ask = ask
        self.wanted = wanted
        self.sort = sort
        self._span = 400

    async def newest(self, limit: int) -> Sequence[Job]:
        return await self._page(None, limit)

    async def below(self, row: Job, limit: int) -> Sequence[Job]:
        return [] if self.sort else await self._page(row.id, limit)

    async def again(self, rows: Sequence[Job]) -> Sequence[Job]:
        ids = [row.id for row in rows]
        return await self._ask(lambda service: service.look(ids))  # type: ignore[misc, no-any-return]

    async def oldest(self, limit: int) -> Sequence[Job]:
        """Look for the number below which there is just a page: a store is read from above."""
        rows = await self.newest(limit)
        if len(rows) < limit or self.sort:
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
        beyond: Sequence[Job] = []
        while True:
            page = await self._page(min(FAR, row.id + self._span + 1), limit)
            found = [each for each in page if each.id > row.id]
            if len(found) == limit and self._span > limit:  # there may be others in between
                far, beyond = self._span, found
            else:
                near, best = self._span, found
                if len(found) >= max(1, limit // 2) or self._span >= FAR or (far and found):
                    return best
            if far and far - near <= 1:
                return best or beyond  # one number further is at most one job more
            self._span = (near + far) // 2 if far else min(FAR, self._span * 4)

    async def _page(self, before: int | None, limit: int) -> Sequence[Job]:
        wanted, sort = self.wanted, self.sort
        return await self._ask(  # type: ignore[misc, no-any-return]
            lambda service: service.select(wanted, before=before, limit=limit, sort=sort, patience=PATIENCE)
        )


def count(wanted: Selection | None) -> Callable[[Service], int]:
    """How many jobs fit. TryAgain: too many to be counted before somebody else's answer is kept waiting."""
    return lambda service: service.count(wanted, patience=COUNT_PATIENCE)[0].count


def counts(chosen: Sequence[Selection]) -> Callable[[Service], tuple[int, list[tuple[str, Counter[str]]]]]:
    """How many jobs fit one of the selections, and how many of them in each state and queue. TryAgain."""

    def ask(service: Service) -> tuple[int, list[tuple[str, Counter[str]]]]:
        found: list[tuple[str, Counter[str]]] = [("state", Counter()), ("queue", Counter())]
        for each in chosen:
            for tally in service.count(each, ("state", "queue"), patience=PATIENCE):
                for name, counter in found:
                    counter[tally.by[name] or ""] += tally.count
        return found[0][1].total(), found

    return ask


def last_change(by: str) -> Callable[[Service], Operation | None]:
    """The newest change of this person that was not undone yet."""
    return lambda service: next(iter(service.operations(by=by, undoable=True, limit=1)), None)


def words(service: Service) -> Mapping[str, Sequence[str]]:
    """Names that somebody may want to write: kind (queues, types, tags, workers, schedules) → words."""
    found: dict[str, list[str]] = {}
    for kind, word, _ in service.vocabulary():
        found.setdefault(kind, []).append(word)
    return found


def of_kind(group: DeadGroup) -> Selection:
    """The dead jobs that failed alike."""
    from ..core.model.selection import AnyOf, Condition, Glob, Like, Selection, Wild
    from ..core.model.states import State

    if group.fingerprint:
        kind = Condition("fingerprint", AnyOf((group.fingerprint,)))
    else:
        kind = Condition("fingerprint", Like((Glob((Wild.MANY,)),)), negated=True)
    names = (Condition("queue", AnyOf((group.queue,))), Condition("type", AnyOf((group.type,))))
    return Selection((Condition("state", AnyOf((State.DEAD,))), kind, *names))
