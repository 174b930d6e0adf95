"""Schedules and their ticks as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...core.model.states import State
from .. import job_options
from ..output import Column

if TYPE_CHECKING:
    from ...core.model.job import NewJob
    from ...core.model.schedule import NewSchedule, Schedule, Tick, Trouble

JOB_FIELDS = (
    Column("queue", in_table=False),
    Column("priority", shown=False),
    Column("max_attempts", "number", shown=False),
    Column("backoff", shown=False),
    Column("timeout", "span", shown=False),
    Column("unique_key", shown=False),
    Column("concurrency_key", shown=False),
    Column("tags", "list", shown=False),
    Column("payload", "json", shown=False),
)
SPEC_FIELDS = (
    Column("jitter", "span", shown=False),
    Column("start", "time", shown=False),
    Column("end", "time", shown=False),
    Column("catchup", in_table=False),
    Column("overlap", in_table=False),
)
SCHEDULES = (
    Column("name"),
    Column("status"),
    Column("expression"),
    Column("timezone", title="ZONE"),
    Column("type"),
    Column("next_at", "time"),
    Column("last_at", "time"),
    Column("last_job", "id"),
    *JOB_FIELDS,
    *SPEC_FIELDS,
    Column("paused_at", "time", shown=False),
    Column("paused_by", shown=False),
    Column("pause_reason", shown=False),
    Column("created_at", "time", shown=False),
    Column("created_by", shown=False),
    Column("updated_at", "time", shown=False),
    Column("updated_by", shown=False),
    Column("decided_until", "time", shown=False),
    Column("revision", "number", shown=False),
)
SPECS = (
    Column("name"),
    Column("expression"),
    Column("timezone", title="ZONE"),
    Column("type"),
    Column("next_at", "time"),
    *JOB_FIELDS,
    *SPEC_FIELDS,
)
TICKS = (
    Column("schedule"),
    Column("scheduled_for", "time", title="TICK"),
    Column("state"),
    Column("late", "span"),
    Column("job_id", "id", title="JOB"),
    Column("job_state", "state"),
    Column("reason"),
    Column("by", in_table=False),
    Column("origin", in_table=False),
    Column("decided_at", "time", shown=False),
)
TROUBLES = (
    Column("schedule"),
    Column("problem"),
    Column("level"),
    Column("ticks", "number"),
    Column("text"),
    Column("fix"),
)
TICK_JOBS = (Column("job_id", "id"), *(each for each in TICKS if each.name != "job_id"))
"""The same with the job first: what -q writes."""


def schedule_row(schedule: Schedule) -> dict[str, Any]:
    """A schedule with every field; its job's options decided, its payload as the store shows it."""
    own = {column.name: getattr(schedule, column.name) for column in SCHEDULES if hasattr(schedule, column.name)}
    spec = spec_row(schedule.spec, schedule.job, schedule.job.payload)
    return {"name": spec.pop("name"), "status": status(schedule), **spec, **own}


def spec_row(spec: NewSchedule, job: NewJob, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody asked for. job: its job with every option decided; payload: as it may be shown."""
    return {
        "name": spec.name,
        "expression": spec.expression,
        "timezone": spec.timezone,
        **job_options.option_row(job, payload),
        "jitter": spec.jitter,
        "start": spec.start,
        "end": spec.end,
        "catchup": spec.catchup.value,
        "overlap": spec.overlap.value,
    }


def status(schedule: Schedule) -> str:
    """active; paused; over: no tick is to come; unreadable: this program cannot tell."""
    if schedule.paused_at is not None:
        return "paused"
    if schedule.unreadable is not None:
        return "unreadable"
    return "active" if schedule.next_at is not None else "over"


def tick_row(tick: Tick) -> dict[str, Any]:
    """A tick; the state of its job as a State, which tables paint."""
    row = {column.name: getattr(tick, column.name) for column in TICKS}
    row |= {"state": tick.state.value, "origin": tick.origin.value}
    row["job_state"] = State(tick.job_state) if tick.job_state is not None else None
    return row


def trouble_row(trouble: Trouble) -> dict[str, Any]:
    """Something that is wrong with a schedule."""
    return {
        "schedule": trouble.schedule,
        "problem": trouble.problem.value,
        "level": trouble.level.value,
        "ticks": trouble.ticks,
        "text": trouble.text,
        "fix": trouble.fix,
    }
