"""JSON Schema of every JSON output: list the kinds, print one."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ...core.model.errors import NotFound
from .. import output
from ..output import Column

COLUMNS = (Column("name"), Column("fields", "list", in_table=False), Column("about"))
Name = Annotated[str, typer.Argument(metavar="KIND", help="As in `kind` of the output; without one: the list.")]


def command(kind: Name = "") -> None:
    """Print the JSON Schema of a kind of output: `job` is a line of -o jsonl, `job.list` what -o json prints.

    Fields are only ever added, and none changes its type. With --fields, only the fields named are there.
    """
    from ..reference import json_schema
    from ..reference.kinds import KINDS

    if not kind:
        rows = (
            {"name": name, "fields": [column.name for column in each.columns()], "about": each.about}
            for name, each in KINDS.items()
        )
        output.emit("schema", COLUMNS, rows)
        return
    if kind not in json_schema.names():
        from difflib import get_close_matches

        close = get_close_matches(kind, json_schema.names(), 1)
        raise NotFound(
            f"there is no kind {kind[:80]!r}" + (f" — did you mean {close[0]}?" if close else ""),
            fix=f"jobsched schema {close[0]}" if close else "jobsched schema",
        )
    for line in json.dumps(json_schema.schema(kind), indent=2).splitlines():
        output.line(line)
