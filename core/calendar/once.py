"""`@at 2026-12-01T09:00:00+01:00`: once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .calendar import Calendar, in_utc


class Once(Calendar):
    """One tick, at `instant`."""

    def __init__(self, expression: str, timezone: str, instant: datetime) -> None:
        super().__init__(expression, timezone)
        self.instant = in_utc(instant)

    @property
    def fires(self) -> bool:
        return True

    def after(self, instant: datetime) -> Iterator[datetime]:
        if self.instant > instant:
            yield self.instant
