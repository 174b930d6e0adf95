"""Forgetting: jobs that ended long ago, keys whose window has passed, ticks and changes that nobody asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .jobs import Connection
from .sql import load

OPERATIONS_KEPT = 7 * 86400.0
"""Seconds for which a change to jobs can be undone."""


def prune(connection: Connection, settings: Mapping[str, Any], batch: int = 1000) -> int:
    """Delete one batch of each kind of old job, with all that is kept about them, and of old ticks; return how many.

    `retention.succeeded` is for succeeded and cancelled jobs, `retention.dead` for dead ones, in
    seconds after their end; 0 keeps them. Call it again while it returns `batch` or more. A worker
    that has ended is forgotten when no job can be left that it ran. `retention.ticks` is for ticks, whatever
    became of their jobs. Changes to jobs can be undone for OPERATIONS_KEPT.
    """
    kinds = ((settings["retention.succeeded"], ["succeeded", "cancelled"]), (settings["retention.dead"], ["dead"]))
    deleted = 0
    for age, states in kinds:
        if age <= 0:
            continue
        params = {"age": age, "states": states, "batch": batch, "window": settings["retention.idempotency"]}
        row = connection.execute(load("prune_jobs"), params).fetchone()
        deleted += row[0] if row else 0
    connection.execute(load("prune_keys"), {"batch": batch})
    if settings["retention.ticks"] > 0:
        ticks = connection.execute(load("prune_ticks"), {"age": settings["retention.ticks"], "batch": batch})
        deleted += ticks.rowcount
    row = connection.execute(load("prune_operations"), {"age": OPERATIONS_KEPT, "batch": batch}).fetchone()
    deleted += row[0] if row else 0
    ages = [age for age, _ in kinds]
    if min(ages) > 0:
        connection.execute(load("prune_workers"), {"age": max(ages), "batch": batch})
    return deleted
