"""Move jobs: to another queue, to another priority."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.model.errors import UsageError
from ...core.model.job import check_name
from ...core.model.priority import parse_priority
from ...core.model.states import WAITING, State
from .. import arguments, invocation, selection
from ..changing import Change, change
from ..group import dry_runnable
from ..selection import AllowEmpty, FilterFlag, Ids, QueueFlag, SinceFlag, StateFlag, TagFlag, TypeFlag
from ..who import user


@dry_runnable
def command(
    ids: Ids = None,
    to: Annotated[str | None, typer.Option("--to", metavar="QUEUE", help="Their queue from now on.")] = None,
    priority: Annotated[
        str | None,
        typer.Option("--priority", metavar="WORD", help="Their priority: critical, high, default, low."),
    ] = None,
    filters: FilterFlag = None,
    state: StateFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    allow_empty: AllowEmpty = False,
) -> int:
    """Give waiting jobs another queue or priority; each goes to the end of its new lane."""
    if to is None and priority is None:
        raise UsageError("it is not said where to", fix="add --to QUEUE, --priority WORD, or both")
    if to is not None:
        check_name("queue", to)
    level = arguments.read("--priority", priority, parse_priority)
    with invocation.open_service() as service:
        chosen = selection.choose(service, ids, filters, state=state, queue=queue, type_=type_, tag=tag, since=since)
        if chosen.where is not None and not chosen.asks_for("state"):
            chosen = chosen.narrowed(selection.in_states([each for each in State if each in WAITING]))
        what = Change("move", "moves", "moved", lambda some: service.move(some, queue=to, priority=level, by=user()))
        return change(service, chosen, what, allow_empty=allow_empty)
