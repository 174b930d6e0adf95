"""What people may do to jobs: cancel, retry, hold, release, discard, move.

Each is a statement that takes what it finds. A job that it does not find may have moved between
tables at that moment (claimed, promoted, finished), so nothing is said about it before a look with
a fresh snapshot; and if that shows a state in which the operation is possible, it is tried again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from psycopg.errors import DeadlockDetected

from ..model.errors import JobschedError, QueueNotFound, TryAgain, WrongState
from ..model.results import ItemResult
from ..model.states import WAITING, State
from . import waiting
from .jobs import Connection, job_states, not_found, possible_ids
from .sql import load

CHUNK = 500
LOOKS = 20
Judge = Callable[[int, State], JobschedError | None]
Queued = Callable[[Counter[tuple[str, str]]], object]
"""Told how many jobs of each (queue, type) are ready."""


def cancel(connection: Connection, ids: Sequence[int], *, by: str, running: bool = True) -> list[ItemResult]:
    """Cancel jobs that wait, flag those that run and tell their workers. by: who, and why. running: whether
    those that run are meant."""

    def attempt(chunk: list[int]) -> dict[int, State]:
        rows = connection.execute(load("cancel"), {"ids": chunk, "by": by, "running": running})
        return {job_id: State(state) for job_id, state in rows}

    def judge(job_id: int, state: State) -> JobschedError | None:
        if state in WAITING or (running and state is State.RUNNING):
            return None
        return WrongState(f"job {job_id} is {state} already — it cannot be cancelled", fix=f"jobsched show {job_id}")

    return _each(connection, ids, attempt, judge)


def requeue(connection: Connection, ids: Sequence[int], *, queued: Queued = lambda lanes: None) -> list[ItemResult]:
    """Run jobs again: finished ones anew, waiting ones now. queued: told how many of each (queue, type)."""
    taken: dict[int, int] = {}

    def attempt(chunk: list[int]) -> dict[int, State]:
        found = _requeue(connection, chunk, taken)
        queued(Counter((queue, job_type) for _, queue, job_type, key in found if key is None))
        done = {job_id: State.QUEUED for job_id, *_ in found}
        blocked = [job_id for job_id, _, _, key in found if key is not None]
        if blocked:
            moved = waiting.settle(connection, blocked)
            queued(moved.ready)
            done |= {job_id: moved.states.get(job_id, State.BLOCKED) for job_id in blocked}
        return done

    def judge(job_id: int, state: State) -> JobschedError | None:
        if job_id in taken:
            return WrongState(
                f"job {taken[job_id]} has the unique key of job {job_id} — two cannot be active",
                fix=f"jobsched wait {taken[job_id]}",
            )
        if state is State.BLOCKED:
            return WrongState(
                f"job {job_id} is blocked — it waits for others, or is held", fix=f"jobsched why {job_id}"
            )
        if state not in (State.QUEUED, State.RUNNING):
            return None
        fix = f"jobsched wait {job_id}" if state is State.QUEUED else f"jobsched cancel {job_id}"
        return WrongState(f"job {job_id} is {state} — there is nothing to retry yet", fix=fix)

    return _each(connection, ids, attempt, judge)


def hold(connection: Connection, ids: Sequence[int], queued: Queued, *, by: str) -> list[ItemResult]:
    """Keep waiting jobs from running until they are released. queued: told how many of each (queue, type) are
    ready now, because a turn of their concurrency key has become free."""

    def attempt(chunk: list[int]) -> dict[int, State]:
        held, moved = waiting.hold(connection, chunk, by=by)
        queued(moved.ready)
        return dict.fromkeys(held, State.BLOCKED)

    def judge(job_id: int, state: State) -> JobschedError | None:
        if state in WAITING:
            return None
        fix = f"jobsched cancel {job_id}" if state is State.RUNNING else None
        return WrongState(f"job {job_id} is {state} — only jobs that wait can be held", fix=fix)

    return _each(connection, ids, attempt, judge)


def release(connection: Connection, ids: Sequence[int], queued: Queued) -> list[ItemResult]:
    """Let go of held jobs. queued: told how many of each (queue, type) are ready now."""

    def attempt(chunk: list[int]) -> dict[int, State]:
        released, moved = waiting.release(connection, chunk)
        queued(moved.ready)
        return {job_id: moved.states.get(job_id, State.BLOCKED) for job_id in released}

    def judge(job_id: int, state: State) -> JobschedError | None:
        return WrongState(f"job {job_id} is {state}, and nobody holds it", fix=f"jobsched why {job_id}")

    return _each(connection, ids, attempt, judge)


def discard(connection: Connection, ids: Sequence[int]) -> list[ItemResult]:
    """Take dead jobs out of the dead-letter queue: they are cancelled."""

    def attempt(chunk: list[int]) -> dict[int, State]:
        rows = connection.execute(load("discard"), {"ids": chunk})
        return {job_id: State.CANCELLED for (job_id,) in rows}

    def judge(job_id: int, state: State) -> JobschedError | None:
        if state is State.DEAD:
            return None
        fix = None if state.is_final else f"jobsched cancel {job_id}"
        return WrongState(f"job {job_id} is {state} — only dead jobs can be discarded", fix=fix)

    return _each(connection, ids, attempt, judge)


def move(
    connection: Connection, ids: Sequence[int], queued: Queued, *, queue: str | None, priority: int | None, by: str
) -> list[ItemResult]:
    """Give waiting jobs another queue or priority; each goes to the end of its new lane, and who held it still does.

    They are held, as `by`, while they are moved.
    """
    lane = {"queue": queue, "priority": priority}
    elsewhere: set[int] = set()

    def attempt(chunk: list[int]) -> dict[int, State]:
        away = [job_id for (job_id,) in connection.execute(load("elsewhere"), lane | {"ids": chunk})]
        elsewhere.difference_update(chunk)
        elsewhere.update(away)
        done, moved = waiting.move(connection, away, queue=queue, priority=priority, by=by)
        queued(moved.ready)
        return {job_id: moved.states.get(job_id, State.BLOCKED) for job_id in done}

    def judge(job_id: int, state: State) -> JobschedError | None:
        if state not in WAITING:
            return WrongState(
                f"job {job_id} is {state} — only jobs that wait can be moved", fix=f"jobsched show {job_id}"
            )
        if job_id in elsewhere:
            return None
        return WrongState(f"job {job_id} is there already — nothing is to be moved", fix=f"jobsched show {job_id}")

    return _each(connection, ids, attempt, judge)


def _requeue(connection: Connection, ids: list[int], taken: dict[int, int]) -> list[tuple[Any, ...]]:
    """Run those jobs again whose unique key is free; the others are added to `taken`, with the job that has it.
    Return requeue.sql's rows.

    A key stays locked until its job is active again, or a submitter would find the job ended and take the key
    over. Outcomes are locked first, as by retention, which then deletes keys.
    """
    if not connection.execute(load("unique_keys"), {"ids": ids}).fetchall():
        return connection.execute(load("requeue"), {"ids": ids}).fetchall()
    with connection.transaction():
        connection.execute(load("lock_outcomes"), {"ids": ids})
        taken |= waiting.take_unique_keys(connection, ids)
        free = [job_id for job_id in ids if job_id not in taken]
        return connection.execute(load("requeue"), {"ids": free}).fetchall()


def _each(
    connection: Connection,
    ids: Sequence[int],
    attempt: Callable[[list[int]], dict[int, State]],
    judge: Judge,
) -> list[ItemResult]:
    """Apply `attempt` to jobs until each was done, is judged impossible, or never stood still.

    Somebody who takes the same jobs in another order can be met in a deadlock; then nothing was done, and
    the next look takes them.
    """
    done: dict[int, ItemResult] = {}
    left = possible_ids(ids)
    for _ in range(LOOKS):
        for start in range(0, len(left), CHUNK):
            with suppress(DeadlockDetected):
                for job_id, state in attempt(left[start : start + CHUNK]).items():
                    done[job_id] = ItemResult(job_id, True, state)
        left = [job_id for job_id in left if job_id not in done]
        if not left:
            break
        states = job_states(connection, left)
        for job_id in left:
            if job_id not in states:
                done[job_id] = ItemResult(job_id, False, None, not_found(job_id))
                continue
            state = states[job_id][0]
            error = judge(job_id, state)
            if error is not None:
                done[job_id] = ItemResult(job_id, False, state, error)
        left = [job_id for job_id in left if job_id not in done]
    for job_id in left:
        restless = TryAgain(f"job {job_id} changed its state all the time", fix="run the same command again")
        done[job_id] = ItemResult(job_id, False, None, restless)
    return [done.get(job_id) or ItemResult(job_id, False, None, not_found(job_id)) for job_id in dict.fromkeys(ids)]


def last_job(connection: Connection, queue: str) -> int:
    """Return the newest number of a job, of whichever queue. QueueNotFound."""
    row = connection.execute(load("purge_start"), {"queue": queue}).fetchone()
    if row is None:
        raise QueueNotFound(f"there is no queue called {queue[:80]!r}", fix="jobsched queue ls")
    last: int = row[0]
    return last
