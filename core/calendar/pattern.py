"""Which minutes on the wall an expression names, whatever zone the wall is in.

cronsim reads the fields and knows which days they mean. It does not step from one time to the next: measured
on 2.8, that takes 10 to 60 µs for everyday expressions and 2 ms for `0 0 * 2 MON#5`, and is wrong where clocks
change (docs/decisions.md).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product

from cronsim import CronSim, CronSimError

from .fields import check_fields

YEARS = 50
"""After so many years without a day, none comes: the longest wait is 40 (a weekday on 29 February, over 2100)."""
LAST_YEAR = 9990
_DAY = timedelta(days=1)
_ANY_TIME = datetime(2000, 1, 1)


class Pattern:
    """The wall-clock minutes of one expression.

    follows_real_time: the minute or the hour starts with a star (Debian's cron: MIN_STAR, HR_STAR), so that it
    means a rhythm, and not times of day.
    """

    def __init__(self, parts: list[str]) -> None:
        self.follows_real_time = parts[0].startswith("*") or parts[1].startswith("*")
        self._cron: CronSim | None = None
        try:
            self._cron = CronSim(" ".join(parts), _ANY_TIME)
        except CronSimError:  # all is right with each field, so it is a day that none of the months has
            return
        self._hours = tuple(sorted(self._cron.hours))
        self._minutes = tuple(sorted(self._cron.minutes))

    def from_(self, start: datetime) -> Iterator[datetime]:
        """The minutes (naive) at or after `start` (naive), ascending."""
        if self._cron is None:
            return
        for day in self._days(start.date()):
            first = bisect_left(self._hours, start.hour) if day == start.date() else 0
            for hour, minute in product(self._hours[first:], self._minutes):
                moment = datetime(day.year, day.month, day.day, hour, minute)
                if moment >= start:
                    yield moment

    def _days(self, day: date) -> Iterator[date]:
        """The days from `day` on."""
        cron = self._cron
        assert cron is not None
        last = day.year + YEARS
        while day.year <= min(last, LAST_YEAR):
            if day.month not in cron.months:
                day = (day.replace(day=1) + 32 * _DAY).replace(day=1)
            else:
                if cron.match_day(day):
                    last = day.year + YEARS
                    yield day
                day += _DAY


@lru_cache(maxsize=4096)
def pattern_of(expression: str) -> Pattern:
    """The pattern of five fields. UsageError says which one is wrong, and why."""
    return Pattern(check_fields(expression))
