"""What a scheduler knows of each schedule: when its next tick is, and what it believes of the row in the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..model.schedule import Catchup
from ..store.ticks import Asked
from ..store.timings import Timing
from ..timetable import MOST, Due, Verdict, due_ticks

TOGETHER = 100
"""Ticks of one schedule that are decided at once where all of them are to fire: others have theirs, too."""


class Plan:
    """One schedule. next: the first tick that is not decided; None if there is none. UsageError: it cannot be read."""

    def __init__(self, timing: Timing) -> None:
        self.id = timing.id
        self.name = timing.name
        self.revision = timing.revision
        self.timetable = timing.timetable()
        self._catchup = Catchup(timing.catchup)
        self._jitter = timing.jitter
        self.alone = timing.alone
        self.frontier = timing.decided_until
        self._ahead: Iterator[datetime] = iter(())
        self.next: datetime | None = None
        self._following: datetime | None = None
        self.stand_at(timing.decided_until)

    def stand_at(self, frontier: datetime) -> None:
        """All up to `frontier` is decided."""
        self.frontier = frontier
        self._ahead = self.timetable.after(frontier)
        self.next = next(self._ahead, None)
        self._following = next(self._ahead, None)

    def decided(self, until: datetime) -> None:
        """All up to `until` is decided, which was due."""
        self.frontier = until
        for _ in range(TOGETHER):
            if self.next is None or self.next > until:
                return
            self.next, self._following = self._following, next(self._ahead, None)
        self.stand_at(until)

    def ask(self, now: datetime, grace: float, most: int) -> Asked | None:
        """What is to be decided at `now`, by the database's clock; None if nothing is due. most: ticks that were
        missed are written down one by one, the newest of them."""
        if self.next is None or self.next > now:
            return None
        due = self._due(now, grace, most)
        return Asked(self.id, due.verdicts, self._jitter, self.alone, self.revision, self.frontier, due.until)

    def _due(self, now: datetime, grace: float, most: int) -> Due:
        assert self.next is not None
        if self._catchup is Catchup.ALL:
            return due_ticks(self.timetable, self._catchup, self.frontier, now, grace, TOGETHER)
        if self.next > now - timedelta(seconds=grace) and (self._following is None or self._following > now):
            return Due([Verdict(self.next)])
        return due_ticks(self.timetable, self._catchup, self.frontier, now, grace, min(most, MOST))
