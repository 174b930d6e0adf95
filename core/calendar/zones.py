"""Time zones: their names, and when their offset from UTC changes.

Zones come from the system's own data if it has any, else from the package tzdata, which every installation has.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ..model.errors import UsageError

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
_LONGEST = 64
"""Characters of a name that are worth showing."""


def check_zone(name: str) -> None:
    """UsageError: `name` is not the name of an IANA time zone that this machine knows."""
    find_zone(name)


@cache
def find_zone(name: str) -> Zone:
    """The zone called `name`; one object each. UsageError: there is none, or its data cannot be read."""
    # Not every file below /usr/share/zoneinfo is one: `localtime` differs between hosts, `right/…` counts leap seconds.
    if name != "UTC" and name not in _names():
        raise UsageError(
            f"there is no time zone {name[:_LONGEST]!r} — IANA's names are known, such as Europe/Berlin",
            fix=_like(name),
        )
    try:
        return Zone(ZoneInfo(name))
    except (KeyError, ValueError, OSError):  # its file was damaged, or replaced since names were read
        raise UsageError(
            f"the data of the time zone {name} cannot be read on this machine", fix="install tzdata anew"
        ) from None


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _like(name: str) -> str:
    by_lower = {each.lower(): each for each in _names()}
    wanted = name[:_LONGEST].strip().replace(" ", "_").lower()
    cities = [each for lower, each in by_lower.items() if lower.rpartition("/")[2] == wanted.rpartition("/")[2]]
    found = cities or [by_lower[each] for each in get_close_matches(wanted, by_lower, n=3)]
    return (
        f"write {' or '.join(sorted(found)[:3])}"
        if found
        else "write UTC, or a name that `timedatectl list-timezones` shows"
    )


class Zone:
    """A time zone, and its changes of offset as far as somebody has asked for them.

    zoneinfo does not tell when offsets change. They are looked for a year at a time, by comparing days:
    no zone has ever changed its offset and taken that back within one.
    """

    def __init__(self, info: ZoneInfo) -> None:
        self.info = info
        self._changes: dict[int, tuple[datetime, ...]] = {}

    def offset(self, instant: datetime) -> timedelta:
        """Local time minus UTC at `instant` (UTC)."""
        offset = instant.astimezone(self.info).utcoffset()
        assert offset is not None
        return offset

    def steady(self, instant: datetime) -> tuple[timedelta, datetime]:
        """The offset at `instant` (UTC), and an instant until which it stays, by which it may change."""
        changes = self._in_year(instant.year)
        index = bisect_right(changes, instant)
        until = changes[index] if index < len(changes) else datetime(instant.year + 1, 1, 1, tzinfo=UTC)
        return self.offset(instant), until

    def change_between(self, after: datetime, until: datetime) -> datetime | None:
        """The first instant (UTC) in (after, until] from which another offset holds; None: there is none."""
        for year in range(after.year, until.year + 1):
            changes = self._in_year(year)
            index = bisect_right(changes, after)
            if index < len(changes):
                return changes[index] if changes[index] <= until else None
        return None

    def newest_change(self, instant: datetime) -> datetime | None:
        """The last change at or before `instant` (UTC), in its year or the one before; None: there was none."""
        for year in range(instant.year, max(instant.year - 2, 1), -1):
            changes = self._in_year(year)
            index = bisect_right(changes, instant)
            if index:
                return changes[index - 1]
        return None

    def gap(self, change: datetime) -> tuple[datetime, datetime]:
        """The local times (naive) that are skipped at `change`: from the first up to the second, which is not.

        Where clocks go back the second is not after the first.
        """
        utc = change.replace(tzinfo=None)
        return utc + self.offset(change - SECOND), utc + self.offset(change)

    def _in_year(self, year: int) -> tuple[datetime, ...]:
        """The changes of a year of UTC, ascending."""
        if year not in self._changes:
            self._changes[year] = tuple(self._search(year))
        return self._changes[year]

    def _search(self, year: int) -> list[datetime]:
        found = []
        before = datetime(year, 1, 1, tzinfo=UTC) - SECOND
        end = datetime(year + 1, 1, 1, tzinfo=UTC) - SECOND
        old = self.offset(before)
        while before < end:
            after = min(before + DAY, end)
            new = self.offset(after)
            if new != old:
                found.append(self._narrow(before, after, old))
            before, old = after, new
        return found

    def _narrow(self, before: datetime, after: datetime, old: timedelta) -> datetime:
        """The second at which the offset `old` ends, which holds at `before` and not at `after`."""
        while after - before > SECOND:
            middle = before + (after - before) // SECOND // 2 * SECOND
            if self.offset(middle) == old:
                before = middle
            else:
                after = middle
        return after
