"""Waking idle workers after a commit: at most once in two milliseconds a process.

What is held back is not forgotten: a thread, started only when something is, sends it when the time
is over. Workers poll as well, so a wake-up that fails costs a second, never a job.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress

import psycopg

from ..model.errors import JobschedError
from .jobs import Connection
from .sql import load

PAUSE = 0.002
PAUSE_WHEN_NOBODY_IDLES = 0.02
"""Workers that are busy look for more by themselves; asking for idle ones can wait."""
MAX_WOKEN = 64
"""Most workers woken by one call: the others find out by polling."""
Lane = tuple[str, str]


def wake(connection: Connection, lanes: Mapping[Lane, int]) -> int:
    """Wake idle workers for jobs that are ready; return how many. lanes: (queue, type) → how many jobs."""
    woken = 0
    for (queue, job_type), jobs in itertools.islice(lanes.items(), MAX_WOKEN):
        params = {"queue": queue, "type": job_type, "jobs": min(jobs, MAX_WOKEN), "not_id": None}
        woken += connection.execute(load("wake"), params).rowcount
    return woken


class Waker:
    """Wakes workers on behalf of one process. connection: lends a connection in autocommit."""

    def __init__(self, connection: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._held: dict[Lane, int] = {}
        self._next = 0.0
        self._thread: threading.Thread | None = None
        self._signal = threading.Event()
        self._closing = threading.Event()

    def ready(self, connection: Connection, lanes: Mapping[Lane, int]) -> None:
        """Say that jobs were committed; `connection` is used if something is sent at once."""
        if not lanes:
            return
        now = time.monotonic()
        with self._lock:
            held = self._held
            for lane, jobs in lanes.items():
                held[lane] = held.get(lane, 0) + jobs
            if now < self._next:
                if not self._signal.is_set():
                    self._start()
                return
            self._next = now + PAUSE
            due, self._held = held, {}
        self._send(connection, due)

    def close(self) -> None:
        """Send what is held back, and end the thread; a later `ready` starts anew."""
        with self._lock:
            self._closing.set()
            thread, self._thread = self._thread, None
            held, self._held = self._held, {}
        self._signal.set()
        if thread is not None:
            thread.join()
        if held:
            self._send_on_own(held)
        self._closing.clear()

    def _start(self) -> None:
        """Called with the lock held."""
        self._signal.set()
        if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
            self._thread = threading.Thread(target=self._run, name="jobsched-waker", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._closing.wait(max(0.0, self._next - time.monotonic()))
            with self._lock:
                if self._closing.is_set():
                    return
                due, self._held = self._held, {}
                self._next = time.monotonic() + PAUSE
                if not due:
                    self._signal.clear()
            if due:
                self._send_on_own(due)
            else:
                self._signal.wait()

    def _send_on_own(self, due: Mapping[Lane, int]) -> None:
        with suppress(JobschedError), self._connection() as connection:
            self._send(connection, due)

    def _send(self, connection: Connection, due: Mapping[Lane, int]) -> None:
        # The jobs are stored; whoever submitted them must not be told otherwise because of a wake-up.
        with suppress(psycopg.Error):
            if not wake(connection, due):
                self._next = time.monotonic() + PAUSE_WHEN_NOBODY_IDLES
