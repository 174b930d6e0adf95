"""What is on each screen as short lines that begin with what they are about; no signs, no columns.

The lines may hold anything that somebody else wrote: whoever says them makes them safe (tui/look.py).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ..core.model.job import Job
from ..core.model.results import Event, OutputChunk, WorkerInfo
from ..core.model.schedule import Schedule
from ..core.model.states import State
from ..core.model.watching import DeadKind
from .look import ago, number, rate, span
from .questions import LOG_PAGE, Board, JobView
from .rows import QueueRow, attention, depth, queue_rows, waiting
from .text import lines

KEPT = 10_000
"""Lines of a log that are kept, the newest."""
SHORT = 200
"""Characters of a message in a list."""
Reasons = Sequence[tuple[str, str | None]]


def overview(board: Board) -> list[str]:
    """What needs somebody first; then what comes and goes, and the queues."""
    ends, flow = board.flow.all_ended, board.flow
    said = [f"attention: {text}" for text, _ in attention(board)] or ["attention: nothing"]
    said.append(f"jobs in the store: about {board.totals.jobs:,}")
    said.append(f"submitted: {rate(sum(flow.submitted.values()))}, ended: {rate(ends.per_second if ends else 0.0)}")
    if ends and ends.count:
        said.append(f"dead lately: {ends.dead:,} of {ends.count:,}")
        said.append(f"wait: half within {span(ends.wait)}, nearly all within {span(ends.slow_wait)}")
        said.append(f"run: half within {span(ends.run)}, nearly all within {span(ends.slow_run)}")
    return said + [_queue(row) for row in queue_rows(board)]


def queues(board: Board, now: datetime) -> list[str]:
    """Each queue, with its limits and who paused it."""
    said = []
    for row in queue_rows(board):
        said.append(_queue(row))
        queue = row.queue
        if queue.paused:
            until = f" until {_time(queue.paused_until)}" if queue.paused_until else ""
            why = _short(queue.pause_reason or "no reason given")
            said.append(f"  paused: by {queue.paused_by} {ago(queue.paused_at, now)} ago{until}: {why}")
        limits = [f"{queue.key_limit} of a concurrency key at a time"]
        if queue.max_running:
            limits.append(f"{queue.max_running:,} at a time")
        if queue.rate:
            limits.append(f"{queue.rate:g} starts a second, {queue.burst} at once")
        said.append(f"  limits: {', '.join(limits)}")
    return said


def _queue(row: QueueRow) -> str:
    queue, ends = row.queue, row.ends
    parts = ["paused"] if queue.paused else []
    oldest = f", the oldest for {span(queue.oldest_queued)}" if queue.oldest_queued is not None else ""
    parts += [f"{depth(row.watched)} queued{oldest}", f"{number(queue.running)} of {number(row.slots)} slots run"]
    if waiting(queue):
        parts.append(f"{number(waiting(queue))} wait for something else")
    parts.append(f"in {rate(row.submitted)}, out {rate(ends.per_second if ends else 0.0)}")
    if ends and ends.dead:
        parts.append(f"{ends.dead / max(ends.count, 1):.0%} died lately")
    return f"queue {queue.name}: {', '.join(parts)}"


def job(each: Job, now: datetime) -> str:
    """A job of a list."""
    parts = [
        each.state.value,
        each.type,
        f"queue {each.queue}",
        f"attempt {each.attempt} of {each.max_attempts}",
        f"submitted {ago(each.created_at, now)} ago",
    ]
    if each.progress is not None and each.state is State.RUNNING:
        parts.append(f"{each.progress:.0%} {each.progress_message or ''}".strip())
    if each.worker and each.state is State.RUNNING:
        parts.append(f"on {each.worker}")
    if each.error:
        parts.append(f"error {_short(each.error)}")
    return f"job {each.id}: {', '.join(parts)}"


def workers(found: Sequence[WorkerInfo], now: datetime) -> list[str]:
    """Each worker: whether it lives, and what it has."""
    return [
        f"worker {each.name}: {each.liveness}, silent for {span(each.silent)}, {each.command or each.state}, "
        f"{each.running} of {each.concurrency} jobs, queues {', '.join(each.queues) if each.queues else 'all'}, "
        f"host {each.host}, up {ago(each.started_at, now)}, number {each.id}"
        for each in found
    ]


def dead(kinds: Sequence[DeadKind], now: datetime) -> list[str]:
    """Dead jobs by what went wrong."""
    return [
        f"{kind.group.count:,} dead, {kind.new:,} within the last hour: {kind.group.type} in queue {kind.group.queue}, "
        f"last {ago(kind.group.last_seen, now)} ago, such as job {kind.group.example_id}, "
        f"fingerprint {kind.group.fingerprint or 'none'}: {_short(kind.group.message or '')}"
        for kind in kinds
    ]


def cron(schedules: Sequence[Schedule], now: datetime) -> list[str]:
    """Each schedule, and when it fires."""
    said = []
    for each in schedules:
        paused = "paused, " if each.paused_at is not None else ""
        last = f", last {ago(each.last_at, now)} ago" if each.last_at else ""
        last_job = f" as job {each.last_job}" if each.last_job else ""
        said.append(
            f"schedule {each.spec.name}: {paused}{each.spec.expression} {each.spec.timezone}, "
            f"next {_in(each.next_at, now)}{last}{last_job}, {each.job.type}"
        )
    return said


def activity(events: Sequence[Event], now: datetime) -> list[str]:
    """What ended, and which attempts failed."""
    said = []
    for each in events:
        message = f": {_short(each.message)}" if each.message else ""
        what = each.kind if each.state else f"attempt {each.attempt} {each.kind}"
        said.append(
            f"{ago(each.at, now)} ago: job {each.job_id} {what}, {each.type or 'deleted since'}, "
            f"took {span(each.duration) or 'nothing'}{message}"
        )
    return said


def summary(shown: JobView, now: datetime) -> list[str]:
    """A job in full but for attempts, payload and log."""
    each = shown.job
    facts = [
        ("state", each.state.value),
        ("type", each.type),
        ("queue", f"{each.queue}, priority {each.priority.word}"),
        ("attempts", f"{each.attempt} of {each.max_attempts}"),
        ("crashes", str(each.crashes) if each.crashes else ""),
        ("submitted", f"{ago(each.created_at, now)} ago by {each.submitter}"),
        ("due", _in(each.run_at, now) if each.run_at else ""),
        ("started", _time(each.started_at)),
        ("ended", _time(each.finished_at)),
        ("waited", span(each.wait)),
        ("ran", span(each.run)),
        ("worker", each.worker or ""),
        ("held by", each.held_by or ""),
        ("tags", ", ".join(each.tags)),
        ("concurrency key", each.concurrency_key or ""),
        ("cancel", "asked for, not yet obeyed" if each.cancel_requested and not each.state.is_final else ""),
        ("progress", _progress(each)),
    ]
    said = [f"{name}: {value}" for name, value in facts if value]
    return said + [f"error: {line}" for line in lines(each.error or "", most=20)]


def reasons(shown: JobView, found: Reasons) -> list[str]:
    """Why it does not run, and what ends that."""
    if shown.job.state.is_final or shown.job.state is State.RUNNING:
        return []
    said = []
    for reason, fix in found:
        said.append(f"why: {reason}")
        if fix:
            said.append(f"fix: {fix}")
    return said


def attempts(shown: JobView, now: datetime) -> list[str]:
    """Those that did not succeed, oldest first."""
    said = []
    for each in shown.attempts:
        said.append(
            f"attempt {each.attempt}: {each.kind} {ago(each.finished_at, now)} ago, after {span(each.duration)}"
        )
        message = f"{each.error_class or ''}: {each.message or ''}".strip(": ")
        said += [f"  {line}" for line in (*lines(message, most=50), *lines(each.traceback or "", most=500))]
    if shown.job.state is State.SUCCEEDED:
        said.append(f"attempt {shown.job.attempt}: succeeded after {span(shown.job.run)}")
    return said


def payload(shown: JobView) -> list[str]:
    """Payload and result, as JSON."""
    found = {"payload": shown.job.payload, "result": shown.job.result}
    return [
        f"{name}: {line}" if place == 0 else line
        for name, value in found.items()
        for place, line in enumerate(lines(json.dumps(value, ensure_ascii=False, indent=2, default=str), most=5000))
    ]


def dependencies(shown: JobView) -> list[str]:
    """What it waits for, and what waits for it."""
    said = []
    for each in shown.dependencies:
        if each.parent == shown.job.id:
            said.append(f"before: job {each.child}, if this one ends {each.condition}")
        else:
            state = each.parent_state.value if each.parent_state else "not in the store"
            said.append(f"after: job {each.parent}:{each.condition}, {'met, ' if each.met else ''}{state}")
    return said


def log(read: Callable[[tuple[int, int] | None], Sequence[OutputChunk]]) -> list[str]:
    """What it said, the newest line first. read: gives the pieces after one."""
    kept: deque[str] = deque(maxlen=KEPT)
    for stream, line in _said(read):
        kept.append(f"{stream}: {line}")
    return list(reversed(kept))


def _said(read: Callable[[tuple[int, int] | None], Sequence[OutputChunk]]) -> Iterator[tuple[str, str]]:
    """(stream, line), in order; a line that goes on in the next piece is one line."""
    after: tuple[int, int] | None = None
    open_lines: dict[str, str] = {}
    while True:
        pieces = read(after)
        for each in pieces:
            text = open_lines.pop(each.stream, "") + each.text
            whole, newline, rest = text.rpartition("\n")
            yield from ((each.stream, line) for line in lines(whole + newline))
            if rest:
                open_lines[each.stream] = rest
        if len(pieces) < LOG_PAGE:
            break
        after = (pieces[-1].token, pieces[-1].chunk)
    yield from ((stream, line) for stream, rest in open_lines.items() for line in lines(rest))


def _short(text: str) -> str:
    return text if len(text) <= SHORT else text[:SHORT] + "..."


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _in(moment: datetime | None, now: datetime) -> str:
    """When that will be, or was."""
    if moment is None:
        return "never"
    found = ago(moment, now)
    return f"{found if found.startswith('in ') else f'{found} ago'}, {_time(moment)}"


def _progress(each: Job) -> str:
    if each.progress is None or each.state.is_final:
        return ""
    return f"{each.progress:.0%} {each.progress_message or ''}".strip()
