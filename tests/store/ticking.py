"""Schedules of a past that a test owns: their ticks are decided at the instants that it says, without waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from jobsched.core.engine.plans import Plan
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule, Schedule
from jobsched.core.service import Service
from jobsched.core.store.decide import decide
from jobsched.core.store.ticks import Asked, Decisions
from jobsched.core.store.timings import read_timings

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
"""When the schedules of tests were made."""
GRACE = 60.0


def at(seconds: float) -> datetime:
    """So many seconds after the schedules were made."""
    return EPOCH + timedelta(seconds=seconds)


class Ticking:
    """A scheduler worked by hand, over a connection of its own."""

    def __init__(self, connection: psycopg.Connection[Any], service: Service) -> None:
        self.connection = connection
        self.service = service

    def add(
        self, name: str = "s", expression: str = "@every 1m", job: NewJob | None = None, **options: Any
    ) -> Schedule:
        """Add a schedule that was made at EPOCH, and of which nothing is decided since."""
        spec = NewSchedule(name, expression, job or NewJob("noop"), **options)
        self.service.cron.add(spec, by="ann@host", unchecked=True)
        self.stand_at(0, name)
        return self.service.cron.get(name)

    def stand_at(self, seconds: float, name: str = "s") -> None:
        """Let a schedule without ticks be one that was made at EPOCH, and is decided until so many seconds later."""
        self.connection.execute(
            "update jobsched.schedule set created_at = %s, updated_at = %s, decided_until = %s where name = %s",
            (EPOCH, EPOCH, at(seconds), name),
        )

    def forget_why(self, name: str = "s") -> None:
        """Let its newest tick be one that somebody backfilled, so that the frontier is the tick before it."""
        self.connection.execute(
            "update jobsched.tick set origin = 'backfill' where (schedule_id, scheduled_for) in ("
            "select t.schedule_id, max(t.scheduled_for) from jobsched.tick t "
            "join jobsched.schedule s on s.id = t.schedule_id where s.name = %s group by t.schedule_id)",
            (name,),
        )

    def frontier(self, name: str = "s") -> float:
        """Until how many seconds after EPOCH all ticks of a schedule are decided."""
        ((found,),) = self.rows("select decided_until from jobsched.schedule_now where name = %s", name)
        seconds: float = (found - EPOCH).total_seconds()
        return seconds

    def ask(self, name: str, seconds: float) -> Asked:
        """What a scheduler that reads the schedule now would have decided so many seconds after EPOCH."""
        (timing,) = [each for each in read_timings(self.connection) if each.name == name]
        asked = Plan(timing).ask(at(seconds), GRACE, 1000)
        assert asked is not None, f"nothing is due of {name}"
        return asked

    def decide(self, seconds: float, name: str = "s", *, by: str = "scheduler") -> Decisions:
        """Decide what is due of a schedule so many seconds after EPOCH."""
        return decide(self.connection, [self.ask(name, seconds)], by=by)

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a query, as tuples."""
        return self.connection.execute(statement.encode(), values).fetchall()

    def ticks(self, name: str = "s") -> list[tuple[float, str]]:
        """Each tick of a schedule, by its seconds after EPOCH, with what became of it; oldest first."""
        found = self.rows(
            "select t.scheduled_for, t.state from jobsched.tick t join jobsched.schedule s on s.id = t.schedule_id "
            "where s.name = %s order by t.scheduled_for",
            name,
        )
        return [((tick - EPOCH).total_seconds(), state) for tick, state in found]

    def reasons(self, name: str = "s") -> list[str | None]:
        """Why ticks fired no job, oldest first; None for those that did."""
        found = self.rows(
            "select t.reason from jobsched.tick t join jobsched.schedule s on s.id = t.schedule_id "
            "where s.name = %s order by t.scheduled_for",
            name,
        )
        return [reason for (reason,) in found]
