"""Pages of ticks: where one ends and the next begins."""

from __future__ import annotations

from datetime import datetime

from ...core.model.schedule import Tick
from ...core.model.times import parse_since
from .. import arguments


def read_before(text: str | None) -> datetime | tuple[datetime, str] | None:
    """Read --before: TIME, or TIME/NAME for a page that goes on in the middle of many schedules' ticks at one time."""
    when, slash, name = (text or "").partition("/")
    moment = arguments.read("--before", None if text is None else when, parse_since)
    return (moment, name) if slash and moment is not None else moment


def following(tick: Tick, *, alone: bool) -> str:
    """The --before of the page behind a tick. alone: it was a page of one schedule, which has one tick at a time."""
    moment = tick.scheduled_for.isoformat()
    return moment if alone else f"{moment}/{tick.schedule}"
