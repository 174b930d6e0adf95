"""Jobs, newest first; counts with --count."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.errors import UsageError
from .. import invocation, output, selection
from ..jobs import JOB_COLUMNS, job_row
from ..output import Column
from ..selection import QueueFlag, SinceFlag, StateFlag, TagFlag, TypeFlag

if TYPE_CHECKING:
    from ...core.service import Service

GROUPS = ("queue", "state")
COUNT_COLUMN = Column("count", "number")


def command(
    state: StateFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")] = 50,
    before: Annotated[str | None, typer.Option("--before", metavar="ID", help="Only jobs with smaller ids.")] = None,
    count: Annotated[bool, typer.Option("--count", help="How many jobs there are, not which.")] = False,
    group_by: Annotated[
        str | None, typer.Option("--group-by", metavar="queue,state", help="One count for each; implies --count.")
    ] = None,
    fail_if_any: Annotated[bool, typer.Option("--fail-if-any", help="Exit 1 if a job matches.")] = False,
    fail_if_none: Annotated[bool, typer.Option("--fail-if-none", help="Exit 1 if no job matches.")] = False,
) -> int:
    """List jobs, newest first. Also: ps, jobs."""
    chosen = selection.filters(state, queue, type_, tag, since)
    smaller_than = selection.parse_id(before) if before is not None else None
    with invocation.open_service() as service:
        if count or group_by is not None:
            found = _count(service, chosen, group_by)
        else:
            found = _list(service, chosen, limit, smaller_than)
    return int((fail_if_any and found > 0) or (fail_if_none and found == 0))


def _list(service: Service, chosen: selection.Filters, limit: int, before: int | None) -> int:
    jobs = service.list(
        states=chosen.states, queue=chosen.queue, type=chosen.type, tag=chosen.tag, since=chosen.since,
        before=before, limit=limit,
    )  # fmt: skip
    following = str(jobs[-1].id) if len(jobs) == limit else None
    output.emit("job", JOB_COLUMNS, (job_row(job) for job in jobs), next=following)
    _hint(len(jobs), following)
    return len(jobs)


def _hint(found: int, following: str | None) -> None:
    from .. import diagnostics

    if not invocation.current().for_people:
        return
    if not found:
        diagnostics.note("no job matches")
    elif following:
        diagnostics.note(f"more: --before {following}")


def _count(service: Service, chosen: selection.Filters, group_by: str | None) -> int:
    """Count from the queues' counters where only queue and state matter, else job by job."""
    groups = [part.strip() for part in (group_by or "").split(",") if part.strip()]
    for name in groups:
        if name not in GROUPS:
            raise UsageError(f"--group-by: there is no {name[:40]!r} — there are {', '.join(GROUPS)}")
    tally: Counter[tuple[str, ...]] = Counter()
    for values, number in _numbers(service, chosen):
        tally[tuple(values[name] for name in groups)] += number
    rows: list[dict[str, Any]] = [
        {**dict(zip(groups, key, strict=True)), "count": number} for key, number in sorted(tally.items()) if number
    ]
    if not groups:
        rows = [{"count": tally.total()}]
    columns = [Column(name, "state" if name == "state" else "text") for name in groups]
    output.emit("count", [*columns, COUNT_COLUMN], rows)
    return tally.total()


def _numbers(service: Service, chosen: selection.Filters) -> Any:
    if chosen.type or chosen.tag or chosen.since:
        for job in selection.matching(chosen, service):
            yield {"queue": job.queue, "state": job.state}, 1
        return
    for counts in service.counts():
        if chosen.queue not in (None, counts.queue):
            continue
        for state, number in counts.by_state.items():
            if not chosen.states or state in chosen.states:
                yield {"queue": counts.queue, "state": state}, number
