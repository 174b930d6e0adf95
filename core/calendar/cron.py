"""From minutes on the wall to instants, with the rules of Debian's cron for clocks that are changed.

An expression whose minute or hour starts with a star means a rhythm: it runs whenever the clock on the wall shows
such a minute, in an hour that comes twice both times, in one that is skipped never. Any other means times of day,
each of them once: one that is skipped runs as soon as the clocks have been changed (several of them then: once),
one that comes twice runs the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from .calendar import Calendar, in_utc
from .notes import comes_twice, skipped, twice
from .pattern import LAST_YEAR, Pattern
from .zones import SECOND, Zone

EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
LATEST = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
"""Nothing is due before or after; Python's time ends near."""
_FAR = timedelta(days=2)
"""More than any two offsets lie apart (Python: less than a day on either side of UTC)."""


class Cron(Calendar):
    """The ticks of five fields in a zone."""

    def __init__(self, expression: str, timezone: str, pattern: Pattern, zone: Zone) -> None:
        super().__init__(expression, timezone)
        self._pattern = pattern
        self._zone = zone

    @property
    def fires(self) -> bool:
        return next(self._pattern.at_or_after(datetime(2000, 1, 1)), None) is not None

    def after(self, instant: datetime) -> Iterator[datetime]:
        start = max(in_utc(instant), EARLIEST)
        if start > LATEST:
            return iter(())
        return self._rhythm(start) if self._pattern.follows_real_time else self._times(start)

    def notes(self, instant: datetime) -> str:
        moment = in_utc(instant)
        rhythm = self._pattern.follows_real_time
        if comes_twice(self._zone, moment):
            return twice(self._zone, moment, both=rhythm)
        change = self._zone.newest_change(moment)
        if change is None or self.next_after(change - SECOND) != moment:
            return ""
        first, end = self._zone.gap(change)
        times = list(takewhile(lambda time: time < end, self._pattern.at_or_after(first)))
        return skipped(self._zone, moment, times, made_up=not rhythm) if times else ""

    def _rhythm(self, start: datetime) -> Iterator[datetime]:
        """The instants after `start` at which the wall shows a minute of the pattern.

        The offset is constant between two changes, so each such stretch is the pattern's own line, moved.
        """
        moment = start
        while True:
            offset, until = self._zone.steady(moment)
            newest = moment
            for local in self._pattern.at_or_after((moment + offset).replace(tzinfo=None)):
                candidate = local.replace(tzinfo=UTC) - offset
                if candidate >= until:
                    break
                newest = candidate
                if candidate > start:
                    yield candidate
            else:
                return
            # Years without a minute of the pattern are jumped over; not where clocks go back to one that was just due.
            moment = max(until, candidate - _FAR) if until - newest > _FAR else until

    def _times(self, start: datetime) -> Iterator[datetime]:
        """The instants after `start` at which the wall first shows, or has skipped, a minute of the pattern."""
        local = start.astimezone(self._zone.info).replace(tzinfo=None)
        newest = start
        for minute in self._pattern.at_or_after(local):
            instant = first_at(self._zone, minute)
            if instant > newest:
                newest = instant
                yield instant


def first_at(zone: Zone, local: datetime) -> datetime:
    """The instant (UTC) at which clocks in `zone` first show `local` (naive), or have just skipped it."""
    instant = local.replace(tzinfo=zone.info).astimezone(UTC)
    if instant.astimezone(zone.info).replace(tzinfo=None) == local:
        return instant
    earlier = local.replace(tzinfo=zone.info, fold=1).astimezone(UTC)
    change = zone.change_between(earlier, instant)
    assert change is not None, f"{zone.info} skips {local} without a change"
    return change
