"""What a job type's payload looks like, from its JSON Schema."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core.model.errors import JobschedError

if TYPE_CHECKING:
    from ..core.config import Settings
    from ..core.handler import Handler


def payload_help(name: str, settings: Settings) -> str | None:
    """Text for `submit TYPE --help`: the payload's fields and an example; None for a type not known here."""
    from ..core.registry import Registry

    try:
        handler = Registry(settings["imports"]).find(name)
    except JobschedError as error:
        return f"Payload of {name}: {error.message}"
    if handler is None:
        return None
    lines = [f"{name}: {handler.summary}", "", "Payload fields:"]
    rows = field_rows(handler.json_schema())
    width = max((len(row["field"]) for row in rows), default=0)
    for row in rows:
        required = "required" if row["required"] else f"default {row['default']}"
        lines.append(f"  {row['field']:{width}}  {row['kind']}, {required}  {row['description'] or ''}".rstrip())
    if not rows:
        lines.append("  any JSON object")
    if handler.examples:
        lines += ["", "Example:", f"  {submit_line(handler, handler.examples[0])}"]
    return "\n".join(lines)


def field_rows(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each property of an object's schema; nested objects by name."""
    definitions = schema.get("$defs", {})
    required = set(schema.get("required", ()))
    return [
        {
            "field": name,
            "kind": kind(value, definitions),
            "required": name in required,
            "default": None if name in required else json.dumps(value.get("default")),
            "description": value.get("description"),
        }
        for name, value in schema.get("properties", {}).items()
    ]


def kind(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A property's type in words."""
    if "$ref" in value:
        name = str(value["$ref"]).rpartition("/")[2]
        target = definitions.get(name, {})
        return kind(target, {}) if "enum" in target else f"object {name}"
    if "enum" in value:
        return " | ".join(str(item) for item in value["enum"])
    if "const" in value:
        return str(value["const"])
    if "anyOf" in value:
        kinds = [kind(item, definitions) for item in value["anyOf"]]
        return " or ".join(dict.fromkeys(each for each in kinds if each != "null"))
    if value.get("type") == "array":
        return f"list of {kind(value.get('items', {}), definitions)}"
    return str(value.get("type", "anything"))


def submit_line(handler: Handler, example: Mapping[str, Any]) -> str:
    """The command line that submits the example."""
    if handler.commands and set(example) == {"argv"}:
        return f"jobsched submit -- {shlex.join(example['argv'])}"
    simple = all(isinstance(value, str) and value for value in example.values())
    if simple:
        return shlex.join(["jobsched", "submit", handler.name, *(f"{key}={value}" for key, value in example.items())])
    return shlex.join(["jobsched", "submit", handler.name, "--args", json.dumps(example, ensure_ascii=False)])
