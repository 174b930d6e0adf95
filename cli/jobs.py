"""A job as a record: the fields that every command shows, and how a finished one is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.model.job import Job
from ..core.model.states import State
from .output import Column

if TYPE_CHECKING:
    from ..core.model.job import Attempt
    from ..core.service import Service

JOB_COLUMNS: tuple[Column, ...] = (
    Column("id", "id"),
    Column("state", "state"),
    Column("type"),
    Column("queue"),
    Column("priority", in_table=False),
    Column("attempt", "number"),
    Column("max_attempts", "number", in_table=False),
    Column("created_at", "time"),
    Column("run_at", "time", title="DUE"),
    Column("finished_at", "time", in_table=False),
    Column("run", "span"),
    Column("worker", in_table=False),
    Column("error"),
    Column("started_at", "time", shown=False),
    Column("wait", "span", shown=False),
    Column("tags", "list", shown=False),
    Column("payload", "json", shown=False),
    Column("result", "json", shown=False),
    Column("crashes", "number", shown=False),
    Column("losses", "number", shown=False),
    Column("backoff", shown=False),
    Column("timeout", "span", shown=False),
    Column("idempotency_key", shown=False),
    Column("unique_key", shown=False),
    Column("concurrency_key", shown=False),
    Column("held_by", shown=False),
    Column("submitter", shown=False),
    Column("progress", "number", shown=False),
    Column("progress_message", shown=False),
    Column("cancel_requested", "flag", shown=False),
    Column("fingerprint", shown=False),
    Column("schedule", shown=False, in_table=True),
    Column("scheduled_for", "time", shown=False),
)

ATTEMPT_COLUMNS: tuple[Column, ...] = (
    Column("job_id", "id"),
    Column("attempt", "number"),
    Column("kind"),
    Column("error_class"),
    Column("message"),
    Column("worker"),
    Column("duration", "span"),
    Column("signal", "number"),
    Column("exit_code", "number"),
    Column("memory_peak", "number"),
    Column("finished_at", "time"),
    Column("fingerprint", shown=False),
    Column("traceback", shown=False),
)


def job_row(job: Job) -> dict[str, Any]:
    """Return the job's fields; words instead of numbers for priority and backoff."""
    row = {column.name: getattr(job, column.name) for column in JOB_COLUMNS}
    row["priority"] = job.priority.word
    row["backoff"] = str(job.backoff)
    row["tags"] = list(job.tags)
    return row


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """The fields of an attempt that outputs show."""
    return {column.name: getattr(attempt, column.name) for column in ATTEMPT_COLUMNS}


def verdict(jobs: Sequence[Job]) -> int:
    """Exit code over finished jobs: 0 if all succeeded, else 1."""
    return 0 if all(job.state is State.SUCCEEDED for job in jobs) else 1


def exit_code_of(job: Job, attempts: Sequence[Attempt] = ()) -> int:
    """The exit code that --propagate passes on: the program's own for a command, else 0 or 1.

    A program that ends with another code than zero fails its job; the code is then with the last
    failed attempt (128 + n for signal n, as in a shell).
    """
    if isinstance(job.result, dict) and isinstance(job.result.get("exit_code"), int):
        return int(job.result["exit_code"]) % 256
    if job.state is State.SUCCEEDED:
        return 0
    newest = max(attempts, key=lambda each: each.token, default=None)
    if newest is None or newest.exit_code is None:
        return 1
    return newest.exit_code if 0 < newest.exit_code < 256 else 1


def propagated(service: Service, jobs: Sequence[Job]) -> int:
    """The highest of the jobs' exit codes."""
    codes = (exit_code_of(job, () if job.state is State.SUCCEEDED else service.attempts(job.id)) for job in jobs)
    return max(codes, default=0)
