"""Points in time as people type them: `14:30`, `tomorrow 09:00`, `friday 18:00`, ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from .durations import parse_duration

FORMS = "2026-05-01T14:30:00Z, 2026-05-01 14:30, 14:30, tomorrow 09:00, friday 18:00 or now"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_EPOCH = re.compile(r"@(\d{1,11})(?:\.\d+)?")


def parse_time(text: str, *, now: datetime | None = None, zone: tzinfo | None = None) -> datetime:
    """Return the aware time, in UTC, that `text` means.

    A time without a zone is local time (`zone`; None is the system's). A bare clock time is its next
    occurrence; a weekday is the next such day whose time lies ahead. `@1767225600` is seconds since
    1970. A local time in a DST gap is moved forward by the gap, one in a fold is its first occurrence.
    now: for tests. ValueError shows the accepted forms.
    """
    cleaned = " ".join(text.split()).lower()
    present = (now or datetime.now(UTC)).astimezone(zone)
    try:
        found = _relative(cleaned, present, zone) or _iso(cleaned, zone)
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None:
        raise ValueError(f"{text!r} is not a time like {FORMS}")
    return found


def parse_since(text: str, *, now: datetime | None = None, zone: tzinfo | None = None) -> datetime:
    """Return the aware time that `text` means in the past: `1h` ago, or a time as `parse_time` reads it.

    A bare clock time is its last occurrence.
    """
    present = now or datetime.now(UTC)
    try:
        return present - timedelta(seconds=parse_duration(text.strip().removesuffix(" ago")))
    except ValueError:
        pass
    try:
        found = parse_time(text, now=present, zone=zone)
    except ValueError:
        raise ValueError(f"{text!r} is neither a duration like 1h nor a time like {FORMS}") from None
    is_clock = _CLOCK.fullmatch(text.strip()) is not None
    return found - timedelta(days=1) if is_clock and found > present else found


def _relative(text: str, present: datetime, zone: tzinfo | None) -> datetime | None:
    """Read `now`, `@epoch`, a clock time, or a day's name with an optional clock time."""
    if text == "now":
        return present.astimezone(UTC)
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text[1:]), UTC)
    if _CLOCK.fullmatch(text):
        moment = _on(present.date(), _clock(text), zone)
        return moment if moment > present else _on(present.date() + timedelta(days=1), _clock(text), zone)
    word, _, clock_text = text.partition(" ")
    days = _days_ahead(word, present)
    if days is None:
        return None
    clock = _clock(clock_text) if clock_text else time()
    moment = _on(present.date() + timedelta(days=days), clock, zone)
    if word in WEEKDAYS and moment <= present:
        moment = _on(present.date() + timedelta(days=days + 7), clock, zone)
    return moment


def _days_ahead(word: str, present: datetime) -> int | None:
    if word in ("today", "tomorrow"):
        return int(word == "tomorrow")
    if word in WEEKDAYS:
        return (WEEKDAYS.index(word) - present.weekday()) % 7
    return None


def _clock(text: str) -> time:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(text)
    hour, minute, second = match.groups(default="0")
    return time(int(hour), int(minute), int(second))


def _iso(text: str, zone: tzinfo | None) -> datetime:
    found = datetime.fromisoformat(text.upper())
    if found.tzinfo is None:
        return _on(found.date(), found.time(), zone)
    return found.astimezone(UTC)


def _on(day: date, clock: time, zone: tzinfo | None) -> datetime:
    """The instant of a wall-clock time; astimezone() of a naive time takes the system's zone."""
    naive = datetime.combine(day, clock)
    return (naive.replace(tzinfo=zone) if zone else naive.astimezone()).astimezone(UTC)
