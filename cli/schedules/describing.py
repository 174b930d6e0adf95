"""A schedule in full, for people: what it makes and when, its newest ticks, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ...core.model.durations import format_duration
from ...core.model.schedule import Catchup, Overlap, Schedule, Tick
from ...core.model.states import State
from ...core.timetable import Timetable
from .. import invocation, output
from ..text import COLOURS, escape, paint, shorten, show_time, symbol
from .rows import status
from .upcoming import soon

UPCOMING = 3
LONGEST_VALUE = 2000
STATUS_COLOURS = {"active": "green", "paused": "yellow", "over": "bright_black", "unreadable": "red"}
CATCHUP = {
    Catchup.NONE: "none: what no scheduler was there for is missed",
    Catchup.LAST: "last: of the ticks that no scheduler was there for, the newest fires",
    Catchup.ALL: "all: every tick that no scheduler was there for fires",
}
OVERLAP = {
    Overlap.ALLOW: "allow: a tick makes its job even while an earlier one's has not ended",
    Overlap.SKIP: "skip: a tick makes no job while an earlier one's has not ended",
    Overlap.BUFFER_ONE: "buffer-one: while a job runs, one more waits for its end",
    Overlap.CANCEL_OTHER: "cancel-other: a tick cancels the job of the one before",
}


def describe(schedule: Schedule, ticks: Sequence[Tick], now: datetime) -> None:
    """Write it all. ticks: the newest ones, newest first."""
    word = status(schedule)
    state = paint(word, STATUS_COLOURS[word], wanted=output.colour())
    spec = schedule.spec
    title = f"{escape(spec.name)}  {escape(spec.expression)}  {escape(spec.timezone)}"
    output.line(f"{title}  {state}", escaped=True)
    for name, value in _facts(schedule):
        if value:
            output.line(f"  {name:12} {value}")
    for position, line in enumerate(_upcoming(schedule, now)):
        output.line(f"  {'' if position else 'ticks':12} {line}")
    for tick in ticks:
        output.line(f"  {'':12} {_tick(tick, now)}", escaped=True)
    output.line("  next")
    for command in _next(schedule):
        output.line(f"    {command}")


def _facts(schedule: Schedule) -> list[tuple[str, str | None]]:
    style = invocation.current().time or "relative"
    spec, job = schedule.spec, schedule.job
    paused = None
    if schedule.paused_at is not None:
        why = f": {schedule.pause_reason}" if schedule.pause_reason else ""
        paused = f"{show_time(schedule.paused_at, style)} by {schedule.paused_by}{why}"
    priority = f", priority {job.priority.word}" if job.priority is not None else ""
    return [
        ("unreadable", schedule.unreadable and f"its ticks cannot be told here: {schedule.unreadable}"),
        ("paused", paused),
        ("job", f"{job.type}, queue {job.queue}{priority}"),
        ("attempts", f"{job.max_attempts}, backoff {job.backoff}"),
        ("timeout", format_duration(job.timeout) if job.timeout else None),
        ("payload", _json(job.payload)),
        ("tags", ", ".join(job.tags)),
        ("unique key", job.unique_key),
        ("concurrency", job.concurrency_key),
        ("jitter", f"up to {format_duration(spec.jitter)}" if spec.jitter else None),
        ("start", show_time(spec.start, style) if spec.start else None),
        ("end", show_time(spec.end, style) if spec.end else None),
        ("catch-up", CATCHUP[spec.catchup]),
        ("overlap", OVERLAP[spec.overlap]),
        ("created", f"{show_time(schedule.created_at, style)} by {schedule.created_by}"),
        (
            "changed",
            f"{show_time(schedule.updated_at, style)} by {schedule.updated_by}" if _is_changed(schedule) else None,
        ),
    ]


def _is_changed(schedule: Schedule) -> bool:
    return schedule.revision > 1


def _upcoming(schedule: Schedule, now: datetime) -> list[str]:
    """The next ticks, the last of them first, as time runs upwards in what follows."""
    if schedule.paused_at is not None:
        return ["none while it is paused"]
    if schedule.unreadable is not None:
        return ["none: schedulers on hosts like this one leave it alone"]
    timetable = Timetable.of(schedule)
    ticks: list[str] = []
    tick = timetable.next_after(now)
    while tick is not None and len(ticks) < UPCOMING:
        note = timetable.calendar.notes(tick)
        ticks.append(f"{soon(tick, schedule.spec.timezone, now)}{f' ({note})' if note else ''}")
        tick = timetable.next_after(tick)
    return ticks[::-1] or ["none to come"]


def _tick(tick: Tick, now: datetime) -> str:
    style = invocation.current().time or "relative"
    when = show_time(tick.scheduled_for, style, now=now)
    if tick.job_id is None:
        return f"{when} {tick.state.value}: {shorten(tick.reason or '', 200)}"
    by = f" by {escape(tick.by)}" if tick.manual else ""
    became = ""
    if tick.job_state is not None:
        state = State(tick.job_state)
        became = paint(f" {symbol(state)} {state.value}", COLOURS[state], wanted=output.colour())
    return f"{when} {'triggered' if tick.manual else 'fired'}{by}: job {tick.job_id}{became}"


def _next(schedule: Schedule) -> list[str]:
    name = schedule.spec.name
    turn = "resume" if schedule.paused_at is not None else "pause"
    mend = [f"jobsched cron edit {name} 'EXPR' --tz ZONE"] if schedule.unreadable is not None else []
    return [*mend, f"jobsched cron history {name}", f"jobsched cron trigger {name}", f"jobsched cron {turn} {name}"]


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… (-o json has all of it)"
