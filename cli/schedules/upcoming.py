"""The ticks that are to come, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ...core.calendar import jitter
from .. import diagnostics, invocation
from ..output import Column
from ..text import show_time

if TYPE_CHECKING:
    from ...core.model.schedule import NewSchedule, Schedule
    from ...core.timetable import Timetable

NEXT = (
    Column("scheduled_for", "time", title="IN"),
    Column("local"),
    Column("utc", shown=False, in_table=True),
    Column("runs_at", "time", shown=False),
    Column("note"),
)


def next_rows(
    timetable: Timetable, after: datetime, count: int, *, zone: str, schedule: Schedule | None = None
) -> Iterator[dict[str, Any]]:
    """The first ticks after an aware time as records.

    zone: whose clocks `local` is read from. schedule: whose ticks they are, if it is stored; then its jitter is known.
    """
    info = ZoneInfo(zone)
    people = invocation.current().for_people
    for tick in islice(timetable.after(after), count):
        local = tick.astimezone(info)
        spread = jitter(schedule.id, tick, schedule.spec.jitter) if schedule is not None else 0.0
        row: dict[str, Any] = {
            "scheduled_for": tick,
            "local": spell(local) if people else local.isoformat(),
            "runs_at": tick + timedelta(seconds=spread),
            "note": timetable.calendar.notes(tick) or None,
        }
        yield row | {"utc": f"{tick:%Y-%m-%d %H:%M:%S}Z"} if people else row


def spell(local: datetime) -> str:
    """A zone's time for people: Sun 2026-03-08 03:00:00 EDT."""
    return f"{local:%a %Y-%m-%d %H:%M:%S %Z}"


def soon(tick: datetime | None, zone: str, now: datetime) -> str:
    """When a tick is, in words."""
    if tick is None:
        return "never again"
    return f"{show_time(tick, 'relative', now=now)}, {spell(tick.astimezone(ZoneInfo(zone)))}"


def warn_if_over(spec: NewSchedule, timetable: Timetable, now: datetime, *, what: str | None = None) -> None:
    """Point out a schedule without a tick to come: it is stored all the same, and makes no job.

    what: how it is called, where it is not by its name.
    """
    who = what or f"schedule {spec.name}"
    if not timetable.calendar.fires:
        diagnostics.warn(f"{who} never fires — no date is like {spec.expression!r}")
    elif timetable.next_after(now) is None:
        diagnostics.warn(f"{who} has no tick to come — its last one has passed")
