"""What is told of a schedule that was stored, or would be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .. import diagnostics, invocation, output
from ..text import escape, paint, tick
from .rows import SCHEDULES, SPECS, schedule_row, spec_row

if TYPE_CHECKING:
    from ...core.model.schedule import NewSchedule, Schedule
    from ...core.service import Service


def preview(service: Service, spec: NewSchedule, *, unchecked: bool) -> None:
    """Show what would be stored, with every default. Raises what storing it would, but for conflicts."""
    from ...core.timetable import Timetable
    from .upcoming import warn_if_over

    spec.check()
    now = datetime.now(UTC)
    timetable = Timetable(spec, now)
    job = service.check(spec.job, unchecked=unchecked)
    row = spec_row(spec, job, service.submission.shown(job)) | {"next_at": timetable.next_after(now)}
    output.emit("schedule.preview", SPECS, [row])
    warn_if_over(spec, timetable, now)
    diagnostics.note("nothing was changed")


def warn_if_nobody_fires(service: Service) -> None:
    """Tell people that no scheduler is there, so that nothing would come of what they added."""
    if invocation.current().for_people and not service.cron.is_running():
        diagnostics.note("no scheduler runs at the moment: jobsched cron run, or jobsched worker --cron")


def report(schedule: Schedule, done: str) -> None:
    """Tell that it is stored, and when it fires, if ever. done: "added" or "changed"."""
    from ...core.timetable import Timetable
    from .upcoming import soon, warn_if_over

    spec, now = schedule.spec, datetime.now(UTC)
    if invocation.current().for_people and invocation.current().fields is None:
        mark = paint(tick(), "green", wanted=output.colour())
        when = "paused" if schedule.paused_at is not None else f"next {soon(schedule.next_at, spec.timezone, now)}"
        output.line(f"{mark} {escape(spec.name)} {done}: {escape(spec.expression)}, {when}", escaped=True)
    else:
        output.emit("schedule", SCHEDULES, [schedule_row(schedule)])
    warn_if_over(spec, Timetable.of(schedule), now)
