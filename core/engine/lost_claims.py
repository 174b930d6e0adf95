"""Jobs that were leased to this worker without its knowing: the claim was committed, and the answer
was lost with the connection. As long as the worker beats nobody else may have them, so it must find
them itself.

Tokens grow, and one claimer claims one batch at a time: what is newer than the last one that it had
heard of when the connection broke, and was not heard of since, is lost. A claim that was still under
way in the server at that moment may commit a little later, so it looks for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..store import leases
from ..store.leases import Claimed
from ..store.link import Conn

LOOK_SECONDS = 15.0
LOOK_EVERY = 1.0


class LostClaims:
    """`clock` counts seconds; tests own it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._now = clock
        self._conn: Conn | None = None
        self._newest = 0
        self._floor = 0
        self._heard: set[int] = set()
        self._look_until = 0.0
        self._next_look = 0.0

    def heard(self, tokens: Iterable[int]) -> None:
        """These were claimed, and the claimer knows of it."""
        known = set(tokens)
        self._newest = max(known, default=self._newest)
        if self._look_until:
            self._heard |= known

    def find(self, conn: Conn, worker_id: int) -> list[Claimed]:
        """Return jobs that were lost; on a connection that has not broken, without asking the store."""
        now = self._now()
        if conn is not self._conn:
            if self._conn is not None:
                self._begin(now)
            self._conn = conn
        if not self._look_until or now < self._next_look:
            return []
        self._next_look = now + LOOK_EVERY
        if now >= self._look_until:
            self._look_until = 0.0
        lost = leases.tokens_since(conn, worker_id, self._floor) - self._heard
        return leases.adopt(conn, worker_id, lost) if lost else []

    def _begin(self, now: float) -> None:
        if not self._look_until:
            self._floor = self._newest
            self._heard = set()
        self._look_until = now + LOOK_SECONDS
        self._next_look = now
