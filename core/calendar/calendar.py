"""What every kind of schedule can be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime


class Calendar(ABC):
    """The ticks of one expression in one time zone.

    expression: as it was given, with single blanks. timezone: IANA name. fires: whether there is any tick at
    all, in the past or to come; 30 February has none.
    """

    def __init__(self, expression: str, timezone: str) -> None:
        self.expression = expression
        self.timezone = timezone

    @abstractmethod
    def after(self, instant: datetime) -> Iterator[datetime]:
        """Every tick strictly after `instant` (aware), in UTC, ascending; worked out as it is asked for."""

    @property
    @abstractmethod
    def fires(self) -> bool: ...

    def next_after(self, instant: datetime) -> datetime | None:
        """The first tick strictly after `instant` (aware), in UTC; None if there is none."""
        return next(self.after(instant), None)

    def notes(self, instant: datetime) -> str:
        """What a change of the clocks has to do with the tick at `instant`, for people; "" if nothing."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.expression!r}, {self.timezone!r})"


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC. ValueError: it is naive, which would mean this machine's local time."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC)
