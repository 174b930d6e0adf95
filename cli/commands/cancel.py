"""Cancel jobs, waiting or running."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.model.states import FINAL, State
from .. import invocation, selection
from ..changing import Change, change
from ..group import dry_runnable
from ..selection import AllowEmpty, FilterFlag, Ids, QueueFlag, SinceFlag, StateFlag, TagFlag, TypeFlag
from ..who import user


@dry_runnable
def command(
    ids: Ids = None,
    filters: FilterFlag = None,
    state: StateFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the job.")] = None,
    allow_empty: AllowEmpty = False,
) -> int:
    """Cancel the named jobs, or all that match and have not ended."""
    with invocation.open_service() as service:
        chosen = selection.choose(
            service, ids, filters, state=state, queue=queue, type_=type_, tag=tag, since=since
        )  # fmt: skip
        if chosen.where is not None and not chosen.asks_for("state"):
            chosen = chosen.narrowed(selection.in_states([each for each in State if each not in FINAL]))
        what = Change(
            "cancel", "cancels", "cancelled",
            lambda some: service.cancel(some, by=user(), reason=reason),
            running="running: asked to stop",
        )  # fmt: skip
        return change(service, chosen, what, allow_empty=allow_empty)
