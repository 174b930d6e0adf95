"""Times as people type them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.model.times import parse_since, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)  # a Wednesday; 14:00 in Berlin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-07T10:00:00Z", datetime(2026, 5, 7, 10, tzinfo=UTC)),
        ("2026-05-07t10:00:00+02:00", datetime(2026, 5, 7, 8, tzinfo=UTC)),
        ("2026-05-07 10:00", datetime(2026, 5, 7, 8, tzinfo=UTC)),
        ("2026-05-07", datetime(2026, 5, 6, 22, tzinfo=UTC)),
        ("15:30", datetime(2026, 5, 6, 13, 30, tzinfo=UTC)),
        ("13:30", datetime(2026, 5, 7, 11, 30, tzinfo=UTC)),
        ("9:05:30", datetime(2026, 5, 7, 7, 5, 30, tzinfo=UTC)),
        ("today 13:30", datetime(2026, 5, 6, 11, 30, tzinfo=UTC)),
        ("tomorrow 09:00", datetime(2026, 5, 7, 7, tzinfo=UTC)),
        ("  Tomorrow   09:00 ", datetime(2026, 5, 7, 7, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 5, 6, 22, tzinfo=UTC)),
        ("friday 18:00", datetime(2026, 5, 8, 16, tzinfo=UTC)),
        ("wednesday 15:00", datetime(2026, 5, 6, 13, tzinfo=UTC)),
        ("wednesday 13:00", datetime(2026, 5, 13, 11, tzinfo=UTC)),
        ("now", NOW),
        ("@1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_means_what_a_person_in_that_zone_means(text: str, expected: datetime) -> None:
    """Without a zone it is local time; bare clock times and weekdays lie ahead."""
    assert parse_time(text, now=NOW, zone=BERLIN) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "25:00", "14:60", "2026-02-30", "soon", "14:30 tomorrow", "@", "9999999999", "monday x"]
)
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    """The message shows examples."""
    with pytest.raises(ValueError, match=r"is not a time like 2026-05-01T14:30:00Z"):
        parse_time(text, now=NOW, zone=BERLIN)


def test_a_time_in_a_gap_is_moved_forward_and_one_in_a_fold_is_the_first() -> None:
    """Clocks in Berlin skip 02:30 on 2026-03-29 and have it twice on 2026-10-25."""
    assert parse_time("2026-03-29 02:30", zone=BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert parse_time("2026-10-25 02:30", zone=BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(st.text(max_size=40))
def test_no_text_makes_it_fail_in_another_way(text: str) -> None:
    """Whatever is typed, the answer is an aware time or a ValueError."""
    with suppress(ValueError):
        assert parse_time(text, now=NOW, zone=BERLIN).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h", NOW - timedelta(hours=1)),
        ("90s ago", NOW - timedelta(seconds=90)),
        ("13:30", datetime(2026, 5, 6, 11, 30, tzinfo=UTC)),
        ("15:30", datetime(2026, 5, 5, 13, 30, tzinfo=UTC)),
        ("2026-05-01", datetime(2026, 4, 30, 22, tzinfo=UTC)),
    ],
)
def test_since_looks_back(text: str, expected: datetime) -> None:
    """A duration is so long ago, a bare clock time its last occurrence."""
    assert parse_since(text, now=NOW, zone=BERLIN) == expected


def test_since_names_both_forms_when_it_understands_neither() -> None:
    """Durations and times are both welcome."""
    with pytest.raises(ValueError, match="neither a duration like 1h nor a time like"):
        parse_since("a while", now=NOW)
