"""What people are told about ticks where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsched.core.calendar import parse
from jobsched.tests.core.calendar.expressions import CHOSEN

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
FORWARD = datetime(2026, 3, 8, 0, tzinfo=UTC)
BACK = datetime(2026, 11, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "index", "note"),
    [
        ("30 2 * * *", FORWARD, 0, "clocks go forward: 02:30 does not exist, runs at 03:00"),
        ("0,30 2 * * *", FORWARD, 0, "clocks go forward: 02:00 and 02:30 do not exist, runs once at 03:00"),
        ("0-59 2 * * *", FORWARD, 0, "clocks go forward: 02:00 to 02:59 do not exist, runs once at 03:00"),
        ("@at 2026-03-08T02:30", ANCHOR, 0, "clocks go forward: 02:30 does not exist, runs at 03:00"),
        ("30 * * * *", FORWARD, 7, "clocks went forward: 02:30 does not exist, nothing ran"),
        (
            "*/10 2 * * *",
            datetime(2026, 3, 8, 6, tzinfo=UTC),
            0,
            "clocks went forward: 2026-03-08 02:00 to 02:50 do not exist, nothing ran",
        ),
        ("30 1 * * *", BACK, 0, "clocks go back: 01:30 comes twice, runs the first time"),
        ("@at 2026-11-01 01:30", ANCHOR, 0, "clocks go back: 01:30 comes twice, runs the first time"),
        ("30 * * * *", BACK, 5, "clocks go back: 01:30 comes twice, runs both times; this is the first"),
        ("30 * * * *", BACK, 6, "clocks go back: 01:30 comes twice, runs both times; this is the second"),
    ],
)
def test_a_tick_says_what_a_change_of_the_clocks_does_to_it(
    expression: str, after: datetime, index: int, note: str
) -> None:
    """Moved, run once of two times, run twice, or left out before this one."""
    calendar = parse(expression, "America/New_York", anchor=ANCHOR)
    ticks = list(islice(calendar.after(after), index + 2))
    assert calendar.notes(ticks[index]) == note


@pytest.mark.parametrize(
    ("expression", "instant"),
    [
        ("30 2 * * *", datetime(2026, 3, 9, 6, 30, tzinfo=UTC)),  # the day after
        ("0 3 * * *", datetime(2026, 3, 8, 7, tzinfo=UTC)),  # due just then, as on any day
        ("*/15 3 * * *", datetime(2026, 3, 8, 7, tzinfo=UTC)),  # nothing of it was skipped
        ("30 0 * * *", datetime(2026, 11, 1, 4, 30, tzinfo=UTC)),  # before
        ("@every 90s", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("@at 2026-03-08T07:00Z", datetime(2026, 3, 8, 7, tzinfo=UTC)),  # no local time was given
        ("@at 2026-11-01T01:30-05:00", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("@at 2026-03-08T02:30", datetime(2026, 3, 9, 7, tzinfo=UTC)),  # not its tick
        ("0 12 * * *", datetime(2026, 7, 1, 16, tzinfo=UTC)),
    ],
)
def test_most_ticks_have_nothing_to_say(expression: str, instant: datetime) -> None:
    """A note is there only where the clocks matter."""
    assert parse(expression, "America/New_York", anchor=ANCHOR).notes(instant) == ""


def test_a_day_that_is_skipped_is_named() -> None:
    """Samoa had no 30 December 2011."""
    calendar = parse("0 9 30 * *", "Pacific/Apia", anchor=ANCHOR)
    tick = calendar.next_after(datetime(2011, 12, 1, tzinfo=UTC))
    assert tick is not None
    assert calendar.notes(tick) == "clocks go forward: 2011-12-30 09:00 does not exist, runs at 00:00"


@settings(max_examples=100, deadline=None)
@given(
    expression=st.sampled_from(CHOSEN),
    zone=st.sampled_from(["America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Tokyo"]),
    instant=st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC)),
)
def test_any_tick_can_be_asked(expression: str, zone: str, instant: datetime) -> None:
    """A note is one line of words about clocks, or nothing."""
    calendar = parse(expression, zone, anchor=ANCHOR)
    for tick in islice(calendar.after(instant), 3):
        note = calendar.notes(tick)
        assert note == "" or note.startswith("clocks ")
        assert "\n" not in note
