"""The claimer's way through queues with limits: each in a transaction of its own, in turn."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.priority import Priority
from ..store import limits
from ..store.leases import Claimed
from ..store.link import Conn
from .cursors import Lane
from .lanes import LaneReader


class LimitedQueues:
    """The limited queues that one worker serves. fixed: the only queues that it serves; None is all."""

    def __init__(self, fixed: Sequence[str] | None, types: Sequence[str]) -> None:
        self._fixed = None if fixed is None else frozenset(fixed)
        self._types = types
        self._names: list[str] = []
        self._readers: dict[str, LaneReader] = {}
        self.again: float | None = None
        """Seconds until a rate lets more start; None where none is waited for."""
        self.held_back = False
        """Whether a limit may have kept jobs back at the last claim."""

    def __bool__(self) -> bool:
        return bool(self._names)

    def refresh(self, conn: Conn) -> None:
        """Read which queues have limits."""
        self._names = [name for name in limits.limited_queues(conn) if self._fixed is None or name in self._fixed]
        self._readers = {name: self._readers.get(name) or LaneReader(self._types) for name in self._names}

    def rewind(self) -> None:
        """There are jobs behind the cursors."""
        for reader in self._readers.values():
            reader.cursors.rewind()

    def rewind_to(self, queue: str, seq: int) -> None:
        """There are jobs behind the cursor of `queue`, from `seq` on."""
        if queue in self._readers:
            self._readers[queue].cursors.rewind_to(queue, seq)

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
        lanes: list[Lane] = [(name, int(priority)) for priority in Priority]

        def claim(room: int) -> list[Claimed]:
            return self._readers[name].claim(conn, worker_id, lanes, room, solo=solo, limited=name)

        return limits.claim_limited(conn, name, n, claim)
