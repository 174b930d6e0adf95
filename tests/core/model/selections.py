"""Selections by the thousand, for the tests that hold str, matching and SQL to one another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from jobsched.core.model.priority import Priority
from jobsched.core.model.selection import (
    FIELDS,
    Ago,
    AnyOf,
    Between,
    Compare,
    Condition,
    Glob,
    JsonWord,
    Kind,
    Like,
    Selection,
    Wild,
)
from jobsched.core.model.states import State

OPERATORS = st.sampled_from([">", ">=", "<", "<="])
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
WORDS = st.sampled_from(["a", "A", "mail", "Mail_x", "50%", "a*b", "x\\y", 'say "hi"', "", "é", "q1", "it's, so", "\n"])
TEXTS = WORDS | ANY_TEXT
SPANS = st.sampled_from([0.0, 0.25, 1.0, 60.0, 5400.0, 86400.0, 1e9]) | st.floats(0, 1e9, allow_nan=False).map(
    lambda value: round(value, 3)
)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)) | st.builds(Ago, SPANS)
NUMBERS = st.integers(0, 40) | st.integers(0, (1 << 63) - 1)
JSON_WORDS = st.sampled_from(["42", "4.5", "true", "null", "-7", "0", "1e3", "NaN", "01", "[1]", "ann"]).map(
    JsonWord
) | (TEXTS.map(lambda text: JsonWord(text, quoted=True)))


def _glob(parts: list[Any]) -> Glob:
    joined: list[str | Wild] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part is not Wild.MANY or joined[-1:] != [Wild.MANY]:
            joined.append(part)
    return Glob(tuple(joined))


GLOBS = st.lists(st.sampled_from(Wild) | TEXTS.filter(bool), max_size=4).map(_glob)
LIKE = st.lists(GLOBS, min_size=1, max_size=2).map(lambda globs: Like(tuple(globs)))


def _ordered(values: st.SearchStrategy[Any], *, equal: bool = True) -> st.SearchStrategy[Any]:
    each = st.builds(Between, values, values) | values if equal else st.builds(Between, values, values)
    return _any_of(each) | st.builds(Compare, OPERATORS, values)


def _any_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[AnyOf]:
    return st.lists(values, min_size=1, max_size=3).map(lambda found: AnyOf(tuple(found)))


TESTS: dict[Kind, st.SearchStrategy[Any]] = {
    "id": _ordered(NUMBERS),
    "state": _any_of(st.sampled_from(State)),
    "text": _any_of(TEXTS) | LIKE,
    "tags": _any_of(TEXTS) | LIKE,
    "priority": _ordered(st.sampled_from(Priority)),
    "number": _ordered(NUMBERS),
    "span": _ordered(SPANS),
    "time": _ordered(TIMES, equal=False),
    "args": _any_of(JSON_WORDS)
    | LIKE
    | st.builds(Compare, OPERATORS, st.sampled_from(["0", "4.5", "-1e2"]).map(JsonWord)),
}
SEGMENTS = st.sampled_from(["user", "a", "b", "0", "-1", "two words", 'q"q', ""])


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """Any condition that can be written."""
    field = FIELDS[draw(st.sampled_from(sorted(FIELDS)))]
    path = tuple(draw(st.lists(SEGMENTS, min_size=1, max_size=2))) if field.kind == "args" else ()
    return Condition(field.name, draw(TESTS[field.kind]), draw(st.booleans()), path)


SELECTIONS = st.lists(conditions(), min_size=1, max_size=3).map(lambda found: Selection(tuple(found)))
