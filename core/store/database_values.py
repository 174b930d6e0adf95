"""Values of any Postgres database as JSON and as CSV: exact, and whatever the type.

They come as the server's text, which every type has. JSON is made of that text directly: a number stays
the digits that the server sent, where a float would round them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from psycopg import postgres, pq
from psycopg.adapt import AdaptersMap, Buffer, Loader, Transformer
from psycopg.pq.abc import PGresult
from psycopg.types.array import ArrayLoader

from ..model.errors import QueryFailed

MAX_ROWS = 100
MAX_ROW_BYTES = 64 << 10
MAX_DEPTH = 50
Make = Callable[[str], Any]
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_TIMESTAMP = re.compile(r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?", re.ASCII)
_UNSTORABLE = re.compile(r"\\u(0000|d[89a-f])", re.IGNORECASE)
_INTEGERS, _FLOATS = ("int2", "int4", "int8", "oid"), ("float4", "float8")
_TIMES, _JSON = ("timestamp", "timestamptz"), ("json", "jsonb")


def parameters(values: Sequence[Any], types: Sequence[int]) -> list[str | None]:
    """JSON values as text for parameters of these types, as Postgres numbers them.

    A list becomes an array where the query wants one, and JSON text otherwise; so does an object.
    QueryFailed: not as many values as types.
    """
    if len(values) != len(types):
        raise QueryFailed(f"the query takes {_counted(len(types), 'parameter')}, {len(values)} given")
    return [_parameter(value, number) for value, number in zip(values, types, strict=True)]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _parameter(value: Any, type_: int) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and type_ in _array_types():
        return _array(value)
    return json.dumps(value, ensure_ascii=False)


@cache
def _array_types() -> frozenset[int]:
    return frozenset(info.array_oid for info in postgres.types if info.array_oid)


def _array(values: list[Any]) -> str:
    """A list as Postgres reads arrays (its manual, 8.15.6)."""
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return _array(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Table:
    """The first rows of a result as a job's result shows them: at most MAX_ROWS and MAX_ROW_BYTES."""

    def __init__(self) -> None:
        self._columns: list[str] | None = None
        self._rows: list[list[Any]] = []
        self._bytes = 0
        self._truncated = False
        self._reader = Reader(_plain_loaders())

    def add(self, result: PGresult) -> None:
        """Take a result of one row or none; ignored once there are enough."""
        if self._columns is None:
            self._columns = column_names(result)
        if not result.ntuples:
            return
        size = sum(len(result.get_value(0, column) or b"") for column in range(result.nfields))
        if self._truncated or len(self._rows) == MAX_ROWS or self._bytes + size > MAX_ROW_BYTES:
            self._truncated = True
            return
        row = list(self._reader.rows(result)[0])
        self._bytes += len(json.dumps(row, ensure_ascii=False).encode())
        if self._bytes > MAX_ROW_BYTES:
            self._truncated = True
        else:
            self._rows.append(row)

    def as_result(self) -> dict[str, Any]:
        """`columns`, `rows` and `truncated`; nothing for a query that gave no rows."""
        if self._columns is None:
            return {}
        return {"columns": self._columns, "rows": self._rows, "truncated": self._truncated}


class Reader:
    """Turns results into rows of values."""

    def __init__(self, adapters: AdaptersMap) -> None:
        self._transformer = Transformer(_Context(adapters))
        self._types: list[int] | None = None

    def rows(self, result: PGresult) -> list[tuple[Any, ...]]:
        """Every row; null is None. The first result's columns are those of all."""
        self._transformer.set_pgresult(result, set_loaders=self._types is None)
        self._types = self._types or [result.ftype(column) for column in range(result.nfields)]
        return self._transformer.load_rows(0, result.ntuples, tuple)


def column_names(result: PGresult) -> list[str]:
    """Names of a result's columns, in order."""
    return [(result.fname(column) or b"").decode(errors="replace") for column in range(result.nfields)]


