"""Workers, claims and ends as tests of statements make them, over plain connections."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from jobsched.core.host import ProcessIdentity
from jobsched.core.model.priority import Priority
from jobsched.core.store import fleet, leases
from jobsched.core.store.fleet import Registration
from jobsched.core.store.leases import Claimed, Ending, Success

Conn = psycopg.Connection[TupleRow]
Connect = Callable[[], Conn]
Submit = Callable[..., list[int]]
NOBODY = ProcessIdentity("test", "", 0, 1, 0)
_names = itertools.count(1)


def worker(conn: Conn, *, lease: float = 30.0, types: Sequence[str] = ("noop",)) -> int:
    """Register a worker; return its id."""
    name = f"w{next(_names)}"
    return fleet.register(conn, Registration(name, NOBODY, "1", None, types, {}, 1, lease, mark="-"))


def claim(
    conn: Conn,
    worker_id: int,
    n: int = 100,
    *,
    queues: Sequence[str] = ("default",),
    priorities: Sequence[Priority] = tuple(Priority),
    after: int = 0,
    types: Sequence[str] = ("noop",),
    solo: bool = True,
) -> list[Claimed]:
    """Claim as a worker does: every lane of `queues`, higher priorities first."""
    lanes = [(queue, int(priority)) for priority in priorities for queue in queues]
    return leases.claim(
        conn,
        worker_id=worker_id,
        queues=[queue for queue, _ in lanes],
        priorities=[priority for _, priority in lanes],
        cursors=[after] * len(lanes),
        types=list(types),
        solo=solo,
        n=n,
    )


def success(jobs: Sequence[Claimed], results: list[str | None] | None = None) -> Success:
    """What a worker writes of jobs that succeeded."""
    return Success(
        [job.job_id for job in jobs], [job.token for job in jobs], [job.attempt for job in jobs],
        None, None, [0.1] * len(jobs), [0.2] * len(jobs), results,
    )  # fmt: skip


def ending(job: Claimed, next_: str, **fields: Any) -> Ending:
    """What a worker writes of a job that did not succeed."""
    values: dict[str, Any] = {"attempt": job.attempt, "ran_attempt": job.attempt, "solo": job.solo}
    if next_ == "dead":
        values["error"] = "E: broken"
    return Ending(
        job.job_id, job.token, next_, job.queue, job.priority, job.type,
        crashes=job.crashes, losses=job.losses, **(values | fields),
    )  # fmt: skip


def state(conn: Conn, job_id: int) -> Any:
    """The job's state, as everybody sees it."""
    row = conn.execute("select state from jobsched.job_now where id = %s", (job_id,)).fetchone()
    return row and row[0]


def rows(conn: Conn, statement: Any, *values: Any) -> list[Any]:
    return conn.execute(statement, values).fetchall()


def bury(conn: Conn, *dead: int) -> list[int]:
    """Declare workers dead, and return the ids of those that were."""
    return [each.id for each in fleet.bury(conn, dead)]


def until_waits(conn: Conn, waiting: Conn) -> None:
    """Return when `waiting` is held up by a lock."""
    pid = waiting.info.backend_pid
    question = "select cardinality(pg_blocking_pids(%s)) > 0"
    for _ in range(20_000):
        if conn.execute(question, (pid,)).fetchone() == (True,):
            return
    raise AssertionError("it does not wait for anybody")
