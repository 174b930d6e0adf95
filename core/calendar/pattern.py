"""Which minutes on the wall an expression names, whatever zone the wall is in.

cronsim reads the fields and knows which days they mean. It does not step from one time to the next: measured
on 2.8, that takes 10 to 60 µs for everyday expressions and 2 ms for `0 0 * 2 MON#5`, and is wrong where clocks
change (docs/decisions.md).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from itertools import product

from cronsim import CronSim, CronSimError

from .fields import check_fields

YEARS = 50
"""After so many years without a day, none comes: the longest wait is 40 (a weekday on 29 February, over 2100)."""
LAST_YEAR = 9990
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
        self._minutes = tuple(sorted(self._cron.minutes))
        self._hours = tuple(sorted(self._cron.hours))
        self._days = _worth_asking(self._cron)

    def at_or_after(self, start: datetime) -> Iterator[datetime]:
        """The minutes (naive) at or after `start` (naive), ascending."""
        if self._cron is None:
            return
        today = start.date()
        for day in self._from_day(self._cron, today):
            first = bisect_left(self._hours, start.hour) if day == today else 0
            for hour, minute in product(self._hours[first:], self._minutes):
                moment = datetime(day.year, day.month, day.day, hour, minute)
                if moment >= start:
                    yield moment

    def _from_day(self, cron: CronSim, start: date) -> Iterator[date]:
        """The days from `start` on."""
        newest = start
        for year in range(start.year, LAST_YEAR):
            if year > newest.year + YEARS:
                return
            for month in range(1 if year > start.year else start.month, 13):
                if month not in cron.months:
                    continue
                length = monthrange(year, month)[1]
                for number in self._days[: bisect_right(self._days, length)]:
                    day = date(year, month, number)
                    if day >= start and cron.match_day(day):
                        newest = day
                        yield day


def _worth_asking(cron: CronSim) -> tuple[int, ...]:
    """The numbers of days that a month's days have to have, for cronsim to be asked about them."""
    if not cron.day_and:
        return tuple(range(1, 32))
    numbers = {day for day in cron.days if day > 0}
    if cron.LAST in cron.days or cron.LAST_WEEKDAY in cron.days:
        numbers |= set(range(26, 32))
    return tuple(sorted(numbers))


@lru_cache(maxsize=4096)
def pattern_of(expression: str) -> Pattern:
    """The pattern of five fields. UsageError says which one is wrong, and why."""
    return Pattern(check_fields(expression))
