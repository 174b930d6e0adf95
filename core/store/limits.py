"""Queues with limits: at most so many jobs at a time, at most so many starts a second.

A claim from such a queue is a transaction of its own: it locks the queue's row, so that one worker at a
time counts and takes; counts the live leases in a later statement, whose snapshot is newer than the
lock; takes no more than there is room and tokens for. Leases are what is counted, so a worker that
dies leaks nothing. Queues without limits never come here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg

from .leases import Claimed
from .sql import load

Connection = psycopg.Connection[Any]


class Taken(NamedTuple):
    """What a claim gave. again: seconds after which a token comes, where that is what was missing; None
    otherwise. held_back: whether a limit kept jobs back, if there were any."""

    jobs: list[Claimed]
    again: float | None = None
    held_back: bool = False


def limited_queues(connection: Connection) -> list[str]:
    """The queues that have limits, by name."""
    return [name for (name,) in connection.execute(load("limited_queues"))]


def count_leases(connection: Connection, queue: str) -> None:
    """Have the leases count that were taken while the queue had no limit."""
    connection.execute(load("mark_limited"), {"queue": queue})


def claim_limited(connection: Connection, queue: str, n: int, claim: Callable[[int], list[Claimed]]) -> Taken:
    """Claim up to `n` jobs of a queue with limits. claim: leases at most so many, on this connection."""
    params = {"queue": queue}
    with connection.transaction():
        row = connection.execute(load("lock_limits"), params).fetchone()
        if row is None:
            return Taken([])
        max_running, rate, tokens = row
        if tokens is not None and tokens < 1:
            return Taken([], again=(1 - tokens) / rate, held_back=True)
        room = n
        if max_running is not None:
            counted = connection.execute(load("limit_room"), params).fetchone()
            room = min(room, max_running - (counted[0] if counted else 0))
        if tokens is not None:
            room = min(room, int(tokens))
        if room <= 0:
            return Taken([], held_back=True)
        jobs = claim(room)
        if jobs and tokens is not None:
            connection.execute(load("take_tokens"), {**params, "n": len(jobs)})
        held_back = len(jobs) == room < n
        return Taken(jobs, again=1 / rate if held_back and rate else None, held_back=held_back)
