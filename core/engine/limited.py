"""The claimer's way through queues with limits: each in a transaction of its own, in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..model.priority import Priority
from ..store import leases, limits
from ..store.leases import Claimed
from ..store.link import Conn
from .cursors import Cursors, Lane


class LimitedQueues:
    """The limited queues that one worker serves. fixed: the only queues that it serves; None is all."""

    def __init__(self, fixed: Sequence[str] | None, types: Sequence[str]) -> None:
        self._fixed = None if fixed is None else frozenset(fixed)
        self._types = types
        self._names: list[str] = []
        self._cursors: dict[str, Cursors] = {}
        self.again: float | None = None
        """Seconds until a rate lets more start; None where none is waited for."""
        self.held_back = False
        """Whether a limit may have kept jobs back at the last claim."""

    def __bool__(self) -> bool:
        return bool(self._names)

    def refresh(self, conn: Conn) -> None:
        """Read which queues have limits."""
        self._names = [name for name in limits.limited_queues(conn) if self._fixed is None or name in self._fixed]
        self._cursors = {name: self._cursors.get(name) or Cursors() for name in self._names}

    def rewind(self) -> None:
        """There are jobs behind the cursors."""
        for cursors in self._cursors.values():
            cursors.rewind()

    def rewind_to(self, queue: str, seq: int) -> None:
        """There are jobs behind the cursor of `queue`, from `seq` on."""
        if queue in self._cursors:
            self._cursors[queue].rewind_to(queue, seq)

    def claim(self, conn: Conn, worker_id: int, n: int, *, solo: bool) -> list[Claimed]:
        """Claim up to `n` jobs, no more of any queue than its limits allow. Queues take turns at being first."""
        self.again, self.held_back = None, False
        jobs: list[Claimed] = []
        self._names = self._names[1:] + self._names[:1]
        for name in self._names:
            if len(jobs) == n:
                break
            taken = self._claim_of(conn, worker_id, name, n - len(jobs), solo=solo)
            jobs += taken.jobs
            self.held_back = self.held_back or taken.held_back
            if taken.again is not None:
                self.again = min(taken.again, self.again or taken.again)
        return jobs

    def _claim_of(self, conn: Conn, worker_id: int, name: str, n: int, *, solo: bool) -> limits.Taken:
        cursors = self._cursors[name]
        lanes: list[Lane] = [(name, int(priority)) for priority in Priority]

        def claim(room: int) -> list[Claimed]:
            began = time.monotonic()
            newest_seq = leases.last_seq(conn)
            jobs = leases.claim(
                conn,
                worker_id=worker_id,
                queues=[name] * len(lanes),
                priorities=[priority for _, priority in lanes],
                cursors=cursors.begin(lanes),
                types=self._types,
                solo=solo,
                n=room,
                limited=name,
            )
            seen: dict[Lane, int] = {}
            for job in jobs:
                lane = (job.queue, job.priority)
                seen[lane] = max(job.seq, seen.get(lane, 0))
            cost = time.monotonic() - began
            cursors.end(seen, full=len(jobs) == room, newest_seq=newest_seq, lanes=lanes, cost=cost)
            return jobs

        return limits.claim_limited(conn, name, n, claim)
