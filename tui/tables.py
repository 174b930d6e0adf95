"""The columns of tables that more than one screen has."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from ..core.model.job import Job
from ..core.model.results import QueueInfo, WorkerInfo
from ..core.model.states import State
from .look import Look, number, rate, span
from .rows import LIVENESS, QueueRow, depth, waiting
from .widgets.virtual_table import Cell, Column, Marked

Ago = Callable[[datetime | None], str]


def queue_columns(look: Look) -> list[Column[QueueRow]]:
    """A queue: what waits, what runs, what comes and goes."""
    return [
        Column("QUEUE", 12, lambda row: _queue_name(row.queue, look), grow=1),
        Column("QUEUED", 9, lambda row: depth(row.watched), right=True),
        Column("OLDEST", 6, lambda row: span(row.queue.oldest_queued), right=True),
        Column("RUN/SLOTS", 9, _slots, right=True),
        Column("WAITING", 7, lambda row: number(waiting(row.queue)), right=True, drop=5),
        Column("IN", 8, lambda row: rate(row.submitted), right=True, drop=2),
        Column("OUT", 8, lambda row: rate(row.ends.per_second if row.ends else 0.0), right=True, drop=1),
        Column("DEAD", 5, _dead_share, right=True, drop=3),
        Column("P95 RUN", 7, lambda row: span(row.ends.slow_run) if row.ends else "", right=True, drop=6),
        Column("DRAINED", 7, lambda row: _drained(row, look), right=True, drop=4),
    ]


def paused_marks(look: Look) -> tuple[str, ...]:
    """What says that something is paused, the longest first."""
    return ("(paused)", "||") if look.ascii_only else ("⏸",)


def _queue_name(queue: QueueInfo, look: Look) -> Cell:
    if queue.paused:
        return Marked(queue.name, paused_marks(look), "yellow")
    return queue.name


def _slots(row: QueueRow) -> Cell:
    text = f"{number(row.queue.running)}/{number(row.slots)}"
    return (text, "red") if row.queue.queued and not row.slots else text


def _dead_share(row: QueueRow) -> Cell:
    if row.ends is None or not row.ends.count:
        return ""
    share = row.ends.dead / row.ends.count
    return f"{share:.0%}", "red" if share >= 0.05 else ""


def _drained(row: QueueRow, look: Look) -> str:
    """When the queue would be empty, if it went on like that."""
    if not row.queue.queued:
        return ""
    gone = (row.ends.per_second if row.ends else 0.0) - row.submitted
    queued = row.watched.estimate or row.queue.queued
    return span(queued / gone) if gone > 0 and not row.watched.queue.paused else look.pick("∞", "never")


def worker_columns(look: Look, ago: Ago) -> list[Column[WorkerInfo]]:
    """A worker: whether it lives, what it has, how long it has been silent."""
    return [
        Column("WORKER", 14, lambda worker: worker.name, grow=2),
        Column("HEARD OF", 13, lambda worker: _heard(worker, look)),
        Column("STATE", 11, lambda worker: worker.command or worker.state),
        Column("JOBS", 9, lambda worker: f"{number(worker.running)}/{number(worker.concurrency)}", right=True),
        Column("MEMORY", 7, lambda worker: f"{worker.rss_bytes / 1048576:.0f}M", right=True, drop=3),
        Column("UP", 5, lambda worker: ago(worker.started_at), right=True, drop=2),
        Column("QUEUES", 10, lambda worker: ", ".join(worker.queues) if worker.queues else "all", grow=1, drop=1),
        Column("HOST", 12, lambda worker: f"{worker.host}:{worker.pid}", grow=1, drop=4),
        Column("VERSION", 7, lambda worker: worker.version, drop=5),
    ]


def _heard(worker: WorkerInfo, look: Look) -> Cell:
    sign, plain, colour = LIVENESS[worker.liveness]
    return f"{look.pick(sign, plain)} {worker.liveness} {span(worker.silent)}", colour


def job_columns(look: Look, ago: Ago) -> list[Column[Job]]:
    """A job: where it stands, how long that took, what went wrong."""
    return [
        Column("ID", 8, lambda job: str(job.id), right=True),
        Column("STATE", 11, lambda job: look.state(job.state)),
        Column("TYPE", 12, lambda job: job.type, grow=1),
        Column("QUEUE", 8, lambda job: job.queue, grow=1, drop=2),
        Column("ATT", 4, lambda job: f"{job.attempt}/{job.max_attempts}", right=True, drop=4),
        Column("AGE", 5, lambda job: ago(job.created_at), right=True, drop=1),
        Column("RUN", 5, lambda job: _run(job, ago), right=True, drop=5),
        Column("WORKER", 10, lambda job: job.worker or "", grow=1, drop=6),
        Column("ERROR", 16, lambda job: (_said(job), "red" if job.error else ""), grow=3, drop=3),
    ]


def extra_job_columns(ago: Ago) -> list[Column[Job]]:
    """What else a job has: shown where somebody asks for it."""
    return [
        Column("PRIORITY", 8, lambda job: job.priority.word, drop=7),
        Column("WAITED", 6, lambda job: span(job.wait), right=True, drop=7),
        Column("DUE", 8, lambda job: ago(job.run_at), right=True, drop=7),
        Column("ENDED", 6, lambda job: ago(job.finished_at), right=True, drop=7),
        Column("SUBMITTER", 12, lambda job: job.submitter, grow=1, drop=7),
        Column("SCHEDULE", 10, lambda job: job.schedule or "", grow=1, drop=7),
        Column("TAGS", 10, lambda job: ", ".join(job.tags), grow=1, drop=7),
        Column("PAYLOAD", 16, lambda job: json.dumps(job.payload, ensure_ascii=False), grow=3, drop=7),
    ]


def _run(job: Job, ago: Ago) -> str:
    """How long it ran, or has run by now."""
    return ago(job.started_at) if job.state is State.RUNNING else span(job.run)


def _said(job: Job) -> str:
    """What went wrong, or what it said last."""
    if job.error:
        return job.error
    if job.progress is not None and job.state is State.RUNNING:
        return f"{job.progress:.0%} {job.progress_message or ''}".strip()
    return f"held by {job.held_by}" if job.held_by else ""
