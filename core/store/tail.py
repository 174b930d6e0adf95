"""Outcomes and failed attempts in the order of their transactions, each exactly once (see tail.sql)."""

from __future__ import annotations

from ..model.results import Event, TailCursor
from .jobs import Connection
from .sql import load


def tail_start(connection: Connection) -> TailCursor:
    """Return the place from which everything that commits after this call is still to come."""
    row = connection.execute(load("tail_start")).fetchone()
    assert row is not None
    return TailCursor(int(row[0]))


def tail_page(connection: Connection, cursor: TailCursor, limit: int = 1000) -> list[Event]:
    """Return up to `limit` events after `cursor`, in order; go on from the last one's cursor."""
    params = {"xid": str(cursor.xid), "rank": cursor.rank, "id": cursor.id, "limit": limit}
    events = []
    for xid, rank, row_id, *what, message, duration, worker, job_type, queue, schedule, tick in connection.execute(
        load("tail"), params
    ):
        job_id, kind, attempt, at = what
        place = TailCursor(int(xid), rank, row_id)
        events.append(
            Event(place, kind, job_id, job_type, queue, attempt, at, message, duration, worker, schedule, tick)
        )
    return events
