"""What became of each job of a change, and the one exit code that sums it up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    Column("ok", "flag"),
    Column("state", "state"),
    Column("error"),
    Column("code", shown=False),
)
SELECTED = (Column("id", "id"),)
PARTIAL = 5
SPELLED_OUT = 20
"""So many failures are explained on stderr."""


class Report:
    """Shows what became of each job as soon as it is known, and sums it up in one exit code.

    done: what happened to those that went well, as "requeued". running: the same of those that run still.
    """

    def __init__(self, *, done: str, running: str | None = None) -> None:
        self.well = 0
        self.failed = 0
        self._done = done
        self._running = running
        self._codes: set[int] = set()
        self._writer = None if invocation.current().for_people else output.writer("job.result", COLUMNS)

    def add(self, results: Sequence[ItemResult]) -> None:
        """Show the results of some jobs; of the failures, the first SPELLED_OUT in full."""
        for result in results:
            if self._writer is not None:
                self._writer.write(_row(result))
            elif result.error is None and result.state is not None:
                said = self._running if self._running and result.state is State.RUNNING else self._done
                output.line(f"{symbol(result.state)} {result.id} {said}")
            if result.error is None:
                self.well += 1
                continue
            self.failed += 1
            self._codes.add(result.error.exit_code)
            if self.failed <= SPELLED_OUT:
                diagnostics.error(result.error)

    def close(self) -> int:
        """End the output and return the exit code: 0, the failures' common code, or 5 if some went well."""
        if self._writer is not None:
            self._writer.close()
        if self.failed > SPELLED_OUT:
            diagnostics.note(f"… and {self.failed - SPELLED_OUT} more")
        if not self._codes:
            return 0
        return self._codes.pop() if not self.well and len(self._codes) == 1 else PARTIAL


def exit_code_of(errors: Sequence[JobschedError | None]) -> int:
    """0 if nothing went wrong (None), the code of the error if all went wrong with one, else 5."""
    codes = {error.exit_code for error in errors if error is not None}
    if not codes:
        return 0
    return codes.pop() if None not in errors and len(codes) == 1 else PARTIAL


def preview(pages: Iterable[Sequence[int]], verb: str) -> int:
    """What --dry-run shows instead: the ids, and how many there are."""
    count = 0
    if output.fields_asked(SELECTED):
        return 0
    writer = output.writer("job.selected", SELECTED)
    for ids in pages:
        for job_id in ids:
            writer.write({"id": job_id})
        count += len(ids)
    writer.close()
    diagnostics.note(f"would {verb} {count} job{'s' if count != 1 else ''}; nothing was changed")
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
