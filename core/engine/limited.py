"""The claimer's way through queues with limits: each in a transaction of its own."""

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
        self._readers: dict[str, LaneReader] = {}
        self.again: float | None = None
        """Seconds until a rate lets more start; None where none is waited for."""
        self.held_back = False
        """Whether a limit may have kept jobs back at the last claim."""

    def __bool__(self) -> bool:
        return bool(self._readers)

    def refresh(self, conn: Conn) -> None:
        """Read which queues have limits. What this worker has claimed from one before it knew is counted now."""
        names = [name for name in limits.limited_queues(conn) if self._fixed is None or name in self._fixed]
        for name in names:
            if name not in self._readers:
                limits.count_leases(conn, name)
        self._readers = {name: self._readers.get(name) or LaneReader(self._types) for name in names}

    def rewind(self) -> None:
        """There are jobs behind the cursors."""
        for reader in self._readers.values():
            reader.cursors.rewind()

    def rewind_to(self, queue: str, seq: int) -> None:
        """There are jobs behind the cursor of `queue`, from `seq` on."""
        if queue in self._readers:
            self._readers[queue].cursors.rewind_to(queue, seq)

    def __contains__(self, queue: str) -> bool:
        return queue in self._readers

    def known(self, lane: Lane) -> int:
        """Return where a lane was read up to: see `Cursors.known`."""
        return self._readers[lane[0]].cursors.known([lane])[0]

    def begin(self) -> None:
        """A claim begins, in one or several parts."""
        self.again, self.held_back = None, False

    def claim(
        self, conn: Conn, worker_id: int, names: Sequence[str], n: int, *, solo: bool, aged: Lane | None
    ) -> list[Claimed]:
        """Claim up to `n` jobs of these queues, the first one first, no more of any than its limits allow.

        aged: the lane that goes before more urgent ones.
        """
        jobs: list[Claimed] = []
        for name in names:
            if len(jobs) == n:
                break
            taken = self._claim_of(conn, worker_id, name, n - len(jobs), solo=solo, aged=aged)
            jobs += taken.jobs
            self.held_back = self.held_back or taken.held_back
            if taken.again is not None:
                self.again = min(taken.again, self.again or taken.again)
        return jobs

    def _claim_of(
        self, conn: Conn, worker_id: int, name: str, n: int, *, solo: bool, aged: Lane | None
    ) -> limits.Taken:
        lanes: list[Lane] = [(name, int(priority)) for priority in Priority]
        lanes.sort(key=lambda lane: lane != aged)

        def claim(room: int) -> list[Claimed]:
            return self._readers[name].claim(conn, worker_id, lanes, room, solo=solo, limited=name)

        return limits.claim_limited(conn, name, n, claim)
