"""What the benchmarks ask a store: raw limits of the same Postgres, and what a run left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from .sql import load

_COPY_LINE = "bench\tnoop\t{}\t2\t3\texponential\t5\t600\t{}\tbench\n"


HISTORY_CHUNK = 500_000


class Drained(NamedTuple):
    """Jobs that ended, and the seconds between the first and the last end."""

    jobs: int
    seconds: float


def raw_insert_rate(conn: Connection[TupleRow], seconds: float) -> float:
    """Rows a second, each one INSERT of a job's row and one commit, by a bare psycopg cursor."""
    conn.execute("create table jobsched.raw_insert (like jobsched.job including all)")
    rows = 0
    with conn.cursor() as cursor:
        began = time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            for _ in range(20):
                cursor.execute(load("bench_raw_insert"))
            rows += 20
    conn.execute("drop table jobsched.raw_insert")
    return rows / spent


def raw_insert_times(conn: Connection[TupleRow], pauses: Sequence[float]) -> list[float]:
    """Seconds that each INSERT of a job's row and its commit took, the given seconds apart."""
    conn.execute("create table jobsched.raw_insert (like jobsched.job including all)")
    times = []
    with conn.cursor() as cursor:
        for pause in pauses:
            began = time.perf_counter()
            cursor.execute(load("bench_raw_insert"))
            times.append(time.perf_counter() - began)
            time.sleep(pause)
    conn.execute("drop table jobsched.raw_insert")
    return times


def raw_copy_rate(conn: Connection[TupleRow], rows: int) -> float:
    """Rows a second, of job rows that are loaded by one COPY into a table like `job`."""
    conn.execute("create table jobsched.raw_copy (like jobsched.job including all)")
    try:
        chunk = _COPY_LINE * 1000
        began = time.perf_counter()
        with conn.cursor() as cursor, cursor.copy(load("bench_raw_copy")) as copy:
            for _ in range(rows // 1000):
                copy.write(chunk)
        return rows / (time.perf_counter() - began)
    finally:
        conn.execute("drop table jobsched.raw_copy")


def drained(conn: Connection[TupleRow], *, queue: str, after_id: int = 0) -> Drained:
    """The jobs of a queue that ended, by the store's clock."""
    row = conn.execute(load("bench_drained"), {"queue": queue, "after_id": after_id}).fetchone()
    assert row is not None
    return Drained(int(row[0]), float(row[1] or 0.0))


def ended_per_second(conn: Connection[TupleRow], *, queue: str) -> list[int]:
    """How many jobs of a queue ended in each second since the first did."""
    return [int(jobs) for (jobs,) in conn.execute(load("bench_per_second"), {"queue": queue})]


def waits(conn: Connection[TupleRow], *, queue: str) -> list[float]:
    """Seconds from queued to started of every job of a queue that ended."""
    return [float(wait) for (wait,) in conn.execute(load("bench_waits"), {"queue": queue})]


def make_history(conn: Connection[TupleRow], jobs: int) -> None:
    """Add so many finished jobs."""
    for start in range(0, jobs, HISTORY_CHUNK):
        conn.execute(load("bench_history"), {"jobs": min(HISTORY_CHUNK, jobs - start)})


def any_ready(conn: Connection[TupleRow], *, queue: str) -> bool:
    """Whether a job of the queue is ready."""
    row = conn.execute(load("bench_ready"), {"queue": queue}).fetchone()
    return row is not None and bool(row[0])


def backlog(conn: Connection[TupleRow]) -> int:
    """Roughly how many jobs the workers are behind the newest one."""
    row = conn.execute(load("bench_backlog")).fetchone()
    return int(row[0]) if row else 0


def wal_bytes(conn: Connection[TupleRow]) -> int:
    """Position in the write-ahead log."""
    row = conn.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])


def vacuum(conn: Connection[TupleRow]) -> None:
    """Clear up after a run, so that the next one starts like the first."""
    conn.execute("vacuum analyze")


def settings(conn: Connection[TupleRow]) -> dict[str, str]:
    """The server's settings that decide a benchmark."""
    rows = conn.execute(load("bench_settings")).fetchall()
    return dict(rows)


@contextmanager
def held_snapshot(conn: Connection[TupleRow]) -> Iterator[None]:
    """Keep a transaction with an id and a snapshot open, as a forgotten session would."""
    conn.execute("begin isolation level repeatable read")
    conn.execute("select pg_current_xact_id(), count(*) from jobsched.queue")
    try:
        yield
    finally:
        conn.execute("rollback")
