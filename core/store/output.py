"""What jobs said while they ran."""

from __future__ import annotations

from ..model.results import OutputChunk
from .jobs import Connection
from .sql import load


def read_output(
    connection: Connection, job_id: int, *, after: tuple[int, int] | None = None, attempt: int | None = None, limit: int
) -> list[OutputChunk]:
    """Return pieces in order, those after (token, chunk). attempt: of this attempt only."""
    token, chunk = after or (0, -1)
    params = {"job_id": job_id, "token": token, "chunk": chunk, "attempt": attempt, "limit": limit}
    return [OutputChunk(*row) for row in connection.execute(load("read_output"), params)]
