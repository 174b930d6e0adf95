"""What a schedule is: when it makes which job, and what becomes of ticks that come late or too early."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .job import NewJob


class Catchup(StrEnum):
    """What becomes of ticks that no scheduler was there to fire (downtime), once one is there again."""

    NONE = "none"  # they are missed
    LAST = "last"  # the newest of them fires, the others are missed
    ALL = "all"  # every one fires, oldest first


class Overlap(StrEnum):
    """What a tick does while a job of an earlier tick of the same schedule has not ended."""

    ALLOW = "allow"  # makes its job all the same
    SKIP = "skip"  # makes none
    BUFFER_ONE = "buffer-one"  # makes one that runs after it; further ticks make none until that one has begun
    CANCEL_OTHER = "cancel-other"  # cancels it, and makes one that runs once it has ended


class TickState(StrEnum):
    """What became of a tick."""

    FIRED = "fired"
    SKIPPED = "skipped"  # because of its overlap
    MISSED = "missed"  # nobody was there in time, and its catch-up did not want it


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule to store.

    name: 1 to 128 characters, as queues' names. expression: five cron fields, `@hourly` and its like,
    `@every 90s` or `@at 2026-12-01T09:00:00Z` (once). timezone: IANA name, in which cron fields are read.
    job: what each tick submits; without run_at, delay, idempotency_key, after and hold. jitter: seconds; a
    tick's job runs up to so much later, by an amount that is the same on every host. start, end: aware times;
    no tick before start, none after end.
    """

    name: str
    expression: str
    job: NewJob
    timezone: str = "UTC"
    jitter: float = 0.0
    start: datetime | None = None
    end: datetime | None = None
    catchup: Catchup = Catchup.NONE
    overlap: Overlap = Overlap.ALLOW


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it is stored.

    decided_until: what becomes of every tick up to this instant has been written down. revision: grows with
    every change that somebody makes. next_at: its next tick in UTC; None while it is paused, and where no
    tick is to come. last_at, last_job: its newest tick that fired.
    """

    id: int
    spec: NewSchedule
    created_at: datetime
    created_by: str
    updated_at: datetime
    revision: int
    decided_until: datetime
    paused_at: datetime | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_job: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick and what became of it.

    scheduled_for: UTC. decided_at: when that was written down. job_id: of its job, if it fired. reason:
    why it was skipped or missed. by: the scheduler, or who triggered or backfilled it. manual: somebody
    triggered it; then scheduled_for is the moment at which he did.
    """

    schedule: str
    scheduled_for: datetime
    state: TickState
    decided_at: datetime
    job_id: int | None = None
    reason: str | None = None
    by: str = ""
    manual: bool = False
    job_state: str | None = field(default=None)

    @property
    def late(self) -> float:
        """Seconds from its time until it was decided."""
        return (self.decided_at - self.scheduled_for).total_seconds()
