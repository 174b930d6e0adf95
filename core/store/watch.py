"""What screens ask again and again: each question costs the same, however much is in the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..model.results import DeadGroup, Event, QueueInfo, TailCursor
from ..model.watching import MOST_COUNTED, DeadKind, Ends, Flow, Totals, WatchedQueue
from .jobs import Connection
from .sql import load

SAMPLE = 500
"""Jobs from which rates and times of the last minute are taken."""
WINDOW = 60.0
MOST_DEAD = 20_000
NEW_SECONDS = 3600.0


@contextmanager
def reading(connection: Connection, patience: float) -> Iterator[None]:
    """A transaction that only reads and whose statements take at most `patience` seconds each."""
    with connection.transaction():
        connection.execute(load("reading"), {"milliseconds": max(1, round(patience * 1000))})
        yield


def totals(connection: Connection) -> Totals:
    """The server's own counters."""
    row = connection.execute(load("watch_totals")).fetchone()
    assert row is not None
    return Totals(*row)


def queues(connection: Connection) -> list[WatchedQueue]:
    """Every queue, by name. Where a single one has more than was counted, the rest is estimated."""
    # Planned for its limit each time: a plan for any limit would read `delayed` whole and sort it.
    rows = connection.execute(load("watch_queues"), {"most": MOST_COUNTED + 1}, prepare=False)
    found = [WatchedQueue(QueueInfo(*row)) for row in rows]
    cut = [each for each in found if each.is_cut]
    if len(cut) != 1:
        return found
    others = sum(each.queue.queued for each in found if each is not cut[0])
    estimate = max(MOST_COUNTED + 1, totals(connection).queued - others)
    return [WatchedQueue(each.queue, estimate) if each is cut[0] else each for each in found]


def flow(connection: Connection) -> Flow:
    """Rates and times, from the newest jobs and ends."""
    params = {"window": WINDOW, "most": SAMPLE}
    submitted = {
        queue: count / max(covered, 0.001)
        for queue, count, covered in connection.execute(load("watch_submits"), params)
    }
    ended: dict[str, Ends] = {}
    all_ended = None
    rows = connection.execute(load("watch_ends"), params).fetchall()
    for queue, *figures in rows:
        ends = Ends(*figures)
        if queue is not None:
            ended[queue] = ends
        elif ends.count and (all_ended is None or ends.count > all_ended.count):
            all_ended = ends  # ends of jobs that are no more have no queue either
    return Flow(submitted, ended, all_ended)


def dead_kinds(connection: Connection, limit: int) -> list[DeadKind]:
    """Dead jobs by what went wrong, of the newest MOST_DEAD."""
    rows = connection.execute(load("watch_dead"), {"most": MOST_DEAD, "window": NEW_SECONDS, "limit": limit})
    return [DeadKind(DeadGroup(*row[:-1]), row[-1]) for row in rows]


def events(connection: Connection, limit: int) -> list[Event]:
    """The newest ends and failed attempts, newest first."""
    found = []
    for xid, rank, row_id, job_id, kind, attempt, at, message, duration, worker, job_type, queue in connection.execute(
        load("watch_events"), {"limit": limit}
    ):
        place = TailCursor(int(xid), rank, row_id)
        found.append(Event(place, kind, job_id, job_type, queue, attempt, at, message, duration, worker))
    return found
