"""What each screen wants to know, as functions of the use cases; the feed calls them in its thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
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
SHARE, LONGEST = 0.01, 5.0
"""Of the time that queues are counted in, and the seconds that their counts may be old."""


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


class Boards:
    """Board after board, for a screen that is open for hours. Queues are counted anew for a hundredth of the time at
    most: at once where that costs nothing, every few seconds where claims have left much behind that is passed over."""

    def __init__(self) -> None:
        self._queues: list[WatchedQueue] = []
        self._nudges = -1
        self._until = 0.0

    def next(self, nudges: int) -> Callable[[Service], Board]:
        """nudges: how often somebody asked by hand; whoever just did, or changed something, gets what is there now."""

        def ask(service: Service) -> Board:
            began = monotonic()
            if began >= self._until or nudges != self._nudges:
                self._queues, self._nudges = service.watched_queues(), nudges
                now = monotonic()
                self._until = now + min(LONGEST, (now - began) / SHARE)
            return Board(self._queues, service.flow(), service.workers(), service.totals())

        return ask


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
