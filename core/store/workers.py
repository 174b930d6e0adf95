"""Workers as others see them, and the word that makes one drain or stop."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from ..model.errors import WorkerNotFound
from ..model.job import MAX_ID
from ..model.results import Liveness, WorkerInfo
from .enqueue import Row
from .jobs import Connection
from .sql import load


def list_workers(connection: Connection) -> list[WorkerInfo]:
    """Workers that have not ended, oldest first."""
    return [_read(row) for row in connection.execute(load("list_workers"))]


def command_worker(connection: Connection, name_or_id: str | int, command: Literal["drain", "stop"]) -> WorkerInfo:
    """Tell a live worker to drain or stop. WorkerNotFound: none has that name or id, or it is lost."""
    text = str(name_or_id)
    number = int(text) if text.isascii() and text.isdigit() and int(text) <= MAX_ID else None
    params = {"id": number, "name": text, "command": command}
    row = connection.execute(load("command_worker"), params).fetchone()
    if row is None:
        raise WorkerNotFound(f"no live worker is called {text[:80]!r}", fix="jobsched workers ls")
    return _read(row)


def count_live_workers(connection: Connection) -> int:
    """Return how many workers are using the store now."""
    row = connection.execute(load("count_live_workers")).fetchone()
    return int(row[0]) if row else 0


def published_types(connection: Connection) -> dict[str, dict[str, Any]]:
    """Job types that live workers know → JSON Schema of their payload."""
    return dict(connection.execute(load("published_types")).fetchall())


def worker_names(connection: Connection, types: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """(type, payload field) → the names of databases and the like that any live worker knows for it."""
    rows = connection.execute(load("worker_names"), {"types": sorted(types)})
    return {(job_type, field): names for job_type, field, names in rows}


def _read(row: Row) -> WorkerInfo:
    (
        worker_id, name, host, pid, version, queues, types, withheld, concurrency, state, command, running, rss_bytes,
        lease_seconds, started_at, heartbeat_at, idle_since, silent,
    ) = row  # fmt: skip
    return WorkerInfo(
        id=worker_id,
        name=name,
        host=host,
        pid=pid,
        version=version,
        queues=None if queues is None else tuple(queues),
        types=tuple(types),
        withheld=tuple(withheld),
        concurrency=concurrency,
        state=state,
        liveness=_liveness(silent, lease_seconds),
        command=command,
        running=running,
        rss_bytes=rss_bytes,
        lease_seconds=lease_seconds,
        started_at=started_at,
        heartbeat_at=heartbeat_at,
        idle_since=idle_since,
        silent=silent,
    )


def _liveness(silent: float, lease_seconds: float) -> Liveness:
    if silent > lease_seconds:
        return "lost"
    return "late" if silent > lease_seconds / 3 else "live"
