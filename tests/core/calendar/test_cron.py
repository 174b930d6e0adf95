"""Cron expressions where clocks are changed, and the days that they name."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsched.core.calendar import parse
from jobsched.tests.core.calendar.expressions import CHOSEN, made_up
from jobsched.tests.core.calendar.walk import DAY, Expression

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"
FORWARD = datetime(2026, 3, 8, 5, tzinfo=UTC)  # midnight; at two the clocks in New York show three
BACK = datetime(2026, 11, 1, 4, tzinfo=UTC)  # midnight; at two they show one again
ZONES = [NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca", "UTC", "Asia/Tokyo"]


def local(expression: str, after: datetime, count: int, zone: str = NEW_YORK) -> list[str]:
    """The next ticks as a clock in `zone` shows them."""
    ticks = islice(parse(expression, zone, anchor=ANCHOR).after(after), count)
    return [f"{tick.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}" for tick in ticks]


def test_a_time_of_day_that_is_skipped_runs_right_after_once() -> None:
    """Several skipped ones run together, also with one that is due just then."""
    assert local("30 2 * * *", FORWARD, 2) == ["03-08 03:00 -0400", "03-09 02:30 -0400"]
    assert local("0,30 2 * * *", FORWARD, 2) == ["03-08 03:00 -0400", "03-09 02:00 -0400"]
    assert local("0 2,3 * * *", FORWARD, 2) == ["03-08 03:00 -0400", "03-09 02:00 -0400"]
    assert local("0-59 2 * * *", FORWARD, 2) == ["03-08 03:00 -0400", "03-09 02:00 -0400"]


def test_a_time_of_day_that_comes_twice_runs_the_first_time() -> None:
    """So each day has one run."""
    assert local("30 1 * * *", BACK, 2) == ["11-01 01:30 -0400", "11-02 01:30 -0500"]
    assert local("0,30 1,2 * * *", BACK, 4) == [
        "11-01 01:00 -0400",
        "11-01 01:30 -0400",
        "11-01 02:00 -0500",
        "11-01 02:30 -0500",
    ]


def test_a_star_in_the_minute_or_the_hour_follows_real_time() -> None:
    """It runs in both passes of an hour that comes twice, and skips one that is skipped."""
    assert local("*/30 * * * *", FORWARD, 5)[2:] == ["03-08 01:30 -0500", "03-08 03:00 -0400", "03-08 03:30 -0400"]
    assert local("*/30 2 * * *", FORWARD, 1) == ["03-09 02:00 -0400"]
    assert local("15 * * * *", FORWARD, 3) == ["03-08 00:15 -0500", "03-08 01:15 -0500", "03-08 03:15 -0400"]
    assert local("30 */1 * * *", BACK, 4)[1:] == ["11-01 01:30 -0400", "11-01 01:30 -0500", "11-01 02:30 -0500"]
    assert local("*/30 1 * * *", BACK, 5) == [
        "11-01 01:00 -0400",
        "11-01 01:30 -0400",
        "11-01 01:00 -0500",
        "11-01 01:30 -0500",
        "11-02 01:00 -0500",
    ]


def test_midnight_runs_every_day_where_there_is_no_midnight() -> None:
    """In Santiago clocks go forward at midnight; in Apia there was no 30 December 2011."""
    day = datetime(2026, 9, 5, 12, tzinfo=UTC)
    assert local("0 0 * * *", day, 2, "America/Santiago") == ["09-06 01:00 -0300", "09-07 00:00 -0300"]
    december = datetime(2011, 12, 1, tzinfo=UTC)
    assert local("0 9 30 * *", december, 2, "Pacific/Apia") == ["12-31 00:00 +1400", "01-30 09:00 +1400"]


def test_a_rhythm_runs_through_the_last_hour_of_a_month_both_times() -> None:
    """In Cairo the last hour of October comes twice in 2024; the empty month after it hides neither."""
    last = datetime(2024, 10, 31, 20, tzinfo=UTC)
    assert local("30 * L * *", last, 3, "Africa/Cairo") == [
        "10-31 23:30 +0300",
        "10-31 23:30 +0200",
        "11-30 00:30 +0200",
    ]
    assert local("*/30 23 31 10 *", last, 3, "Africa/Cairo") == [
        "10-31 23:30 +0300",
        "10-31 23:00 +0200",
        "10-31 23:30 +0200",
    ]


def test_half_an_hour_is_half_an_hour_on_lord_howe() -> None:
    """Its clocks go back from 02:00 to 01:30."""
    back = datetime(2026, 4, 4, 13, 59, tzinfo=UTC)
    assert local("*/30 * * * *", back, 5, "Australia/Lord_Howe") == [
        "04-05 01:00 +1100",
        "04-05 01:30 +1100",
        "04-05 01:30 +1030",
        "04-05 02:00 +1030",
        "04-05 02:30 +1030",
    ]
    assert local("45 1 * * *", back, 2, "Australia/Lord_Howe") == ["04-05 01:45 +1100", "04-06 01:45 +1030"]


def test_the_next_tick_is_right_from_within_an_hour_that_comes_twice() -> None:
    """In the second pass, what ran in the first one does not run again."""
    second_pass = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
    assert local("30 1 * * *", second_pass, 1) == ["11-02 01:30 -0500"]
    assert local("*/20 * * * *", second_pass, 2) == ["11-01 01:20 -0500", "11-01 01:40 -0500"]


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * 5", "01-02 01-09 01-13 01-16 01-23 01-30"),  # either, if both are restricted
        ("0 0 1-7 * */7", "01-04 02-01 03-01 04-05 05-03 06-07"),  # both, if one starts with a star
        ("0 0 */10 * 1", "05-11 06-01 08-31 09-21 12-21 01-11"),
        ("0 0 L * *", "01-31 02-28 03-31 04-30 05-31 06-30"),
        ("0 0 LW * *", "01-30 02-27 03-31 04-30 05-29 06-30"),
        ("0 0 * * 5L", "01-30 02-27 03-27 04-24 05-29 06-26"),
        ("0 0 * * MON#1", "01-05 02-02 03-02 04-06 05-04 06-01"),
        ("0 0 31 * *", "01-31 03-31 05-31 07-31 08-31 10-31"),
    ],
)
def test_days_are_those_of_debians_cron_and_some_more(expression: str, days: str) -> None:
    """Day of month and day of week: either, unless a star is in front of one of them, then both."""
    ticks = local(expression, datetime(2026, 1, 1, 12, tzinfo=UTC), 6, "UTC")
    assert [tick[:5] for tick in ticks] == days.split()


def test_days_are_those_that_every_single_one_is_asked_for() -> None:
    """Two years of days, one of them a leap year, over days and months of all kinds."""
    start, count = datetime(2027, 1, 1, tzinfo=UTC), 731
    for text in random.Random(3).sample([*CHOSEN, *made_up(200, 3)], 50):
        expression = "0 0 " + " ".join(text.split()[2:])
        found = takewhile(lambda tick: tick < start + count * DAY, parse(expression, "UTC", anchor=ANCHOR).after(start))
        expected = (start + number * DAY for number in range(1, count))
        assert list(found) == [day for day in expected if Expression(expression).names_day(day.date())]


def test_a_leap_day_is_waited_for_without_walking() -> None:
    """The fifth Monday of February comes every 28 years, and after 40 years over 2100."""
    assert local("30 2 29 2 *", ANCHOR, 1) == ["02-29 02:30 -0500"]
    ticks = islice(parse("0 0 * 2 MON#5", "UTC", anchor=ANCHOR).after(ANCHOR), 4)
    assert [tick.year for tick in ticks] == [2044, 2072, 2112, 2140]


def test_the_longest_wait_for_a_leap_day_is_not_taken_for_never() -> None:
    """29 February falls on each weekday every 28 years; over 2100 some wait 12 and some 40."""
    waits = set()
    for weekday in range(7):
        calendar = parse(f"0 0 * 2 {weekday}#5", "UTC", anchor=ANCHOR)
        years = [tick.year for tick in islice(calendar.after(ANCHOR), 5)]
        waits |= {later - earlier for earlier, later in pairwise(years)}
    assert waits == {12, 28, 40}


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * */20 * 1L", "0 0 31 2 */2"])
def test_a_day_that_no_month_has_is_read_and_never_fires(expression: str) -> None:
    """30 February is no mistake in a field; nothing is ever due."""
    calendar = parse(expression, NEW_YORK, anchor=ANCHOR)
    assert not calendar.fires
    assert calendar.next_after(ANCHOR) is None


@settings(max_examples=200, deadline=None)
@given(
    expression=st.sampled_from([*CHOSEN, *made_up(300, 7)]),
    zone=st.sampled_from(ZONES),
    instant=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_ticks_ascend_and_follow_from_any_instant(expression: str, zone: str, instant: datetime) -> None:
    """Each is after the one before, a whole minute, in UTC, and what `next_after` finds from any moment between."""
    calendar = parse(expression, zone, anchor=ANCHOR)
    ticks = list(islice(calendar.after(instant), 5))
    assert bool(ticks) == calendar.fires
    for earlier, later in pairwise([instant, *ticks]):
        assert earlier < later
        assert later.tzinfo is UTC
        assert later.second == later.microsecond == 0
        between = earlier + (later - earlier) / 2
        assert calendar.next_after(between) == calendar.next_after(later - timedelta(microseconds=1)) == later


@pytest.mark.parametrize("expression", ["0 9 * * 1-5", "*/5 * * * *"])
def test_the_ends_of_time_are_no_trouble(expression: str) -> None:
    """Before the year 2 the first tick is in it; with 9989 on the wall the ticks end."""
    calendar = parse(expression, NEW_YORK, anchor=ANCHOR)
    first = calendar.next_after(datetime(1, 1, 1, tzinfo=UTC))
    assert first is not None
    assert first.year == 2
    assert list(calendar.after(datetime(9990, 1, 1, 5, tzinfo=UTC))) == []
    assert calendar.next_after(datetime(9989, 12, 20, tzinfo=UTC)) is not None
    assert calendar.next_after(datetime(9999, 12, 31, tzinfo=UTC)) is None


def test_a_time_without_a_zone_is_refused() -> None:
    """It would mean the local time of whoever asks."""
    with pytest.raises(ValueError, match="has no time zone"):
        parse("* * * * *", NEW_YORK, anchor=ANCHOR).next_after(datetime(2026, 1, 1))
