"""Jobs, newest first; counts with --count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from .. import arguments, invocation, output, selection
from ..jobs import JOB_COLUMNS, job_row
from ..output import Column
from ..selection import FilterFlag, Ids, QueueFlag, SinceFlag, StateFlag, TagFlag, TypeFlag

if TYPE_CHECKING:
    from ...core.service import Service

GROUPS = ("queue", "state", "type", "error")
COUNT_COLUMNS = (
    Column("queue"),
    Column("state", "state"),
    Column("type"),
    Column("error"),
    Column("count", "number"),
)


def command(
    ids: Ids = None,
    filters: FilterFlag = None,
    state: StateFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")] = 50,
    before: Annotated[str | None, typer.Option("--before", metavar="ID", help="Only jobs with smaller ids.")] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="FIELD", help="Smallest first; -FIELD: largest (run, age, priority …)."),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="How many jobs there are, not which.")] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by", metavar="A,B", help="One count for each queue, state, type, error; implies --count."
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Again and again; in a pipe: what changes, as JSON lines.")
    ] = False,
    every: Annotated[str, typer.Option("--every", metavar="SPAN", help="With --watch: how often.")] = "2s",
    fail_if_any: Annotated[bool, typer.Option("--fail-if-any", help="Exit 1 if a job matches.")] = False,
    fail_if_none: Annotated[bool, typer.Option("--fail-if-none", help="Exit 1 if no job matches.")] = False,
) -> int:
    """List jobs, newest first. Also: ps, jobs."""
    smaller_than = selection.parse_id(before) if before is not None else None
    if sort is not None and before is not None:
        raise UsageError("--before goes with the order of ids — leave out --sort")
    pause = arguments.read("--every", every, parse_duration) or 0.0
    groups = _groups(group_by)
    with invocation.open_service() as service:
        chosen = selection.choose(service, ids, filters, state=state, queue=queue, type_=type_, tag=tag, since=since)

        def show() -> int:
            if count or groups:
                return _count(service, chosen, groups, sort)
            return _list(service, chosen, limit, smaller_than, sort)

        if watch:
            from ..watching import watch as watch_

            watch_(service, chosen.selection, show, pause=pause, limit=limit, counting=count or bool(groups))
        found = show()
    return int((fail_if_any and found > 0) or (fail_if_none and found == 0))


def _list(service: Service, chosen: selection.Chosen, limit: int, before: int | None, sort: str | None) -> int:
    jobs = service.select(chosen.selection, before=before, limit=limit, sort=sort)
    following = str(jobs[-1].id) if len(jobs) == limit and sort is None else None
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


def _groups(text: str | None) -> list[str]:
    """Read --group-by."""
    groups = [part.strip() for part in (text or "").split(",") if part.strip()]
    for name in groups:
        if name not in GROUPS:
            raise UsageError(f"--group-by: there is no {name[:40]!r} — there are {', '.join(GROUPS)}")
    return list(dict.fromkeys(groups))


def _count(service: Service, chosen: selection.Chosen, groups: list[str], sort: str | None) -> int:
    """Count in the store, and show a line for each group, by name unless --sort says otherwise."""
    tallies = service.count(chosen.selection, groups)
    rows: list[dict[str, Any]] = [{**tally.by, "count": tally.count} for tally in tallies]
    keys, descending = [*groups, "count"], False
    if sort is not None:
        key, descending = sort.removeprefix("-"), sort.startswith("-")
        if key not in keys:
            raise UsageError(f"--sort: there is no {key[:40]!r} — there are {', '.join(keys)}")
        keys = [key]
    rows.sort(key=lambda row: tuple((row[key] is None, row[key] or 0) for key in keys), reverse=descending)
    columns = [next(each for each in COUNT_COLUMNS if each.name == name) for name in (*groups, "count")]
    output.emit("count", columns, rows)
    return sum(tally.count for tally in tallies)
