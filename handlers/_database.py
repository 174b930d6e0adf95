"""What handlers do with databases and queries that the operator has named. Not a handler."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, JsonValue

from ..core.handler import Discard, Retry
from ..core.model.errors import ConfigError, JobschedError, NotFound, QueryFailed

DEFAULT = "default"
NAME = r"^[a-z][a-z0-9_]{0,62}$"
# What stands before a statement's first word: space, comments (which nest), and empty statements.
_BEFORE = re.compile(r"(?:\s|;|\(|--[^\n\r]*)*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_WORD = re.compile(r"[a-z_]+", re.IGNORECASE)
_OF_TRANSACTIONS = frozenset({
    "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "prepare",
})  # fmt: skip
_OF_SESSIONS = frozenset({
    "set", "reset", "discard", "listen", "unlisten", "deallocate", "execute", "declare", "fetch", "move", "close",
    "load",
})  # fmt: skip
_READING = frozenset({"select", "with", "values", "table"})
_PREFIXED = re.compile(r"\s*(\w+)\s*:(?!:)(.*)", re.DOTALL)


class NamedQuery(NamedTuple):
    """An entry of the setting `queries`. database: the entry of `databases` that it runs on."""

    database: str
    text: str


def first_word(query: str) -> str:
    """The word with which a statement begins, in lower case; "" where there is none."""
    at = 0
    while True:
        found = _BEFORE.match(query, at)
        at = found.end() if found else at
        if not query.startswith("/*", at):
            break
        depth = 0
        for edge in _COMMENT_EDGE.finditer(query, at):
            depth += 1 if edge.group() == "/*" else -1
            if depth == 0:
                break
        if depth:
            return ""
        at = edge.end()
    word = _WORD.match(query, at)
    return word.group().lower() if word else ""


def _query(value: str) -> str:
    _text(value)
    word = first_word(value)
    if not word:
        raise ValueError("it holds no statement")
    if word in _OF_TRANSACTIONS:
        raise ValueError(f"it is {word.upper()} — jobsched begins the query's transaction, and ends it")
    if word in _OF_SESSIONS:
        raise ValueError(f"it is {word.upper()} — that is for a session, and a job's ends with its one query")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("it holds a NUL character, which Postgres cannot take")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("it holds a lone surrogate, which is no character")
    return value


def _params(values: list[JsonValue]) -> list[JsonValue]:
    for value in values:
        _check_value(value)
    return values


def _check_value(value: Any) -> None:
    if isinstance(value, str):
        _text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large — give it as text")
    elif isinstance(value, list | dict):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_value(each)


Query = Annotated[str, Field(max_length=100_000, description="one statement, with $1, $2 …"), AfterValidator(_query)]
Params = Annotated[
    list[JsonValue],
    Field(max_length=10_000, description="values for $1, $2 …: text, numbers, true, false, null, lists, objects"),
    AfterValidator(_params),
]


def read_query(settings: Mapping[str, Any], name: str) -> NamedQuery:
    """Return the operator's query called `name`: "DATABASE: SELECT …", or "SELECT …" on `default`.

    NotFound: these settings have none of that name. ConfigError: it is not of that form.
    """
    setting = f"JOBSCHED_QUERY_{name.upper()} (queries.{name})"
    text = settings["queries"].get(name)
    if text is None:
        raise NotFound(f"there is no query called {name!r} in the settings here", fix=f"set {setting} to its SQL")
    found = _PREFIXED.match(text)
    database, query = (found[1], found[2].strip()) if found else (DEFAULT, text.strip())
    if not re.fullmatch(NAME, database):
        raise ConfigError(
            f"query {name} names a database that cannot be — a name is a-z, 0-9 and _, and begins with a letter",
            fix=f"write {setting} as DATABASE: SELECT …",
        )
    if first_word(query) not in _READING or "\0" in query:
        raise ConfigError(
            f"query {name} is none that only reads — it begins with SELECT, WITH, VALUES or TABLE",
            fix=f"write {setting} as DATABASE: SELECT …",
        )
    return NamedQuery(database, query)


@contextmanager
def told_to_the_job() -> Iterator[None]:
    """A query that can never work is the end of its job. Everything else is worth another attempt: it is
    temporary, or this worker's settings are wrong, which its operator mends."""
    try:
        yield
    except JobschedError as error:
        said = f"{error.message} ({error.fix})" if error.fix else error.message
        raise (Discard if isinstance(error, QueryFailed) else Retry)(said) from None
