"""Which zones there are, when their offsets change, and which of them never differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2031, 1, 1, tzinfo=UTC)

Change = tuple[datetime, timedelta]
"""An instant, and the offset that holds from it on."""


def offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    found = instant.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes(name: str, start: datetime = START, end: datetime = END) -> tuple[Change, ...]:
    """The offset of `start`, and every change up to `end`, found by looking at every hour."""
    zone = ZoneInfo(name)
    found = [(start, offset(zone, start))]
    instant = start
    while instant < end:
        if offset(zone, instant + HOUR) != found[-1][1]:
            minute = next(m for m in range(1, 61) if offset(zone, instant + m * MINUTE) != found[-1][1])
            found.append((instant + minute * MINUTE, offset(zone, instant + minute * MINUTE)))
        instant += HOUR
    return tuple(found)


def histories() -> dict[tuple[Change, ...], list[str]]:
    """Every distinct history of offsets from START to END, with the zones that share it."""
    found: dict[tuple[Change, ...], list[str]] = {}
    for name in zones():
        found.setdefault(changes(name), []).append(name)
    return found


def zones() -> list[str]:
    """The names of IANA's zones that this machine knows."""
    return sorted(available_timezones() - {"localtime", "Factory"})
