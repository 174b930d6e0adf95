"""Queues: what is in them; limits, pause, drain, resume, purge."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from ...core.model.durations import format_rate, parse_duration
from ...core.model.errors import QueueNotFound, UsageError
from ...core.model.results import QueueInfo
from ...core.model.times import parse_time
from .. import arguments, diagnostics, invocation, output
from ..group import dry_runnable
from ..output import Column
from ..who import user

app = typer.Typer()
COLUMNS = (
    Column("name"),
    Column("paused", "flag"),
    Column("queued", "number"),
    Column("running", "number"),
    Column("scheduled", "number"),
    Column("retrying", "number"),
    Column("blocked", "number"),
    Column("oldest_queued", "span"),
    Column("paused_by"),
    Column("pause_reason"),
    Column("paused_until", "time"),
    Column("paused_at", "time", shown=False, title="PAUSED AT"),
    Column("created_at", "time", shown=False),
    Column("max_running", "number", shown=False),
    Column("rate", "number", shown=False),
    Column("burst", "number", shown=False),
    Column("key_limit", "number", shown=False),
)
PURGED = (Column("name"), Column("cancelled", "number"))
Name = Annotated[str, typer.Argument(metavar="QUEUE", show_default=False)]


@app.command("ls")
def ls() -> None:
    """Queues with what waits and runs in them."""
    with invocation.open_service() as service:
        output.emit("queue", COLUMNS, (_row(queue) for queue in service.queues()))


@app.command("pause")
def pause(
    name: Name,
    reason: Annotated[str | None, typer.Option("--reason", help="Shown to whoever wonders.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Resume by itself: 1h from now, or a time.")
    ] = None,
) -> None:
    """Let no job of the queue start; those that run go on."""
    moment = arguments.read("--until", until, _until)
    if output.fields_asked(COLUMNS):
        return
    with invocation.open_service() as service:
        queue = service.pause_queue(name, by=user(), reason=reason, until=moment)
    _report(queue, f"queue {queue.name} is paused", f"jobsched queue resume {queue.name}")


@app.command("resume")
def resume(name: Name) -> None:
    """Let the queue's jobs start again."""
    if output.fields_asked(COLUMNS):
        return
    with invocation.open_service() as service:
        queue = service.resume_queue(name)
    _report(queue, f"queue {queue.name} runs", None)


@app.command("set")
def set_(
    name: Name,
    max_running: Annotated[
        str | None, typer.Option("--max-running", metavar="N", help="Jobs at a time, over all workers; none: no limit.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option("--rate", metavar="N/SPAN", help="Starts: 10/s, 100/m, 1/90s; none: no limit.")
    ] = None,
    burst: Annotated[
        int | None, typer.Option("--burst", metavar="N", help="Starts at once; default: a second's worth of --rate.")
    ] = None,
    key_limit: Annotated[
        int | None, typer.Option("--key-limit", metavar="N", help="Jobs of one concurrency key at a time.")
    ] = None,
) -> None:
    """Set a queue's limits; the queue is made if need be."""
    changes: dict[str, float | None] = {}
    if max_running is not None:
        changes["max_running"] = arguments.read("--max-running", max_running, _count)
    if rate is not None:
        changes["rate"] = arguments.read("--rate", rate, _rate)
        changes["burst"] = math.ceil(changes["rate"] or 1)
    if burst is not None:
        changes["burst"] = burst
    if key_limit is not None:
        changes["key_limit"] = key_limit
    if not changes:
        raise UsageError("nothing to set was given", fix=f"jobsched queue set {name} --max-running 5")
    if output.fields_asked(COLUMNS):
        return
    with invocation.open_service() as service:
        queue = service.set_queue(name, changes)
    _report(queue, f"queue {queue.name}: {_limits(queue)}", None)


def _count(text: str) -> int | None:
    if text == "none":
        return None
    if not _is_number(text):
        raise ValueError(f"{text[:40]!r} is not a whole number, or none")
    return int(text)


def _rate(text: str) -> float | None:
    """Starts a second."""
    if text == "none":
        return None
    number, _, span = text.partition("/")
    seconds = parse_duration(span if span[:1].isdigit() else f"1{span}") if span else 0
    if not (_is_number(number) and int(number) and seconds):
        raise ValueError(f"{text[:40]!r} is not a rate like 10/s, 100/m or 1/90s")
    return int(number) / seconds


def _is_number(text: str) -> bool:
    """Whether these are digits, and not more of them than any limit has."""
    return text.isascii() and text.isdecimal() and len(text) <= 15


def _limits(queue: QueueInfo) -> str:
    running = f"at most {queue.max_running} jobs run" if queue.max_running else "any number of jobs run"
    rate = f", {format_rate(queue.rate)} starts (at once: {queue.burst})" if queue.rate else ""
    return f"{running}{rate}; of one concurrency key {queue.key_limit}"


@app.command("purge")
@dry_runnable
def purge(name: Name) -> None:
    """Cancel every waiting job of the queue; those that run go on."""
    if output.fields_asked(PURGED):
        return
    with invocation.open_service() as service:
        counts = next((queue for queue in service.queues() if queue.name == name), None)
        if counts is None:
            raise QueueNotFound(f"there is no queue called {name[:80]!r}", fix="jobsched queue ls")
        waiting = counts.queued + counts.scheduled + counts.retrying + counts.blocked
        if invocation.current().dry_run:
            diagnostics.note(f"would cancel {waiting} jobs of queue {name}; nothing was changed")
            return
        diagnostics.confirm(f"This cancels {waiting} jobs of queue {name}.", count=waiting, always=waiting > 0)
        cancelled, number = 0, 0
        for own, page in service.purging(name, by=user()):
            number = own
            cancelled += sum(each.ok for each in page)
    if invocation.current().for_people:
        output.line(f"{cancelled} jobs of queue {name} cancelled")
        if cancelled:
            diagnostics.note(f"to undo it: jobsched undo {number}")
    else:
        output.emit("queue.purged", PURGED, [{"name": name, "cancelled": cancelled}])


@app.command("drain")
def drain(
    name: Name,
    reason: Annotated[str | None, typer.Option("--reason", help="Shown to whoever wonders.")] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="Exit 124 where jobs still run after it.")
    ] = None,
) -> None:
    """Pause the queue, and wait until none of its jobs runs; Ctrl-C stops the waiting alone."""
    patience = arguments.read("--timeout", timeout, parse_duration)
    if output.fields_asked(COLUMNS):
        return
    with invocation.open_service() as service:
        before = next((queue for queue in service.queues() if queue.name == name and queue.paused), None)
        if reason is not None or before is None or before.paused_until is not None:  # else it stays whose pause it is
            service.pause_queue(name, by=user(), reason=reason or (before.pause_reason if before else None))
        if invocation.current().for_people:
            diagnostics.note(f"queue {name} is paused; waiting until none of its jobs runs (Ctrl-C: it stays paused)")
        running = service.wait_for_idle(name, timeout=patience)
    _report(running, f"queue {name} is paused, and none of its jobs runs", f"jobsched queue resume {name}")


def _until(text: str) -> datetime:
    try:
        return datetime.now(UTC) + timedelta(seconds=parse_duration(text))
    except ValueError:
        return parse_time(text)


def _report(queue: QueueInfo, words: str, undo: str | None) -> None:
    if not invocation.current().for_people:
        output.emit("queue", COLUMNS, [_row(queue)])
        return
    output.line(words)
    if undo:
        diagnostics.note(f"  undo: {undo}")


def _row(queue: QueueInfo) -> dict[str, Any]:
    return {column.name: getattr(queue, column.name) for column in COLUMNS}
