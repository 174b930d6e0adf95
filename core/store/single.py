"""Submitting one job at a time, in a loop: the statement that programs run most.

Of the 150 µs that a commit takes, psycopg's own way of running a statement is 30 (named parameters
to numbered, a cursor, adapters, a generator that waits). Where a connection is ours and may keep
prepared statements, libpq is asked directly instead, once a program has shown that it loops.
"""

from __future__ import annotations

import re
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from ..model.results import Submitted
from .enqueue import JobRow, Options, enqueue_one, run
from .sql import load

PREPARE_AFTER = 5
"""Ordinary calls before the statement is prepared: as many as psycopg itself waits for."""
_NAME = b"jobsched_enqueue_one"
_PARAMETERS = (*Options._fields, "payload", "submitter")
_KNOWN_OPTIONS = 256


class SingleEnqueue:
    """Runs `enqueue_one` for one process. submitter, window: as there."""

    def __init__(self, submitter: str, window: float) -> None:
        self._submitter = submitter
        self._window = window
        self._calls = 0
        self._prepared: WeakSet[psycopg.Connection[Any]] = WeakSet()
        self._encoded: dict[Options, list[bytes]] = {}

    def __call__(self, connection: psycopg.Connection[Any], row: JobRow) -> Submitted:
        """Store one job on a connection that nobody else uses meanwhile. Raises what `enqueue_one` does."""
        self._calls += 1
        if self._calls > PREPARE_AFTER and row.is_plain and connection.prepare_threshold is not None:
            job_id = self._directly(connection, row)
            if job_id is not None:
                return Submitted(job_id)
        return run(connection, enqueue_one(row, self._submitter, self._window))

    def _directly(self, connection: psycopg.Connection[Any], row: JobRow) -> int | None:
        """Return the new job's id; None if the server has lost the statement (something reset the session)."""
        pgconn = connection.pgconn
        if connection not in self._prepared:
            _raise_for(pgconn.prepare(_NAME, _numbered()), pq.ExecStatus.COMMAND_OK)
            self._prepared.add(connection)
        options = self._encoded.get(row.options) or self._encode(row.options)
        result = pgconn.exec_prepared(_NAME, [*options, row.payload.encode(), self._submitter.encode()])
        if result.error_field(pq.DiagnosticField.SQLSTATE) == b"26000":
            self._prepared.discard(connection)
            return None
        _raise_for(result, pq.ExecStatus.TUPLES_OK)
        return int(result.get_value(0, 0) or b"")

    def _encode(self, options: Options) -> list[bytes]:
        if len(self._encoded) >= _KNOWN_OPTIONS:
            self._encoded.clear()
        encoded = self._encoded[options] = [str(value).encode() for value in options]
        return encoded


def _numbered() -> bytes:
    """The statement with $1, $2 … for its named parameters, as libpq wants it."""
    return re.sub(r"%\((\w+)\)s", lambda found: f"${_PARAMETERS.index(found[1]) + 1}", load("enqueue_one")).encode()


def _raise_for(result: Any, wanted: pq.ExecStatus) -> None:
    if result.status != wanted:
        raise error_from_result(result)
