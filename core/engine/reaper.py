"""Finds dead workers and sends their jobs on."""

from __future__ import annotations

from collections.abc import Callable

from ..host import MARK_VARIABLE, ProcessIdentity, kill_processes_marked, proves_dead
from ..store import fleet
from ..store.fleet import Reaped
from ..store.leases import Moved
from ..store.link import Conn


def reap_once(
    conn: Conn,
    *,
    worker_id: int,
    me: ProcessIdentity,
    lost_limit: int,
    local_only: bool = False,
    thorough: bool = True,
) -> Reaped:
    """One pass: declare dead who is silent or proved dead, kill what they left on this host, requeue.

    Both statements are one transaction, each with a snapshot of its own (READ COMMITTED): the second
    must see what was claimed and completed while the first one ran. local_only: return before the
    store is changed where no neighbour is dead. thorough: see `fleet.reap`.
    """
    dead = [id_ for id_, identity in fleet.neighbours(conn, worker_id, me) if proves_dead(identity)]
    if local_only and not dead:
        return Reaped()
    with conn.transaction():
        buried = fleet.bury(conn, dead)
        for worker in buried:
            kill_processes_marked(MARK_VARIABLE, worker.mark)
        moved = fleet.reap(conn, lost_limit=lost_limit, thorough=thorough)
    return Reaped(buried, moved)


def wake_for(conn: Conn, worker_id: int, moved: list[Moved], wake_self: Callable[[], None]) -> None:
    """Have somebody claim what became ready: this worker at once, and idle ones for the rest."""
    if not moved:
        return
    wake_self()
    for each in moved:
        if each.next in (None, "queued") and each.jobs > 1:
            fleet.wake_another(conn, worker_id, each.queue, each.type)
