"""Every change of the clocks from 2024 to 2030, minute by minute: `pytest -s tests/bench/test_cron_oracle.py`.

For every distinct history of offsets among IANA's zones: three days on each side of every change and some ordinary
weeks, a few hundred expressions, each compared with the walk of tests/core/calendar/walk.py; and some days out of
the past on which clocks did what they do not do any more.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from jobsched.core.calendar import parse
from jobsched.core.calendar.zones import find_zone
from jobsched.tests.core.calendar.comparing import Comparison
from jobsched.tests.core.calendar.expressions import CHOSEN, made_up
from jobsched.tests.core.calendar.histories import END, START, changes, histories, zones
from jobsched.tests.core.calendar.oddities import ODDITIES
from jobsched.tests.core.calendar.walk import Walk, stretch

MADE_UP = 200
ORDINARY_WEEKS = 3
SEED = 5


@pytest.mark.timeout(7200)
def test_no_tick_differs_from_those_of_a_walk_through_every_minute() -> None:
    """No difference, whatever the zone and the expression; the counts are printed."""
    began = time.process_time()
    chance = random.Random(SEED)
    expressions = [*CHOSEN, *made_up(MADE_UP, SEED)]
    known = histories()
    comparison = Comparison()
    for history, names in known.items():
        starts = [stretch(instant, 3) for instant, _ in history[1:]]
        days = (END - START).days - 7
        starts += [START + timedelta(days=chance.randrange(days)) for _ in range(ORDINARY_WEEKS)]
        for start in starts:
            walk = Walk(names[0], start, 7)
            comparison.compare(walk, expressions)
            comparison.ask(walk, expressions, chance)
    for zone, day in ODDITIES:
        comparison.compare(Walk(zone, stretch(day, 3), 7), expressions)
    sys.stdout.write(
        f"\n{sum(map(len, known.values()))} zones, {len(known)} histories, {sum(len(each) - 1 for each in known)}"
        f" changes, {len(ODDITIES)} oddities, {len(expressions)} expressions; {comparison.walks:,} walks,"
        f" {comparison.sets:,} comparisons of {comparison.minutes:,} minutes with {comparison.ticks:,} ticks,"
        f" {comparison.asked:,} next ticks from anywhere; {len(comparison.differences)} differences;"
        f" {time.process_time() - began:.0f} s of CPU\n"
    )
    assert comparison.differences == []


@pytest.mark.timeout(600)
def test_how_long_ten_thousand_schedules_take() -> None:
    """Read and asked for their first tick, in 100 zones; then one next tick of each of a few expressions."""
    names = zones()[:: len(zones()) // 100]
    expressions = [f"{number % 60} {number // 60 % 24} {number % 28 + 1} * *" for number in range(10_000)]
    find_zone("Europe/Berlin")
    began = time.process_time()
    for number, expression in enumerate(expressions):
        parse(expression, names[number % len(names)], anchor=START).next_after(START)
    took = time.process_time() - began
    sys.stdout.write(f"\n10,000 schedules: {took:.2f} s of CPU\n")
    for expression in ("* * * * *", "*/15 * * * *", "0 * * * *", "30 2 * * *", "0 9 * * 1-5", "30 2 29 2 *"):
        calendar = parse(expression, "Europe/Berlin", anchor=START)
        instant = datetime(2025, 6, 1, 12, 34, 56, tzinfo=UTC)
        calendar.next_after(instant)
        began = time.process_time()
        for _ in range(1000):
            calendar.next_after(instant)
        sys.stdout.write(f"{expression}: {(time.process_time() - began) * 1000:.1f} µs for the next tick\n")
    assert took < 3


@pytest.mark.timeout(3600)
def test_every_change_of_every_zone_is_found() -> None:
    """Changes are looked for by comparing days; looking at every hour finds the same, in all zones, 2000 to 2037."""
    start, end = START.replace(year=2000), END.replace(year=2038)
    differing = []
    for name in zones():
        found, instant = [], start
        while change := find_zone(name).change_between(instant, end):
            found.append(change)
            instant = change
        if found != [instant for instant, _ in changes(name, start, end)[1:]]:
            differing.append(name)
    assert differing == []
