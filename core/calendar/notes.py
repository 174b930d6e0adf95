"""What a change of the clocks does to a tick, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from .zones import Zone


def comes_twice(zone: Zone, instant: datetime) -> bool:
    """Whether the wall shows the local time of `instant` (UTC) a second time, later or earlier."""
    local = instant.astimezone(zone.info)
    return local.replace(fold=1 - local.fold).astimezone(UTC) != instant


def twice(zone: Zone, instant: datetime, *, both: bool) -> str:
    """That the time of `instant` comes twice. both: it runs both times."""
    local = instant.astimezone(zone.info)
    what = f"clocks go back: {local:%H:%M} comes twice"
    if both:
        return f"{what}, runs both times; this is the {'second' if local.fold else 'first'}"
    return f"{what}, runs the first time"


def skipped(zone: Zone, instant: datetime, times: Sequence[datetime], *, made_up: bool) -> str:
    """That `times` (naive, ascending) are skipped. made_up: they run at `instant`, else they are left out."""
    local = instant.astimezone(zone.info)
    day = "" if times[0].date() == local.date() else f"{times[0]:%Y-%m-%d} "
    first, last = f"{day}{times[0]:%H:%M}", f"{times[-1]:%H:%M}"
    several = f"{first} and {last}" if len(times) == 2 else f"{first} to {last}"
    what = f"{first} does not exist" if len(times) == 1 else f"{several} do not exist"
    if not made_up:
        return f"clocks went forward: {what}, nothing ran"
    return f"clocks go forward: {what}, runs {'once ' if len(times) > 1 else ''}at {local:%H:%M}"
