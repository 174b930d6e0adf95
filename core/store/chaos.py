"""What `jobsched chaos` does to a store of its own, and what it asks it afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from ..model.errors import JobschedError
from .sql import load
from .store import Store


class Change(NamedTuple):
    """A line of the history. what: leased, released, ended or reopened (its outcome was taken away).
    token: of the lease; None where an outcome came without one. xid: of the transaction."""

    what: str
    job_id: int
    token: int | None
    xid: int


class Left(NamedTuple):
    """A job as it was left. token: of the lease that its outcome was told under. unmet: a job after which
    it was to run did not end as asked."""

    id: int
    type: str
    state: str
    key: str | None
    tags: list[str]
    crashes: int
    token: int | None
    queue: str = ""
    unique_key: str | None = None
    unmet: bool = False


class Turn(NamedTuple):
    """A lease that was taken (leased) or given up (released), of a queue or key with a limit. at: seconds."""

    what: str
    job_id: int
    queue: str
    key: str | None
    at: float


def write_history(conn: Connection[TupleRow]) -> None:
    """Have the store write down every change of leases and outcomes from now on."""
    conn.execute(load("chaos_history"))


def history(conn: Connection[TupleRow]) -> Iterator[Change]:
    """Give what was written down, job by job, in order."""
    return map(Change._make, conn.execute(load("chaos_read_history")))


def turns(conn: Connection[TupleRow], queues: Sequence[str]) -> Iterator[Turn]:
    """Give the leases of jobs in these queues that were taken and given up, in order."""
    return map(Turn._make, conn.execute(load("chaos_turns"), {"queues": list(queues)}))


def held_jobs(conn: Connection[TupleRow]) -> list[int]:
    """Jobs that somebody holds."""
    return [int(job_id) for (job_id,) in conn.execute(load("chaos_held"))]


def jobs_left(conn: Connection[TupleRow]) -> list[Left]:
    """Return every job."""
    return list(map(Left._make, conn.execute(load("chaos_jobs"))))


def unfinished(conn: Connection[TupleRow]) -> int:
    """How many jobs have not ended."""
    row = conn.execute(load("chaos_unfinished")).fetchone()
    return int(row[0]) if row else 0


def backends(conn: Connection[TupleRow]) -> list[int]:
    """Process ids of everybody else's sessions."""
    return [int(pid) for (pid,) in conn.execute(load("chaos_backends"))]


def end_backend(conn: Connection[TupleRow], pid: int) -> None:
    """End a session from the server's side."""
    conn.execute("select pg_terminate_backend(%s)", (pid,))


def use_up_connections(store: Store) -> list[Connection[TupleRow]]:
    """Open connections until the server has none left; return them. The caller closes them."""
    held: list[Connection[TupleRow]] = []
    while True:
        try:
            held.append(store.connect("chaos holds this"))
        except JobschedError:
            return held


def worker_marks(conn: Connection[TupleRow]) -> list[str]:
    """What marks the processes of each worker that there ever was."""
    return [str(mark) for (mark,) in conn.execute("select mark from jobsched.worker")]
