"""The ticks of one schedule, and what becomes of those that are due.

Pure: no store, no clock of its own. `now` is the database's, whoever read it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from .calendar import parse
from .calendar.cron import EARLIEST
from .model.schedule import Catchup, NewSchedule, Schedule

MOST = 1000
"""Ticks of one schedule that are decided together. Of those that were missed, so many are written down one by one."""
MISSED = "no scheduler ran, and its catch-up is none"
MADE_UP = "no scheduler ran, and a later tick fired in its place"
_MOMENT = timedelta(microseconds=1)
_FIRST_LOOK = timedelta(hours=1)


class Timetable:
    """The ticks of a schedule: those of its expression from its start to its end, both included.

    `@every` counts from the second in which the schedule was made. UsageError: expression or zone cannot be read.
    """

    def __init__(self, spec: NewSchedule, created_at: datetime) -> None:
        self.calendar = parse(spec.expression, spec.timezone, anchor=created_at.replace(microsecond=0))
        self._start = spec.start
        self._end = spec.end

    @classmethod
    def of(cls, schedule: Schedule) -> Timetable:
        """The timetable of a schedule that is stored."""
        return cls(schedule.spec, schedule.created_at)

    def after(self, instant: datetime) -> Iterator[datetime]:
        """Every tick strictly after `instant` (aware), in UTC, ascending; worked out as it is asked for."""
        instant = max(instant, EARLIEST)  # before, there is no room for an offset or a moment less
        if self._start is not None and self._start > instant:
            instant = self._start - _MOMENT
        ticks = self.calendar.after(instant)
        end = self._end
        return ticks if end is None else takewhile(lambda tick: tick <= end, ticks)

    def next_after(self, instant: datetime) -> datetime | None:
        """The first tick strictly after `instant`; None if there is none."""
        return next(self.after(instant), None)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks in (after, until]."""
        return takewhile(lambda tick: tick <= until, self.after(after))


class Verdict(NamedTuple):
    """What becomes of a tick. missed: why it makes no job; None: it fires, as far as its overlap lets it."""

    tick: datetime
    missed: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """The ticks to decide now, oldest first. more: others are due after them."""

    verdicts: list[Verdict]
    more: bool = False

    @property
    def until(self) -> datetime:
        """The last of them: up to it, nothing is left to decide."""
        return self.verdicts[-1].tick


def due_ticks(
    timetable: Timetable, catchup: Catchup, decided_until: datetime, now: datetime, grace: float, most: int = MOST
) -> Due:
    """Return what is to become of the ticks in (decided_until, now].

    Those younger than `grace` (seconds) fire. Older ones were missed because no scheduler ran, and `catchup` says
    which of them fire all the same. most: ticks that are returned; of those that are missed, the newest.
    """
    if catchup is Catchup.ALL:
        ticks = list(islice(timetable.between(decided_until, now), most))
        return Due([Verdict(tick) for tick in ticks], more=len(ticks) == most)
    line = now - timedelta(seconds=grace) - _MOMENT
    young = list(islice(timetable.between(max(decided_until, line), now), most))
    old = _newest(timetable, decided_until, line, most) if decided_until < line else []
    words = MISSED if catchup is Catchup.NONE else MADE_UP
    verdicts = [Verdict(tick, words) for tick in old]
    if old and len(old) == most:
        verdicts[0] = Verdict(old[0], f"{words}; those before it, from {decided_until:%Y-%m-%d %H:%M:%S} UTC, too")
    if verdicts and catchup is Catchup.LAST and not young:
        verdicts[-1] = Verdict(old[-1])
    return Due(verdicts + [Verdict(tick) for tick in young], more=len(young) == most)


def _newest(timetable: Timetable, after: datetime, until: datetime, most: int) -> list[datetime]:
    """The newest ticks in (after, until], at most so many. Nobody walks over a year of seconds for them."""
    look = _FIRST_LOOK
    while True:
        begin = max(after, until - look)
        found = deque(timetable.between(begin, until), maxlen=most)
        if len(found) == most or begin == after:
            return list(found)
        look *= 4
