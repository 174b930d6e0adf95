"""What a screen saw of the store: the last looks, kept in memory, of which one is shown."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from .questions import Board

KEPT = 600
"""Looks that are remembered: ten minutes of one a second."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. submitted, ended, failed: a second, since the look before; None for the first. wait, run: of the
    slowest twentieth, in seconds."""

    board: Board
    submitted: float | None
    ended: float | None
    failed: float | None
    wait: float
    run: float

    @property
    def at(self) -> datetime:
        """When that was, by the database's clock."""
        return self.board.totals.at


class Past:
    """The looks, and which one is shown: the newest, unless somebody stepped back."""

    def __init__(self) -> None:
        self._looks: deque[Seen] = deque(maxlen=KEPT)
        self._held: Seen | None = None

    def add(self, board: Board) -> None:
        """Remember a look. What is shown stays the same one, as long as it is remembered."""
        now, before = board.totals, self._looks[-1].board.totals if self._looks else None
        seconds = 0.0 if before is None else (now.at - before.at).total_seconds()
        submitted = ended = failed = None
        if before is not None and seconds > 0:
            submitted = max(0, now.submitted - before.submitted) / seconds
            ended = max(0, now.ended - before.ended) / seconds
            failed = max(0, now.failed - before.failed) / seconds
        ends = board.flow.all_ended
        wait, run = (ends.slow_wait or 0.0, ends.slow_run or 0.0) if ends else (0.0, 0.0)
        self._looks.append(Seen(board, submitted, ended, failed, wait, run))
        if self._held is not None and self._held.at < self._looks[0].at:
            self._held = self._looks[0]

    def step(self, looks: int) -> None:
        """Show a later look, or an earlier one where `looks` is negative. The newest is now, and stays it."""
        if self._looks:
            place = max(0, min(len(self._looks) - 1, len(self.until_shown) - 1 + looks))
            self._held = None if place == len(self._looks) - 1 else self._looks[place]

    def live(self) -> None:
        """Show the newest look from now on."""
        self._held = None

    @property
    def as_of(self) -> datetime | None:
        """When what is shown was seen; None where that is now."""
        return None if self._held is None else self._held.at

    @property
    def shown(self) -> Seen | None:
        """The look that is shown; None before the first."""
        return self._held or (self._looks[-1] if self._looks else None)

    @property
    def until_shown(self) -> list[Seen]:
        """It and those before it, oldest first."""
        held = self._held
        return [each for each in self._looks if held is None or each.at <= held.at]
