"""Cancel jobs, waiting or running."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.model.errors import NothingSelected
from ...core.model.states import FINAL, State
from .. import diagnostics, invocation, results, selection
from ..group import dry_runnable
from ..selection import AllowEmpty, Ids, QueueFlag, SinceFlag, StateFlag, TagFlag, TypeFlag
from ..who import user


@dry_runnable
def command(
    ids: Ids = None,
    state: StateFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the job.")] = None,
    allow_empty: AllowEmpty = False,
) -> int:
    """Cancel the named jobs, or all that match and have not ended."""
    chosen = selection.filters(state, queue, type_, tag, since)
    if chosen.given and not chosen.states:
        alive = tuple(each for each in State if each not in FINAL)
        chosen = selection.Filters(alive, chosen.queue, chosen.type, chosen.tag, chosen.since)
    with invocation.open_service() as service:
        try:
            found = selection.select(ids, chosen, service)
        except NothingSelected:
            if allow_empty:
                return 0
            raise
        if invocation.current().dry_run:
            return results.preview(found, "cancel")
        diagnostics.confirm(f"This cancels {len(found)} jobs.", count=len(found))
        cancelled = service.cancel(found, by=user(), reason=reason)
        return results.report(cancelled, done="cancelled", running="running: asked to stop")
