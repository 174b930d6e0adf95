"""Waking idle workers after a commit: at most once in five milliseconds a process.

What is held back is not forgotten: a thread, started only when something is, sends it when the time
is over. Workers poll as well, so a wake-up that fails costs a second, never a job.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress

from ..model.errors import JobschedError
from .jobs import Connection
from .sql import load

PAUSE = 0.005
MAX_WOKEN = 64
"""Most workers woken by one call: the others find out by polling."""
Lane = tuple[str, str]


def wake(connection: Connection, lanes: Counter[Lane]) -> None:
    """Wake idle workers for jobs that are ready. lanes: (queue, type) → how many jobs."""
    for (queue, job_type), jobs in lanes.most_common(MAX_WOKEN):
        connection.execute(
            load("wake"), {"queue": queue, "type": job_type, "jobs": min(jobs, MAX_WOKEN), "not_id": None}
        )


class Waker:
    """Wakes workers on behalf of one process. connection: lends a connection in autocommit."""

    def __init__(self, connection: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._held: Counter[Lane] = Counter()
        self._next = 0.0
        self._thread: threading.Thread | None = None
        self._signal = threading.Event()
        self._closed = False

    def ready(self, connection: Connection, lanes: Iterable[Lane]) -> None:
        """Say that jobs were committed; `connection` is used if something is sent at once."""
        now = time.monotonic()
        with self._lock:
            self._held.update(lanes)
            if now < self._next:
                self._start()
                return
            self._next = now + PAUSE
            due, self._held = self._held, Counter()
        self._send(connection, due)

    def close(self) -> None:
        """Send what is held back, and end the thread; a later `ready` starts anew."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            held, self._held = self._held, Counter()
        self._signal.set()
        if thread is not None:
            thread.join()
        if held:
            self._send_on_own(held)
        self._closed = False

    def _start(self) -> None:
        """Called with the lock held."""
        if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
            self._thread = threading.Thread(target=self._run, name="jobsched-waker", daemon=True)
            self._thread.start()
        self._signal.set()

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE)
            with self._lock:
                if self._closed:
                    return
                due, self._held = self._held, Counter()
                self._next = time.monotonic() + PAUSE
                self._signal.clear()
            if due:
                self._send_on_own(due)
            else:
                self._signal.wait()

    def _send_on_own(self, due: Counter[Lane]) -> None:
        with suppress(JobschedError), self._connection() as connection:
            self._send(connection, due)

    def _send(self, connection: Connection, due: Counter[Lane]) -> None:
        import psycopg

        # The jobs are stored; whoever submitted them must not be told otherwise because of a wake-up.
        with suppress(psycopg.Error):
            wake(connection, due)
