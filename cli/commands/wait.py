"""Wait until jobs have ended; the exit code says how."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.model.durations import parse_duration
from .. import arguments, invocation, output, selection
from ..announcing import warn_of_stuck
from ..following import wait
from ..jobs import job_row, propagated, verdict
from ..output import Column
from ..selection import Ids

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


def command(
    ids: Ids = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="SPAN", help="Give up after this long (exit 124).")
    ] = None,
    any_: Annotated[bool, typer.Option("--any", help="Until one of them has ended.")] = False,
    propagate: Annotated[bool, typer.Option("--propagate", help="Exit with the job's own exit code.")] = False,
) -> int:
    """Wait for jobs: exit 0 if all succeeded, 1 if one did not, 3 unknown job, 124 --timeout."""
    seconds = arguments.read("--timeout", timeout, parse_duration)
    invocation.current().propagating = propagate
    with invocation.open_service() as service:
        found = selection.read_ids(ids, service)
        warn_of_stuck(service, service.get_many(found))
        jobs = wait(service, found, timeout=seconds, any_=any_)
        output.emit("job", COLUMNS, (job_row(job) for job in jobs))
        return propagated(service, jobs) if propagate else verdict(jobs)
