"""The heartbeat: keeps the worker's leases, hears that it was declared dead, and that jobs are to stop.

A lease is measured by a clock that goes on while the machine sleeps: a laptop that slept for longer
has lost its jobs, and must not go on with them.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from ..clocks import lease_clock
from ..store import fleet, leases
from ..store.link import Conn, Link, LinkStopped
from .hand import Hand

BEATS_PER_LEASE = 6
LONGEST_INTERVAL = 5.0
LONG_JOB_SECONDS = 1.0
GATHER_SECONDS = 0.01


class Pulse:
    """state: the worker's state for others to see. running: how many jobs run; rss: bytes of all runners.

    buried: called when the store has declared this worker dead; available: when it has just been
    entered as available again; cancel: with tokens whose jobs are to stop; command: with "drain" or
    "stop".
    """

    def __init__(
        self,
        link: Link,
        *,
        worker_id: Callable[[], int],
        hand: Hand,
        lease_seconds: float,
        state: Callable[[], str],
        rss: Callable[[], int],
        buried: Callable[[Conn], None],
        available: Callable[[], None],
        cancel: Callable[[list[int]], None],
        command: Callable[[str], None],
    ) -> None:
        self._link = link
        self._worker_id = worker_id
        self._hand = hand
        self._interval = min(LONGEST_INTERVAL, lease_seconds / BEATS_PER_LEASE)
        self._state = state
        self._rss = rss
        self._buried = buried
        self._available = available
        self._cancel = cancel
        self._command = command
        self._asked = threading.Event()
        self._stopping = False
        self.announced = "available"
        self.last_ok = lease_clock()
        """When the newest heartbeat that got through was sent."""

    def beat_now(self) -> None:
        """Somebody has something to say to this worker, or its state changed."""
        self._asked.set()

    def stop(self) -> None:
        """End `run` after one more beat."""
        self._stopping = True
        self._asked.set()

    def run(self) -> None:
        """Beat until stopped."""
        try:
            while not self._stopping:
                self._link.run(self._beat)
                if self._asked.wait(random.uniform(0.8, 1.0) * self._interval):
                    time.sleep(GATHER_SECONDS)  # several words that come together are one beat
                    self._asked.clear()
        except LinkStopped:
            return
        finally:
            self._link.close()

    def _beat(self, conn: Conn) -> None:
        sent = lease_clock()
        state, before = self._state(), self.announced
        alive, command = fleet.heartbeat(
            conn, self._worker_id(), state=state, running=len(self._hand), rss_bytes=self._rss()
        )
        if not alive:
            self._buried(conn)
            return
        self.last_ok = sent
        self.announced = state
        if before == "busy" and state == "available":
            self._available()  # a job that came in between woke nobody
        if command is not None:
            self._command(command)
        tokens = fleet.cancel_requests(conn, self._worker_id())
        if tokens:
            self._cancel(tokens)
        self._report_long_jobs(conn)

    def _report_long_jobs(self, conn: Conn) -> None:
        said = []
        monotonic = time.monotonic_ns()
        started = {
            each.token: each.started_ns
            for runner in {held.runner for held in self._hand.all() if held.runner is not None}
            for each in runner.running()
        }
        for token, since in started.items():
            held = self._hand.get(token)
            seconds = (monotonic - since) / 1e9
            if held is None or (seconds < LONG_JOB_SECONDS and held.progress == (None, None)):
                continue
            said.append((held.job.job_id, token, seconds, *held.progress))
        if said:
            leases.report_progress(conn, said)
