"""What became of each job of a change, and the one exit code that sums it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.model.states import State
from . import diagnostics, invocation, output
from .output import Column
from .text import symbol

if TYPE_CHECKING:
    from ..core.model.errors import JobschedError
    from ..core.model.results import ItemResult

COLUMNS = (
    Column("id", "id"),
    Column("ok"),
    Column("state", "state"),
    Column("error"),
    Column("code", shown=False),
)
PARTIAL = 5


def report(results: Sequence[ItemResult], *, done: str, running: str | None = None) -> int:
    """Show each result and return the exit code: 0, the failures' common code, or 5 if some went well.

    done: what happened to those that went well, as "requeued". running: the same of those that run still.
    """
    failed = [result for result in results if result.error is not None]
    if invocation.current().for_people:
        for result in results:
            if result.error is None and result.state is not None:
                said = running if running and result.state is State.RUNNING else done
                output.line(f"{symbol(result.state)} {result.id} {said}")
    else:
        output.emit("job.result", COLUMNS, (_row(result) for result in results))
    for result in failed[:20]:
        if result.error is not None:
            diagnostics.error(result.error)
    if len(failed) > 20:
        diagnostics.note(f"… and {len(failed) - 20} more")
    return exit_code(results)


def exit_code(results: Sequence[ItemResult]) -> int:
    """0 if all went well, the code of the error if all failed with one, else 5."""
    return exit_code_of([result.error for result in results])


def exit_code_of(errors: Sequence[JobschedError | None]) -> int:
    """The same over what went wrong with each; None is nothing."""
    codes = {error.exit_code for error in errors if error is not None}
    if not codes:
        return 0
    return codes.pop() if None not in errors and len(codes) == 1 else PARTIAL


def preview(ids: Sequence[int], verb: str) -> int:
    """What --dry-run shows instead: the ids, and how many there are."""
    output.emit("job.selected", (Column("id", "id"),), ({"id": id_} for id_ in ids))
    diagnostics.note(f"would {verb} {len(ids)} job{'s' if len(ids) != 1 else ''}; nothing was changed")
    return 0


def _row(result: ItemResult) -> dict[str, Any]:
    error = result.error
    return {
        "id": result.id,
        "ok": result.ok,
        "state": result.state,
        "error": error.message if error else None,
        "code": error.code if error else None,
    }
