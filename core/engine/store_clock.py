"""What time it is at the database, between the questions."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from ..clocks import lease_clock


class StoreClock:
    """Goes with a clock of this host that nobody can set, from the database's last answer on. Threads may share it.

    It is never ahead, but for what the two clocks drift apart between two answers: who acts early is refused.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told = datetime.min.replace(tzinfo=UTC)
        self._at = 0.0

    def hear(self, told: datetime, asked_at: float, heard_at: float) -> None:
        """The database gave its time as `told`; the question left and the answer came at these moments of
        `lease_clock`. So its time at the answer lies between `told` and that plus what the question took."""
        least, most = told, told + timedelta(seconds=heard_at - asked_at)
        with self._lock:
            believed = self._now(heard_at)
            self._told, self._at = min(max(believed, least), most), heard_at

    def now(self) -> datetime:
        """The database's time."""
        with self._lock:
            return self._now(lease_clock())

    def ahead(self) -> timedelta:
        """By how much the database's clock is ahead of this host's, now."""
        return self.now() - datetime.now(UTC)

    def _now(self, moment: float) -> datetime:
        return self._told + timedelta(seconds=moment - self._at)
