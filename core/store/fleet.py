"""The workers of a store as they see each other: registering, heartbeats, deaths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from ..host import ProcessIdentity
from ..model.hiding import secret_fields
from .enqueue import hide_fields, run
from .leases import Moved
from .sql import load

ENDED_LATELY = 600.0


@dataclass(frozen=True, slots=True)
class Registration:
    """What a worker says of itself when it starts. queues: None serves every queue. schemas: type →
    JSON Schema of its payload, also of those that it knows and does not run. lease_seconds: how long it
    may be silent. mark: random, in the environment of every process that it starts."""

    name: str
    identity: ProcessIdentity
    version: str
    queues: Sequence[str] | None
    types: Sequence[str]
    schemas: dict[str, Any]
    concurrency: int
    lease_seconds: float
    mark: str


@dataclass(frozen=True, slots=True)
class Buried:
    """A worker that was declared dead, and whether its host proved it."""

    id: int
    name: str
    mark: str


@dataclass(frozen=True, slots=True)
class Reaped:
    """What one pass of the reaper did."""

    buried: list[Buried] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)


def register(conn: Connection[TupleRow], worker: Registration) -> int:
    """Add the worker; return its id, which no other worker ever gets. What is secret in the payloads of
    its types is hidden from then on."""
    run(conn, hide_fields({job_type: secret_fields(schema) for job_type, schema in worker.schemas.items()}))
    identity = worker.identity
    row = conn.execute(
        load("register_worker"),
        {
            "name": worker.name,
            "host": identity.host,
            "boot_id": identity.boot_id,
            "pid_namespace": identity.pid_namespace,
            "pid": identity.pid,
            "pid_start": identity.pid_start,
            "version": worker.version,
            "queues": None if worker.queues is None else list(worker.queues),
            "types": list(worker.types),
            "schemas": Jsonb(worker.schemas),
            "concurrency": worker.concurrency,
            "lease_seconds": worker.lease_seconds,
            "mark": worker.mark,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def heartbeat(
    conn: Connection[TupleRow], worker_id: int, *, state: str, running: int, rss_bytes: int
) -> tuple[bool, str | None]:
    """Keep the worker's leases. Return (still alive in the store's eyes, command for it or None)."""
    row = conn.execute(
        load("heartbeat"), {"worker_id": worker_id, "state": state, "running": running, "rss_bytes": rss_bytes}
    ).fetchone()
    return (False, None) if row is None else (True, row[0])


def cancel_requests(conn: Connection[TupleRow], worker_id: int) -> list[int]:
    """Tokens of the worker's leases that somebody asked to cancel."""
    return [token for (token,) in conn.execute(load("cancel_requests"), {"worker_id": worker_id})]


def end(conn: Connection[TupleRow], worker_id: int) -> None:
    """Say that the worker stopped in order."""
    conn.execute(load("end_worker"), {"worker_id": worker_id})


def neighbours(conn: Connection[TupleRow], worker_id: int, me: ProcessIdentity) -> list[tuple[int, ProcessIdentity]]:
    """The living workers whose death could be proved from here: (id, identity)."""
    rows = conn.execute(
        load("neighbours"),
        {"worker_id": worker_id, "boot_id": me.boot_id, "pid_namespace": me.pid_namespace},
    )
    return [(row[0], ProcessIdentity(*row[1:])) for row in rows]


def bury(conn: Connection[TupleRow], dead: Sequence[int]) -> list[Buried]:
    """Declare silent workers dead, and those in `dead`, which their host has proved so."""
    return [Buried(*row) for row in conn.execute(load("bury_workers"), {"dead": list(dead)})]


def reap(conn: Connection[TupleRow], *, lost_limit: int, thorough: bool = True, n: int = 5000) -> list[Moved]:
    """Take up to `n` leases of ended workers and send their jobs on.

    thorough: of all of them; False: of those that ended in the last ten minutes.
    """
    values = {"lost_limit": lost_limit, "n": n, "ended_within": ENDED_LATELY, "thorough": thorough}
    return [Moved(*row) for row in conn.execute(load("reap"), values)]


def queue_names(conn: Connection[TupleRow]) -> list[str]:
    """Every queue that a job was ever submitted to."""
    return [name for (name,) in conn.execute("select name from jobsched.queue order by name")]


def store_id(conn: Connection[TupleRow]) -> str:
    """What tells this store from every other one."""
    row = conn.execute("select id from jobsched.store").fetchone()
    assert row is not None
    return str(row[0])


def wake_another(conn: Connection[TupleRow], worker_id: int, queue: str, job_type: str) -> None:
    """Wake an idle worker, but not `worker_id`, that serves the queue and runs the type."""
    conn.execute(load("wake"), {"queue": queue, "type": job_type, "jobs": 1, "not_id": worker_id})
