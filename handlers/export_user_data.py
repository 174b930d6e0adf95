"""`export_user_data`: the rows of a query that the operator has named, as a CSV or JSON file in the object store."""

from __future__ import annotations

import asyncio
import re
import tempfile
from typing import IO, TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..core.handler import Context, Discard, handler
from ._database import DEFAULT, NAME, Params, read_query, told_to_the_job
from ._source import Bucket, Key

if TYPE_CHECKING:
    from ..core.store.database_rows import Piece

STATEMENT_SECONDS, LOCK_SECONDS, IDLE_SECONDS = 3600, 30, 600
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
}
_QUOTED = re.compile(r'[",\r\n]')


class ExportUserData(BaseModel):
    """Which query, with which parameters, and where its rows go."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(DEFAULT, pattern=NAME, description="a name among the operator's queries")
    params: Params = Field(default_factory=list)
    format: Literal["csv", "json", "jsonl"] = Field("csv", description="json is one array, jsonl an object a line")
    null: str = Field("", max_length=20, pattern=r'^[^",\r\n]*$', description="what stands for null in CSV")
    bucket: Bucket = "exports"
    key: Key | None = Field(None, description="of the file; default: <query>/<job id>.<format>")

    @model_validator(mode="after")
    def _null_is_for_csv(self) -> ExportUserData:
        if self.null and self.format != "csv":
            raise ValueError("null belongs to format=csv: JSON has a null of its own")
        return self


@handler(
    "export_user_data",
    timeout=2 * STATEMENT_SECONDS,
    names={"query": "queries"},
    examples=({"query": "default"}, {"query": "user_orders", "params": [123, "2026-01-01"], "format": "jsonl"}),
)
async def export_user_data(payload: ExportUserData, context: Context) -> dict[str, Any]:
    """Write the rows of a named query to the object store, as CSV (RFC 4180), JSON or JSON Lines.

    The query reads one snapshot, in a transaction that cannot write. Numbers keep all their digits, times
    are ISO 8601 in UTC. The object is there whole or not at all.
    """
    with tempfile.TemporaryFile() as file:
        out = Writer(file, payload.format, payload.null)
        with told_to_the_job():
            await _write_rows(payload, context, out)
        await asyncio.to_thread(out.close)
        key = payload.key or f"{payload.query}/{context.job_id}.{payload.format}"
        file.seek(0)
        put = context.objects.put
        ref = await asyncio.to_thread(put, payload.bucket, key, file, CONTENT_TYPES[payload.format])
    context.progress(1.0, f"{out.rows:,} rows")
    return {"files": [ref.as_result()], "rows": out.rows, "columns": out.columns}


async def _write_rows(payload: ExportUserData, context: Context, out: Writer) -> None:
    from ..core.store.database_rows import open_rows
    from ..core.store.database_session import Limits
    from ..core.store.databases import find_database

    query = read_query(context.settings, payload.query)
    database = find_database(context.settings, query.database)
    limits = Limits(STATEMENT_SECONDS, LOCK_SECONDS, IDLE_SECONDS)
    values: Literal["csv", "json"] = "csv" if payload.format == "csv" else "json"
    name = f"jobsched export {context.job_id}"
    async with open_rows(database, query.text, payload.params, values, limits, name) as found:
        async for piece in found.pieces:
            context.check_cancelled()
            await asyncio.to_thread(out.write, piece)
            context.progress(min(0.99, out.rows / max(1.0, found.expected)), f"{out.rows:,} rows")


class Writer:
    """Writes pieces of rows to a file in one of the formats. rows: how many so far. columns: their names."""

    def __init__(self, file: IO[bytes], format_: str, null: str) -> None:
        self.rows = 0
        self.columns: list[str] = []
        self._file = file
        self._format = format_
        self._null = null

    def write(self, piece: Piece) -> None:
        """Write the rows of a piece; with the first one, what stands before all rows."""
        if not self.columns:
            self._begin(piece.columns)
        lines = self._csv_lines(piece) if self._format == "csv" else self._json_lines(piece)
        self._file.write("".join(lines).encode())
        self.rows += len(piece)

    def close(self) -> None:
        """Write what stands behind all rows, and empty the buffer."""
        if self._format == "json":
            self._file.write(b"\n]\n" if self.rows else b"]\n")
        self._file.flush()

    def _begin(self, columns: list[str]) -> None:
        self.columns = columns
        if self._format == "csv":
            self._file.write(f"{','.join(map(self._field, columns))}\r\n".encode())
            return
        double = next((name for name in columns if columns.count(name) > 1), None)
        if double is not None:
            raise Discard(f"two columns are called {double!r} — JSON needs a name for each: use AS in the query")
        if self._format == "json":
            self._file.write(b"[")

    def _csv_lines(self, piece: Piece) -> list[str]:
        field = self._field
        if len(self.columns) == 1 and not self._null:  # an empty line is no record to most readers
            return [f"{field(value or '')}\r\n" for (value,) in piece.rows()]
        return [f"{','.join([field(value) for value in row])}\r\n" for row in piece.rows()]

    def _field(self, value: str | None) -> str:
        if value is None:
            return self._null
        if value in ("", self._null) or _QUOTED.search(value):
            return f'"{value.replace(chr(34), chr(34) * 2)}"'
        return value

    def _json_lines(self, piece: Piece) -> list[str]:
        import json

        from ..core.store.database_values import json_text

        names = [json.dumps(name, ensure_ascii=False) for name in self.columns]
        texts = [
            "{" + ",".join([f"{name}:{json_text(value)}" for name, value in zip(names, row, strict=True)]) + "}"
            for row in piece.rows()
        ]
        if self._format == "jsonl":
            return [f"{text}\n" for text in texts]
        return [f"{',' if self.rows + number else ''}\n{text}" for number, text in enumerate(texts)]
