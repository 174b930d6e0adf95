"""Where jobs of each state stand, and how a selection's fields are called there.

A list reads the tables of the states that can match, each backwards by job id, so that ten queued jobs
among ten million finished ones are found at once. list_jobs_by_state.sql is the same by hand, for the
lists that every command needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, func, select

from ..model.selection import AnyOf, Selection
from ..model.states import FINAL, State
from .tables import blocked, delayed, job, job_now, lease, outcome, ready, worker

Columns = Mapping[str, ColumnElement[Any]]
NOW = func.statement_timestamp()
_shown = job_now.alias("shown")

OF_JOB: Columns = {
    "id": job.c.id,
    "queue": job.c.queue,
    "type": job.c.type,
    "tag": job.c.tags,
    "priority": job.c.priority,
    "submitter": job.c.submitter,
    "created": job.c.created_at,
    "age": func.extract("epoch", NOW - job.c.created_at),
    "key": job.c.idempotency_key,
    "unique": job.c.unique_key,
    "concurrency": job.c.concurrency_key,
    "schedule": job.c.schedule,
    "tick": job.c.scheduled_for,
    # Through the view, which hides what is secret: nobody can ask for what nobody may see.
    "args": select(_shown.c.payload).where(_shown.c.id == job.c.id).correlate(job).scalar_subquery(),
}
"""What stands in `job`, wherever the job is. Of it only queue and priority ever change: a move."""

IMPLIED: Mapping[str, frozenset[State]] = {
    "error": frozenset({State.DEAD, State.CANCELLED}),
    "fingerprint": frozenset({State.DEAD, State.CANCELLED}),
    "worker": FINAL | {State.RUNNING},
    "wait": FINAL | {State.RUNNING},
    "run": FINAL | {State.RUNNING},
    "started": FINAL | {State.RUNNING},
    "finished": FINAL,
    "due": frozenset({State.SCHEDULED, State.RETRYING, State.BLOCKED}),
    "held": frozenset({State.BLOCKED}),
}
"""Field → the states in which a job can have it at all."""


@dataclass(frozen=True, slots=True)
class Place:
    """A table that jobs stand in. columns: the fields that it has, some of the job's own among them."""

    table: FromClause
    columns: Columns


def states_of(selection: Selection) -> frozenset[State]:
    """The states that a job can be in that fits the selection."""
    found = frozenset(State)
    for condition in selection.conditions:
        if condition.field == "state" and isinstance(condition.test, AnyOf):
            named = frozenset(value for value in condition.test.values if isinstance(value, State))
            found = found - named if condition.negated else found & named
        elif not condition.negated:
            found &= IMPLIED.get(condition.field, found)
    return found


def place_of(state: State) -> Place:
    """Where jobs of this state stand."""
    if state in FINAL:
        return Place(outcome, _ENDED)
    return {State.QUEUED: _QUEUED, State.RUNNING: _RUNNING, State.BLOCKED: _BLOCKED}.get(state, _DELAYED)


def _common(table: FromClause) -> dict[str, ColumnElement[Any]]:
    return {name: table.c[name] for name in ("attempt", "crashes", "losses")}


def _worker(table: FromClause) -> ColumnElement[Any]:
    return select(worker.c.name).where(worker.c.id == table.c.worker_id).scalar_subquery()


_started = func.coalesce(lease.c.started_at, lease.c.claimed_at)
_ENDED: Columns = _common(outcome) | {
    "worker": _worker(outcome),
    "error": outcome.c.error,
    "fingerprint": outcome.c.fingerprint,
    "wait": outcome.c.wait,
    "run": outcome.c.run,
    "started": outcome.c.finished_at - func.make_interval(0, 0, 0, 0, 0, 0, outcome.c.run),
    "finished": outcome.c.finished_at,
}
_RUNNING = Place(
    lease,
    _common(lease)
    | {
        "worker": _worker(lease),
        "wait": func.extract("epoch", lease.c.claimed_at - lease.c.queued_since),
        "run": func.extract("epoch", NOW - _started),
        "started": _started,
    },
)
_QUEUED = Place(ready, _common(ready) | {name: ready.c[name] for name in ("queue", "type", "priority")})
_DELAYED = Place(delayed, _common(delayed) | {"due": delayed.c.run_at})
_BLOCKED = Place(
    blocked,
    _common(blocked)
    | {"due": blocked.c.run_at, "held": blocked.c.held_by}
    | {name: blocked.c[name] for name in ("queue", "priority")},
)

SEEN: Columns = {
    "id": job_now.c.id,
    "state": job_now.c.state,
    "queue": job_now.c.queue,
    "type": job_now.c.type,
    "tag": job_now.c.tags,
    "priority": job_now.c.priority,
    "submitter": job_now.c.submitter,
    "created": job_now.c.created_at,
    "age": func.extract("epoch", NOW - job_now.c.created_at),
    "key": job_now.c.idempotency_key,
    "unique": job_now.c.unique_key,
    "concurrency": job_now.c.concurrency_key,
    "schedule": job_now.c.schedule,
    "tick": job_now.c.scheduled_for,
    "args": job_now.c.payload,
    "attempt": job_now.c.attempt,
    "crashes": job_now.c.crashes,
    "losses": job_now.c.losses,
    "worker": job_now.c.worker,
    "error": job_now.c.error,
    "fingerprint": job_now.c.fingerprint,
    "wait": job_now.c.wait,
    "run": func.coalesce(job_now.c.run, func.extract("epoch", NOW - job_now.c.started_at)),
    "started": job_now.c.started_at,
    "finished": job_now.c.finished_at,
    "due": job_now.c.run_at,
    "held": job_now.c.held_by,
}
"""Every field of the view, for a few jobs that are known by number or key."""
