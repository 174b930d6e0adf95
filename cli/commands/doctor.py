"""Look for what is wrong around jobsched: store, server, workers, queues, disk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ...core.model.findings import Finding, Level
from .. import diagnostics, invocation, output
from ..output import Column
from ..text import escape, paint, unicode_wanted

COLUMNS = (
    Column("level"),
    Column("check"),
    Column("what"),
    Column("why"),
    Column("fix"),
)
SIGNS = {Level.OK: ("✔", "+"), Level.NOTE: ("·", "."), Level.WARN: ("!", "!"), Level.BAD: ("✖", "x")}
COLOURS = {Level.OK: "green", Level.NOTE: "cyan", Level.WARN: "yellow", Level.BAD: "red"}
UNREACHABLE = 69


def command(
    write: Annotated[bool, typer.Option("--write", help="Also put, read and delete a tiny object.")] = False,
) -> int:
    """Look at everything that can be wrong, within two seconds; change nothing.

    Exit 1 if something is bad, 69 if the store cannot be reached. A viewer may; what it may not see is said.
    """
    from ...core.doctor import examine

    if output.fields_asked(COLUMNS):
        return 0
    examination = examine(invocation.current().settings, write=write)
    if invocation.current().for_people and not invocation.current().fields:
        for finding in examination.findings:
            _show(finding)
    else:
        output.emit(
            "finding", COLUMNS,
            (asdict(finding) | {"level": finding.level.value} for finding in examination.findings),
        )  # fmt: skip
    counts = {level: sum(each.level is level for each in examination.findings) for level in Level}
    diagnostics.note(", ".join(f"{count} {level.value}" for level, count in counts.items() if count))
    if not examination.reachable:
        return UNREACHABLE
    return 1 if examination.worst is Level.BAD else 0


def _show(finding: Finding) -> None:
    sign = SIGNS[finding.level][0 if unicode_wanted() else 1]
    mark = paint(f"{sign} {finding.level.value:4}", COLOURS[finding.level], wanted=output.colour())
    output.line(f"{mark}  {finding.check:12}  {escape(finding.what)}", escaped=True)
    if finding.why:
        output.line(f"{'':22}{finding.why}")
    if finding.fix:
        output.line(f"{'':22}fix: {finding.fix}")
