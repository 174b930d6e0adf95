"""Claims jobs whenever there is room for them: when woken, when a slot has become free, and once in a
while because a wake-up may have been lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from ..model.priority import Priority
from ..store import fleet, leases
from ..store.leases import Claimed
from ..store.link import Conn, Link, LinkStopped
from .cursors import Lane
from .lanes import LaneReader
from .limited import LimitedQueues
from .lost_claims import LostClaims
from .precedence import Precedence

BATCH = 500
QUEUES_EVERY = 1.0


class Claimer:
    """room: how many more jobs may be taken in hand. take: called with the jobs that were claimed, and
    with the worker's id that they were claimed under.

    queues: None serves every queue. room_for_solo: whether a job that must run alone can be taken.
    more: called with queue and type after a claim that may have left such jobs behind, or when woken
    for one without having room, to wake another worker. full: called in that last case. aging: seconds
    after which jobs of lower priority get every other claim; 0 lets them wait for ever.
    """

    def __init__(
        self,
        link: Link,
        *,
        worker_id: Callable[[], int],
        queues: Sequence[str] | None,
        types: Sequence[str],
        room: Callable[[], int],
        room_for_solo: Callable[[], bool],
        take: Callable[[list[Claimed], int], None],
        more: Callable[[str, str], None],
        full: Callable[[], None],
        poll: float,
        aging: float = 0.0,
    ) -> None:
        self._link = link
        self._worker_id = worker_id
        self._fixed = queues
        self._queues: list[str] = list(queues or ())
        self._types = types
        self._room = room
        self._room_for_solo = room_for_solo
        self._take = take
        self._more = more
        self._full = full
        self._poll = poll
        self._aging = aging
        self._overdue: list[Lane] = []
        self._overdues_turn = False
        self._reader = LaneReader(types)
        self._limited = LimitedQueues(queues, types)
        self._precedence = Precedence(types)
        self._lost = LostClaims()
        self._next_queues = 0.0
        self._wants_room = False
        self._woken = threading.Event()
        self._stopping = False
        self.found_nothing = threading.Event()
        """Set while the last look from the start of every lane found nothing."""

    def wake(self, queue: str | None = None, job_type: str | None = None) -> None:
        """There may be jobs (of which queue and type, if somebody woke this worker for one), or room."""
        if queue is not None and job_type is not None and self._room() <= 0:
            self._full()
            self._more(queue, job_type)
        self._woken.set()

    def room_freed(self) -> None:
        """A job has ended. If the last claim left nothing behind, there is no reason to look again, unless a
        limit may have kept something back."""
        if self._wants_room or self._limited:
            self._woken.set()

    def rewind(self) -> None:
        """There are jobs behind the cursor, or a queue was resumed or is new."""
        self._reader.cursors.rewind()
        self._limited.rewind()
        self._precedence.rewind()
        self._next_queues = 0.0
        self._woken.set()

    def rewind_to(self, queue: str, seq: int) -> None:
        """There are jobs behind the cursor, from `seq` on: a long transaction was committed."""
        if self._fixed is None and queue not in self._queues:
            self.rewind()
            return
        self._reader.cursors.rewind_to(queue, seq)
        self._limited.rewind_to(queue, seq)
        self._woken.set()

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._woken.set()

    def run(self) -> None:
        """Claim until stopped."""
        try:
            while not self._stopping:
                self._woken.clear()
                if not self._claim_once():
                    pause = random.uniform(0.5, 1.0) * self._poll
                    self._woken.wait(min(pause, pause if self._limited.again is None else self._limited.again))
        except LinkStopped:
            return
        finally:
            self._link.close()

    def _claim_once(self) -> bool:
        """Claim what there is room for; True if more may be had at once."""
        room = self._room()
        if room <= 0 or self._stopping:
            self._wants_room = True
            return self._room() > 0 and not self._stopping
        n = min(room, BATCH)
        worker_id, jobs = self._link.run(lambda conn: self._claim_or_find(conn, n))
        self._wants_room = len(jobs) == n
        if jobs:
            self._lost.heard(job.token for job in jobs)
            self._take(jobs, worker_id)
        if jobs and len(jobs) == n:
            self._more(jobs[-1].queue, jobs[-1].type)
        return bool(jobs) and len(jobs) == n

    def _claim_or_find(self, conn: Conn, n: int) -> tuple[int, list[Claimed]]:
        worker_id = self._worker_id()
        return worker_id, self._lost.find(conn, worker_id) or self._claim(conn, worker_id, n)

    def _claim(self, conn: Conn, worker_id: int, n: int) -> list[Claimed]:
        lanes = self._lanes(conn)
        if not lanes:
            self.found_nothing.set()
            return []
        aged = self._aged()
        if aged is not None:
            lanes = [aged, *(lane for lane in lanes if lane != aged)]
        solo = self._room_for_solo()
        before, after = self._limited_ones(conn, lanes, aged)
        jobs = self._limited.claim(conn, worker_id, before, n, solo=solo, aged=aged)
        if len(jobs) < n:
            jobs += self._reader.claim(conn, worker_id, lanes, n - len(jobs), solo=solo)
            jobs += self._limited.claim(conn, worker_id, after, n - len(jobs), solo=solo, aged=aged)
        if jobs:
            self.found_nothing.clear()
        elif self._reader.found_nothing and solo and not self._limited.held_back and self._saw_limited():
            self.found_nothing.set()
        return jobs

    def _limited_ones(self, conn: Conn, lanes: list[Lane], aged: Lane | None) -> tuple[list[str], list[str]]:
        """Return the queues with limits that come before the others, and those that come after them."""
        self._limited.begin()
        if not self._limited:
            return [], []
        return self._precedence.decide(conn, lanes, aged, self._limited.__contains__, self._known)

    def _saw_limited(self) -> bool:
        """Whether nothing can have been missed in queues with limits at the last claim."""
        return not self._limited or self._precedence.saw_everything

    def _known(self, lanes: list[Lane]) -> list[int]:
        """Return where each lane was read up to."""
        known = self._reader.cursors.known(lanes)
        return [
            self._limited.known(lane) if lane[0] in self._limited else cursor
            for lane, cursor in zip(lanes, known, strict=True)
        ]

    def _lanes(self, conn: Conn) -> list[Lane]:
        """Every (queue, priority), higher priorities of all queues first; equals take turns."""
        now = time.monotonic()
        if now >= self._next_queues:
            if self._fixed is None:
                self._queues = fleet.queue_names(conn)
            self._limited.refresh(conn)
            self._look_for_overdue(conn)
            self._next_queues = now + QUEUES_EVERY
        if len(self._queues) > 1:
            self._queues = self._queues[1:] + self._queues[:1]
        return [(queue, priority) for priority in Priority for queue in self._queues]

    def _look_for_overdue(self, conn: Conn) -> None:
        if self._aging:
            lanes = [(queue, int(priority)) for priority in Priority for queue in self._queues]
            found = leases.waiting_lanes(conn, lanes, self._known(lanes), self._types, self._aging)
            self._overdue = [lane for lane in lanes if lane in found]

    def _aged(self) -> Lane | None:
        """Every other time, return one of the lanes whose jobs have waited too long: each in its turn."""
        self._overdues_turn = bool(self._overdue) and not self._overdues_turn
        if not self._overdues_turn:
            return None
        first = self._overdue.pop()
        self._overdue.insert(0, first)
        return first
