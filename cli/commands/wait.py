"""Wait until jobs have ended; the exit code says how."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import NothingSelected, UsageError
from .. import arguments, invocation, output, selection
from ..announcing import warn_of_stuck
from ..following import wait
from ..goals import FORMS, CountGoal, reach, reach_count, read_goal
from ..jobs import job_row, propagated, verdict
from ..output import Column
from ..selection import AllowEmpty, FilterFlag, Ids

COLUMNS = (
    Column("id", "id"),
    Column("state", "state"),
    Column("attempt", "number"),
    Column("run", "span"),
    Column("error"),
    Column("result", "json", shown=False),
    Column("type", shown=False),
    Column("queue", shown=False),
    Column("finished_at", "time", shown=False),
)

COUNT_COLUMNS = (Column("count", "number"),)


def command(
    ids: Ids = None,
    filters: FilterFlag = None,
    for_: Annotated[str, typer.Option("--for", metavar="GOAL", help=f"{FORMS}.")] = "done",
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="SPAN", help="Give up after this long (exit 124).")
    ] = None,
    any_: Annotated[bool, typer.Option("--any", help="Until one of them has got there.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Until all of them have: the default.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Exit 1 as soon as one did not succeed.")] = False,
    propagate: Annotated[bool, typer.Option("--propagate", help="Exit with the job's own exit code.")] = False,
    allow_empty: AllowEmpty = False,
) -> int:
    """Wait for jobs: exit 0 if all succeeded, 1 if one did not, 3 unknown job, 124 --timeout."""
    seconds = arguments.read("--timeout", timeout, parse_duration)
    goal = arguments.read("--for", for_, read_goal)
    if any_ and all_:
        raise UsageError("both --any and --all were given — it is one or the other")
    invocation.current().propagating = propagate
    with invocation.open_service() as service:
        if isinstance(goal, CountGoal):
            chosen = selection.choose(service, ids, filters)
            count = reach_count(service, chosen.selection, goal, timeout=seconds)
            output.emit("count", COUNT_COLUMNS, [{"count": count}])
            return 0
        try:
            found = selection.read_ids(ids, service, filters)
        except NothingSelected:
            if allow_empty:
                return 0
            raise
        warn_of_stuck(service, service.get_many(found))
        if goal is None or (goal.is_done and not fail_fast):
            jobs = wait(service, found, timeout=seconds, any_=any_)
            reached = True
        else:
            reached, jobs = reach(service, found, goal, any_=any_, fail_fast=fail_fast, timeout=seconds)
        output.emit("job", COLUMNS, (job_row(job) for job in jobs))
        if propagate:
            return propagated(service, jobs)
        return verdict(jobs) if goal is None or goal.is_done else int(not reached)
