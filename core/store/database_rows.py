"""The rows of a query, a piece at a time: neither side holds more of them than about a megabyte."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from psycopg import sql
from psycopg.pq.abc import PGresult

from ..model.errors import QueryFailed
from .database_session import Limits, Session, open_session
from .database_values import Reader, column_names, csv_loaders, json_loaders, parameters
from .databases import Database
from .sql import load

BEGIN = "begin isolation level repeatable read read only"
PIECE_BYTES = 1 << 20
FIRST_ROWS, MOST_ROWS, SAMPLE = 100, 5_000, 50
Values = Literal["csv", "json"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows, in the order of the query."""

    columns: list[str]
    result: PGresult
    reader: Reader

    def __len__(self) -> int:
        return self.result.ntuples

    def rows(self) -> list[tuple[Any, ...]]:
        """Their values: text for CSV, or what `json_text` takes; null is None. Takes a while, in any thread."""
        return self.reader.rows(self.result)


class Rows(NamedTuple):
    """A query under way. expected: rows, as the planner guesses. pieces: at least one, which may be empty."""

    expected: float
    pieces: AsyncIterator[Piece]


@asynccontextmanager
async def open_rows(
    database: Database,
    query: str,
    params: Sequence[Any],
    values: Values,
    limits: Limits,
    application_name: str,
) -> AsyncIterator[Rows]:
    """Run a query that only reads, over one snapshot of the database.

    QueryFailed: it is wrong, takes another number of parameters, or writes. TryAgain, DatabaseUnreachable.
    """
    async with open_session(database, application_name, limits, begin=BEGIN) as session:
        prepared = await session.prepare(query)
        if not prepared.returns:
            raise QueryFailed("the query gives no rows — an export is made of SELECT, WITH, VALUES or TABLE")
        texts = parameters(params, prepared.types)
        yield Rows(await _expected(session, query, texts), _pieces(session, query, texts, values))


async def _expected(session: Session, query: str, params: Sequence[str | None]) -> float:
    plan: list[bytes] = []

    def take(result: PGresult) -> None:
        plan.extend(result.get_value(row, 0) or b"" for row in range(result.ntuples))

    await session.prepare(_with_query("db_tx_explain", query))
    await session.run(params, take)
    return float(json.loads(b"".join(plan))[0]["Plan"]["Plan Rows"])


async def _pieces(session: Session, query: str, params: Sequence[str | None], values: Values) -> AsyncIterator[Piece]:
    await session.prepare(_with_query("db_tx_declare", query))
    await session.run(params)
    reader = Reader(csv_loaders() if values == "csv" else json_loaders())
    wanted, columns = FIRST_ROWS, None
    while True:
        result = await session.fetch(sql.SQL(load("db_tx_fetch")).format(rows=sql.Literal(wanted)).as_string())
        columns = columns or column_names(result)
        yield Piece(columns, result, reader)
        if result.ntuples < wanted:
            return
        wanted = _how_many(result)


def _how_many(result: PGresult) -> int:
    """As many rows as fit into a piece if they are like some of these."""
    some = range(0, result.ntuples, max(1, result.ntuples // SAMPLE))
    size = sum(len(result.get_value(row, column) or b"") for row in some for column in range(result.nfields))
    return max(1, min(MOST_ROWS, len(some) * PIECE_BYTES // max(1, size)))


def _with_query(name: str, query: str) -> str:
    """The operator's query within a statement of ours; only prepared, it was looked at before."""
    return sql.SQL(load(name)).format(query=sql.SQL(query)).as_string()
