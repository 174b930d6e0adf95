"""Durations in words: `90s`, `1h30m`, `2d`, `250ms`; and rates."""

from __future__ import annotations

import re

UNITS: dict[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
MAX_SECONDS = 100 * 366 * 86400.0


def parse_duration(text: str) -> float:
    """Return seconds. A bare number is seconds. ValueError shows the accepted forms."""
    cleaned = text.strip().lower()
    if _NUMBER.fullmatch(cleaned):
        seconds = float(cleaned)
    elif cleaned and _PART.sub("", cleaned) == "":
        seconds = sum(float(number) * UNITS[unit] for number, unit in _PART.findall(cleaned))
    else:
        raise ValueError(f"{text!r} is not a duration like 30s, 5m, 1h30m, 2d or 250ms")
    if seconds > MAX_SECONDS:
        raise ValueError(f"{text!r} is more than a hundred years")
    return seconds


def format_duration(seconds: float) -> str:
    """Return the shortest exact-enough form: `250ms`, `4.1s`, `1m30s`, `2h`, `3d4h`."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds else "0s"
    if seconds < 60:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + "s"
    total = round(seconds)
    parts = []
    for unit in ("d", "h", "m", "s"):
        size = int(UNITS[unit])
        if total >= size:
            parts.append(f"{total // size}{unit}")
            total %= size
    return "".join(parts[:2])


def format_rate(per_second: float) -> str:
    """Return a rate in words: `2.5 a second`, `one every 1m30s`."""
    return f"{per_second:g} a second" if per_second >= 1 else f"one every {format_duration(1 / per_second)}"
