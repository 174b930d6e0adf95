"""Queue jobs again; those that wait for their time, now."""

from __future__ import annotations

from ...core.model.states import State
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
    allow_empty: AllowEmpty = False,
) -> int:
    """Queue the named jobs again, with fresh attempts; or those that match (dead or retrying, unless it says)."""
    with invocation.open_service() as service:
        chosen = selection.choose(service, ids, filters, state=state, queue=queue, type_=type_, tag=tag, since=since)
        if chosen.where is not None and not chosen.asks_for("state"):
            chosen = chosen.narrowed(selection.in_states([State.DEAD, State.RETRYING]))
        what = Change("retry", "queues again", "queued again", lambda some: service.retry(some, by=user()))
        return change(service, chosen, what, allow_empty=allow_empty)
