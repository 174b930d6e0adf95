"""Changes that people made: written down before they are made, and undone.

What is undone depends on where each job is now: a job that has gone on since (it runs, it ended, somebody
changed it again) is left alone, and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ..model.errors import Conflict, NotFound, WrongState
from ..model.results import ItemResult, Operation, Verb
from ..model.states import FINAL, WAITING, State
from . import transitions, waiting
from .jobs import Connection, job_states, not_found
from .sql import load

PAGE = 500
Lanes = Counter[tuple[str, str]]
Item = tuple[int, State, str | None]
"""Job, its state before the change, and who held it."""


def begin(connection: Connection, verb: Verb, by: str, selection: str) -> int:
    """Write down that a change is about to be made; return its number."""
    params = {"verb": verb, "by": by, "selection": selection[:2000]}
    row = connection.execute(load("operation_begin"), params).fetchone()
    assert row is not None
    number: int = row[0]
    return number


def note(connection: Connection, operation: int, verb: Verb, ids: Sequence[int]) -> set[int]:
    """Write down where jobs stand before the change touches them; return those that were not written down before."""
    params = {
        "operation": operation,
        "ids": list(ids),
        "outcomes": verb in ("retry", "discard"),
        "lanes": verb == "move",
    }
    return {job_id for (job_id,) in connection.execute(load("operation_note"), params)}


def forget(connection: Connection, operation: int, ids: Sequence[int]) -> None:
    """Take back what was written down of jobs that the change refused."""
    connection.execute(load("operation_forget"), {"operation": operation, "ids": list(ids)})


def list_operations(
    connection: Connection,
    *,
    number: int | None = None,
    by: str | None = None,
    undoable: bool = False,
    limit: int = 50,
) -> list[Operation]:
    """Return changes, newest first. by: of this person. undoable: those that were not undone."""
    params = {"id": number, "by": by, "undoable": undoable, "limit": limit}
    return [Operation(*row) for row in connection.execute(load("operation_list"), params)]


def get(connection: Connection, number: int) -> Operation:
    """Return a change. NotFound."""
    found = list_operations(connection, number=number, limit=1)
    if not found:
        raise NotFound(f"there is no change {number} — it never was, or it was forgotten", fix="jobsched ops ls")
    return found[0]


def get_undoable(connection: Connection, number: int) -> Operation:
    """Return a change that was not undone yet. NotFound, Conflict."""
    found = get(connection, number)
    if found.undone_at is not None:
        raise Conflict(f"change {number} has been undone already — by {found.undone_by}", fix="jobsched ops ls")
    return found


def mark_undone(connection: Connection, number: int, by: str) -> None:
    """Remember that a change was undone, to the last of its jobs.

    Not before: whoever is interrupted undoes it again, and of two at a time each job is undone by one.
    """
    connection.execute(load("operation_undone"), {"id": number, "by": by})


def items(connection: Connection, number: int, after: int) -> list[Item]:
    """A page of a change's jobs, oldest first, above the id `after`."""
    params = {"operation": number, "after": after, "limit": PAGE}
    return [(job_id, State(state), held) for job_id, state, held in connection.execute(load("operation_jobs"), params)]


def undo(connection: Connection, operation: Operation, page: Sequence[Item], by: str, lanes: Lanes) -> list[ItemResult]:
    """Undo a change to some of its jobs. lanes: is told how many of each (queue, type) are ready now."""
    way: Callable[[Connection, Operation, Sequence[Item], str, Lanes], dict[int, State]] = {
        "cancel": _uncancel,
        "retry": _unretry,
        "hold": _unhold,
        "release": _unrelease,
        "discard": _undiscard,
        "move": _unmove,
    }[operation.verb]
    done = way(connection, operation, page, by, lanes)
    now = job_states(connection, [job_id for job_id, _, _ in page if job_id not in done])
    return [_result(item, done, now.get(item[0])) for item in page]


