"""Jobs that wait for something else than their time: for other jobs, for somebody who holds them, for
the turn of their concurrency key.

What a job waits for is looked up, never counted down, so every step here may be repeated, done by
several at once, or be missed by somebody who died: whoever commits an end looks for who waited for it
in a later statement, whoever commits a waiting job looks whether that is over already, and every
worker's maintenance goes after what both have overlooked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg

from ..model.states import State
from .enqueue import ensure_queues, run
from .sql import load

PAGE = 1000
Result = TypeVar("Result")
Connection = psycopg.Connection[Any]
Key = tuple[str, str]
"""Queue and concurrency key."""


@dataclass(slots=True)
class Moved:
    """What came of it. ready: how many jobs of each (queue, type) are ready now; cancelled: jobs whose
    parent ended in another way than they wait for; states: job → what it is now, where it was looked at."""

    ready: Counter[tuple[str, str]] = field(default_factory=Counter)
    cancelled: list[int] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=dict)


def settle(connection: Connection, ids: Collection[int], *, keys: Collection[Key] = ()) -> Moved:
    """Move those of the blocked jobs `ids` that nothing blocks any more, and let in whose turn has come.

    keys: concurrency keys that have a turn to give, besides those of the jobs. What waits for a job
    that is cancelled here is settled too. The connection must be in autocommit: each look needs a
    snapshot of its own.
    """
    moved = Moved()
    todo, turns = list(dict.fromkeys(ids)), set(keys)
    while todo or turns:
        cancelled: list[int] = []
        for start in range(0, len(todo), PAGE):
            cancelled += _settle_page(connection, todo[start : start + PAGE], turns, moved)
        for queue, key in turns:
            _admit(connection, queue, key, moved)
        todo, turns = _waiters(connection, cancelled)
    return moved


def settle_new(connection: Connection, ids: Collection[int]) -> Moved:
    """Settle blocked jobs that were just committed; where this role may not, have the workers do it."""
    row = connection.execute(load("may_settle")).fetchone() if ids else None
    if row == (False,):
        connection.execute(load("notify_blocked"))
        return Moved()
    return settle(connection, ids)


def after_end(connection: Connection, ids: Sequence[int]) -> Moved:
    """Let go on who waited for these jobs, which have ended or left their lease or lane. Commit that first."""
    todo, turns = _waiters(connection, ids)
    return settle(connection, todo, keys=turns) if todo or turns else Moved()


def sweep(connection: Connection, *, thorough: bool) -> Moved:
    """Settle what nobody has looked at. thorough: also what somebody should have, and died before."""
    ids = [job_id for (job_id,) in connection.execute(load("unsettled"), {"n": PAGE})]
    keys: set[Key] = set()
    if thorough:
        children, keys = _read_waiters(connection.execute(load("overlooked"), {"n": PAGE}).fetchall())
        ids += children
    return settle(connection, ids, keys=keys) if ids or keys else Moved()


def hold(connection: Connection, ids: Sequence[int], *, by: str) -> tuple[set[int], Moved]:
    """Hold waiting jobs; return which, and what goes on in their place. Those that run or have ended, or do not
    exist, are not among them."""
    held = {job_id for (job_id,) in connection.execute(load("hold"), {"ids": list(ids), "by": by})}
    return held, after_end(connection, list(held))


def release(connection: Connection, ids: Sequence[int]) -> tuple[set[int], Moved]:
    """Let go of held jobs; return which they were, and what became of them."""
    released = {job_id for (job_id,) in connection.execute(load("release"), {"ids": list(ids), "by": None})}
    return released, settle(connection, released)


def aside(
    connection: Connection, ids: Sequence[int], act: Callable[[list[int]], Result], *, by: str
) -> tuple[Result, Moved]:
    """Do something to waiting jobs while they are in nobody's way; return what came of it, and of them and of those
    that go on in their place.

    act: is given those that wait. It is all one transaction: they leave their lane by being held, as `by`, and are let
    go of in the end, but for those whom somebody else holds; nobody sees them in between, and whoever holds or cancels
    them meanwhile waits for it.
    """
    with connection.transaction():
        held = [job_id for (job_id,) in connection.execute(load("hold"), {"ids": list(ids), "by": by})]
        result = act(held)
        released = connection.execute(load("release"), {"ids": held, "by": by}).fetchall()
        todo, turns = _waiters(connection, held)
    return result, settle(connection, [*(job_id for (job_id,) in released), *todo], keys=turns)


def move(
    connection: Connection, ids: Sequence[int], *, queue: str | None, priority: int | None, by: str
) -> tuple[set[int], Moved]:
    """Give waiting jobs another queue, which is made if need be, or priority; return which, and what became of them
    and goes on in their place. Whom somebody holds, he still holds."""

    def act(held: list[int]) -> set[int]:
        if held and queue is not None:
            run(connection, ensure_queues([queue]))
        connection.execute(load("move"), {"queue": queue, "priority": priority, "ids": held})
        return set(held)

    return aside(connection, ids, act, by=by)


def take_unique_keys(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Take the unique-while-active keys of jobs that are to run again, until the end of the caller's transaction.

    Return job → the other active job that has its key. Of several with one key, the first gets it.
    """
    refused: dict[int, int] = {}
    given: dict[str, int] = {}
    for job_id, unique_key in connection.execute(load("unique_keys"), {"ids": list(ids)}).fetchall():
        params = {"unique_key": unique_key, "id": job_id}
        row = connection.execute(load("lock_unique"), params).fetchone()
        holder = given.get(unique_key) or (row[0] if row else job_id)
        if holder == job_id or (
            unique_key not in given and connection.execute(load("claim_unique"), params).fetchone()
        ):
            given[unique_key] = job_id
        else:
            refused[job_id] = holder
    return refused


def _settle_page(connection: Connection, ids: list[int], turns: set[Key], moved: Moved) -> list[int]:
    cancelled = []
    for job_id, became, queue, job_type, key in connection.execute(load("settle"), {"ids": ids}):
        moved.states[job_id] = _STATE_OF[became]
        if became == "queued":
            moved.ready[queue, job_type] += 1
        elif became == "parked":
            turns.add((queue, key))
        elif became == "cancelled":
            cancelled.append(job_id)
    moved.cancelled += cancelled
    return cancelled


def _admit(connection: Connection, queue: str, key: str, moved: Moved) -> None:
    params = {"queue": queue, "key": key}
    with connection.transaction():
        connection.execute(load("lock_key"), params)
        rows = connection.execute(load("admit"), params).fetchall()
    for job_id, queue_, job_type in rows:
        moved.states[job_id] = State.QUEUED
        moved.ready[queue_, job_type] += 1


def _waiters(connection: Connection, ids: Sequence[int]) -> tuple[list[int], set[Key]]:
    if not ids:
        return [], set()
    return _read_waiters(connection.execute(load("waiters"), {"ids": list(ids)}).fetchall())


def _read_waiters(rows: Sequence[tuple[Any, ...]]) -> tuple[list[int], set[Key]]:
    """Rows of waiters.sql and overlooked.sql: a child, or a queue and a key."""
    return [row[0] for row in rows if row[0] is not None], {(row[1], row[2]) for row in rows if row[0] is None}


_STATE_OF = {
    "cancelled": State.CANCELLED,
    "blocked": State.BLOCKED,
    "parked": State.BLOCKED,
    "delayed": State.SCHEDULED,
    "queued": State.QUEUED,
}
