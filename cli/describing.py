"""A job in full, for people: record, attempts, the end of its output, and what to do next."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..core.model.durations import format_duration
from ..core.model.job import Attempt, Job
from ..core.model.states import State
from . import invocation, output
from .announcing import warn_if_stuck
from .following import chunks
from .jobs import JOB_COLUMNS, attempt_row, job_row
from .output import Column
from .text import COLOURS, escape, paint, shorten, show_time, symbol

if TYPE_CHECKING:
    from ..core.model.results import Dependency
    from ..core.service import Service

COLUMNS = (*JOB_COLUMNS, Column("attempts", "json", shown=False), Column("output", "json", shown=False))
TAIL_LINES = 10
LONGEST_VALUE = 2000


def show_jobs(service: Service, ids: list[int]) -> None:
    """Show jobs: on a terminal in words, else as records; those of -o json, yaml and
    templates have attempts and the output's last lines."""
    run = invocation.current()
    jobs = service.get_many(ids)
    if not run.for_people or run.fields is not None:
        output.emit("job", COLUMNS, (_row(service, job) for job in jobs))
        return
    for position, job in enumerate(jobs):
        if position:
            output.line()
        _describe(job, service.attempts(job.id), _last_lines(service, job), service.dependencies(job.id))
        if job.state is State.QUEUED:
            warn_if_stuck(service, job)


def export_jobs(service: Service, pages: Iterable[Sequence[int]]) -> None:
    """Write jobs with their attempts and the end of their output, as JSON unless another format is asked for."""
    if output.fields_asked(COLUMNS):
        return
    writer = output.writer("job", COLUMNS)
    for ids in pages:
        for job in service.get_many(ids):
            writer.write(_row(service, job))
    writer.close()


def _row(service: Service, job: Job) -> dict[str, Any]:
    row = job_row(job)
    if invocation.current().wants_records:
        row["attempts"] = [attempt_row(each) for each in service.attempts(job.id)]
        row["output"] = _last_lines(service, job)
    return row


def _last_lines(service: Service, job: Job) -> list[str]:
    text = deque((chunk.text for chunk in chunks(service, job.id)), maxlen=200)
    return "".join(text).splitlines()[-TAIL_LINES:]


def _describe(job: Job, attempts: list[Attempt], tail: list[str], dependencies: list[Dependency]) -> None:
    state = paint(f"{symbol(job.state)} {job.state.value}", COLOURS[job.state], wanted=output.colour())
    output.line(f"{job.id}  {escape(job.type)}  {state}", escaped=True)
    for name, value in _facts(job):
        if value:
            output.line(f"  {name:12} {value}")
    for each in dependencies:
        _describe_dependency(job, each)
    for attempt in attempts:
        _describe_attempt(attempt)
    if tail:
        output.line("  output")
        for line in tail:
            output.line(f"    {line}")
    output.line("  next")
    for line in _next(job):
        output.line(f"    {line}")


def _facts(job: Job) -> list[tuple[str, str | None]]:
    style = invocation.current().time or "relative"
    times = {"created": job.created_at, "runs": job.run_at, "started": job.started_at, "finished": job.finished_at}
    progress = None
    if job.progress is not None and not job.state.is_final:
        progress = f"{job.progress:.0%} {job.progress_message or ''}".strip()
    tick = f", due {show_time(job.scheduled_for, style)}" if job.scheduled_for else ""
    return [
        ("schedule", f"{job.schedule}{tick}" if job.schedule else None),
        ("queue", f"{job.queue}, priority {job.priority.word}"),
        ("attempts", f"{job.attempt} of {job.max_attempts}, backoff {job.backoff}"),
        ("crashes", str(job.crashes) if job.crashes else None),
        ("lost workers", str(job.losses) if job.losses else None),
        ("timeout", format_duration(job.timeout) if job.timeout else None),
        *((name, show_time(value, style) if value else None) for name, value in times.items()),
        ("waited", format_duration(job.wait) if job.wait is not None else None),
        ("ran", format_duration(job.run) if job.run is not None else None),
        ("held by", job.held_by),
        ("key's turn", "missing: too many jobs of its concurrency key run" if job.parked else None),
        ("worker", job.worker),
        ("submitter", job.submitter),
        ("tags", ", ".join(job.tags)),
        ("key", job.idempotency_key),
        ("unique key", job.unique_key),
        ("concurrency", job.concurrency_key),
        ("progress", progress),
        ("cancel", "asked for, not yet obeyed" if job.cancel_requested and not job.state.is_final else None),
        ("payload", _json(job.payload)),
        ("result", _json(job.result) if job.result is not None else None),
        ("error", shorten(job.error, 500) if job.error else None),
    ]


def _describe_dependency(job: Job, each: Dependency) -> None:
    if each.parent == job.id:
        output.line(f"  {'before':12} job {each.child}, if this one ends {each.condition}")
        return
    stands = "met" if each.met else f"it is {each.parent_state.value if each.parent_state else 'not in the store'}"
    output.line(f"  {'after':12} job {each.parent}:{each.condition}, {stands}")


def _describe_attempt(attempt: Attempt) -> None:
    details = [shorten(f"{attempt.error_class or ''} {attempt.message or ''}".strip(), 300)]
    if attempt.signal is not None:
        details.append(f"signal {attempt.signal}")
    if attempt.memory_peak:
        details.append(f"memory peak {attempt.memory_peak / 1048576:.0f} MiB")
    took = format_duration(attempt.duration) if attempt.duration is not None else "-"
    where = f" on {attempt.worker}" if attempt.worker else ""
    output.line(f"  attempt {attempt.attempt:<4} {attempt.kind} after {took}{where}: {', '.join(details)}")
    if invocation.current().verbose and attempt.traceback:
        for line in attempt.traceback.splitlines():
            output.line(f"    {line}")


def _next(job: Job) -> list[str]:
    """Commands that make sense for a job in this state."""
    commands = {
        State.SUCCEEDED: [f"jobsched logs {job.id}", f"jobsched retry {job.id}"],
        State.DEAD: [f"jobsched show -v {job.id}", f"jobsched retry {job.id}", f"jobsched dlq discard {job.id}"],
        State.CANCELLED: [f"jobsched retry {job.id}"],
        State.BLOCKED: [f"jobsched release {job.id}", f"jobsched cancel {job.id}"],
        State.RUNNING: [f"jobsched logs -f {job.id}", f"jobsched cancel {job.id}"],
        State.RETRYING: [f"jobsched retry {job.id}", f"jobsched cancel {job.id}"],
    }
    return commands.get(job.state, [f"jobsched wait {job.id}", f"jobsched cancel {job.id}"])


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… (-o json has all of it)"
