"""`@at 2026-12-01T09:00:00+01:00`: once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from .calendar import Calendar, in_utc
from .cron import first_at
from .notes import comes_twice, skipped, twice
from .zones import Zone


class Once(Calendar):
    """One tick.

    moment: aware, or local time in `zone`; one that the clocks skip is when they have been changed, one that
    comes twice is the first, as for a cron expression's times of day.
    """

    def __init__(self, expression: str, timezone: str, moment: datetime, zone: Zone) -> None:
        super().__init__(expression, timezone)
        self._zone = zone
        self._local = moment if moment.tzinfo is None else None
        self.instant = first_at(zone, moment) if moment.tzinfo is None else moment.astimezone(UTC)

    @property
    def fires(self) -> bool:
        return True

    def after(self, instant: datetime) -> Iterator[datetime]:
        if self.instant > in_utc(instant):
            yield self.instant

    def notes(self, instant: datetime) -> str:
        if self._local is None or in_utc(instant) != self.instant:
            return ""
        if self.instant.astimezone(self._zone.info).replace(tzinfo=None) != self._local:
            return skipped(self._zone, self.instant, [self._local], made_up=True)
        return twice(self._zone, self.instant, both=False) if comes_twice(self._zone, self.instant) else ""
