"""Durations in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.model.durations import MAX_SECONDS, format_duration, format_rate, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1w", 604800),
        (" 1H30M ", 5400),
        ("0", 0),
    ],
)
def test_durations_are_read_with_units(text: str, seconds: float) -> None:
    """A bare number is seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "soon", "5 minutes", "-5s", "1h 30m", "5x", "1e3", "٣s", "s", ".5s", "inf"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    """The message shows what would do."""
    with pytest.raises(ValueError, match="1h30m"):
        parse_duration(text)


def test_more_than_a_century_is_refused() -> None:
    """It would overflow somewhere, and nobody means it."""
    assert parse_duration(f"{MAX_SECONDS:.0f}s") == MAX_SECONDS
    with pytest.raises(ValueError, match="hundred years"):
        parse_duration("99999d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.004, "4ms"),
        (0.25, "250ms"),
        (4.1, "4.1s"),
        (30, "30s"),
        (90, "1m30s"),
        (3600, "1h"),
        (7325, "2h2m"),
        (273_600, "3d4h"),
        (-90, "-1m30s"),
    ],
)
def test_durations_are_shown_shortly(seconds: float, text: str) -> None:
    """At most two units: the third never matters to a reader."""
    assert format_duration(seconds) == text


def test_rates_are_shown_as_one_would_say_them() -> None:
    """Starts a second, or how long from one to the next."""
    said = [format_rate(rate) for rate in (10, 2.5, 1, 0.1, 1 / 90, 1 / 86_400)]
    assert said == ["10 a second", "2.5 a second", "1 a second", "one every 10s", "one every 1m30s", "one every 1d"]


@given(st.floats(0, MAX_SECONDS / 2))
def test_what_is_shown_can_be_read_and_is_close(seconds: float) -> None:
    """Within the precision of the second unit."""
    again = parse_duration(format_duration(seconds))
    assert abs(again - seconds) <= max(0.05 * seconds, 0.051)
