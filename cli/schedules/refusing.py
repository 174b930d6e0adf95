"""What is wrong with some of the schedules in a file: every one is told, nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.model.errors import JobschedError, UsageError
from .. import diagnostics

MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class BadEntry:
    """An entry of a file that cannot be stored. place: where it is, as "line 7"."""

    place: str
    error: JobschedError

    def placed(self) -> JobschedError:
        """The error, with its place in front."""
        self.error.message = f"{self.place}: {self.error.message}"
        self.error.args = (self.error.message,)
        return self.error


def refuse(entries: Sequence[BadEntry], source: str) -> None:
    """Return where there is none. Raises the only one's error, or tells each and raises UsageError."""
    if len(entries) == 1:
        raise entries[0].placed()
    if entries:
        tell(entries)
        raise UsageError(f"{source}: {len(entries)} entries cannot be stored — nothing was", fix=f"edit {source}")


def tell(entries: Sequence[BadEntry]) -> None:
    """Say on stderr what is wrong with each."""
    for entry in entries[:MOST_TOLD]:
        diagnostics.error(entry.placed())
    if len(entries) > MOST_TOLD:
        diagnostics.note(f"… and {len(entries) - MOST_TOLD} more")
