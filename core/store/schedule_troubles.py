"""What is wrong with schedules: told by what became of their newest ticks, and by those that nobody decides."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta

from ..model.durations import format_duration
from ..model.errors import UsageError
from ..model.findings import Level
from ..model.schedule import Overlap, Problem, Schedule, Trouble
from ..timetable import Timetable
from .jobs import Connection
from .schedules import list_schedules
from .sql import load
from .ticks import time_now

LOOKED_AT = 50
"""The newest ticks of a schedule that are looked at."""
SINCE = 7 * 86400.0
LATE = 5.0
"""Seconds. A scheduler that runs is late by milliseconds."""


def find_troubles(connection: Connection, *, grace: float) -> list[Trouble]:
    """Return what is wrong with schedules, by name. grace: seconds that a tick may wait for being decided."""
    params = {"looked": LOOKED_AT, "since": SINCE, "late": LATE}
    recent = {row[0]: row[1:] for row in connection.execute(load("schedule_ticks"), params)}
    now = time_now(connection)
    found: list[Trouble] = []
    for schedule in list_schedules(connection):
        found += _of_times(schedule, now, grace)
        if schedule.spec.name in recent:
            found += _of_ticks(schedule, *recent[schedule.spec.name])
    return found


def overdue_since(schedule: Schedule, now: datetime, grace: float) -> datetime | None:
    """The first tick that nobody has decided for longer than `grace` seconds; None if there is none. UsageError."""
    if schedule.paused_at is not None:
        return None
    tick = Timetable.of(schedule).next_after(schedule.decided_until)
    return tick if tick is not None and tick < now - timedelta(seconds=grace) else None


def _of_times(schedule: Schedule, now: datetime, grace: float) -> Iterator[Trouble]:
    name = schedule.spec.name
    edit = f"jobsched cron edit {shlex.quote(name)}"
    try:
        due = overdue_since(schedule, now, grace)
    except UsageError as error:
        yield Trouble(name, Problem.UNREADABLE, Level.BAD, f"this program cannot read it: {error.message}", fix=edit)
        return
    if due is not None:
        late = format_duration((now - due).total_seconds())
        text = f"the tick of {due:%Y-%m-%d %H:%M:%S} UTC has been due for {late}, and no scheduler decides it"
        yield Trouble(name, Problem.OVERDUE, Level.BAD, text, fix="jobsched cron run, or jobsched worker --cron")
    elif schedule.decided_until > now + timedelta(seconds=LATE):
        until = f"{schedule.decided_until:%Y-%m-%d %H:%M:%S} UTC"
        text = f"all is decided until {until}, and nothing fires before: the database's clock was ahead"
        word = shlex.quote(name)
        yield Trouble(
            name, Problem.AHEAD, Level.BAD, text, fix=f"jobsched cron pause {word}; jobsched cron resume {word}"
        )
    elif schedule.next_at is None and schedule.paused_at is None and schedule.last_at is None:
        fires = Timetable.of(schedule).calendar.fires
        text = "it has no tick to come, and never had one" if fires else "no day is like that: it never fires"
        yield Trouble(name, Problem.NEVER, Level.WARN, text, fix=edit)


def _of_ticks(
    schedule: Schedule,
    missed: int,
    newest_missed: datetime | None,
    skipped: int,
    newest_skipped: datetime | None,
    late: int,
    latest: float | None,
    active: int,
) -> Iterator[Trouble]:
    name = schedule.spec.name
    word = shlex.quote(name)
    if newest_missed is not None:
        text = f"{_ticks(missed)} missed, as no scheduler ran; the newest is of {newest_missed:%Y-%m-%d %H:%M:%S} UTC"
        fix = f"jobsched cron backfill {word} --from {newest_missed:%Y-%m-%dT%H:%M:%SZ}"
        yield Trouble(name, Problem.MISSED, Level.WARN, text, missed, fix)
    if late and latest is not None:
        text = f"{_ticks(late)} late, by up to {format_duration(latest)}"
        yield Trouble(name, Problem.LATE, Level.WARN, text, late, f"jobsched cron history {word}")
    if newest_skipped is not None:
        text = f"{_ticks(skipped)} skipped; the newest is of {newest_skipped:%Y-%m-%d %H:%M:%S} UTC"
        yield Trouble(name, Problem.OVERLAPPING, Level.NOTE, text, skipped, f"jobsched cron history {word}")
    elif active > 1 and schedule.spec.overlap is Overlap.ALLOW:
        text = f"{active} of its ten newest jobs have not ended: they take longer than its ticks are apart"
        yield Trouble(name, Problem.OVERLAPPING, Level.WARN, text, active, f"jobsched cron edit {word} --overlap skip")


def _ticks(count: int) -> str:
    return "one tick was" if count == 1 else f"{count} of its {LOOKED_AT} newest ticks were"
