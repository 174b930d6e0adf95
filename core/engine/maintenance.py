"""The store's housekeeping, done by every worker: promoting due jobs, reaping dead workers, pruning
what is kept no longer. Several at once do not disturb each other: each takes other rows."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

from ..config import Settings
from ..host import ProcessIdentity
from ..metrics import WorkerMetrics
from ..model.priority import Priority
from ..store import fleet, leases, waiting
from ..store.leases import Moved
from ..store.link import Conn, Link, LinkStopped
from ..store.retention import prune
from .reaper import reap_once, wake_for

LONGEST_SLEEP = 1.0
SHORTEST_SLEEP = 0.01
PROMOTE_BATCH = 1000
LOCAL_REAP_EVERY = 1.0
THOROUGH_REAP_EVERY = 300.0
SWEEP_EVERY = 1.0
THOROUGH_SWEEP_EVERY = 20.0
PRUNE_EVERY = 300.0
PRUNE_BATCH = 1000
PRUNE_PAUSE = 0.1


class Maintenance:
    """worker_id: of this worker. wake: have this worker's claimer look. log: where deaths are told."""

    def __init__(
        self,
        link: Link,
        settings: Settings,
        *,
        worker_id: Callable[[], int],
        identity: ProcessIdentity,
        metrics: WorkerMetrics,
        wake: Callable[[], None],
        log: Callable[..., None],
    ) -> None:
        self._link = link
        self._settings = settings
        self._worker_id = worker_id
        self._identity = identity
        self._metrics = metrics
        self._wake = wake
        self._log = log
        self._stop = threading.Event()
        self._poked = threading.Event()
        self._passed_on: tuple[str, str] | None = None
        self._lease: float = settings["lease"]
        self._next_reap = 0.0
        self._next_local = 0.0
        self._next_thorough = 0.0
        self._next_sweep = 0.0
        self._next_thorough_sweep = 0.0
        self._next_prune = time.monotonic() + random.uniform(0, PRUNE_EVERY)

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()
        self._poked.set()

    def run(self) -> None:
        """Keep house until stopped."""
        try:
            while not self._stop.is_set():
                sleep = self._link.run(self.once)
                self._poked.wait(sleep)
        except LinkStopped:
            return
        finally:
            self._link.close()

    def sweep_now(self) -> None:
        """Look at blocked jobs that were just committed. From any thread."""
        self._next_sweep = 0.0
        self._poked.set()

    def pass_on(self, queue: str, job_type: str) -> None:
        """Have another worker woken for such jobs. From any thread."""
        self._passed_on = (queue, job_type)
        self._poked.set()

    def once(self, conn: Conn) -> float:
        """Do what is due; return seconds until something may be due again."""
        self._poked.clear()
        passed_on, self._passed_on = self._passed_on, None
        if passed_on is not None:
            fleet.wake_another(conn, self._worker_id(), *passed_on)
        now = time.monotonic()
        full = now >= self._next_reap
        if full or now >= self._next_local:
            self._next_local = now + LOCAL_REAP_EVERY
            if full:
                self._next_reap = now + random.uniform(0.5, 1.0) * min(5.0, self._lease / 6)
            self._reap(conn, local_only=not full)
        if now >= self._next_prune:
            # One batch a turn, so that nothing has to wait for a big clean-up.
            more = prune(conn, self._settings, PRUNE_BATCH) >= PRUNE_BATCH
            self._next_prune = now + (PRUNE_PAUSE if more else random.uniform(0.5, 1.0) * PRUNE_EVERY)
        if now >= self._next_sweep:
            self._sweep(conn, now)
        return min(self._promote(conn), max(SHORTEST_SLEEP, self._next_prune - time.monotonic()))

    def _promote(self, conn: Conn) -> float:
        due = leases.seconds_to_next_due(conn)
        if due is None or due > 0:
            return LONGEST_SLEEP if due is None else min(LONGEST_SLEEP, max(SHORTEST_SLEEP, due))
        moved = leases.promote(conn, PROMOTE_BATCH)
        for each in moved:
            self._metrics.promoted(Priority(each.priority).word, each.jobs)
        keys = {(each.queue, each.key) for each in moved if each.key is not None}
        if keys:
            self._tell_ready(conn, waiting.settle(conn, (), keys=keys).ready)
        wake_for(conn, self._worker_id(), [each for each in moved if each.key is None], self._wake)
        return SHORTEST_SLEEP

    def _sweep(self, conn: Conn, now: float) -> None:
        """Settle blocked jobs that nobody has looked at, and now and then those that somebody overlooked."""
        self._next_sweep = now + SWEEP_EVERY
        thorough = now >= self._next_thorough_sweep
        if thorough:
            self._next_thorough_sweep = now + random.uniform(0.5, 1.0) * THOROUGH_SWEEP_EVERY
        self._tell_ready(conn, waiting.sweep(conn, thorough=thorough).ready)

    def _tell_ready(self, conn: Conn, lanes: Counter[tuple[str, str]]) -> None:
        if lanes:
            self._wake()
            for (queue, job_type), jobs in lanes.items():
                if jobs > 1:
                    fleet.wake_another(conn, self._worker_id(), queue, job_type)

    def _reap(self, conn: Conn, *, local_only: bool) -> None:
        now = time.monotonic()
        thorough = now >= self._next_thorough
        if thorough and not local_only:
            self._next_thorough = now + THOROUGH_REAP_EVERY
        reaped = reap_once(
            conn,
            worker_id=self._worker_id(),
            me=self._identity,
            lost_limit=self._settings["lost_limit"],
            local_only=local_only,
            thorough=thorough,
        )
        for worker in reaped.buried:
            self._log("worker declared dead", lost_worker=worker.name, lost_worker_id=worker.id)
        if reaped.buried:
            self._metrics.lease_timeouts(len(reaped.buried))
        if reaped.moved:
            self._next_thorough_sweep = self._next_sweep = 0.0  # some may have ended, and others waited for them
            self._tell(reaped.moved)
            wake_for(conn, self._worker_id(), reaped.moved, self._wake)

    def _tell(self, moved: list[Moved]) -> None:
        for each in moved:
            self._metrics.recovered(Priority(each.priority).word, each.jobs)
        self._log("jobs of dead workers taken back", jobs=sum(each.jobs for each in moved))
