"""Ticks in the store: what was asked about them, what became of them, and what is remembered. decide.py decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from ..model.schedule import Origin, Overlap, Schedule, Tick, TickState
from ..timetable import Verdict
from .jobs import Connection
from .sql import load

NOW = datetime.min.replace(tzinfo=UTC)
"""A tick at the moment, by the database's clock, at which it is decided: somebody triggers it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Ticks of one schedule to be decided, oldest first.

    frontier, revision: what is known of the schedule; refused where it is not so any more. until: where the
    frontier goes. Where somebody triggers or backfills there is none: nothing is compared, and it stays. jitter:
    seconds. alone: whether the schedule has to be decided by itself: see `needs_care`.
    """

    id: int
    verdicts: Sequence[Verdict]
    jitter: float
    alone: bool
    revision: int = 0
    frontier: datetime | None = None
    until: datetime | None = None


class Decided(NamedTuple):
    """A tick as it was written down. now: the database's time at which that was. holder: the job that has its unique
    key, where that is why there is none."""

    schedule_id: int
    tick: datetime
    state: TickState
    job_id: int | None
    reason: str | None
    now: datetime
    holder: int | None = None


@dataclass(slots=True)
class Decisions:
    """What came of it. accepted: schedules that were as they were thought to be; of the others, nothing was written.
    ticks: those that are new. ready: how many jobs of each (queue, type) are ready now."""

    accepted: set[int] = field(default_factory=set)
    ticks: list[Decided] = field(default_factory=list)
    ready: Counter[tuple[str, str]] = field(default_factory=Counter)


def is_keyed(schedule: Schedule) -> bool:
    """Whether its jobs have a unique or a concurrency key."""
    return schedule.job.unique_key is not None or schedule.job.concurrency_key is not None


def needs_care(schedule: Schedule) -> bool:
    """Whether its ticks are decided one schedule at a time, because they depend on other jobs."""
    return is_keyed(schedule) or schedule.spec.overlap in (Overlap.BUFFER_ONE, Overlap.CANCEL_OTHER)


def list_ticks(
    connection: Connection,
    schedule_id: int | None,
    *,
    limit: int,
    before: datetime | None,
    after: str | None = None,
    states: Collection[TickState],
) -> list[Tick]:
    """Return one page of ticks, newest first, at one time by name: of one schedule, or of all.

    before: only older; after: also those at this time of schedules whose names come after it. states: () is all.
    """
    params = {
        "id": schedule_id,
        "limit": limit,
        "before": datetime.max if before is None else before,
        "after": after,
        "states": sorted(state.value for state in states) or None,
    }
    return [
        Tick(name, tick, TickState(state), decided_at, job_id, reason, by, Origin(origin), job_state)
        for name, tick, state, decided_at, job_id, reason, by, origin, job_state in connection.execute(
            load("tick_list"), params
        )
    ]


def time_now(connection: Connection) -> datetime:
    """The database's time."""
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


def known_ticks(connection: Connection, schedule_id: int, ticks: Sequence[datetime]) -> dict[datetime, bool]:
    """Those of the ticks that a schedule has, and whether each of them fired."""
    return dict(connection.execute(load("tick_known"), {"id": schedule_id, "ticks": list(ticks)}).fetchall())
