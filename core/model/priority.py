"""Priorities: four lanes, strictly the first one that has a job."""

from __future__ import annotations

import enum


class Priority(enum.IntEnum):
    """The smaller the number, the sooner."""

    CRITICAL = 0
    HIGH = 1
    DEFAULT = 2
    LOW = 3

    @property
    def word(self) -> str:
        return self.name.lower()


def parse_priority(value: str | int | Priority) -> Priority:
    """Return the priority called `value`; "medium" is "default". ValueError lists the words."""
    if isinstance(value, int):
        return Priority(value)
    word = value.strip().lower()
    if word == "medium":
        return Priority.DEFAULT
    try:
        return Priority[word.upper()]
    except KeyError:
        raise ValueError(f"{value!r} is not one of critical, high, default (or medium), low") from None
