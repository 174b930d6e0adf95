"""Queues: what is in them, and whether they are paused."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime

from ..model.errors import QueueNotFound, UsageError
from ..model.results import QueueInfo
from .jobs import Connection
from .limits import count_leases
from .sql import load

LIMITS = ("max_running", "rate", "burst", "key_limit")


def list_queues(connection: Connection) -> list[QueueInfo]:
    """Every queue, by name."""
    return [QueueInfo(*row) for row in connection.execute(load("list_queues"), {"name": None})]


def claiming(connection: Connection) -> set[str]:
    """The transactions that may have leased jobs which nobody else sees yet."""
    return {number for (number,) in connection.execute(load("claiming"))}


def running_in(connection: Connection, name: str) -> int:
    """How many jobs of a queue run now."""
    row = connection.execute(load("running_in"), {"queue": name}).fetchone()
    assert row is not None
    count: int = row[0]
    return count


def get_queue(connection: Connection, name: str) -> QueueInfo:
    """QueueNotFound, with the names that are like it."""
    row = connection.execute(load("list_queues"), {"name": name}).fetchone()
    if row is None:
        raise _not_found(connection, name)
    return QueueInfo(*row)


def pause_queue(connection: Connection, name: str, *, by: str, reason: str | None, until: datetime | None) -> QueueInfo:
    """Let no job of the queue start, until `until` or until it is resumed. QueueNotFound.

    UsageError: by the database's clock, `until` has passed.
    """
    params = {"name": name, "by": by, "reason": reason, "until": until}
    paused = connection.execute(load("pause_queue"), params).fetchone()
    queue = get_queue(connection, name)
    if paused is None and until is not None:
        raise UsageError(
            f"until {until:%Y-%m-%d %H:%M:%S %Z} there is nothing to pause — that time has passed",
            fix=f"jobsched queue pause {name} --until 1h",
        )
    return queue


def resume_queue(connection: Connection, name: str) -> QueueInfo:
    """Let its jobs start again; workers look at once. QueueNotFound."""
    connection.execute(load("resume_queue"), {"name": name})
    return get_queue(connection, name)


def set_queue(connection: Connection, name: str, changes: Mapping[str, float | None]) -> QueueInfo:
    """Set limits of a queue, which is made if need be. changes: key_limit, max_running, rate (starts a
    second) and burst; None takes a limit away, and what is not named stays as it is."""
    given = {"key_limit": None, "max_running": None, "rate": None, "burst": None} | dict(changes)
    with connection.transaction():
        connection.execute(load("set_queue"), {"name": name, "set": list(changes), **given})
        count_leases(connection, name)
    count_leases(connection, name)  # what was being claimed at that moment; what still is, its claimer counts
    return get_queue(connection, name)


def _not_found(connection: Connection, name: str) -> QueueNotFound:
    names = [row[0] for row in connection.execute(load("queue_names"))]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "jobsched queue ls"
    return QueueNotFound(f"there is no queue called {name[:80]!r}", fix=hint)
