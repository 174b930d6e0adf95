"""The oracle: a walk through real time, minute by minute, that looks at the wall at each.

It shares no code with jobsched.core.calendar and none with cronsim. Debian's cron does the same (its `cron.c`):
it looks at the clock every minute, runs what has a star in its minute or hour by what the clock shows, and all
else by a clock of its own that catches up with the wall's when that jumps forward and waits for it when that jumps
back. Debian's gives up on jumps of three hours and more; this walk does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WARM_UP = 2 * DAY
"""The walk sets out so long before its first minute: the second clock may still be waiting for the wall's."""
MONTHS = {f"{date(2000, month, 1):%b}".upper(): month for month in range(1, 13)}
WEEKDAYS = {f"{date(2000, 1, 2 + day):%a}".upper(): day for day in range(7)}


class Expression:
    """Five fields, read anew: what they say of one minute on the wall."""

    def __init__(self, text: str) -> None:
        minute, hour, day, month, weekday = text.upper().split()
        self.has_star = minute.startswith("*") or hour.startswith("*")
        self.minutes = numbers(minute, 0, 59)
        self.hours = numbers(hour, 0, 23)
        self.months = numbers(month, 1, 12, MONTHS)
        self._in_month = days_of_month(day)
        self._in_week = days_of_week(weekday)
        self._both = day.startswith("*") or weekday.startswith("*")

    def names_day(self, day: date) -> bool:
        in_month = any(rule(day) for rule in self._in_month)
        in_week = any(rule(day) for rule in self._in_week)
        return day.month in self.months and (in_month and in_week if self._both else in_month or in_week)

    def names_minute(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours and self.names_day(local.date())


def numbers(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    """The numbers that a field stands for."""
    found: set[int] = set()
    for term in text.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        start = low if span == "*" else number(first, names)
        end = high if span == "*" or (step and not last) else number(last or first, names)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def number(text: str, names: dict[str, int] | None) -> int:
    return names[text] if names and text in names else int(text)


def days_of_month(text: str) -> list[Callable[[date], bool]]:
    plain = [term for term in text.split(",") if "L" not in term]
    listed = numbers(",".join(plain), 1, 31) if plain else set()
    rules: list[Callable[[date], bool]] = [lambda day: day.day in listed]
    if "L" in text.split(","):
        rules.append(is_last)
    if "LW" in text.split(","):
        rules.append(lambda day: is_weekday(day) and not any(is_weekday(later) for later in rest_of_month(day)))
    return rules


def days_of_week(text: str) -> list[Callable[[date], bool]]:
    rules: list[Callable[[date], bool]] = []
    for term in text.split(","):
        if "#" in term:
            name, nth = term.split("#")
            rules.append(lambda day, name=name, nth=int(nth): falls_on(day, name) and (day.day - 1) // 7 + 1 == nth)
        elif term.endswith("L"):
            rules.append(lambda day, name=term[:-1]: falls_on(day, name) and is_last(day, step=7))
        else:
            listed = {each % 7 for each in numbers(term, 0, 7, WEEKDAYS)}
            rules.append(lambda day, listed=listed: day.isoweekday() % 7 in listed)
    return rules


def falls_on(day: date, name: str) -> bool:
    return day.isoweekday() % 7 == number(name, WEEKDAYS) % 7


def is_weekday(day: date) -> bool:
    return day.isoweekday() < 6


def is_last(day: date, step: int = 1) -> bool:
    return (day + step * DAY).month != day.month


def rest_of_month(day: date) -> Iterable[date]:
    later = day + DAY
    while later.month == day.month:
        yield later
        later += DAY


class Walk:
    """Every minute of `days` days from `start` (UTC) in a zone, looked at once, for any number of expressions.

    A set of minutes is a number, whose bit i stands for start + i minutes.
    """

    def __init__(self, zone: str, start: datetime, days: int) -> None:
        self.zone = zone
        self.start = start
        self.count = days * 1440
        self._fresh: list[int] = []
        self._skipped: list[tuple[int, datetime]] = []
        minutes: dict[int, list[int]] = {}
        hours: dict[int, list[int]] = {}
        dates: dict[date, list[int]] = {}
        for index, local in self._look(ZoneInfo(zone)):
            minutes.setdefault(local.minute, []).append(index)
            hours.setdefault(local.hour, []).append(index)
            dates.setdefault(local.date(), []).append(index)
        self._minutes = {key: self._bits(indexes) for key, indexes in minutes.items()}
        self._hours = {key: self._bits(indexes) for key, indexes in hours.items()}
        self._dates = {key: self._bits(indexes) for key, indexes in dates.items()}
        self._new = self._bits(self._fresh)

    def _look(self, zone: ZoneInfo) -> Iterable[tuple[int, datetime]]:
        """What the wall shows at each minute. Notes which are new to it, and which it skips."""
        instant = self.start - WARM_UP
        clock = instant.astimezone(zone).replace(tzinfo=None) - MINUTE
        for index in range(-(WARM_UP // MINUTE), self.count):
            local = instant.astimezone(zone).replace(tzinfo=None)
            assert local.second == 0, "an offset of seconds: no cron looks at the wall then"
            while clock + MINUTE < local:
                clock += MINUTE
                if index >= 0:
                    self._skipped.append((index, clock))
            if local > clock:
                clock = local
                if index >= 0:
                    self._fresh.append(index)
            if index >= 0:
                yield index, local
            instant += MINUTE

    def due(self, expression: Expression) -> int:
        """The minutes at which `expression` runs."""
        named = _any(self._minutes, expression.minutes) & _any(self._hours, expression.hours)
        named &= _any(self._dates, [day for day in self._dates if expression.names_day(day)])
        if expression.has_star:
            return named
        caught_up = {index for index, local in self._skipped if expression.names_minute(local)}
        return (named & self._new) | self._bits(caught_up)

    def set_of(self, instants: Iterable[datetime]) -> int:
        """The set of `instants`, all of them whole minutes of the walk and no two the same, or ValueError."""
        indexes = []
        for instant in instants:
            index, rest = divmod(instant - self.start, MINUTE)
            if rest or not 0 <= index < self.count or (indexes and index <= indexes[-1]):
                raise ValueError(f"{instant} is no minute of the walk, or not after the one before")
            indexes.append(index)
        return self._bits(indexes)

    def _bits(self, indexes: Iterable[int]) -> int:
        digits = bytearray(b"0") * self.count
        for index in indexes:
            digits[self.count - 1 - index] = 49
        return int(digits, 2)

    def instants(self, minutes: int) -> list[datetime]:
        """The members of a set."""
        return [self.start + index * MINUTE for index in range(self.count) if minutes >> index & 1]


def _any(sets: dict[Any, int], keys: Iterable[Any]) -> int:
    found = 0
    for key in keys:
        found |= sets.get(key, 0)
    return found


def stretch(around: datetime, days: int) -> datetime:
    """The midnight (UTC) from which `days` days lie before `around`'s own, so that as many follow it."""
    return datetime(around.year, around.month, around.day, tzinfo=UTC) - days * DAY
