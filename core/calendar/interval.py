"""`@every 90s`: a fixed distance in elapsed time, whatever the clocks on the wall do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from .calendar import Calendar, in_utc


class Interval(Calendar):
    """Ticks at anchor + every, anchor + 2 * every, …; none at the anchor itself.

    every: at least a second.
    """

    def __init__(self, expression: str, timezone: str, every: timedelta, anchor: datetime) -> None:
        super().__init__(expression, timezone)
        self.every = every
        self.anchor = in_utc(anchor)

    @property
    def fires(self) -> bool:
        return True

    def after(self, instant: datetime) -> Iterator[datetime]:
        count = max((in_utc(instant) - self.anchor) // self.every, 0)
        while True:
            count += 1
            try:
                tick = self.anchor + count * self.every
            except OverflowError:  # past the year 9999
                return
            yield tick
