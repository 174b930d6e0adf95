"""Four lanes."""

from __future__ import annotations

import pytest

from jobsched.core.model.priority import Priority, parse_priority


def test_the_smaller_number_goes_first() -> None:
    """The order of the lanes is the order of the numbers that are stored."""
    assert [priority.word for priority in sorted(Priority)] == ["critical", "high", "default", "low"]


@pytest.mark.parametrize("priority", Priority)
def test_a_priority_is_read_by_word_number_and_itself(priority: Priority) -> None:
    """Words in any case; stored numbers; members."""
    assert parse_priority(priority.word) is priority
    assert parse_priority(f" {priority.word.upper()} ") is priority
    assert parse_priority(int(priority)) is priority
    assert parse_priority(priority) is priority


def test_medium_is_the_default() -> None:
    """Other systems call it so."""
    assert parse_priority("medium") is Priority.DEFAULT


@pytest.mark.parametrize("wrong", ["", "urgent", "5", 4, -1])
def test_an_unknown_priority_is_refused(wrong: str | int) -> None:
    """ValueError names the words."""
    with pytest.raises(ValueError):
        parse_priority(wrong)
