"""Many jobs at once by COPY: the fastest way in, for files."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row

from .enqueue import JobRow, Options
from .sql import load

_PIECE = 1000  # rows a write: large enough to cost little each, small enough to keep both sides busy


@dataclass(slots=True)
class Loaded:
    """What a load has stored so far: how many new jobs, how many of each (queue, type) are ready, and
    the lowest id of each queue, and the ids of those that are blocked."""

    jobs: int = 0
    lanes: dict[tuple[str, str], int] = field(default_factory=dict)
    lowest: dict[str, int] = field(default_factory=dict)
    blocked: list[int] = field(default_factory=list)

    def add(self, row: JobRow, job_id: int, *, waits: bool) -> None:
        """Count a job. waits: for its time."""
        self.add_ready(row.options, [] if waits else [job_id])
        self.jobs += waits
        self.lowest[row.options.queue] = min(job_id, self.lowest.get(row.options.queue, job_id))

    def add_ready(self, options: Options, ids: list[int]) -> None:
        """Count jobs that are ready and have these options; ids in ascending order."""
        lane = options[:2]
        self.jobs += len(ids)
        self.lanes[lane] = self.lanes.get(lane, 0) + len(ids)
        for job_id in ids[:1]:
            self.lowest[options.queue] = min(job_id, self.lowest.get(options.queue, job_id))


def copy_jobs(
    connection: psycopg.Connection[Any], rows: Iterator[JobRow], count: int, submitter: str, loaded: Loaded
) -> list[JobRow]:
    """Store the plain ones of `count` rows by two COPYs, in the caller's transaction; return the others.

    `rows` is read while the server works on what it was sent before. The lines are COPY's text
    format: what jobs have in common is escaped once; a payload is JSON without control characters,
    in which only the backslash means something to COPY.
    """
    others: list[JobRow] = []
    ready: dict[Options, list[int]] = {}
    with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
        cursor.execute(load("draw_ids"), {"count": count})
        ids: list[int] = [row[0] for row in cursor.fetchall()]
        _copy(cursor, load("copy_jobs"), _job_lines(ids, rows, submitter, ready, others))
        _copy(cursor, load("copy_ready"), _ready_lines(ready))
    for options, members in ready.items():
        loaded.add_ready(options, members)
    return others


def _job_lines(
    ids: Iterable[int], rows: Iterator[JobRow], submitter: str, ready: dict[Options, list[int]], others: list[JobRow]
) -> Iterator[str]:
    templates: dict[Options, str] = {}
    for job_id, row in zip(ids, rows, strict=True):
        if not row.is_plain:
            others.append(row)
            continue
        options = row.options
        if options not in templates:
            templates[options] = _job_line(options, submitter)
            ready[options] = []
        ready[options].append(job_id)
        yield templates[options] % (job_id, row.payload.replace("\\", "\\\\"))


def _ready_lines(ready: dict[Options, list[int]]) -> Iterator[str]:
    for options, ids in ready.items():
        line = f"{_field(options.queue)}\t{options.priority}\t%d\t%d\t{_field(options.type)}\t0\t0\t0\tf\n"
        for job_id in ids:
            yield line % (job_id, job_id)


def _copy(cursor: psycopg.Cursor[Any], statement: LiteralString, lines: Iterator[str]) -> None:
    with cursor.copy(statement) as copy:
        while piece := "".join(itertools.islice(lines, _PIECE)):
            copy.write(piece)


def _job_line(options: Options, submitter: str) -> str:
    """The line for `job`, with holes for id and payload."""
    return (
        f"%d\t{_field(options.queue)}\t{_field(options.type)}\t%s\t{options.priority}\t{options.max_attempts}"
        f"\t{options.backoff_kind}\t{options.backoff_base!r}\t{options.backoff_cap!r}"
        f"\t{repr(options.timeout) if options.timeout else _NULL}"
        f"\t{_field('{' + options.tags + '}')}\t{_field(submitter)}\n"
    )


_NULL = "\\N"


def _field(text: str) -> str:
    """Escape a value for COPY's text format, and for the `%` of the template."""
    escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return escaped.replace("%", "%%")
