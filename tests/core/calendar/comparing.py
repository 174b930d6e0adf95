"""Holds calendars against the walk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from jobsched.core.calendar import parse
from jobsched.tests.core.calendar.walk import Expression, Walk

MICROSECOND = timedelta(microseconds=1)
ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)

Ticks = Callable[[str, str, datetime], Iterator[datetime]]
"""Expression, zone, instant → the ticks after it."""


def ours(expression: str, zone: str, instant: datetime) -> Iterator[datetime]:
    return parse(expression, zone, anchor=ANCHOR).after(instant)


@dataclass
class Comparison:
    """What has been compared so far."""

    walks: int = 0
    sets: int = 0
    minutes: int = 0
    ticks: int = 0
    asked: int = 0
    differences: list[str] = field(default_factory=list)

    def compare(self, walk: Walk, expressions: Iterable[str], ticks: Ticks = ours) -> None:
        """Every minute of `walk`: which are due, as `ticks` has it and as the walk has it."""
        self.walks += 1
        end = walk.start + walk.count * timedelta(minutes=1)
        for text in expressions:
            expected = walk.due(Expression(text))
            found = list(takewhile(lambda tick: tick < end, ticks(text, walk.zone, walk.start - MICROSECOND)))
            self.sets += 1
            self.minutes += walk.count
            self.ticks += expected.bit_count()
            try:
                if walk.set_of(found) == expected:
                    continue
            except ValueError:
                pass
            wrong = sorted(set(found) ^ set(walk.instants(expected)))
            self.differences.append(f"{text!r} in {walk.zone}: {[f'{each:%F %H:%M:%SZ}' for each in wrong[:3]]}")

    def ask(self, walk: Walk, expressions: Iterable[str], chance: random.Random) -> None:
        """From a moment in `walk` that chance chooses, also between minutes: which tick comes next."""
        for text in expressions:
            moment = walk.start + chance.randrange(walk.count * 60) * timedelta(seconds=1)
            index = (moment - walk.start) // timedelta(minutes=1) + 1
            later = walk.due(Expression(text)) >> index
            expected = walk.start + (index + (later & -later).bit_length() - 1) * timedelta(minutes=1)
            end = walk.start + walk.count * timedelta(minutes=1)
            found = parse(text, walk.zone, anchor=ANCHOR).next_after(moment)
            self.asked += 1
            if (found != expected) if later else (found is not None and found < end):
                self.differences.append(f"{text!r} in {walk.zone} after {moment:%F %H:%M:%SZ}: {found}")
