"""Check that what the store holds came about by the rules."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...core.model.findings import Checked
from ...core.model.times import parse_since
from .. import arguments, diagnostics, invocation, output
from ..output import Column

CHECKS = (
    Column("name", shown=False),
    Column("invariant"),
    Column("looked_at", "number", title="ROWS"),
    Column("violations", "number"),
    Column("meaning", shown=False),
    Column("remedy", shown=False),
    Column("found", "json", shown=False),
)
VIOLATIONS = (Column("job", "id"), Column("facts"), Column("name", in_table=False), Column("invariant", in_table=False))


def command(
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Only jobs submitted since: 1h, or a time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="Violations of each invariant to show.")] = 20,
    violations: Annotated[
        bool, typer.Option("--violations", help="Write violations (job and facts), not what was checked.")
    ] = False,
) -> int:
    """Check the store's invariants: one place a job, one owner, one outcome, and the like.

    Reads only, in one snapshot, whatever runs meanwhile; a viewer may. Exit 1 if one is broken.
    """
    moment = arguments.read("--since", since, parse_since)
    checked = []
    with invocation.open_service() as service, diagnostics.Progress() as progress:
        progress.update("looking at the store …")
        for each in service.verify(since=moment, limit=limit):
            checked.append(each)
            progress.update(f"{len(checked)}: {each.sentence}")
    broken = [each for each in checked if each.violations]
    if violations or invocation.current().format == "id":
        output.emit("violation", VIOLATIONS, (row for each in broken for row in _violation_rows(each)))
    else:
        output.emit("invariant", CHECKS, map(_row, checked))
    if invocation.current().fields != "":
        _explain(broken, shown=violations)
        total = sum(each.violations for each in checked)
        diagnostics.note(f"{len(checked) - len(broken)} of {len(checked)} invariants hold, {total} violations")
    return 1 if broken else 0


def _explain(broken: list[Checked], *, shown: bool) -> None:
    """Tell a person at a terminal what was found, unless it is `shown` already, what it means and what to do."""
    for each in broken:
        if invocation.current().for_people and not shown:
            output.line()
            output.line(f"{each.sentence}: {each.violations} violations")
            output.emit("violation", VIOLATIONS, _violation_rows(each))
            if each.violations > len(each.found):
                output.line(f"… and {each.violations - len(each.found)} more: --limit")
        diagnostics.note(f"{each.sentence}: not so — {each.meaning}")
        diagnostics.note(f"  fix: {each.remedy}")


def _row(each: Checked) -> dict[str, Any]:
    return {
        "name": each.name,
        "invariant": each.sentence,
        "looked_at": each.looked_at,
        "violations": each.violations,
        "meaning": each.meaning,
        "remedy": each.remedy,
        "found": [{"job": found.job_id, "facts": found.facts} for found in each.found],
    }


def _violation_rows(each: Checked) -> list[dict[str, Any]]:
    return [
        {"job": found.job_id, "facts": found.facts, "name": each.name, "invariant": each.sentence}
        for found in each.found
    ]
