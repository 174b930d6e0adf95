"""What `jobsched why` asks the store: a job's place, its queue's limits, its concurrency key's turns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from .jobs import Connection
from .sql import load

MOST = 10_000
"""More jobs than that before one are not counted."""


class Rank(NamedTuple):
    """before: jobs of its queue that are to start first; urgent: jobs of other queues that are. solo: it must run
    alone; None: it is not queued any more. ended_last_minute: jobs of its queue. Each number is at most MOST."""

    before: int
    urgent: int
    solo: bool | None
    ended_last_minute: int


class Limits(NamedTuple):
    """A queue's limits. used: leases that count; holders: jobs of the oldest of them. tokens: in the bucket now."""

    max_running: int | None
    rate: float | None
    tokens: float | None
    used: int
    holders: list[int]


class Turns(NamedTuple):
    """A concurrency key's turns. used: how many jobs have one; holders: those, at most five; before: jobs that get
    one first."""

    key_limit: int
    used: int
    holders: list[int]
    before: int


def now(connection: Connection) -> datetime:
    """The database's time: this host's clock may be hours off."""
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def rank(
    connection: Connection,
    job_id: int,
    queue: str,
    priority: int,
    *,
    queues: Sequence[str] | None,
    types: Sequence[str] | None,
) -> Rank:
    """Where a queued job stands. queues, types: those that the workers run that may take it; None is all."""
    params = {
        "id": job_id, "queue": queue, "priority": priority, "most": MOST,
        "queues": None if queues is None else list(queues), "types": None if types is None else list(types),
    }  # fmt: skip
    row = connection.execute(load("why_rank"), params).fetchone()
    assert row is not None
    return Rank(*row)


def limits(connection: Connection, queue: str) -> Limits | None:
    """The queue's limits; None where it has none."""
    row = connection.execute(load("why_limits"), {"queue": queue}).fetchone()
    return None if row is None else Limits(*row)


def turns(connection: Connection, job_id: int, queue: str, key: str, priority: int) -> Turns:
    """Who has the turns of a concurrency key."""
    params = {"id": job_id, "queue": queue, "key": key, "priority": priority}
    row = connection.execute(load("why_key"), params).fetchone()
    assert row is not None
    return Turns(*row)
