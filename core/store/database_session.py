"""One transaction of a job in a database of the operator's.

libpq is asked directly: a query is prepared, looked at, and only then run, as exactly what was looked
at; its parameters travel as text whose types the server infers, as those of quoted literals; its rows
come one by one, so that no result is ever held whole.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import generators, pq, waiting
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

from ..model.errors import DatabaseUnreachable, JobschedError, QueryFailed
from .databases import Database, is_definite, of_ours, of_query
from .sql import load

STOP_SECONDS = 1.0
"""How long the server may take to hear that a query is cancelled: less than a job gets to stop in."""
COMMIT_SECONDS = 2.0
"""How long a COMMIT that is under way is waited for when the job is asked to stop."""
SLACK_SECONDS = 15.0
"""On top of the statement's time limit, until a server that says nothing is given up."""
_ROWS = (pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_OK)
_COPY = (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH)
Result = TypeVar("Result")
Param = str | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. statement: for each statement. lock: to wait for a lock in it. idle: between statements."""

    statement: float
    lock: float
    idle: float = 60.0


class Prepared(NamedTuple):
    """A query as the server has understood it. types: of its parameters, as Postgres numbers types.

    returns: whether it gives rows.
    """

    types: tuple[int, ...]
    returns: bool


class Tag(NamedTuple):
    """How a query ended: its command tag (`UPDATE 5`) and the rows that it returned or touched."""

    command: str
    rows: int


class CommitUnanswered(Exception):
    """The connection broke during COMMIT: nobody here knows whether it happened."""


class Session:
    """Statements of one transaction, one after the other. Made by `open_session`."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow], database: Database, limits: Limits) -> None:
        self.database = database
        self.connection = connection
        self._limits = limits

    async def own(self, name: str, *values: Param) -> list[tuple[Param, ...]]:
        """Run a statement of jobsched's own, a file of core/store/sql; rows come as the server's text.

        Its errors are not the job's query's: see `of_ours`.
        """
        with _failing(lambda error: of_ours(error, self.database)):
            return _texts(await self._statement(load(name), values))

    async def prepare(self, query: str) -> Prepared:
        """Have the server read the query, without running it.

        QueryFailed: not SQL, several statements in one, or tables, columns and functions that are not there.
        """
        with _failing(lambda error: of_query(error, self.database)):
            return await self._drive(_prepare(self.connection.pgconn, query.encode()))

    async def run(self, params: Sequence[Param], take: Callable[[PGresult], None] | None = None) -> Tag:
        """Run what was prepared last, once.

        take: called with each row, as a result of one row, and at last with a result of none.
        QueryFailed, TryAgain, DatabaseUnreachable: as `of_query` says.
        """
        with _failing(lambda error: of_query(error, self.database, params)):
            result = await self._drive(_run(self.connection.pgconn, _encode(params), take))
        if result.status in _COPY:
            raise QueryFailed("the query is a COPY from or to its client — a job is none: use INSERT or SELECT")
        return Tag((result.command_status or b"").decode(), result.command_tuples or 0)

    async def fetch(self, statement: str) -> PGresult:
        """Run a FETCH from a cursor over a job's query. Its errors are the query's."""
        with _failing(lambda error: of_query(error, self.database)):
            return await self._statement(statement)

    async def tidy(self) -> None:
        """Behind a pooler: leave nothing of the job's in a session that is somebody else's next."""
        if self.connection.prepare_threshold is None:
            await self.own("db_tx_unlock")
            await self.own("db_tx_reset")

    async def commit(self) -> None:
        """Commit. CommitUnanswered: nobody knows. QueryFailed, TryAgain: it was rolled back.

        Asked to stop meanwhile, it waits a little: what has been committed must not be called cancelled.
        """
        task = asyncio.ensure_future(self._commit())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task], timeout=COMMIT_SECONDS)
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, CommitUnanswered, JobschedError):
                    await task
                raise
            task.result()

    async def _commit(self) -> None:
        try:
            result = await self._statement("commit")
        except psycopg.Error as error:
            if is_definite(error):
                raise of_query(error, self.database) from None
            raise CommitUnanswered from None
        except DatabaseUnreachable:
            raise CommitUnanswered from None
        if result.command_status != b"COMMIT":
            raise QueryFailed("the query ended or broke its own transaction — nothing was applied")

    async def _statement(self, text: str, values: Sequence[Param] = ()) -> PGresult:
        return await self._drive(_ask(self.connection.pgconn, text.encode(), _encode(values)))

    async def _drive(self, steps: PQGen[Result]) -> Result:
        """Await an answer; one that does not come in time, or is not wanted any more, is cancelled."""
        limit = self._limits.statement + SLACK_SECONDS
        try:
            async with asyncio.timeout(limit):
                return await waiting.wait_async(steps, self.connection.pgconn.socket, interval=1.0)
        except TimeoutError:
            await self._stop()
            raise DatabaseUnreachable(f"database {self.database.name} has not answered for {limit:g} s") from None
        except asyncio.CancelledError:
            await self._stop()
            raise

    async def _stop(self) -> None:
        """Have the server end what it runs for us, and break the connection, which rolls back."""
        with contextlib.suppress(psycopg.Error, OSError):
            await self.connection.cancel_safe(timeout=STOP_SECONDS)
        self.connection.pgconn.finish()


