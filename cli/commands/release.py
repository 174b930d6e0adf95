"""Release held jobs."""

from __future__ import annotations

from .. import invocation, selection
from ..changing import Change, change
from ..group import dry_runnable
from ..selection import AllowEmpty, FilterFlag, Ids, QueueFlag, SinceFlag, TagFlag, TypeFlag


@dry_runnable
def command(
    ids: Ids = None,
    filters: FilterFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    allow_empty: AllowEmpty = False,
) -> int:
    """Let go of held jobs: each goes on to wait for what else it waits for, if anything."""
    with invocation.open_service() as service:
        chosen = selection.choose(service, ids, filters, queue=queue, type_=type_, tag=tag, since=since)
        if chosen.where is not None and not chosen.asks_for("held"):
            chosen = chosen.narrowed(selection.held())
        return change(
            service, chosen, Change("release", "releases", "released", service.release), allow_empty=allow_empty
        )
