"""Putting archived jobs back, row by row as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import psycopg

from ..model.errors import Conflict
from .enqueue import ensure_queues, run
from .jobs import Connection
from .sql import load

MAX_LINES = 1000
MAX_CHARS = 4 << 20
"""How many lines, and characters, one statement is given."""
_STATEMENTS = {
    "outcome": "restore_outcomes",
    "attempt_log": "restore_attempts",
    "job_output": "restore_outputs",
    "checkpoint": "restore_checkpoints",
    "dependency": "restore_dependencies",
}
Lines = Callable[[str], Iterable[str]]
"""Gives the lines of one kind, as archive_read.sql wrote them; asked once for each kind."""


def restore(connection: Connection, lines: Lines, ids: Sequence[int] | None, keep: float) -> tuple[list[int], int]:
    """Put jobs back in one transaction; return the ids of those that are new here, and how many of them had to
    do without their idempotency key.

    ids: only these; None is all. keep: seconds for which retention and archival leave them alone. Conflict:
    a number in it is higher than this store has given out, or belongs to something else; nothing was changed.
    """
    try:
        return _restore(connection, lines, ids, keep)
    except psycopg.errors.UniqueViolation as error:
        raise Conflict(
            f"the archive and this store use the same numbers for different things — {error.diag.constraint_name}"
            " forbids it, and nothing was restored",
            fix="restore it into the store that it is from",
        ) from None


def _restore(connection: Connection, lines: Lines, ids: Sequence[int] | None, keep: float) -> tuple[list[int], int]:
    with connection.transaction():
        drawn = connection.execute(load("restore_drawn")).fetchone()
        assert drawn is not None
        last_job, last_token = drawn
        made: list[int] = []
        queues: set[str] = set()
        for piece in _pieces(lines("job")):
            params = {"lines": piece, "ids": None if ids is None else list(ids)}
            for job_id, queue in connection.execute(load("restore_jobs"), params):
                made.append(job_id)
                queues.add(queue)
        _check_drawn("job", max(made, default=0), last_job)
        if not made:
            return [], 0
        for kind, statement in _STATEMENTS.items():
            for piece in _pieces(lines(kind)):
                row = connection.execute(load(statement), {"lines": piece, "ids": made}).fetchone()
                _check_drawn("token", row[1] if row else 0, last_token)
        had, given = _restore_keys(connection, lines, made)
        connection.execute(load("restore_kept"), {"ids": made, "keep": keep})
        # Last, because others who make the same new queue wait for this commit.
        run(connection, ensure_queues(sorted(queues)))
    return sorted(made), had - given


def _restore_keys(connection: Connection, lines: Lines, made: list[int]) -> tuple[int, int]:
    """Return how many of the jobs had a key, and how many have it again."""
    given = 0
    for piece in _pieces(lines("idempotency")):
        given += len(connection.execute(load("restore_keys"), {"lines": piece, "ids": made}).fetchall())
    row = connection.execute(load("restore_keyed"), {"ids": made}).fetchone()
    return (row[0] if row else 0), given


def _check_drawn(what: str, highest: int, last: int) -> None:
    """A number that is not given out yet would be given out again, to a second job."""
    if highest > last:
        raise Conflict(
            f"the archive holds {what} {highest}, and this store has given out no more than {last} — it was set back,"
            " or is another store",
            fix=f"stop the workers, then in psql: select setval('jobsched.{what}_seq', {highest})",
        )


def _pieces(lines: Iterable[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if len(piece) == MAX_LINES or size >= MAX_CHARS:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
