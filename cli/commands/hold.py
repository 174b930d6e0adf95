"""Hold jobs: they wait until they are released."""

from __future__ import annotations

from ...core.model.states import WAITING
from .. import diagnostics, invocation, results, selection
from ..group import dry_runnable
from ..selection import Ids, QueueFlag, SinceFlag, StateFlag, TagFlag, TypeFlag
from ..who import user


@dry_runnable
def command(
    ids: Ids = None,
    state: StateFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
) -> int:
    """Keep waiting jobs from running until `jobsched release`."""
    chosen = selection.filters(state, queue, type_, tag, since)
    if chosen.given and not chosen.states:
        chosen = selection.Filters(tuple(WAITING), chosen.queue, chosen.type, chosen.tag, chosen.since)
    with invocation.open_service() as service:
        found = selection.select(ids, chosen, service)
        if invocation.current().dry_run:
            return results.preview(found, "hold")
        diagnostics.confirm(f"This holds {len(found)} jobs.", count=len(found))
        return results.report(service.hold(found, by=user()), done="held")
