"""Jobs as they stand: by id, by state, page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg

from ..model.backoff import Backoff, BackoffKind
from ..model.errors import JobNotFound
from ..model.job import MAX_ID, Attempt, Job
from ..model.priority import Priority
from ..model.results import DeadGroup, Dependency, QueueCounts
from ..model.states import State
from .enqueue import Row
from .sql import load

Connection = psycopg.Connection[tuple[Any, ...]]


def possible_ids(ids: Iterable[int]) -> list[int]:
    """The ids that a bigint can hold, each once, in order; no job has any other."""
    return [job_id for job_id in dict.fromkeys(ids) if 0 < job_id <= MAX_ID]


def not_found(job_id: int) -> JobNotFound:
    """The error for an id that no job has."""
    return JobNotFound(
        f"job {job_id} is not in the store — it never was, or retention or an archive has taken it out",
        fix=f"jobsched ls, or jobsched archive show --job {job_id}",
    )


def get_jobs(connection: Connection, ids: Sequence[int]) -> dict[int, Job]:
    """Return the jobs that exist, by id."""
    rows = connection.execute(load("get_jobs"), {"ids": possible_ids(ids)})
    return {row[0]: read_job(row) for row in rows}


def job_states(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[State, int, float | None]]:
    """Return (state, attempt, progress) of the jobs that exist, by id."""
    rows = connection.execute(load("job_states"), {"ids": possible_ids(ids)})
    return {job_id: (State(state), attempt, progress) for job_id, state, attempt, progress in rows}


def list_jobs(
    connection: Connection,
    *,
    states: Collection[State] = (),
    queue: str | None = None,
    type: str | None = None,
    tag: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Job]:
    """Return one page of jobs, newest first. before: the smallest id of the page above."""
    params: dict[str, Any] = {
        "queue": queue,
        "type": type,
        "tag": tag,
        "since": since,
        "before": MAX_ID if before is None else max(0, min(before, MAX_ID)),
        "limit": limit,
    }
    if not states:
        rows = connection.execute(load("list_jobs"), params)
    else:
        params["states"] = sorted(state.value for state in states)
        rows = connection.execute(load("list_jobs_by_state"), params)
    return [read_job(row) for row in rows]


def count_jobs(connection: Connection, *, finished: bool) -> list[QueueCounts]:
    """Jobs per queue and state, by queue. finished: whether ended ones are counted too."""
    counted: dict[str, dict[State, int]] = {}
    for queue, state, count in connection.execute(load("count_jobs"), {"finished": finished}):
        counted.setdefault(queue, {})[State(state)] = count
    return [QueueCounts(queue, counted[queue]) for queue in sorted(counted)]


def attempts(connection: Connection, job_id: int) -> list[Attempt]:
    """Return the attempts of a job that did not succeed, oldest first."""
    return [Attempt(*row) for row in connection.execute(load("attempts"), {"job_id": job_id})]


def dependencies(connection: Connection, job_id: int) -> list[Dependency]:
    """Return what a job waits or waited for, and what waits for it, by parent and child."""
    rows = connection.execute(load("dependencies"), {"id": job_id})
    return [
        Dependency(child, parent, condition, met, State(state) if state else None)
        for child, parent, condition, met, state in rows
    ]


def dead_groups(connection: Connection, limit: int) -> list[DeadGroup]:
    """Return the dead jobs by what went wrong, the most frequent first."""
    return [DeadGroup(*row) for row in connection.execute(load("dlq_groups"), {"limit": limit})]


def read_job(row: Row) -> Job:
    """Make a Job of a row of get_jobs.sql or one of the lists, whose columns are the same."""
    (
        job_id, job_type, state, queue, priority, payload, attempt, max_attempts, crashes, losses, backoff_kind,
        backoff_base, backoff_cap, timeout, tags, key, submitter, created_at, run_at, started_at, finished_at, wait,
        run, worker, progress, progress_message, cancel_requested, result, error, fingerprint,
        unique_key, concurrency_key, held_by, parked, schedule, scheduled_for,
    ) = row  # fmt: skip
    return Job(
        id=job_id,
        type=job_type,
        state=State(state),
        queue=queue,
        priority=Priority(priority),
        payload=payload,
        attempt=attempt,
        max_attempts=max_attempts,
        crashes=crashes,
        losses=losses,
        backoff=Backoff(BackoffKind(backoff_kind), backoff_base, backoff_cap),
        timeout=timeout,
        tags=tuple(tags),
        idempotency_key=key,
        submitter=submitter,
        created_at=created_at,
        run_at=run_at,
        started_at=started_at,
        finished_at=finished_at,
        wait=None if wait is None else float(wait),
        run=run,
        worker=worker,
        progress=progress,
        progress_message=progress_message,
        cancel_requested=cancel_requested,
        result=result,
        error=error,
        fingerprint=fingerprint,
        unique_key=unique_key,
        concurrency_key=concurrency_key,
        held_by=held_by,
        parked=bool(parked),
        schedule=schedule,
        scheduled_for=scheduled_for,
    )
