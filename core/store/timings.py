"""What schedulers read: when schedules are due, and whether somebody has changed one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from ..model.job import NewJob
from ..model.schedule import Catchup, NewSchedule, Overlap
from ..timetable import Timetable
from .jobs import Connection
from .sql import load

CHANNEL = "jobsched_schedule"
"""Where changes are told, by the schedule's id."""


class Timing(NamedTuple):
    """A schedule as a scheduler needs it: a row of schedule_timings.sql."""

    id: int
    name: str
    expression: str
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime
    jitter: float
    catchup: str
    overlap: str
    keyed: bool
    paused: bool
    revision: int
    decided_until: datetime

    @property
    def alone(self) -> bool:
        """Whether its ticks are decided one schedule at a time: see ticks.needs_care."""
        return self.keyed or self.overlap in (Overlap.BUFFER_ONE, Overlap.CANCEL_OTHER)

    def timetable(self) -> Timetable:
        """Its ticks. UsageError: this program cannot read its expression or zone."""
        spec = NewSchedule(
            self.name,
            self.expression,
            NewJob("-"),
            self.timezone,
            start=self.starts_at,
            end=self.ends_at,
            catchup=Catchup(self.catchup),
        )
        return Timetable(spec, self.created_at)


class Sum(NamedTuple):
    """Others once anybody has changed a schedule. now: the database's time."""

    schedules: int
    revisions: int
    ids: int
    now: datetime


def read_timings(connection: Connection, ids: Collection[int] | None = None) -> list[Timing]:
    """Return schedules, paused ones too: all, or those of `ids` that exist."""
    params = {"ids": None if ids is None else list(ids)}
    return [Timing._make(row) for row in connection.execute(load("schedule_timings"), params).fetchall()]


def read_sum(connection: Connection) -> Sum:
    """See Sum."""
    row = connection.execute(load("schedule_sum")).fetchone()
    assert row is not None
    return Sum._make(row)


def read_revisions(connection: Connection) -> dict[int, int]:
    """The revision of every schedule, by id."""
    return dict(connection.execute(load("schedule_revisions")).fetchall())