@cache
def csv_loaders() -> AdaptersMap:
    """Each value as text: times as in ISO 8601, booleans as true and false, the rest as Postgres writes it."""
    return _adapters(_as_it_is, {"bool": _boolean, **dict.fromkeys(_TIMES, _iso)}, arrays=False)


@cache
def json_loaders() -> AdaptersMap:
    """Each value as JSON text; arrays as lists of such, for `json_text`. Numbers keep their digits."""
    makers: dict[str, Make] = {"bool": _boolean, "numeric": _number, **dict.fromkeys(_INTEGERS, _as_it_is)}
    makers |= dict.fromkeys(_FLOATS, _number) | dict.fromkeys(_JSON, _one_line)
    return _adapters(_quoted, makers | dict.fromkeys(_TIMES, lambda text: _quoted(_iso(text))), arrays=True)


def json_text(value: Any) -> str:
    """JSON of what `json_loaders` made."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    return str(value)


@cache
def _plain_loaders() -> AdaptersMap:
    """Each value as Python's `json` can write it and the store keep it: decimals as text."""
    makers: dict[str, Make] = {"bool": lambda text: text == "t", **dict.fromkeys(_INTEGERS, int)}
    makers |= dict.fromkeys(_FLOATS, _float) | dict.fromkeys(_TIMES, _iso) | dict.fromkeys(_JSON, _parsed)
    return _adapters(_as_it_is, makers, arrays=True)


def _as_it_is(text: str) -> str:
    return text


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _boolean(text: str) -> str:
    return "true" if text == "t" else "false"


def _iso(text: str) -> str:
    """`infinity` and years before Christ stay as Postgres writes them: ISO 8601 has no words for them."""
    found = _TIMESTAMP.fullmatch(text)
    return text if found is None else f"{found[1]}T{found[2]}{'Z' if found[3] else ''}"


def _number(text: str) -> str:
    """JSON has no NaN and no infinity: they become text."""
    return text if _NUMBER.fullmatch(text) else _quoted(text)


def _one_line(text: str) -> str:
    """Line breaks in JSON text are never within a string."""
    return text.replace("\r", " ").replace("\n", " ")


def _float(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _parsed(text: str) -> Any:
    """A json column's value; its text where the store could not keep the value."""
    if _UNSTORABLE.search(text):
        return text
    try:
        value = json.loads(text, parse_float=_exact)
    except (ValueError, RecursionError):
        return text
    return value if _depth(value) <= MAX_DEPTH else text


def _exact(text: str) -> float | str:
    """A number that stays the same number as a float; otherwise its text."""
    value = float(text)
    return value if math.isfinite(value) and Decimal(repr(value)) == Decimal(text) else text


def _depth(value: Any, level: int = 0) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((_depth(each, level + 1) for each in inner if level <= MAX_DEPTH), default=level)


class _Context(NamedTuple):
    """What psycopg asks a context for; values come from no connection of its own."""

    adapters: AdaptersMap
    connection: None = None


def _adapters(make: Make, makers: dict[str, Make], *, arrays: bool) -> AdaptersMap:
    """Loaders of the named types, and of all others. arrays: whether arrays become lists."""
    found = AdaptersMap(types=postgres.types)
    found.register_loader(0, _loader(make))  # psycopg's number for "any other"
    for info in postgres.types:
        named = makers.get(info.name)
        if named is not None:
            found.register_loader(info.oid, _loader(named))
        if arrays and info.array_oid:
            members = {"base_oid": info.oid, "delimiter": info.delimiter.encode()}
            found.register_loader(info.array_oid, type("_Array", (ArrayLoader,), members))
    return found


def _loader(make: Make) -> type[Loader]:
    class Made(Loader):
        """Calls `make` with the text; what is no UTF-8 (a database without an encoding) is replaced."""

        format = pq.Format.TEXT

        def load(self, data: Buffer) -> Any:
            return make(bytes(data).decode(errors="replace"))

    return Made