def _result(item: Item, done: dict[int, State], now: tuple[State, int, float | None] | None) -> ItemResult:
    job_id, was, _ = item
    if job_id in done:
        return ItemResult(job_id, True, done[job_id])
    if now is None:
        return ItemResult(job_id, False, None, not_found(job_id))
    error = WrongState(
        f"job {job_id} was {was} and is {now[0]} now — what has gone on since cannot be undone",
        fix=f"jobsched show {job_id}",
    )
    return ItemResult(job_id, False, now[0], error)


def _uncancel(
    connection: Connection, operation: Operation, page: Sequence[Item], by: str, lanes: Lanes
) -> dict[int, State]:
    """Jobs that waited wait again; one whose unique key another job has by now does not."""
    ids = [job_id for job_id, was, _ in page if was not in FINAL]
    with connection.transaction():
        connection.execute(load("lock_outcomes"), {"ids": ids})
        refused = waiting.take_unique_keys(connection, ids)
        params = {"operation": operation.id, "ids": [job_id for job_id in ids if job_id not in refused]}
        back = [job_id for (job_id,) in connection.execute(load("undo_cancel"), params)]
    return _settled(connection, back, lanes)


def _unretry(
    connection: Connection, operation: Operation, page: Sequence[Item], by: str, lanes: Lanes
) -> dict[int, State]:
    """Jobs that ended have ended again, those that waited for their time wait for it; if they have not run since."""
    holder = f"{by}, undoing {operation.id}"[:200]

    def act(held: list[int]) -> tuple[dict[int, State], list[int]]:
        params: dict[str, Any] = {"operation": operation.id, "ids": held, "by": holder}
        ended = {job_id: State(state) for job_id, state in connection.execute(load("undo_retry"), params)}
        return ended, [job_id for (job_id,) in connection.execute(load("undo_due"), params)]

    (ended, later), moved = waiting.aside(connection, [job_id for job_id, _, _ in page], act, by=holder)
    lanes.update(moved.ready)
    return ended | {job_id: moved.states.get(job_id, State.BLOCKED) for job_id in later}


def _unhold(
    connection: Connection, operation: Operation, page: Sequence[Item], by: str, lanes: Lanes
) -> dict[int, State]:
    """Jobs that nobody held before are let go of."""
    released = transitions.release(connection, [job_id for job_id, _, held in page if held is None], lanes.update)
    return {each.id: each.state for each in released if each.ok and each.state is not None}


def _unrelease(
    connection: Connection, operation: Operation, page: Sequence[Item], by: str, lanes: Lanes
) -> dict[int, State]:
    """Jobs that were held are held again."""
    again = [job_id for job_id, _, held in page if held is not None]
    held = transitions.hold(connection, again, lanes.update, by=by)
    return {each.id: each.state for each in held if each.ok and each.state is not None}


def _undiscard(
    connection: Connection, operation: Operation, page: Sequence[Item], by: str, lanes: Lanes
) -> dict[int, State]:
    """Jobs are back in the dead-letter queue."""
    params = {"operation": operation.id, "ids": [job_id for job_id, _, _ in page]}
    return {job_id: State.DEAD for (job_id,) in connection.execute(load("undo_discard"), params)}


def _unmove(
    connection: Connection, operation: Operation, page: Sequence[Item], by: str, lanes: Lanes
) -> dict[int, State]:
    """Jobs that still wait are in their queues again, with their priorities; not those that were moved on since."""
    holder = f"{by}, undoing {operation.id}"[:200]
    params = {"operation": operation.id, "ids": [job_id for job_id, _, _ in page]}
    done: dict[int, State] = {}
    for queue, priority, ids in connection.execute(load("undo_move"), params).fetchall():
        for each in transitions.move(connection, ids, lanes.update, queue=queue, priority=priority, by=holder):
            if each.state in WAITING:  # moved back, or there all the time
                done[each.id] = each.state
    return done


def _settled(connection: Connection, ids: Sequence[int], lanes: Lanes) -> dict[int, State]:
    moved = waiting.settle(connection, ids)
    lanes.update(moved.ready)
    return {job_id: moved.states.get(job_id, State.BLOCKED) for job_id in ids}
