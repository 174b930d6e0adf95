"""Many jobs at once by COPY: the fastest way in, for files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row

from .enqueue import JobRow, Options
from .sql import load

_PIECE = 1000  # rows a write: large enough to cost little each, small enough to keep both sides busy


def copy_jobs(connection: psycopg.Connection[Any], rows: Sequence[JobRow], submitter: str) -> list[int]:
    """Store plain rows (no key, no time) by two COPYs, in the caller's transaction; give their ids.

    The lines are COPY's text format. What jobs have in common is escaped once; a payload is JSON
    without control characters, in which only the backslash means something to COPY.
    """
    lines = {options: _templates(options, submitter) for options in {row.options for row in rows}}
    with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
        cursor.execute(load("draw_ids"), {"count": len(rows)})
        ids: list[int] = [row[0] for row in cursor.fetchall()]
        pairs = list(zip(ids, rows, strict=True))
        _copy(
            cursor,
            load("copy_jobs"),
            (lines[row.options][0] % (job_id, row.payload.replace("\\", "\\\\")) for job_id, row in pairs),
        )
        _copy(cursor, load("copy_ready"), (lines[row.options][1] % (job_id, job_id) for job_id, row in pairs))
    return ids


def _copy(cursor: psycopg.Cursor[Any], statement: LiteralString, lines: Iterator[str]) -> None:
    with cursor.copy(statement) as copy:
        while piece := "".join(itertools.islice(lines, _PIECE)):
            copy.write(piece)


def _templates(options: Options, submitter: str) -> tuple[str, str]:
    """The lines for `job` and `ready`, with holes for id and payload."""
    queue, type_ = _field(options.queue), _field(options.type)
    job = (
        f"%d\t{queue}\t{type_}\t%s\t{options.priority}\t{options.max_attempts}\t{options.backoff_kind}"
        f"\t{options.backoff_base!r}\t{options.backoff_cap!r}\t{repr(options.timeout) if options.timeout else _NULL}"
        f"\t{_field('{' + options.tags + '}')}\t{_field(submitter)}\n"
    )
    return job, f"{queue}\t{options.priority}\t%d\t%d\t{type_}\t0\t0\t0\tf\n"


_NULL = "\\N"


def _field(text: str) -> str:
    """Escape a value for COPY's text format, and for the `%` of the template."""
    escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return escaped.replace("%", "%%")
