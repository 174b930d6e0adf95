"""A selection's conditions as SQL. Every value is a bound parameter; nothing of it is ever text of a statement."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Double,
    Numeric,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    collate,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ..model.priority import Priority
from ..model.selection import FIELDS, Ago, AnyOf, Between, Compare, Condition, Glob, JsonWord, Like, Test, Wild
from ..model.selection.matching import folded, json_values
from .places import NOW, Columns

Clause = ColumnElement[bool]


def predicate(condition: Condition, columns: Columns) -> Clause:
    """Return the condition in terms of these columns; a field that is not among them no job there has."""
    column = columns.get(condition.field)
    met = false() if column is None else _test(condition, column)
    return not_(func.coalesce(met, false())) if condition.negated else met


def _test(condition: Condition, column: ColumnElement[Any]) -> Clause:
    test = condition.test
    match FIELDS[condition.field].kind:
        case "text" | "state":
            return _text(test, column)
        case "tags":
            return _tags(test, column)
        case "args":
            return _payload(test, column, condition.path)
        case "priority":
            return _ordered(test, -column)
        case "span":
            return _ordered(test, cast(column, Double))
        case _:
            return _ordered(test, column)


def _text(test: Test, column: ColumnElement[Any]) -> Clause:
    match test:
        case AnyOf(values):
            return column == any_(_texts(values))
        case Like(globs):
            return or_(*(_like(glob, column) for glob in globs))
        case Compare():
            return false()


def _tags(test: Test, column: ColumnElement[Any]) -> Clause:
    if isinstance(test, AnyOf):
        return column.op("&&", is_comparison=True)(_texts(test.values))
    tag = func.unnest(column).column_valued("tag")
    return exists(select(literal_column("1")).where(_text(test, tag)))


def _ordered(test: Test, column: ColumnElement[Any]) -> Clause:
    match test:
        case Compare(operator, value):
            return compare_columns(operator, column, _scalar(value))
        case AnyOf(values):
            numbers = [value for value in values if not isinstance(value, Between)]
            ranges = [
                and_(column >= _scalar(value.low), column <= _scalar(value.high))
                for value in values
                if isinstance(value, Between)
            ]
            if numbers and all(isinstance(value, int) and not isinstance(value, Priority) for value in numbers):
                return or_(column == any_(bindparam(None, numbers, ARRAY(BigInteger))), *ranges)
            return or_(*(column == _scalar(value) for value in numbers), *ranges)
        case Like():
            return false()


def compare_columns(operator: str, column: ColumnElement[Any], bound: ColumnElement[Any]) -> Clause:
    """`column` `operator` `bound`."""
    return {">": column > bound, ">=": column >= bound, "<": column < bound}.get(operator, column <= bound)


def _scalar(value: Any) -> ColumnElement[Any]:
    """A value as a parameter; the more urgent priority is the larger, and time is told by the store's clock."""
    match value:
        case Priority():
            return bindparam(None, -int(value), BigInteger)
        case Ago(seconds):
            return NOW - bindparam(None, seconds, Double) * literal_column("interval '1 second'")
        case datetime():
            return bindparam(None, value, DateTime(timezone=True))
        case float():
            return bindparam(None, value, Double)
        case _:
            return bindparam(None, value, BigInteger)


def _payload(test: Test, payload: ColumnElement[Any], path: tuple[str, ...]) -> Clause:
    where = bindparam(None, list(path), ARRAY(Text))
    value = payload.op("#>", return_type=JSONB())(where)
    match test:
        case AnyOf(words):
            wanted = [json.dumps(each) for word in words if isinstance(word, JsonWord) for each in json_values(word)]
            return value == any_(cast(bindparam(None, wanted, ARRAY(Text)), ARRAY(JSONB)))
        case Like(globs):
            text = payload.op("#>>", return_type=Text())(where)
            return _if_type("string", value, or_(*(_like(glob, text) for glob in globs)))
        case Compare(operator, JsonWord(text)):
            number = cast(cast(value, Text), Numeric)
            return _if_type(
                "number", value, compare_columns(operator, number, cast(bindparam(None, text, Text), Numeric))
            )
        case _:
            return false()


def _if_type(name: str, value: ColumnElement[Any], clause: Clause) -> Clause:
    """The clause where the JSON value is of this type; it may be an error elsewhere."""
    return case((func.jsonb_typeof(value) == bindparam(None, name, Text), clause), else_=false())


def _texts(values: tuple[Any, ...]) -> ColumnElement[Any]:
    return bindparam(None, [str(value) for value in values], ARRAY(Text))


def _like(glob: Glob, column: ColumnElement[Any]) -> Clause:
    """LIKE over what `lower` makes of ASCII letters alone, in every database alike."""
    pattern = "".join(
        ("%" if part is Wild.MANY else "_") if isinstance(part, Wild) else _escaped(folded(part)) for part in glob.parts
    )
    if glob.anywhere:
        pattern = f"%{pattern}%"
    return func.lower(collate(column, "C")).like(bindparam(None, pattern, Text), escape="\\")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
