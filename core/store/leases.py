"""What a worker does to leases: take them, end them, speak for them. One statement a function."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from .sql import load


class Claimed(NamedTuple):
    """A leased job. attempt includes the one that begins now. waited: seconds in its lane. payload,
    checkpoint: JSON texts. schedule, scheduled_for: the tick that made it, in seconds since 1970. seq: where it
    stood in its lane.

    The first twelve are what a runner is told; they stand together so that a slice will do.
    """

    token: int
    job_id: int
    type: str
    queue: str
    attempt: int
    max_attempts: int
    payload: str
    timeout: float | None
    waited: float
    checkpoint: str | None
    schedule: str | None
    scheduled_for: float | None
    priority: int
    seq: int
    crashes: int
    losses: int
    solo: bool
    backoff_kind: str
    backoff_base: float
    backoff_cap: float


class Success(NamedTuple):
    """Columns of ended leases whose jobs succeeded. crashes, losses: None where all are zero;
    results: JSON texts, or None where no job has one. waits, runs: seconds."""

    job_ids: list[int]
    tokens: list[int]
    attempts: list[int]
    crashes: list[int] | None
    losses: list[int] | None
    waits: list[float]
    runs: list[float]
    results: list[str | None] | None

    def rows(self, which: slice) -> Success:
        """Return some of the jobs."""
        return Success(
            self.job_ids[which],
            self.tokens[which],
            self.attempts[which],
            self.crashes and self.crashes[which],
            self.losses and self.losses[which],
            self.waits[which],
            self.runs[which],
            self.results and self.results[which],
        )


class Ending(NamedTuple):
    """An attempt that ended without success, and what the job goes on with: see end_attempts.sql.

    next: retrying, scheduled, queued, dead or cancelled. kind: failed, timeout or crashed, to be
    written into the attempt log; None writes nothing. delay, wait, run: seconds.
    """

    job_id: int
    token: int
    next: str
    queue: str
    priority: int
    type: str
    attempt: int
    crashes: int
    losses: int
    solo: bool
    delay: float = 0.0
    wait: float | None = None
    run: float | None = None
    error: str | None = None
    fingerprint: str | None = None
    kind: str | None = None
    ran_attempt: int = 0
    error_class: str | None = None
    message: str | None = None
    traceback: str | None = None
    signal: int | None = None
    exit_code: int | None = None
    memory_peak: int | None = None
    result: str | None = None


_ENDING_COLUMNS = (
    "job_ids", "tokens", "nexts", "queues", "priorities", "types", "attempts", "crashes", "losses", "solos", "delays",
    "waits", "runs", "errors", "fingerprints", "kinds", "ran_attempts", "classes", "messages", "tracebacks", "signals",
    "exit_codes", "memory_peaks", "results",
)  # fmt: skip


class Moved(NamedTuple):
    """Jobs that were moved together. next: where to (None for a promotion, which is to ready, or with a
    concurrency key to blocked)."""

    queue: str
    type: str
    priority: int
    next: str | None
    jobs: int
    key: str | None = None


def claim(
    conn: Connection[TupleRow],
    *,
    worker_id: int,
    queues: Sequence[str],
    priorities: Sequence[int],
    cursors: Sequence[int],
    types: Sequence[str],
    solo: bool,
    n: int,
    limited: str | None = None,
) -> list[Claimed]:
    """Lease up to `n` jobs. queues, priorities, cursors: the lanes, in the order of preference.

    solo: whether to take jobs that must run alone. limited: the queue with limits that the lanes are
    of, whose row the caller has locked; lanes of other queues with limits give nothing.
    """
    with conn.cursor(binary=True) as cursor:
        cursor.execute(
            load("claim"),
            {
                "worker_id": worker_id,
                "queues": list(queues),
                "priorities": list(priorities),
                "cursors": list(cursors),
                "types": list(types),
                "solo": solo,
                "n": n,
                "limited": limited,
            },
        )
        return list(map(Claimed._make, cursor.fetchall()))


def waiting_lanes(
    conn: Connection[TupleRow],
    lanes: Sequence[tuple[str, int]],
    cursors: Sequence[int],
    types: Sequence[str],
    age: float = 0.0,
) -> set[tuple[str, int]]:
    """The lanes (queue, priority) with jobs whose first one has waited for `age` seconds; none of paused queues."""
    values = {
        "queues": [queue for queue, _ in lanes],
        "priorities": [priority for _, priority in lanes],
        "cursors": list(cursors),
        "types": list(types),
        "age": age,
    }
    return {(queue, priority) for queue, priority in conn.execute(load("waiting_lanes"), values)}


def tokens_since(conn: Connection[TupleRow], worker_id: int, after: int) -> set[int]:
    """Tokens of the worker's leases that are newer than `after`."""
    return {token for (token,) in conn.execute(load("worker_tokens"), {"worker_id": worker_id, "after": after})}


