"""The jobs that a keeper has in hand: leased, and not yet ended in the store."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..store.leases import Claimed

if TYPE_CHECKING:
    from .runner_process import RunnerProcess


class Held:
    """A leased job, and the runner that it was given to (None: not yet).

    chunks: pieces of output that it has sent. cancel_asked: when it was asked to stop, on the
    monotonic clock; 0 if nobody has asked.
    """

    __slots__ = ("cancel_asked", "chunks", "job", "progress", "runner")

    def __init__(self, job: Claimed) -> None:
        self.job = job
        self.runner: RunnerProcess | None = None
        self.chunks = 0
        self.progress: tuple[float | None, str | None] = (None, None)
        self.cancel_asked = 0.0


class Hand:
    """All of them, by token. Safe to use from every thread."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._lock = threading.Lock()
        self.empty = threading.Event()
        self.empty.set()

    def __len__(self) -> int:
        return len(self._held)

    def add(self, jobs: Iterable[Claimed]) -> list[Held]:
        """Take jobs in hand."""
        taken = [Held(job) for job in jobs]
        with self._lock:
            self._held.update((each.job.token, each) for each in taken)
            if taken:
                self.empty.clear()
        return taken

    def get(self, token: int) -> Held | None:
        """The job with that token, if it is in hand."""
        return self._held.get(token)

    def take(self, tokens: Iterable[int]) -> list[Held | None]:
        """Let go of jobs, in the order of `tokens`; None for those that were not in hand."""
        with self._lock:
            taken = [self._held.pop(token, None) for token in tokens]
            if not self._held:
                self.empty.set()
        return taken

    def take_all(self) -> list[Held]:
        """Let go of everything."""
        with self._lock:
            taken = list(self._held.values())
            self._held.clear()
            self.empty.set()
        return taken

    def of(self, runner: RunnerProcess | None) -> list[Held]:
        """Those that were given to `runner`."""
        with self._lock:
            return [each for each in self._held.values() if each.runner is runner]

    def all(self) -> list[Held]:
        """A copy of everything in hand."""
        with self._lock:
            return list(self._held.values())
