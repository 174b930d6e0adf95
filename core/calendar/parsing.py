"""From an expression to its calendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from difflib import get_close_matches

from ..model.durations import parse_duration
from ..model.errors import UsageError
from .calendar import Calendar
from .cron import Cron
from .interval import Interval
from .once import Once
from .pattern import pattern_of
from .zones import Zone, find_zone

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""What Debian's cron takes these words for."""
SHORTEST = 1.0
"""Seconds."""
LONGEST = 1000
"""Characters of an expression."""


def parse(expression: str, timezone: str, *, anchor: datetime) -> Calendar:
    """The calendar of `expression` in `timezone` (IANA name).

    expression: five cron fields, one of NICKNAMES, `@every 1h30m` (counted from `anchor`, an aware time), or
    `@at 2026-12-01T09:00` (once; without an offset it is local time in `timezone`, where a time that the clocks
    skip is when they have been changed, and one that comes twice is the first). UsageError names the field that is
    wrong, and why. An expression that can never be due, such as 30 February, is none: see `fires`.
    """
    zone = find_zone(timezone)
    text = " ".join(expression.split())
    if len(text) > LONGEST:
        raise UsageError(f"an expression of {len(text)} characters — {LONGEST} are the most")
    if not text.startswith("@"):
        return Cron(text, timezone, pattern_of(text), zone)
    word, _, rest = text.partition(" ")
    word = word.lower()
    if word == "@every":
        return Interval(text, timezone, _interval(rest), anchor)
    if word == "@at":
        return _once(text, timezone, rest, zone)
    if word in NICKNAMES and not rest:
        return Cron(text, timezone, pattern_of(NICKNAMES[word]), zone)
    raise _unknown(word, rest)


def _interval(text: str) -> timedelta:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"@every {text}: {error}", fix="write for example '@every 90s'") from None
    if seconds < SHORTEST:
        raise UsageError(f"@every {text}: an interval is at least a second", fix="write for example '@every 1s'")
    return timedelta(seconds=seconds)


def _once(expression: str, timezone: str, text: str, zone: Zone) -> Once:
    try:
        return Once(expression, timezone, datetime.fromisoformat(text.upper()), zone)
    except (ValueError, OverflowError):
        raise UsageError(
            f"@at {text}: this is no ISO 8601 time between the years 1 and 9999",
            fix="write for example '@at 2030-12-01T09:00', or with an offset '@at 2030-12-01T09:00:00+01:00'",
        ) from None


def _unknown(word: str, rest: str) -> UsageError:
    if word == "@reboot":
        return UsageError(
            "@reboot: a schedule belongs to no machine that could be started — schedulers run on any number of hosts",
            fix="have the machine submit the job when it starts: '@reboot jobsched submit …' in its own crontab",
        )
    if word in NICKNAMES:
        return UsageError(f"{word} {rest}: nothing comes after {word}", fix=f"write '{word}' or '{NICKNAMES[word]}'")
    known = [*NICKNAMES, "@every", "@at"]
    near = get_close_matches(word, known, n=1)
    examples = {"@every": "@every 90s", "@at": "@at 2030-12-01T09:00"}
    fix = f"write '{examples.get(near[0], near[0])}'" if near else "write for example '@daily' or '0 9 * * 1-5'"
    return UsageError(f"{word} is not known — there are {', '.join(known)}", fix=fix)
