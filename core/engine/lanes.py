"""Reading lanes of `ready` from where the last claim left off: a claim, and what its cursors learn of it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..store import leases
from ..store.leases import Claimed
from ..store.link import Conn
from .cursors import Cursors, Lane


class LaneReader:
    """Claims jobs of some types, and remembers how far each lane was read."""

    def __init__(self, types: Sequence[str]) -> None:
        self.cursors = Cursors()
        self.found_nothing = False
        """Whether the last claim read every lane from its start and found nothing."""
        self._types = types
        self._newest_seq = 0

    def claim(
        self, conn: Conn, worker_id: int, lanes: list[Lane], n: int, *, solo: bool, limited: str | None = None
    ) -> list[Claimed]:
        """Lease up to `n` jobs of `lanes`; return them in the lanes' order. solo, limited: see `leases.claim`."""
        cursors = self.cursors.begin(lanes)
        began = time.monotonic()
        if not any(cursors):
            self._newest_seq = leases.last_seq(conn)
        jobs = leases.claim(
            conn,
            worker_id=worker_id,
            queues=[queue for queue, _ in lanes],
            priorities=[priority for _, priority in lanes],
            cursors=cursors,
            types=self._types,
            solo=solo,
            n=n,
            limited=limited,
        )
        seen: dict[Lane, int] = {}
        for job in jobs:
            lane = (job.queue, job.priority)
            seen[lane] = max(job.seq, seen.get(lane, 0))
        cost = time.monotonic() - began
        self.cursors.end(seen, full=len(jobs) == n, newest_seq=self._newest_seq, lanes=lanes, cost=cost)
        self.found_nothing = not jobs and not any(cursors)
        if len(seen) > 1:
            rank = {lane: number for number, lane in enumerate(lanes)}
            jobs.sort(key=lambda job: rank[job.queue, job.priority])
        return jobs
