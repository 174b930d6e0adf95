"""Release held jobs."""

from __future__ import annotations

from ...core.model.states import State
from .. import diagnostics, invocation, results, selection
from ..group import dry_runnable
from ..selection import Ids, QueueFlag, SinceFlag, TagFlag, TypeFlag


@dry_runnable
def command(
    ids: Ids = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
) -> int:
    """Let go of held jobs: each goes on to wait for what else it waits for, if anything."""
    chosen = selection.filters(None, queue, type_, tag, since)
    if chosen.given:
        chosen = selection.Filters((State.BLOCKED,), chosen.queue, chosen.type, chosen.tag, chosen.since)
    with invocation.open_service() as service:
        found = selection.select(ids, chosen, service)
        if chosen.given:
            held = {job.id for job in service.get_many(found) if job.held_by is not None}
            found = [job_id for job_id in found if job_id in held]
        if invocation.current().dry_run:
            return results.preview(found, "release")
        diagnostics.confirm(f"This releases {len(found)} jobs.", count=len(found))
        return results.report(service.release(found), done="released")
