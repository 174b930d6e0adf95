"""JSON Schema (2020-12) of what -o json and jsonl write, made from the columns that the verbs declare.

The promise: fields are added, never taken away, and never change their type. Readers must not mind new ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...core.model.states import State
from ..output import VERSION, Column
from .kinds import KINDS, Kind, load_columns

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LIST = ".list"
ERROR = "error"
"""The kind of what stderr ends with when -o json or jsonl fails; it has no envelope."""
TYPES: dict[str, dict[str, Any]] = {
    "id": {"type": ["integer", "null"]},
    "text": {"type": ["string", "null"]},
    "state": {"enum": [*(state.value for state in State), None]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "span": {"type": ["number", "null"], "description": "seconds"},
    "number": {"type": ["number", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "list": {"type": ["array", "null"], "items": {"type": "string"}},
    "json": {},
}


def names() -> list[str]:
    """Every name that `schema` takes: the kinds, the documents that list them, and errors."""
    return sorted([*KINDS, *(f"{name}{LIST}" for name in KINDS), ERROR])


def schema(name: str) -> dict[str, Any]:
    """Return the schema of a line of jsonl (`job`), of a JSON document (`job.list`), or of an error."""
    if name == ERROR:
        return _error()
    kind = KINDS[name.removesuffix(LIST)]
    if not name.endswith(LIST):
        return _head(name, kind.about) | _object(_envelope(name) | _fields(kind), ["v", "kind", *_always(kind)])
    items = {"type": "array", "items": _object(_fields(kind), _always(kind))}
    properties = _envelope(name) | {"items": items} | dict(kind.extra)
    return _head(name, f"each item: {kind.about}") | _object(properties, ["v", "kind", "items"])


def _head(name: str, about: str) -> dict[str, Any]:
    return {"$schema": DIALECT, "title": name, "description": about}


def _envelope(name: str) -> dict[str, Any]:
    return {"v": {"const": VERSION}, "kind": {"const": name}}


def _fields(kind: Kind) -> dict[str, Any]:
    fields = _columns(kind.columns())
    for name, where in kind.nested.items():
        columns = load_columns(where)
        fields[name] = {"type": "array", "items": _object(_columns(columns), [column.name for column in columns])}
    return fields


def _columns(columns: Iterable[Column]) -> dict[str, Any]:
    return {column.name: TYPES[column.kind] for column in columns}


def _always(kind: Kind) -> list[str]:
    """What is there unless --fields asks for less."""
    return [column.name for column in kind.columns() if column.name not in kind.optional]


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _error() -> dict[str, Any]:
    text = {"type": "string"}
    problem = _object({"field": text, "expected": text}, ["field", "expected"])
    body = {
        "code": text,
        "message": text,
        "fix": TYPES["text"],
        "retryable": {"type": "boolean"},
        "problems": {"type": "array", "items": problem},
    }
    about = "the last line of stderr, where -o json or jsonl was asked for and could not be had"
    return _head(ERROR, about) | _object({"error": _object(body, ["code", "message", "fix", "retryable"])}, ["error"])
