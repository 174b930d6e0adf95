"""Live: every job that ends, every attempt that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.durations import format_duration
from ...core.model.results import Event, parse_tail_cursor
from ...core.model.states import State
from .. import arguments, invocation, output
from ..output import Column
from ..selection import QueueFlag, TypeFlag
from ..text import COLOURS, escape, paint, shorten, show_time, symbol

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = (
    Column("id", "id"),
    Column("event"),
    Column("type"),
    Column("queue"),
    Column("attempt", "number"),
    Column("at", "time"),
    Column("duration", "span"),
    Column("worker"),
    Column("message"),
    Column("cursor"),
    Column("schedule"),
    Column("scheduled_for", "time"),
)


def command(
    number: Annotated[int | None, typer.Option("--number", "-n", min=1, help="Stop after so many events.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="CURSOR", help="Go on after the `cursor` of an event seen before.")
    ] = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
) -> None:
    """Follow outcomes and failed attempts, each exactly once. In a pipe: JSONL."""
    cursor = arguments.read("--since", since, parse_tail_cursor)
    run = invocation.current()
    if not run.for_people:
        run.auto = "jsonl"
    if output.fields_asked(COLUMNS):
        return
    lines_for_people = run.for_people and run.fields is None
    out = output.writer("event", COLUMNS)
    with invocation.open_service() as service:
        for event in _first(number, _wanted(service.tail(since=cursor), queue, type_)):
            if lines_for_people:
                _show(event)
            else:
                out.write(_row(event))
            output.flush()
    out.close()


def _wanted(batches: Iterator[list[Event]], queue: str | None, type_: str | None) -> Iterator[Event]:
    for batch in batches:
        for event in batch:
            if queue in (None, event.queue) and type_ in (None, event.type):
                yield event


def _first(number: int | None, events: Iterator[Event]) -> Iterator[Event]:
    for seen, event in enumerate(events, 1):
        yield event
        if seen == number:
            return


def _row(event: Event) -> dict[str, Any]:
    return {
        "id": event.job_id,
        "event": event.kind,
        "type": event.type,
        "queue": event.queue,
        "attempt": event.attempt,
        "at": event.at,
        "duration": event.duration,
        "worker": event.worker,
        "message": event.message,
        "cursor": str(event.cursor),
        "schedule": event.schedule,
        "scheduled_for": event.scheduled_for,
    }


def _show(event: Event) -> None:
    state = event.state or State.RETRYING
    style = invocation.current().time
    at = show_time(event.at, style) if style else f"{event.at.astimezone():%H:%M:%S}"
    took = f" in {format_duration(event.duration)}" if event.duration is not None else ""
    word = paint(f"{symbol(state)} {event.kind}", COLOURS[state], wanted=output.colour())
    why = f": {shorten(event.message, 200)}" if event.message else ""
    where = f"{escape(event.type or '?')} ({escape(event.queue or '?')})"
    of = f" of {escape(event.schedule)}" if event.schedule else ""
    output.line(f"{at}  {event.job_id}  {where}{of}  {word}{took}{why}", escaped=True)
