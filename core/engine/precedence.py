"""Which queues with limits are claimed from before those without, and which after them.

Limits need transactions of their own, a queue each, while all other lanes are one statement. So at each claim
one small statement looks where jobs wait, and the group goes first that has the more urgent ones; equals
take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..store import leases
from ..store.link import Conn
from .cursors import RESCAN_EVERY, RESCAN_SHARE, Lane

AGED = -1
"""Stands before every priority."""


class Precedence:
    """types: that this worker runs."""

    def __init__(self, types: Sequence[str]) -> None:
        self._types = types
        self._next_rescan = 0.0
        self._limited_first = False
        self.saw_everything = False
        """Whether the last look was from the start of every lane: dear while somebody holds an old snapshot, so
        it has its share of the time (cursors.py)."""

    def rewind(self) -> None:
        """Look from the start at the next claim."""
        self._next_rescan = 0.0

    def decide(
        self,
        conn: Conn,
        lanes: list[Lane],
        aged: Lane | None,
        is_limited: Callable[[str], bool],
        known: Callable[[list[Lane]], list[int]],
    ) -> tuple[list[str], list[str]]:
        """Return queues with limits, those to be claimed from before all others, and those after them.

        lanes: all, in the order of preference. aged: one of them that goes before every other. known: gives
        cursors behind which there is probably nothing.
        """
        now = time.monotonic()
        self.saw_everything = now >= self._next_rescan
        cursors = [0] * len(lanes) if self.saw_everything else known(lanes)
        waiting = leases.waiting_lanes(conn, lanes, cursors, self._types)
        if self.saw_everything:
            cost = time.monotonic() - now
            self._next_rescan = now + max(RESCAN_EVERY, RESCAN_SHARE * cost)
        urgency: dict[str, int] = {}
        others = max(priority for _, priority in lanes) + 1
        for queue, priority in [lane for lane in lanes if lane in waiting]:
            level = AGED if (queue, priority) == aged else priority
            if is_limited(queue):
                urgency[queue] = min(level, urgency.get(queue, level))
            else:
                others = min(level, others)
        self._limited_first = not self._limited_first
        names = sorted(urgency, key=urgency.__getitem__)  # in the lanes' order where equal
        before = [name for name in names if urgency[name] < others + self._limited_first]
        return before, names[len(before) :]
