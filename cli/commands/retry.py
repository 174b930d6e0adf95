"""Queue jobs again; those that wait for their time, now."""

from __future__ import annotations

from ...core.model.errors import NothingSelected
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
    allow_empty: AllowEmpty = False,
) -> int:
    """Queue the named jobs again, with fresh attempts; or all that match (--state dead --queue q)."""
    chosen = selection.filters(state, queue, type_, tag, since)
    with invocation.open_service() as service:
        try:
            found = selection.select(ids, chosen, service)
        except NothingSelected:
            if allow_empty:
                return 0
            raise
        if invocation.current().dry_run:
            return results.preview(found, "retry")
        diagnostics.confirm(f"This queues {len(found)} jobs again.", count=len(found))
        return results.report(service.retry(found, by=user()), done="queued again")
