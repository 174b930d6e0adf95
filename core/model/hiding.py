"""Payload fields that nobody is shown: which they are, and what stands in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

HIDDEN = "(hidden)"
"""What is shown instead of a hidden field's value; the view `job_now` has it too."""


def secret_fields(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a payload's JSON Schema in which anything is `writeOnly`, in their order.

    Such a field is hidden as a whole. pydantic's SecretStr is `writeOnly` by itself. What is no JSON Schema
    has none: others published it.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return ()
    return tuple(name for name, value in properties.items() if any(_write_only(value, schema, set())))


def hide(payload: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the payload as it may be shown."""
    return {name: HIDDEN if name in fields else value for name, value in payload.items()}


def _write_only(value: Any, schema: Mapping[str, Any], seen: set[str]) -> Iterator[bool]:
    if isinstance(value, list):
        for each in value:
            yield from _write_only(each, schema, seen)
    elif isinstance(value, dict):
        yield value.get("writeOnly") is True
        reference = value.get("$ref")
        definitions = schema.get("$defs")
        if isinstance(reference, str) and reference not in seen and isinstance(definitions, dict):
            seen.add(reference)
            yield from _write_only(definitions.get(reference.rpartition("/")[2]), schema, seen)
        for name, each in value.items():
            if name not in ("default", "examples", "enum", "const"):
                yield from _write_only(each, schema, seen)
