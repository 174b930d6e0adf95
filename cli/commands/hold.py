"""Hold jobs: they wait until they are released."""

from __future__ import annotations

from ...core.model.states import WAITING, State
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
    """Keep waiting jobs from running until `jobsched release`."""
    with invocation.open_service() as service:
        chosen = selection.choose(service, ids, filters, state=state, queue=queue, type_=type_, tag=tag, since=since)
        if chosen.where is not None and not chosen.asks_for("state"):
            chosen = chosen.narrowed(selection.in_states([each for each in State if each in WAITING]))
        what = Change("hold", "holds", "held", lambda some: service.hold(some, by=user()))
        return change(service, chosen, what, allow_empty=allow_empty)
