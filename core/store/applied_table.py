"""The table `jobsched_tx.applied` of a database that jobs may use: made, looked at, and kept small."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ..model.errors import PermissionDenied
from .databases import Database, connected
from .sql import load

BATCH = 1000
TableState = Literal["ready", "missing", "no rights"]
_STATEMENTS = ("applied_lock", "applied_schema", "applied_table", "applied_index")


def script(role: str | None = None) -> str:
    """The SQL that `create` runs, for somebody else to run. role: as there."""
    parts = ["begin", *_statements(role), "commit"]
    return "".join(f"{part};\n" for part in parts)


def create(database: Database, role: str | None = None) -> bool:
    """Make the table where it is missing; return whether it was. Safe to repeat, and at the same moment.

    role: may use it from then on, for db_tx jobs; None grants nothing. JobschedError of `of_ours`.
    """
    with connected(database) as connection:
        before = _state(connection)
        if before == "no rights" and role is None:
            raise PermissionDenied(
                f"the table jobsched_tx.applied is there, and the user of database {database.name} may not use it",
                fix=f"as its owner: jobsched db-tx init {database.name} --grant ROLE",
            )
        missing = before == "missing"
        with connection.transaction():
            for statement in _statements(role) if missing else _grants(role):
                connection.execute(statement.encode())
    return missing


def state(database: Database) -> TableState:
    """Whether db_tx jobs can run with this database's user. JobschedError of `of_ours`: it cannot be reached."""
    with connected(database) as connection:
        return _state(connection)


def prune(
    database: Database, store_id: str, age: float, are_finished: Callable[[Sequence[int]], set[int]], *, dry_run: bool
) -> int:
    """Delete what one store's jobs recorded more than `age` seconds ago; return how many rows.

    are_finished: which of these jobs no attempt will ever run again; the others keep their rows.
    dry_run: only count.
    """
    count = 0
    with connected(database) as connection:
        for rows in _old(connection, store_id, age):
            finished = are_finished(list(rows))
            keys = [key for job_id, key in rows.items() if job_id in finished]
            count += len(keys)
            if keys and not dry_run:
                connection.execute(load("applied_delete"), {"keys": keys})
    return count


def _old(connection: Connection[TupleRow], store_id: str, age: float) -> Iterator[dict[int, str]]:
    """Keys of old rows by job, a batch at a time."""
    at, last = datetime(1, 1, 1, tzinfo=UTC), 0
    while True:
        values = {"store_id": store_id, "age": age, "applied_at": at, "job_id": last, "batch": BATCH}
        rows = connection.execute(load("applied_old"), values).fetchall()
        if not rows:
            return
        last, at, _ = rows[-1]
        yield {job_id: key for job_id, _, key in rows}


def _state(connection: Connection[TupleRow]) -> TableState:
    try:
        row = connection.execute(load("applied_state")).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return "no rights"
    assert row is not None
    return "missing" if row[0] is None else "ready" if row[0] else "no rights"


def _statements(role: str | None) -> list[str]:
    return [*(load(name).rstrip() for name in _STATEMENTS), *_grants(role)]


def _grants(role: str | None) -> list[str]:
    if role is None:
        return []
    return [sql.SQL(load("applied_grant")).format(role=sql.Identifier(role)).as_string().rstrip()]
