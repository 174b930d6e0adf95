"""What is wrong with a payload, by a pydantic model or by the JSON Schema that a worker published.

Problems are pairs (field path, what was expected). None repeats what a hidden field holds, and none of a
field inside of one says more than that field's name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .model.errors import UsageError

if TYPE_CHECKING:
    from pydantic import ValidationError

Problems = tuple[tuple[str, str], ...]
Check = Callable[[str], Problems]
"""From a payload's JSON text to its problems."""
MAX_PROBLEMS = 20
_NAMES_ONLY = ("required", "additionalProperties", "dependentRequired")
"""What jsonschema says of these repeats names of fields, and no values."""


def model_check(model: Any, hidden: Collection[str] = ()) -> Check:
    """Check with the pydantic model, from the JSON text: as the worker will read it."""

    def check(encoded: str) -> Problems:
        from pydantic import ValidationError

        try:
            model.model_validate_json(encoded)
        except ValidationError as error:
            return model_problems(error, hidden)
        return ()

    return check


def model_problems(error: ValidationError, hidden: Collection[str] = ()) -> Problems:
    """Return what a model has against a payload, the first MAX_PROBLEMS."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = ((each["loc"], each["msg"].removeprefix("Value error, ")) for each in found[:MAX_PROBLEMS])
    return tuple((_path(loc, hidden), plain(message)) for loc, message in told)


def schema_check(schema: dict[str, Any], hidden: Collection[str] = ()) -> Check:
    """Check with a published JSON Schema. References are resolved within it only, never fetched."""

    def check(encoded: str) -> Problems:
        if schema == {"type": "object"}:
            return ()
        from jsonschema.exceptions import SchemaError
        from referencing.exceptions import Unresolvable

        found = []
        try:
            for error in _schema_errors(schema, encoded):
                found.append((_path(error.absolute_path, hidden), plain(_told(error, hidden))))
                if len(found) == MAX_PROBLEMS:
                    break
        except (SchemaError, Unresolvable) as error:
            raise UsageError(
                f"the schema that a worker published for this type cannot be used — {plain(str(error))}",
                fix="--unchecked submits it anyway",
            ) from None
        return tuple(found)

    return check


def plain(text: str, limit: int = 200) -> str:
    """One line without control characters: schemas and payloads are other people's words."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


def _schema_errors(schema: dict[str, Any], encoded: str) -> Iterator[Any]:
    from jsonschema import Draft202012Validator
    from referencing import Registry as Resources

    yield from Draft202012Validator(schema, registry=Resources()).iter_errors(json.loads(encoded))


def _told(error: Any, hidden: Collection[str]) -> str:
    """jsonschema's message, unless it shows the value of a hidden field, alone or within the whole payload."""
    inside = not error.absolute_path or error.absolute_path[0] in hidden
    if not hidden or not inside or (not error.absolute_path and error.validator in _NAMES_ONLY):
        return str(error.message)
    rule = error.validator_value
    return f"it does not fit {error.validator}" + (
        f" {json.dumps(rule)}" if isinstance(rule, str | int | float) else ""
    )


def _path(parts: Iterable[Any], hidden: Collection[str]) -> str:
    found = [str(part) for part in parts]
    return plain(".".join(found[:1] if found and found[0] in hidden else found)) or "payload"
