"""Deciding ticks: those of any number of schedules in one statement, with their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..calendar import jitter
from ..model.schedule import Origin, TickState
from .decide_alone import decide_alone
from .jobs import Connection
from .sql import load
from .ticks import NOW, Asked, Decided, Decisions

_ABSENT = NOW
"""In an array of times; one of NULLs alone has no type."""


def decide(connection: Connection, asked: Sequence[Asked], *, by: str, origin: Origin = Origin.SCHEDULE) -> Decisions:
    """Decide ticks of schedules, on a connection in autocommit; those that need no care all at once.

    by: the scheduler, or who triggers or backfills. A backfill lets ticks fire that are known and did not. No tick
    fires twice, whoever asks for it.
    """
    found = Decisions()
    together = [each for each in asked if not each.alone]
    if together:
        _decide_together(connection, together, by, origin, found)
    for each in asked:
        if each.alone:
            decide_alone(connection, each, by, origin, found)
    return found


def _decide_together(connection: Connection, asked: Sequence[Asked], by: str, origin: Origin, found: Decisions) -> None:
    ticks = [(each, verdict) for each in asked for verdict in each.verdicts]
    params: dict[str, Any] = {
        "ids": [each.id for each in asked],
        "revisions": [each.revision for each in asked],
        "frontiers": [each.frontier or _ABSENT for each in asked],
        "untils": [each.until or _ABSENT for each in asked],
        "tick_ids": [each.id for each, _ in ticks],
        "ticks": [verdict.tick for _, verdict in ticks],
        "misses": [verdict.missed or "" for _, verdict in ticks],
        "jitters": [jitter(each.id, verdict.tick, each.jitter) if each.jitter else 0.0 for each, verdict in ticks],
        "by": by,
        "origin": origin.value,
    }
    # Once prepared, it would be planned for arrays of ten.
    rows = connection.execute(load("tick_decide"), params, prepare=False).fetchall()
    for schedule_id, tick, state, job_id, reason, now, queue, job_type, ready in rows:
        found.accepted.add(schedule_id)
        if tick is not None:
            found.ticks.append(Decided(schedule_id, tick, TickState(state), job_id, reason, now))
        if ready:
            found.ready[queue, job_type] += 1
