"""What a job said while it ran; -f follows it."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import diagnostics, invocation, selection
from ..announcing import warn_of_stuck
from ..following import OutputPrinter, follow
from ..jobs import propagated, verdict
from ..selection import Ids
from ..text import shorten


def command(
    ids: Ids = None,
    follow_: Annotated[bool, typer.Option("--follow", "-f", help="Until the jobs have ended.")] = False,
    attempt: Annotated[int | None, typer.Option("--attempt", min=1, help="Of this attempt only.")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="When each line came.")] = False,
    prefix: Annotated[bool, typer.Option("--prefix", help="The job's id before each line.")] = False,
    propagate: Annotated[bool, typer.Option("--propagate", help="With -f: exit with the job's exit code.")] = False,
) -> int:
    """Show the output and log of jobs. With -f the exit code says how they ended."""
    invocation.current().propagating = propagate
    with invocation.open_service() as service:
        found = selection.read_ids(ids, service)
        printer = OutputPrinter(prefix=prefix or len(found) > 1, timestamps=timestamps)
        if follow_:
            warn_of_stuck(service, service.get_many(found))
        jobs = follow(service, found, printer, attempt=attempt, once=not follow_)
        if not follow_:
            return 0
        for job in jobs:
            if job.error:
                diagnostics.note(f"job {job.id} {job.state.value}: {shorten(job.error, 200)}")
        return propagated(service, jobs) if propagate else verdict(jobs)
