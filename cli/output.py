"""The only writer to stdout: records as a table, TSV, CSV, JSON or bare ids (formats.py: YAML, templates), and lines.

A verb describes its records once (`Column`s and dicts); the format is the user's. Machine formats
are a promise: `{"v":1,"kind":"job.list","items":[…]}` for json, one `{"v":1,"kind":"job",…}` a line for
jsonl, fields in a fixed order for tsv and csv; fields are only ever added.
"""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, TextIO

from ..core.model.durations import format_duration
from ..core.model.errors import TryAgain, UsageError
from ..core.model.states import State
from . import invocation
from .text import colour_wanted, escape, escape_json, escape_output, escape_tsv, iso, show_time

VERSION = 1
Row = Mapping[str, Any]
Kind = Literal["text", "id", "state", "time", "span", "number", "flag", "list", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a record.

    kind: what it is in JSON, and how it is shown; "span" is seconds, "list" is one of texts. shown: whether
    tables, TSV and CSV have it without --fields; JSON has every field always. in_table: as `shown`, for tables
    alone. title: the heading, where the name does not make a good one.
    """

    name: str
    kind: Kind = "text"
    shown: bool = True
    in_table: bool | None = None
    title: str | None = None

    @property
    def heading(self) -> str:
        return self.title or self.name.removesuffix("_at").replace("_", " ").upper()


class Writer(ABC):
    """Writes records of one kind as they come; `close` ends the document."""

    def __init__(self, kind: str, columns: Sequence[Column]) -> None:
        self.kind = kind
        self.columns = list(columns)
        self.chosen = False

    def choose(self, names: Sequence[str]) -> None:
        """Keep the named fields, in that order."""
        self.columns = [next(column for column in self.columns if column.name == name) for name in names]
        self.chosen = True

    @abstractmethod
    def write(self, row: Row) -> None:
        """Write one record, or keep it until `close`."""

    def close(self, **extra: Any) -> None:  # noqa: B027 - most formats have nothing to end
        """End the document; `extra` are further keys of a JSON envelope."""

    def _listed(self) -> list[Column]:
        return self.columns if self.chosen else [column for column in self.columns if column.shown]

    def _object(self, row: Row) -> dict[str, Any]:
        return {column.name: row.get(column.name) for column in self.columns} if self.chosen else dict(row)


class TableWriter(Writer):
    """A table as wide as the terminal; columns that are empty in every row are left out. wide: of every field, however
    wide that is."""

    def __init__(self, kind: str, columns: Sequence[Column], *, wide: bool = False) -> None:
        super().__init__(kind, columns)
        self._wide = wide
        self._rows: list[Row] = []

    def write(self, row: Row) -> None:
        self._rows.append(row)

    def _listed(self) -> list[Column]:
        if self.chosen:
            return self.columns
        wanted = [each for each in self.columns if self._wide or _in_tables(each)]
        return [each for each in wanted if any(row.get(each.name) not in (None, "", [], ()) for row in self._rows)]

    def close(self, **extra: Any) -> None:
        from .table import draw

        if self._rows:
            _write(draw(self._listed(), self._rows, wide=self._wide))


class DelimitedWriter(Writer):
    """TSV: one line a record, no header, no colour, nothing shortened."""

    def __init__(self, kind: str, columns: Sequence[Column], *, style: str, header: bool = False) -> None:
        super().__init__(kind, columns)
        self._header = header
        self._style = style

    def write(self, row: Row) -> None:
        if self._header:
            self._cells([column.name for column in self._listed()])
            self._header = False
        self._cells([plain(row.get(column.name), column, self._style) for column in self._listed()])

    def _cells(self, cells: list[str]) -> None:
        line("\t".join(escape_tsv(cell) for cell in cells), escaped=True)


class CsvWriter(DelimitedWriter):
    """CSV as in RFC 4180, with a header unless --no-header."""

    def _cells(self, cells: list[str]) -> None:
        import csv

        csv.writer(_Lines(), lineterminator="\n").writerow([escape(cell) for cell in cells])


class JsonWriter(Writer):
    """One JSON document: {"v":1,"kind":"job.list","items":[…]}."""

    def __init__(self, kind: str, columns: Sequence[Column]) -> None:
        super().__init__(kind, columns)
        self._rows: list[dict[str, Any]] = []

    def write(self, row: Row) -> None:
        self._rows.append(self._object(row))

    def close(self, **extra: Any) -> None:
        document({"v": VERSION, "kind": f"{self.kind}.list", "items": self._rows, **extra})


class JsonLinesWriter(Writer):
    """One JSON object a line, each as soon as it is known."""

    def write(self, row: Row) -> None:
        document({"v": VERSION, "kind": self.kind, **self._object(row)})
        flush()


class IdWriter(Writer):
    """The first field of each record, one a line."""

    def write(self, row: Row) -> None:
        column = self.columns[0]
        line(plain(row.get(column.name), column, "utc"))


def writer(kind: str, columns: Sequence[Column]) -> Writer:
    """Return the writer that the user's flags ask for. UsageError: --fields names an unknown field."""
    run = invocation.current()
    style = run.time or "utc"
    made: Writer
    match run.format:
        case "json":
            made = JsonWriter(kind, columns)
        case "jsonl":
            made = JsonLinesWriter(kind, columns)
        case "id":
            made = IdWriter(kind, columns)
        case "csv":
            made = CsvWriter(kind, columns, style=style, header=not run.no_header)
        case "tsv":
            made = DelimitedWriter(kind, columns, style=style)
        case "yaml":
            from .formats import YamlWriter

            made = YamlWriter(kind, columns)
        case "template":
            from .formats import TemplateWriter

            made = TemplateWriter(kind, columns, run.template)
        case _:
            made = TableWriter(kind, columns, wide=run.format == "wide")
    if run.fields:
        made.choose(_field_names(run.fields, columns))
    return made


def fields_asked(columns: Sequence[Column]) -> bool:
    """If --fields came without a value: list the fields, one a line, and return True.

    UsageError: it, or a template, names a field that is not among these. Whoever changes something asks before that.
    """
    run = invocation.current()
    if run.fields != "":
        if not run.dry_run:
            writer("", columns)
        return False
    for column in columns:
        line(column.name)
    return True


def emit(kind: str, columns: Sequence[Column], rows: Iterable[Row], **extra: Any) -> None:
    """Write a whole listing; `extra` are further keys of a JSON envelope."""
    if fields_asked(columns):
        return
    out = writer(kind, columns)
    for row in rows:
        out.write(row)
    out.close(**extra)


def document(value: Any) -> None:
    """Write one JSON value on one line."""
    line(escape_json(dumped(value)), escaped=True)


def dumped(value: Any) -> str:
    """A value as JSON, not yet escaped."""
    return json.dumps(value, ensure_ascii=False, default=_jsonable, separators=(",", ":"))


def line(text: str = "", *, escaped: bool = False) -> None:
    """Write one line; escaped here unless it already is."""
    _write((text if escaped else escape(text)) + "\n")


def raw(text: str) -> None:
    """Write a job's output as it came; on a terminal with its control characters spelled out."""
    _write(escape_output(text) if invocation.stdout_is_terminal() else text)
    flush()


def clear() -> None:
    """Clear a terminal's screen, so that what follows is drawn over what was there."""
    _write("\x1b[H\x1b[2J")
    flush()


def colour() -> bool:
    """Whether stdout gets colour."""
    return colour_wanted(invocation.current().color, invocation.stdout_is_terminal())


def flush() -> None:
    """Write out what is buffered; BrokenPipeError where the reader has gone."""
    stream = sys.stdout
    if stream is not None:
        try:
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from None


def plain(value: Any, column: Column, style: str) -> str:
    """A value as text for a cell, not yet escaped; `style` is what --time asks for."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return show_time(value, style)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and column.kind == "span":
        return format_duration(value) if style == "relative" else f"{value:.3f}"
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, (dict, list, tuple)):
        return dumped(value)
    return value.value if isinstance(value, State) else str(value)


class _Lines:
    """What csv.writer writes to."""

    def write(self, text: str) -> int:
        _write(text)
        return len(text)


def _in_tables(column: Column) -> bool:
    return column.shown if column.in_table is None else column.in_table


def _field_names(text: str, columns: Sequence[Column]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [column.name for column in columns]
    for name in names:
        if name not in known:
            from difflib import get_close_matches

            close = get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise UsageError(f"there is no field {name!r} — {hint}", fix="add --fields without a value to list them")
    return names


def _jsonable(value: object) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def _stream() -> TextIO:
    if sys.stdout is None:
        raise TryAgain("the output cannot be written — stdout is closed")
    return sys.stdout


def _write(text: str) -> None:
    stream = _stream()
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(error) from None


def _unwritable(error: OSError) -> TryAgain:
    return TryAgain(f"the output cannot be written — {error.strerror}")
