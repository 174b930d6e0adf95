"""What a job type's payload looks like, from its JSON Schema: every field, also those inside of others."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..core.model.errors import JobschedError
from ..core.model.hiding import secret_fields

if TYPE_CHECKING:
    from ..core.config import Settings
    from ..core.handler import Handler

COLUMNS = 80
DEEPEST = 6
LONGEST_NAME = 24
LONGEST_DEFAULT = 40
Schema = Mapping[str, Any]


def payload_help(name: str, settings: Settings) -> str | None:
    """Text for `submit TYPE --help`: the payload's fields and an example; None for a type not known here."""
    from ..core.registry import Registry

    try:
        handler = Registry(settings["imports"]).find(name)
    except JobschedError as error:
        return f"Payload of {name}: {error.message}"
    if handler is None:
        return None
    lines = [*textwrap.wrap(f"{name}: {handler.summary}", COLUMNS), "", "Payload fields:"]
    lines += field_lines(handler, settings) or ["  any JSON object"]
    if handler.examples:
        lines += ["", "Example:", f"  {submit_line(handler, handler.examples[0])}"]
    return "\n".join(lines)


def field_lines(handler: Handler, settings: Mapping[str, Any]) -> list[str]:
    """The payload's fields in words, 80 columns wide; none where it is any JSON object."""
    known = {
        field: f"{table} known here: {', '.join(sorted(settings[table])) or 'none'}"
        for field, table in handler.names.items()
    }
    return schema_lines(handler.json_schema(), known)


def schema_lines(schema: Schema, known: Mapping[str, str]) -> list[str]:
    """The fields of a schema in words. known: what to say of the names that a field may hold."""
    hidden = secret_fields(schema)
    rows = field_rows(schema)
    width = max((len(row["field"]) for row in rows if len(row["field"]) <= LONGEST_NAME), default=0)
    lines = []
    for row in rows:
        facts = [row["kind"], _demand(row), row["bounds"]]
        if row["field"] in hidden:
            facts.append("never shown")
        text = ", ".join(fact for fact in facts if fact)
        if row["description"]:
            text += f" — {row['description']}"
        if row["field"] in known:
            text += f" ({known[row['field']]})"
        lines += _hang(row["field"], text, width)
    return lines


def field_rows(schema: Schema) -> list[dict[str, Any]]:
    """One row for each field: `seller.name` is in an object, `items[].price` in each of a list's,
    `prices.NAME.net` in each of an object's with names of the submitter's choice."""
    found: dict[str, dict[str, Any]] = {}
    for row in _rows(schema, schema.get("$defs", {}), "", DEEPEST):
        found.setdefault(row["field"], row)
    return list(found.values())


def _rows(schema: Schema, definitions: Schema, prefix: str, depth: int) -> Iterator[dict[str, Any]]:
    required = set(schema.get("required", ()))
    for name, given in schema.get("properties", {}).items():
        value = given if isinstance(given, Mapping) else {}  # true and false are schemas too
        field = f"{prefix}{name}"
        yield {
            "field": field,
            "kind": kind(value, definitions),
            "required": name in required,
            "default": None if name in required else json.dumps(value.get("default"), ensure_ascii=False),
            "description": value.get("description"),
            "bounds": "; ".join(dict.fromkeys(_bounds(value, definitions))),
        }
        if depth:
            for inner, suffix in _inside(value, definitions):
                yield from _rows(inner, definitions, f"{field}{suffix}.", depth - 1)


def _inside(value: Schema, definitions: Schema) -> Iterator[tuple[Schema, str]]:
    """The objects with named fields that a field holds, with what follows its name to tell how."""
    for each in _choices(value, definitions):
        if "properties" in each:
            yield each, ""
        for key, suffix in (("items", "[]"), ("additionalProperties", ".NAME")):
            if isinstance(each.get(key), dict):
                yield from ((inner, suffix + more) for inner, more in _inside(each[key], definitions))


def _choices(value: Any, definitions: Schema) -> Iterator[Schema]:
    """What a value may be: itself, or each part of a union, with references followed."""
    if not isinstance(value, Mapping):
        yield {}
    elif "$ref" in value:
        yield from _choices(definitions.get(str(value["$ref"]).rpartition("/")[2], {}), definitions)
    elif parts := [*value.get("anyOf", ()), *value.get("oneOf", ()), *value.get("allOf", ())]:
        for part in parts:
            yield from _choices(part, definitions)
    else:
        yield value


def kind(value: Schema, definitions: Schema, *, several: bool = False) -> str:
    """A property's type in words. several: in the plural, where that is a word of ours."""
    kinds = []
    for each in _choices(value, definitions):
        if "enum" in each:
            kinds.append(" | ".join(str(item) for item in each["enum"]))
        elif "const" in each:
            kinds.append(str(each["const"]))
        elif each.get("type") == "array":
            kinds.append(f"list of {kind(each.get('items', {}), definitions, several=True)}")
        elif each.get("type") == "object":
            kinds.append("objects" if several else "object")
        elif each.get("type") == "string" and "format" in each:
            kinds.append(str(each["format"]))
        else:
            word = str(each.get("type", "anything"))
            kinds.append(f"{word}s" if several and word in ("string", "integer", "number", "boolean") else word)
    return " or ".join(dict.fromkeys(each for each in kinds if each != "null"))


def _bounds(value: Schema, definitions: Schema) -> Iterator[str]:
    for each in _choices(value, definitions):
        yield from filter(
            None,
            (
                _numbers(each),
                _between(each.get("minLength"), each.get("maxLength"), " characters"),
                _between(each.get("minItems"), each.get("maxItems"), " items"),
                _between(each.get("minProperties"), each.get("maxProperties"), " entries"),
                f"like {each['pattern']}" if "pattern" in each and "description" not in value else "",
            ),
        )


def _between(least: Any, most: Any, what: str) -> str:
    if least is not None and most is not None:
        return f"{_number(least)} to {_number(most)}{what}"
    if least is not None:
        return f"at least {_number(least)}{what.removesuffix('s') if least == 1 else what}"
    return f"at most {_number(most)}{what}" if most is not None else ""


def _numbers(value: Schema) -> str:
    if "minimum" in value and "maximum" in value:
        return _between(value["minimum"], value["maximum"], "")
    words = {
        "minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than"
    }  # fmt: skip
    return ", ".join(f"{word} {_number(value[rule])}" for rule, word in words.items() if rule in value)


def _number(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _demand(row: Mapping[str, Any]) -> str:
    if row["required"]:
        return "required"
    default = str(row["default"])
    if default == "null":
        return "optional"
    return f"default {default if len(default) <= LONGEST_DEFAULT else default[: LONGEST_DEFAULT - 1] + '…'}"


def _hang(name: str, text: str, width: int) -> list[str]:
    """The name, and the text beside it, wrapped; beneath it where the name is too long for that."""
    indent = " " * (width + 4)
    first = f"  {name:{width}}  " if len(name) <= width else indent
    lines = textwrap.wrap(text, COLUMNS, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
    return lines if len(name) <= width else [f"  {name}", *lines]


def submit_line(handler: Handler, example: Mapping[str, Any]) -> str:
    """The command line that submits the example."""
    if handler.commands and set(example) == {"argv"}:
        return f"jobsched submit -- {shlex.join(example['argv'])}"
    simple = all(isinstance(value, str) and value for value in example.values())
    if simple:
        return shlex.join(["jobsched", "submit", handler.name, *(f"{key}={value}" for key, value in example.items())])
    return shlex.join(["jobsched", "submit", handler.name, "--args", json.dumps(example, ensure_ascii=False)])
