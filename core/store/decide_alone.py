"""Deciding the ticks of one schedule by itself: where a tick depends on what became of the jobs before it.

A job that is made to run after others waits for them as any job does that was submitted with --after, so there is
no state here that a crash could leave wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from psycopg.errors import InFailedSqlTransaction

from ..calendar import jitter
from ..model.errors import JobNotFound
from ..model.schedule import Origin, Overlap, TickState
from ..model.states import State
from ..timetable import Verdict
from . import transitions, waiting
from .enqueue import JobRow, Options, run
from .enqueue_blocked import Blocks, enqueue_blocked
from .jobs import Connection
from .sql import load
from .ticks import Asked, Decided, Decisions, known_ticks

LATER = "a later tick was due with it"


class _Active(NamedTuple):
    """A job of the schedule that has not ended. waits: it was made to run after others."""

    id: int
    begun: bool
    waits: bool


class _Fate(NamedTuple):
    """What the overlap makes of a tick. skipped: why it makes no job; after: jobs that its job waits for."""

    skipped: str | None = None
    after: Sequence[int] = ()


@dataclass(slots=True)
class _Own:
    """The schedule, locked by the transaction; and what this does to jobs."""

    asked: Asked
    by: str
    origin: Origin
    name: str
    overlap: Overlap
    template: JobRow
    unique_key: str
    concurrency_key: str
    owner: str
    now: datetime
    active: list[_Active] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)


def decide_alone(connection: Connection, asked: Asked, by: str, origin: Origin, found: Decisions) -> None:
    """Decide the ticks of one schedule in a short transaction; add what came of it to `found`."""
    ticks: list[Decided] = []
    try:
        with connection.transaction():
            own = _take(connection, asked, by, origin)
            if own is None:
                return
            ticks = _decide(connection, own)
            if asked.until is not None and asked.until not in {each.tick for each in ticks}:
                connection.execute(load("tick_move"), {"id": asked.id, "until": asked.until})
    except (JobNotFound, InFailedSqlTransaction):
        # One that it should have waited for was archived at just this moment, or cancelling met a deadlock, which
        # ends the transaction: nothing was written, and it is asked for again.
        return
    found.accepted.add(asked.id)
    found.ticks += ticks
    found.ready += waiting.settle(connection, own.made).ready
    found.ready += waiting.after_end(connection, own.ended).ready


def _take(connection: Connection, asked: Asked, by: str, origin: Origin) -> _Own | None:
    params = {"id": asked.id, "revision": asked.revision, "frontier": asked.frontier, "until": asked.until}
    row = connection.execute(load("tick_own"), params).fetchone()
    if row is None:
        return None
    name, overlap, queue, job_type, payload, *options, unique_key, concurrency_key, owner, now = row
    template = JobRow(Options(queue, job_type, *options), payload)
    own = _Own(asked, by, origin, name, Overlap(overlap), template, unique_key, concurrency_key, owner, now)
    own.active = [_Active(*each) for each in connection.execute(load("tick_active"), {"id": asked.id})]
    return own


def _decide(connection: Connection, own: _Own) -> list[Decided]:
    verdicts = own.asked.verdicts
    known = known_ticks(connection, own.asked.id, [each.tick for each in verdicts])
    firing = [each for each in verdicts if each.missed is None]
    decided = []
    for verdict in verdicts:
        if verdict.tick in known and (known[verdict.tick] or own.origin is not Origin.BACKFILL):
            continue
        if verdict.missed is not None:
            decided.append(_write(connection, own, verdict.tick, TickState.MISSED, reason=verdict.missed))
            continue
        fate = _fate(connection, own, is_last=verdict is firing[-1])
        if fate.skipped is not None:
            decided.append(_write(connection, own, verdict.tick, TickState.SKIPPED, reason=fate.skipped))
        else:
            decided.append(_fire(connection, own, verdict, fate.after))
    return decided


def _fate(connection: Connection, own: _Own, *, is_last: bool) -> _Fate:
    """What becomes of a tick beside the jobs of the ticks before it."""
    ids = [each.id for each in own.active]
    if own.origin is Origin.TRIGGER:
        return _Fate()
    if own.origin is Origin.BACKFILL:  # all of them are wanted: one after the other, where they are not to overlap
        return _Fate(after=() if own.overlap is Overlap.ALLOW else ids[-1:])
    match own.overlap:
        case Overlap.SKIP if ids:
            return _Fate(f"job {ids[0]} of an earlier tick has not ended")
        case Overlap.BUFFER_ONE:
            buffered = next((each.id for each in own.active if each.waits and not each.begun), None)
            return _Fate(after=ids) if buffered is None else _Fate(f"job {buffered} of an earlier tick waits already")
        case Overlap.CANCEL_OTHER:
            return _Fate(after=_cancel(connection, own, ids)) if is_last else _Fate(LATER)
    return _Fate()


def _cancel(connection: Connection, own: _Own, ids: Sequence[int]) -> list[int]:
    """Cancel jobs; return those that have yet to obey."""
    results = transitions.cancel(connection, ids, by=f"schedule {own.name}")
    own.ended += [each.id for each in results if each.ok and each.state is State.CANCELLED]
    return [each.id for each in results if each.ok and each.state is State.RUNNING]


def _fire(connection: Connection, own: _Own, verdict: Verdict, after: Sequence[int]) -> Decided:
    asked = own.asked
    tick = own.now if own.origin is Origin.TRIGGER else verdict.tick
    row = JobRow(own.template.options, own.template.payload)
    if asked.jitter:
        row.run_at = tick.timestamp() + jitter(asked.id, tick, asked.jitter)
    row.blocks = Blocks(tuple((job_id, "any") for job_id in after), own.unique_key, own.concurrency_key)
    submitter = own.owner if own.origin is Origin.SCHEDULE else own.by
    job = run(connection, enqueue_blocked(row, submitter, 0.0))
    assert job is not None, "a tick's job has no idempotency key that could be taken"
    if not job.created:
        reason = f"job {job.id} has its unique key and has not ended"
        return _write(connection, own, tick, TickState.SKIPPED, reason=reason)._replace(holder=job.id)
    connection.execute(load("tick_job"), {"id": job.id, "schedule": own.name, "tick": tick})
    own.made.append(job.id)
    own.active.append(_Active(job.id, begun=False, waits=bool(after)))
    return _write(connection, own, tick, TickState.FIRED, job_id=job.id)


def _write(
    connection: Connection,
    own: _Own,
    tick: datetime,
    state: TickState,
    *,
    job_id: int | None = None,
    reason: str | None = None,
) -> Decided:
    params = {
        "id": own.asked.id, "tick": tick, "state": state.value, "now": own.now, "job_id": job_id, "reason": reason,
        "by": own.by, "origin": own.origin.value,
    }  # fmt: skip
    written = connection.execute(load("tick_write"), params).fetchone()
    assert written is not None, "the schedule is locked, and the tick was not known"
    return Decided(own.asked.id, tick, state, job_id, reason, own.now)
