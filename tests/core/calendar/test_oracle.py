"""A sample of tests/bench/test_cron_oracle.py: calendars against a walk through every minute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobsched.core.calendar import parse
from jobsched.tests.core.calendar.comparing import ANCHOR, Comparison, Ticks
from jobsched.tests.core.calendar.expressions import CHOSEN, made_up
from jobsched.tests.core.calendar.oddities import ODDITIES
from jobsched.tests.core.calendar.walk import Expression, Walk, stretch

SEED = 11
FORWARD = stretch(datetime(2026, 3, 8, tzinfo=UTC), 3)
BACK = stretch(datetime(2026, 11, 1, tzinfo=UTC), 3)


@pytest.mark.parametrize(("zone", "day"), [("America/New_York", FORWARD), ("America/New_York", BACK), *ODDITIES])
def test_a_sample_of_expressions_is_due_when_a_walk_finds_them_due(zone: str, day: datetime) -> None:
    """Week by week around a change of the clocks: the same minutes, and the same next tick from anywhere."""
    chance = random.Random(f"{SEED} {zone} {day}")
    expressions = chance.sample([*CHOSEN, *made_up(200, SEED)], 60)
    walk = Walk(zone, stretch(day, 3), 7)
    comparison = Comparison()
    comparison.compare(walk, expressions)
    comparison.ask(walk, expressions, chance)
    assert comparison.differences == []


def test_the_walk_knows_what_debians_cron_does() -> None:
    """Two nights in New York, worked out by hand from Debian's cron.c."""
    forward, back = Walk("America/New_York", FORWARD, 7), Walk("America/New_York", BACK, 7)

    def on(walk: Walk, expression: str, day: str) -> list[str]:
        found = [each.astimezone(ZoneInfo(walk.zone)) for each in walk.instants(walk.due(Expression(expression)))]
        return [f"{each:%H:%M%z}" for each in found if f"{each:%m-%d}" == day]

    assert on(forward, "30 2 * * *", "03-08") == ["03:00-0400"]
    assert on(forward, "0,30 2,3 * * *", "03-08") == ["03:00-0400", "03:30-0400"]
    assert on(forward, "*/30 2 * * *", "03-08") == []
    assert on(back, "30 1 * * *", "11-01") == ["01:30-0400"]
    assert on(back, "30 1-2 * * *", "11-01") == ["01:30-0400", "02:30-0500"]
    assert on(back, "*/30 1 * * *", "11-01") == ["01:00-0400", "01:30-0400", "01:00-0500", "01:30-0500"]


def in_local_time(expression: str, zone: str, instant: datetime) -> Iterator[datetime]:
    """What a scheduler does that steps along the wall clock and forgets that hours are skipped or come twice."""
    local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    for tick in parse(expression, "UTC", anchor=ANCHOR).after(local):
        yield tick.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def late_by_a_minute(expression: str, zone: str, instant: datetime) -> Iterator[datetime]:
    return (tick + timedelta(minutes=1) for tick in parse(expression, zone, anchor=ANCHOR).after(instant))


@pytest.mark.parametrize(
    ("ticks", "expression", "start"),
    [
        (in_local_time, "30 2 * * *", FORWARD),
        (in_local_time, "0,30 2,3 * * *", FORWARD),
        (in_local_time, "*/15 * * * *", BACK),
        (late_by_a_minute, "0 12 * * *", FORWARD),
    ],
)
def test_the_walk_finds_what_is_wrong(ticks: Ticks, expression: str, start: datetime) -> None:
    """An oracle that never says no would prove nothing."""
    comparison = Comparison()
    comparison.compare(Walk("America/New_York", start, 7), [expression], ticks)
    assert len(comparison.differences) == 1
