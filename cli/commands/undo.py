"""Undo a change to jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.model.errors import NotFound
from .. import diagnostics, invocation, results, selection
from ..group import dry_runnable
from ..who import user


@dry_runnable
def command(
    number: Annotated[
        str | None, typer.Argument(metavar="CHANGE", help="Its number (jobsched ops ls).", show_default="your last one")
    ] = None,
) -> int:
    """Put jobs back to where they stood before a cancel, retry, hold, release, move or discard, unless they went on."""
    with invocation.open_service() as service:
        if number is not None:
            operation = service.operation(selection.parse_id(number))
        else:
            mine = service.operations(by=user(), undoable=True, limit=1)
            if not mine:
                raise NotFound("you have changed nothing that could be undone", fix="jobsched ops ls")
            operation = mine[0]
        if invocation.current().dry_run:
            return results.preview(service.operation_jobs(operation.id), f"undo {operation.verb} of")
        diagnostics.note(f"change {operation.id}: {operation.verb} {operation.selection}, by {operation.by}")
        diagnostics.confirm(f"This undoes it for {operation.jobs} jobs.", count=operation.jobs)
        report = results.Report(done=f"is as it was before the {operation.verb}")
        for page in service.undo(operation.id, by=user()):
            report.add(page)
        return report.close()