def adopt(conn: Connection[TupleRow], worker_id: int, tokens: Collection[int]) -> list[Claimed]:
    """Read leases of the worker's as if they had just been claimed; `seq` is 0."""
    with conn.cursor(binary=True) as cursor:
        cursor.execute(load("adopt"), {"worker_id": worker_id, "tokens": list(tokens)})
        return list(map(Claimed._make, cursor.fetchall()))


def last_seq(conn: Connection[TupleRow]) -> int:
    """The newest position that was given out in any lane, whether or not it has been committed."""
    row = conn.execute("select last_value from jobsched.job_seq").fetchone()
    return int(row[0]) if row else 0


def succeed(conn: Connection[TupleRow], worker_id: int, ended: Success) -> set[int]:
    """End leases of jobs that succeeded; return the tokens that were accepted."""
    return _tokens(conn, "succeed", {**ended._asdict(), "worker_id": worker_id})


def end_attempts(conn: Connection[TupleRow], worker_id: int, endings: Sequence[Ending]) -> set[int]:
    """End leases in every other way; return the tokens that were accepted."""
    columns = dict(zip(_ENDING_COLUMNS, map(list, zip(*endings, strict=True)), strict=True))
    return _tokens(conn, "end_attempts", {**columns, "worker_id": worker_id})


def promote(conn: Connection[TupleRow], n: int = 1000) -> list[Moved]:
    """Make up to `n` due jobs ready."""
    rows = conn.execute(load("promote"), {"n": n}).fetchall()
    return [Moved(queue, type_, priority, None, jobs, key) for queue, type_, priority, key, jobs in rows]


def seconds_to_next_due(conn: Connection[TupleRow]) -> float | None:
    """Until the next delayed job is due; None where none waits."""
    row = conn.execute(load("next_due")).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def report_progress(
    conn: Connection[TupleRow], said: Sequence[tuple[int, int, float, float | None, str | None]]
) -> None:
    """Write (job id, token, seconds that it has run, fraction, message) of long jobs."""
    job_ids, tokens, ran, progress, messages = map(list, zip(*said, strict=True))
    conn.execute(
        load("report_progress"),
        {"job_ids": job_ids, "tokens": tokens, "ran": ran, "progress": progress, "messages": messages},
    )


def write_output(conn: Connection[TupleRow], said: Sequence[tuple[int, int, int, int, str, str]]) -> None:
    """Keep (job id, token, chunk number, attempt, stream, text) of running jobs."""
    job_ids, tokens, chunks, attempts, streams, texts = map(list, zip(*said, strict=True))
    conn.execute(
        load("write_output"),
        {
            "job_ids": job_ids,
            "tokens": tokens,
            "chunks": chunks,
            "attempts": attempts,
            "streams": streams,
            "texts": texts,
        },
    )


def save_checkpoint(conn: Connection[TupleRow], job_id: int, token: int, data: str) -> None:
    """Keep a job's checkpoint (JSON text) for its next attempt."""
    conn.execute(load("save_checkpoint"), {"job_id": job_id, "token": token, "data": data})


def _tokens(conn: Connection[TupleRow], statement: str, values: dict[str, Any]) -> set[int]:
    with conn.cursor(binary=True) as cursor:
        cursor.execute(load(statement), values)
        return {token for (token,) in cursor.fetchall()}
