"""Formats that few ask for: YAML, and a template of the caller's own."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter
from typing import Any

from ..core.model.errors import UsageError
from . import invocation, output
from .output import Column, JsonWriter, Row, Writer
from .text import escape, escape_tsv, escape_yaml


class YamlWriter(JsonWriter):
    """The JSON document as YAML 1.2: a line for each field, what is inside of it as JSON, which is YAML too."""

    def close(self, **extra: Any) -> None:
        _line("", "v", output.VERSION)
        _line("", "kind", f"{self.kind}.list")
        output.line("items:" if self._rows else "items: []")
        for row in self._rows:
            for number, (name, value) in enumerate(row.items()):
                _line("  " if number else "- ", name, value)
        for name, value in extra.items():
            _line("", name, value)


class TemplateWriter(Writer):
    """A line for each record: text with {field}s, as TSV has them; \\t and \\n in it are what they are in TSV."""

    def __init__(self, kind: str, columns: Sequence[Column], template: str) -> None:
        super().__init__(kind, columns)
        known = {column.name: column for column in columns}
        self._style = invocation.current().time or "utc"
        self._parts: list[tuple[str, Column | None]] = []
        for text, name in _parsed(template):
            if name is not None and name not in known:
                raise UsageError(
                    f"there is no field {name[:40]!r} to put into the template — there are {', '.join(known)}",
                    fix="-o 'template={id} {state}'",
                )
            self._parts.append((_literal(text), known[name] if name is not None else None))

    def write(self, row: Row) -> None:
        pieces = []
        for text, column in self._parts:
            pieces.append(text)
            if column is not None:
                pieces.append(escape_tsv(output.plain(row.get(column.name), column, self._style)))
        output.line("".join(pieces), escaped=True)


def _parsed(template: str) -> list[tuple[str, str | None]]:
    """Texts, each with the name of the field that follows it, if one does. UsageError."""
    try:
        found = list(Formatter().parse(template))
    except ValueError as error:
        raise _wrong(str(error)) from None
    for _, name, spec, conversion in found:
        if spec or conversion:
            raise _wrong(f"after {name!r} in braces nothing else may stand")
    return [(text, name) for text, name, _, _ in found]


def _wrong(why: str) -> UsageError:
    return UsageError(f"the template cannot be read — {why}", fix="-o 'template={id} {state}', {{ for a brace")


def _literal(text: str) -> str:
    return escape(text).replace("\\t", "\t").replace("\\n", "\n")


def _line(indent: str, name: str, value: Any) -> None:
    output.line(f"{indent}{name}: {escape_yaml(output.dumped(value))}", escaped=True)
