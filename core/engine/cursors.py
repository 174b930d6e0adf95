"""Where a claimer goes on reading in each lane of `ready`.

Jobs are read in the order of `seq` and removed, so behind the newest one seen there is nothing but
dead rows, unless a transaction that drew an earlier number commits late. So the cursor follows
closely, and what may have been left behind is looked for again: 50 ms back at each claim that is
not in full flow, 2 s back four times a second, and from the start once a second. The last two never
take more than a twentieth and a fiftieth of the time: while somebody holds an old snapshot, the dead
rows stay and make them dear (without that share, a held snapshot cost 37 % of the throughput).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

Lane = tuple[str, int]
"""(queue, priority)."""

SHORT_LAG = 0.05
LONG_LAG = 2.0
LONG_EVERY = 0.25
LONG_SHARE = 20.0
RESCAN_EVERY = 1.0
RESCAN_SHARE = 50.0


class Cursors:
    """The cursors of one worker. `clock` counts seconds; tests own it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._now = clock
        self._newest: dict[Lane, int] = {}
        self._history: deque[tuple[float, dict[Lane, int]]] = deque()
        self._late: deque[tuple[str, int]] = deque()
        self._in_flow = False
        self._next_long = 0.0
        self._next_rescan = 0.0
        self._rescan = False
        self._long = False
        self._rewound = False

    def begin(self, lanes: list[Lane]) -> list[int]:
        """Return the cursor of each lane for the claim that is about to be made."""
        now = self._now()
        self._hear_late()
        self._rescan = now >= self._next_rescan
        if self._rescan:
            self._rewound = self._long = False
            return [0] * len(lanes)
        self._long = now >= self._next_long
        if self._long:
            known = self._as_of(now - LONG_LAG)
        elif self._in_flow:
            known = self._newest
        else:
            known = self._as_of(now - SHORT_LAG)
        newest = self._newest
        return [min(known.get(lane, 0), newest.get(lane, 0)) for lane in lanes]

    def known(self, lanes: list[Lane]) -> list[int]:
        """Return where each lane was read up to long enough ago that little can have come behind it."""
        known = self._as_of(self._now() - LONG_LAG)
        return [min(known.get(lane, 0), self._newest.get(lane, 0)) for lane in lanes]

    def end(self, seen: dict[Lane, int], *, full: bool, newest_seq: int, lanes: list[Lane], cost: float) -> None:
        """Note what the claim saw.

        seen: the largest seq that was taken from each lane. full: as many as asked for came back,
        so more may be waiting. newest_seq: a number given out before the claim; if it was not full,
        all lanes have been read up to there, past jobs of types that this worker does not run. cost: seconds
        that the claim took.
        """
        now = self._now()
        if self._rescan:
            if not self._rewound:  # a word that came during the claim may be newer than it
                self._next_rescan = now + max(RESCAN_EVERY, RESCAN_SHARE * cost)
        elif self._long:
            self._next_long = now + max(LONG_EVERY, LONG_SHARE * cost)
        newest = dict(self._newest)
        if full:
            # Also back to where it was before: what came may lie behind the old cursor (late commits, a
            # lane that was paused while it was read), and more of it may be waiting.
            newest.update(seen)
        else:
            newest.update((lane, max(newest_seq, seen.get(lane, 0), newest.get(lane, 0))) for lane in lanes)
        self._in_flow = full
        self._newest = newest
        self._history.append((now, newest))
        while len(self._history) > 1 and self._history[1][0] < now - LONG_LAG:
            self._history.popleft()

    def rewind(self) -> None:
        """Look from the start at the next claim: somebody knows of jobs behind the cursor."""
        self._rewound = True
        self._next_rescan = 0.0

    def rewind_to(self, queue: str, seq: int) -> None:
        """Look from `seq` on in the lanes of `queue`: jobs from there on were committed late. From any thread."""
        self._late.append((queue, seq))

    def _hear_late(self) -> None:
        while self._late:
            queue, seq = self._late.popleft()
            self._newest = {
                lane: min(newest, seq - 1) if lane[0] == queue else newest for lane, newest in self._newest.items()
            }

    def _as_of(self, moment: float) -> dict[Lane, int]:
        known: dict[Lane, int] = {}
        for noted, cursors in self._history:
            if noted > moment:
                break
            known = cursors
        return known