@asynccontextmanager
async def open_session(
    database: Database, application_name: str, limits: Limits, *, begin: str = "begin read write"
) -> AsyncIterator[Session]:
    """Connect and begin a transaction; what is not committed when the block ends is rolled back."""
    with _failing(lambda error: of_ours(error, database)):
        connection = await psycopg.AsyncConnection.connect(**database.arguments(application_name))
    try:
        session = Session(connection, database, limits)
        with _failing(lambda error: of_ours(error, database)):
            await session._statement(begin)
        await session.own("db_tx_settings", *map(_milliseconds, (limits.statement, limits.lock, limits.idle)))
        yield session
    finally:
        await connection.close()


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


@contextmanager
def _failing(translate: Callable[[psycopg.Error], JobschedError]) -> Iterator[None]:
    """`from None`: the original's words hold rows and parameters, and a traceback would show them."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from None


def _encode(values: Sequence[Param]) -> list[bytes | None]:
    return [None if value is None else value.encode() for value in values]


def _texts(result: PGresult) -> list[tuple[Param, ...]]:
    """A result's rows; what is no UTF-8 (a database without an encoding) is replaced."""
    return [
        tuple(_text(result.get_value(row, column)) for column in range(result.nfields)) for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> Param:
    return None if value is None else value.decode(errors="replace")


def _ask(pgconn: Any, statement: bytes, params: Sequence[bytes | None]) -> PQGen[PGresult]:
    pgconn.send_query_params(statement, params)
    results: list[PGresult] = yield from generators.execute(pgconn)
    _check(results[0])
    return results[0]


def _prepare(pgconn: Any, query: bytes) -> PQGen[Prepared]:
    pgconn.send_prepare(b"", query)
    (result,) = yield from generators.execute(pgconn)
    _check(result)
    pgconn.send_describe_prepared(b"")
    (result,) = yield from generators.execute(pgconn)
    _check(result)
    return Prepared(tuple(map(result.param_type, range(result.nparams))), result.nfields > 0)


def _run(pgconn: Any, params: Sequence[bytes | None], take: Callable[[PGresult], None] | None) -> PQGen[PGresult]:
    pgconn.send_query_prepared(b"", params)
    pgconn.set_single_row_mode()
    yield from generators.send(pgconn)
    result: PGresult = yield from generators.fetch(pgconn)
    following: PGresult | None = result
    while following is not None:
        result = following
        if result.status in _COPY:
            break  # libpq would give one after the other of these, for ever
        _check(result)
        if take is not None and result.nfields:
            take(result)
        following = yield from generators.fetch(pgconn)
    return result


def _check(result: PGresult) -> None:
    if result.status not in (*_ROWS, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY):
        raise error_from_result(result)
