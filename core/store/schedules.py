"""Schedules in the store: what they are. What becomes of their ticks is in ticks.py."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from ..model.backoff import Backoff, BackoffKind
from ..model.errors import Conflict, ScheduleNotFound, UsageError
from ..model.job import NewJob
from ..model.priority import Priority
from ..model.schedule import Catchup, NewSchedule, Overlap, Schedule
from ..timetable import Timetable
from .enqueue import JobRow, Row
from .jobs import Connection
from .sql import load

FORGET_BATCH = 10_000
_HANDLERS_OWN = ("queue", "priority", "max_attempts", "backoff", "timeout")
"""Options that a job takes from its type where nobody names them."""


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule in the store's own terms: as it was asked for, and its job with every option decided."""

    spec: NewSchedule
    job: JobRow

    def params(self, by: str) -> dict[str, Any]:
        """What schedule_add.sql and schedule_edit.sql take."""
        spec, blocks = self.spec, self.job.blocks
        return self.job.options._asdict() | {
            "name": spec.name,
            "expression": spec.expression,
            "timezone": spec.timezone,
            "jitter": float(spec.jitter),
            "starts_at": spec.start,
            "ends_at": spec.end,
            "catchup": spec.catchup.value,
            "overlap": spec.overlap.value,
            "payload": self.job.payload,
            "unique_key": blocks.unique_key if blocks else "",
            "concurrency_key": blocks.concurrency_key if blocks else "",
            "given": self.given,
            "by": by,
        }

    @property
    def given(self) -> list[str]:
        """The options of the type that somebody has named others for."""
        return [name for name in _HANDLERS_OWN if getattr(self.spec.job, name) is not None]


def decided_job(row: ScheduleRow) -> NewJob:
    """The job of a row with every option decided, as `Schedule.job` will have it."""
    options = row.job.options
    return replace(
        row.spec.job,
        queue=options.queue,
        priority=Priority(options.priority),
        max_attempts=options.max_attempts,
        backoff=Backoff(BackoffKind(options.backoff_kind), options.backoff_base, options.backoff_cap),
        timeout=options.timeout or None,
    )


def not_found(connection: Connection, name: str) -> ScheduleNotFound:
    """The error for a name that no schedule has, with the one that is like it."""
    names = [row[0] for row in connection.execute("select name from jobsched.schedule order by name")]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "jobsched cron ls"
    return ScheduleNotFound(f"there is no schedule called {name[:80]!r}", fix=hint)


def taken(name: str) -> Conflict:
    """The error for a name that another schedule has."""
    return Conflict(
        f"there is a schedule called {name!r} already", fix=f"give it another name, or: jobsched cron edit {name}"
    )


def add(connection: Connection, row: ScheduleRow, by: str) -> None:
    """Store a schedule. Conflict: its name is taken."""
    if connection.execute(load("schedule_add"), row.params(by)).fetchone() is None:
        raise taken(row.spec.name)


def edit(connection: Connection, before: Schedule, row: ScheduleRow, by: str) -> bool:
    """Replace what a schedule is; False if somebody has changed it since `before` was read. Conflict: a taken name."""
    params = row.params(by) | {"id": before.id, "revision": before.revision}
    try:
        return connection.execute(load("schedule_edit"), params).fetchone() is not None
    except psycopg.errors.UniqueViolation:
        raise taken(row.spec.name) from None


def remove(connection: Connection, schedule: Schedule) -> bool:
    """Delete a schedule; False if it is gone already. Call `forget` after the commit."""
    return connection.execute(load("schedule_remove"), {"id": schedule.id}).fetchone() is not None


def forget(connection: Connection, schedule_id: int) -> None:
    """Delete the ticks of a schedule that was removed. Interrupted, what is left goes with retention."""
    params = {"id": schedule_id, "batch": FORGET_BATCH}
    while connection.execute(load("schedule_forget"), params).rowcount == FORGET_BATCH:
        pass


def pause(connection: Connection, name: str, *, by: str, reason: str | None) -> Schedule:
    """Let no tick of it fire until it is resumed. ScheduleNotFound."""
    connection.execute(load("schedule_pause"), {"name": name, "by": by, "reason": reason})
    return get_schedule(connection, name)


def resume(connection: Connection, name: str) -> Schedule:
    """Let its next ticks fire; those while it was paused do not. ScheduleNotFound."""
    connection.execute(load("schedule_resume"), {"name": name})
    return get_schedule(connection, name)


def list_schedules(connection: Connection) -> list[Schedule]:
    """Every schedule, by name."""
    return [_read(row) for row in connection.execute(load("schedule_list"), {"name": None})]


def get_schedule(connection: Connection, name: str) -> Schedule:
    """ScheduleNotFound, with the name that is like it."""
    row = connection.execute(load("schedule_list"), {"name": name}).fetchone()
    if row is None:
        raise not_found(connection, name)
    return _read(row)


def has_scheduler(connection: Connection) -> bool:
    """Whether a scheduler is connected to the store."""
    row = connection.execute(load("scheduler_connected"), {}).fetchone()
    return row is not None and bool(row[0])


def payloads(connection: Connection, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """The payloads of schedules with what is hidden in them, by id."""
    return dict(connection.execute(load("schedule_payloads"), {"ids": list(ids)}).fetchall())


class _Row(NamedTuple):
    """A row of schedule_list.sql."""

    id: int
    name: str
    expression: str
    timezone: str
    jitter: float
    starts_at: datetime | None
    ends_at: datetime | None
    catchup: str
    overlap: str
    queue: str
    type: str
    payload: dict[str, Any]
    priority: int
    max_attempts: int
    backoff_kind: str
    backoff_base: float
    backoff_cap: float
    timeout: float | None
    tags: list[str]
    unique_key: str | None
    concurrency_key: str | None
    given: list[str]
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    revision: int
    decided_until: datetime
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    last_at: datetime | None
    last_job: int | None
    now: datetime

    def job(self, *, decided: bool) -> NewJob:
        """What its ticks submit: with every option decided, or only those that somebody named."""
        options: dict[str, Any] = {
            "queue": self.queue,
            "priority": Priority(self.priority),
            "max_attempts": self.max_attempts,
            "backoff": Backoff(BackoffKind(self.backoff_kind), self.backoff_base, self.backoff_cap),
            "timeout": self.timeout,
        }
        return NewJob(
            self.type,
            self.payload,
            tags=tuple(self.tags),
            unique_key=self.unique_key,
            concurrency_key=self.concurrency_key,
            **{name: value for name, value in options.items() if decided or name in self.given},
        )


def _read(values: Row) -> Schedule:
    row = _Row._make(values)
    spec = NewSchedule(
        row.name,
        row.expression,
        row.job(decided=False),
        row.timezone,
        row.jitter,
        row.starts_at,
        row.ends_at,
        Catchup(row.catchup),
        Overlap(row.overlap),
    )
    next_at, unreadable = _next(spec, row)
    return Schedule(
        row.id,
        spec,
        row.job(decided=True),
        row.created_at,
        row.created_by,
        row.updated_at,
        row.updated_by,
        row.revision,
        row.decided_until,
        row.paused_at,
        row.paused_by,
        row.pause_reason,
        None if row.paused_at is not None else next_at,
        row.last_at,
        row.last_job,
        unreadable,
    )


def _next(spec: NewSchedule, row: _Row) -> tuple[datetime | None, str | None]:
    """The first tick to come, and why this program cannot tell, if it cannot."""
    try:
        return Timetable(spec, row.created_at).next_after(max(row.now, row.decided_until)), None
    except UsageError as error:
        return None, error.message
