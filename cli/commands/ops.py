"""Changes that people made to jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import invocation, output
from ..output import Column
from ..who import user

app = typer.Typer()
COLUMNS = (
    Column("id", "id"),
    Column("verb"),
    Column("jobs", "number"),
    Column("by"),
    Column("started_at", "time"),
    Column("undone_at", "time"),
    Column("undone_by", in_table=False),
    Column("selection"),
)


@app.command("ls")
def ls(
    mine: Annotated[bool, typer.Option("--mine", help="Only yours.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")] = 50,
) -> None:
    """What was done to jobs in the last week, newest first, by which verb and whom; `undo` takes the numbers."""
    with invocation.open_service() as service:
        found = service.operations(by=user() if mine else None, limit=limit)
        rows = ({column.name: getattr(each, column.name) for column in COLUMNS} for each in found)
        output.emit("operation", COLUMNS, rows)
