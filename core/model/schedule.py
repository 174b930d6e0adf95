"""What a schedule is: when it makes which job, and what becomes of ticks that come late or too early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from .durations import MAX_SECONDS
from .errors import UsageError
from .findings import Level
from .job import NewJob, check_name

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""What the store holds beyond, no program could read."""


class Catchup(StrEnum):
    """What becomes of ticks that no scheduler was there to fire (downtime), once one is there again."""

    NONE = "none"  # they are missed
    LAST = "last"  # the newest of them fires, if no younger one is due as well; the others are missed
    ALL = "all"  # every one fires, oldest first


class Overlap(StrEnum):
    """What a tick does while a job of an earlier tick of the same schedule has not ended."""

    ALLOW = "allow"  # makes its job all the same
    SKIP = "skip"  # makes none
    BUFFER_ONE = "buffer-one"  # makes one that runs after it; further ticks make none until that one has begun
    CANCEL_OTHER = "cancel-other"  # cancels it, and makes one that runs once it has ended; of ticks that are
    # decided together, the newest makes one alone


class TickState(StrEnum):
    """What became of a tick."""

    FIRED = "fired"
    SKIPPED = "skipped"  # because of its overlap
    MISSED = "missed"  # nobody was there in time, and its catch-up did not want it


class Origin(StrEnum):
    """Why a tick was decided."""

    SCHEDULE = "schedule"  # it was due
    TRIGGER = "trigger"  # somebody wanted a job at this moment
    BACKFILL = "backfill"  # somebody wanted a tick of the past


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

    def check(self) -> None:
        """Raise UsageError for the first option that makes no sense, but for expression, zone, type and payload."""
        check_name("schedule", self.name)
        if not 0 <= self.jitter <= MAX_SECONDS:
            raise UsageError(f"the jitter is {self.jitter:g} s — it cannot be negative, or more than 100 years")
        for what, time in (("start", self.start), ("end", self.end)):
            if time is not None and time.tzinfo is None:
                raise UsageError(f"the {what} {time.isoformat()} has no zone — give an aware datetime")
            if time is not None and not _FIRST <= time <= _LAST:
                raise UsageError(f"the {what} {time.isoformat()} is not between the years 1 and 9999 of UTC")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise UsageError(
                f"the end {self.end.isoformat()} comes before the start {self.start.isoformat()}",
                fix="give an --end after the --start",
            )
        job = self.job
        taken = (
            ("a time", job.run_at is not None or job.delay is not None, "the schedule's expression says when"),
            ("an idempotency key", job.idempotency_key is not None, "each tick makes one job as it is"),
            ("--after", bool(job.after), "every tick would wait for the same job"),
            ("--hold", job.hold, "pause the schedule instead"),
        )
        for what, given, why in taken:
            if given:
                raise UsageError(f"a schedule's job cannot have {what} — {why}")
        job.check()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it is stored. Of its job's payload, hidden fields are "(hidden)".

    spec: as it was asked for. job: what each tick submits, with every option decided. decided_until: what
    becomes of every tick up to this instant has been written down. revision: grows with every change that
    somebody makes. next_at: its next tick in UTC; None while it is paused, and where no tick is to come.
    last_at, last_job: its newest tick that fired. unreadable: why this program cannot tell its ticks, if so;
    then it has no next_at.
    """

    id: int
    spec: NewSchedule
    job: NewJob
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    revision: int
    decided_until: datetime
    paused_at: datetime | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_job: int | None = None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick and what became of it.

    scheduled_for: UTC. decided_at: when that was written down. job_id: of its job, if it fired; job_state: that
    job's, None if it is no longer in the store. reason: why it was skipped or missed. by: the scheduler, or who
    triggered or backfilled it. origin: where it is `trigger`, scheduled_for is the moment at which somebody did.
    """

    schedule: str
    scheduled_for: datetime
    state: TickState
    decided_at: datetime
    job_id: int | None = None
    reason: str | None = None
    by: str = ""
    origin: Origin = Origin.SCHEDULE
    job_state: str | None = None

    @property
    def manual(self) -> bool:
        """Whether somebody triggered it."""
        return self.origin is Origin.TRIGGER

    @property
    def late(self) -> float:
        """Seconds from its time until it was decided."""
        return (self.decided_at - self.scheduled_for).total_seconds()


class Action(StrEnum):
    """What applying a list of schedules does to one of them."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what `apply` did, or would do. fields: what is another one, for CHANGED."""

    name: str
    action: Action
    fields: tuple[str, ...] = ()


class Problem(StrEnum):
    """What can be wrong with a schedule."""

    OVERDUE = "overdue"  # a tick is due, and no scheduler decides it
    MISSED = "missed"
    LATE = "late"
    NEVER = "never"  # it has no tick to come
    OVERLAPPING = "overlapping"  # a tick came while an earlier job had not ended
    AHEAD = "ahead"  # it is decided further than now: the database's clock was ahead
    UNREADABLE = "unreadable"  # this program cannot read its expression or zone


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a schedule. ticks: how many of those looked at. fix: a command, if there is one."""

    schedule: str
    problem: Problem
    level: Level
    text: str
    ticks: int = 0
    fix: str | None = None
