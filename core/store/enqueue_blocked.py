"""A job that waits for more than its time into the store: one at a time, since it is never the hot path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..model.errors import Conflict, JobNotFound
from ..model.job import MAX_ID
from ..model.results import Submitted
from ..model.states import State
from .sql import load

if TYPE_CHECKING:
    from .enqueue import JobRow, Steps

UNREACHABLE: dict[str, tuple[State, ...]] = {
    "ok": (State.DEAD, State.CANCELLED),
    "fail": (State.SUCCEEDED,),
    "any": (),
}
"""Condition → the ends of a parent after which it can no longer be met."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a new job waits for, besides its time. after: (parent, condition) pairs, each parent once.
    unique_key, concurrency_key: "" is none. held_by: who holds it from the beginning; "" nobody."""

    after: tuple[tuple[int, str], ...] = ()
    unique_key: str = ""
    concurrency_key: str = ""
    held_by: str = ""


def enqueue_blocked(row: JobRow, submitter: str, window: float) -> Steps[Submitted | None]:
    """Store one job in `blocked`, in the caller's transaction; give back None when its idempotency key is taken.

    A unique key that an active job has gives that job. The caller settles the job after the commit.
    JobNotFound: a parent is not in the store. Conflict: a parent has ended in another way.
    """
    blocks = row.blocks
    assert blocks is not None
    if row.key and (yield load("key_is_taken"), {"key": row.key, "window": window}):
        return None  # before its parents are looked at: what became of them since is not this answer's concern
    drawn = yield load("draw_ids"), {"count": 1}
    job_id: int = drawn[0][0]
    yield from _check_parents(blocks.after)
    if blocks.unique_key:
        holder = yield from _take_unique(blocks.unique_key, job_id)
        if holder is not None:
            return holder
    made = yield load("enqueue_blocked"), _params(row, job_id) | {"submitter": submitter, "window": window}
    return Submitted(job_id, True, State.BLOCKED) if made else None


def notify_blocked() -> Steps[None]:
    """Have the workers look at blocked jobs once the caller's transaction is committed."""
    yield load("notify_blocked"), {}


def _take_unique(unique_key: str, job_id: int) -> Steps[Submitted | None]:
    """Take the key until the end of the caller's transaction; or give back the active job that has it."""
    params = {"unique_key": unique_key, "id": job_id}
    first = yield load("lock_unique"), params
    if first[0][0] == job_id:
        return None
    while not (yield load("claim_unique"), params):  # once more if its job ends between the two
        holder = yield load("unique_holder"), params
        if holder and not (holder[0][1] and State(holder[0][1]).is_final):
            return Submitted(holder[0][0], False, State(holder[0][1]) if holder[0][1] else None)
    return None


def _check_parents(after: tuple[tuple[int, str], ...]) -> Steps[None]:
    if not after:
        return
    rows = yield load("job_states"), {"ids": [parent for parent, _ in after if parent <= MAX_ID]}
    states = {row[0]: State(row[1]) for row in rows}
    for parent, condition in after:
        state = states.get(parent)
        if state is None:
            raise JobNotFound(
                f"job {parent}, after which the new one is to run, is not in the store", fix="jobsched ls"
            )
        if state in UNREACHABLE[condition]:
            raise Conflict(
                f"job {parent} is {state}, and the new one is to run after it only if it ends "
                + ("succeeded" if condition == "ok" else "dead or cancelled"),
                fix=f"leave out --after {parent}:{condition}, or say {parent}:any",
            )


def _params(row: JobRow, job_id: int) -> dict[str, Any]:
    blocks = row.blocks
    assert blocks is not None
    return row.options._asdict() | {
        "id": job_id,
        "payload": row.payload,
        "run_at": row.run_at,
        "delay": row.delay,
        "key": row.key,
        "hash": row.hash,
        "unique_key": blocks.unique_key,
        "concurrency_key": blocks.concurrency_key,
        "held_by": blocks.held_by,
        "parents": [parent for parent, _ in blocks.after],
        "conditions": [condition for _, condition in blocks.after],
    }
