"""Job types: which there are, what their payloads hold."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import Annotated, Any

import typer

from ...core.handler import OPTIONS_KEY, Handler
from ...core.model.errors import JobschedError, UnknownJobType
from ...core.registry import Registry
from .. import invocation, output
from ..handler_help import COLUMNS as WIDTH
from ..handler_help import field_lines, field_rows, schema_lines, submit_line
from ..output import Column
from ..published import Published, limits, read_published

app = typer.Typer()
COLUMNS = (
    Column("name"),
    Column("aliases", "list", in_table=False),
    Column("queue", in_table=False),
    Column("max_attempts", "number", in_table=False),
    Column("backoff", in_table=False),
    Column("timeout", "span", in_table=False),
    Column("isolation", in_table=False),
    Column("summary"),
    Column("schema", "json", shown=False),
    Column("examples", "json", shown=False),
    Column("fields", "json", shown=False),
    Column("hidden", "json", shown=False),
    Column("names", "json", shown=False),
    Column("commands", "flag", shown=False),
)


@app.command("ls")
def ls() -> None:
    """Job types known here: built in, from installed packages, from --import."""
    output.emit("handler", COLUMNS, (_row(handler) for handler in _registry().all()))


@app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="TYPE", show_default=False)]) -> None:
    """A type's payload fields, an example, and the line that submits it.

    A type that only live workers know is shown as they publish it.
    """
    registry = _registry()
    handler = registry.find(name)
    if handler is None and (found := _published(name)) is not None:
        _show_published(found)
        return
    if handler is None:
        from difflib import get_close_matches

        close = get_close_matches(name, registry.names(), 1)
        meant = f" — did you mean {close[0]}?" if close else ""
        fix = f"jobsched handlers show {close[0]}" if close else "jobsched handlers ls"
        raise UnknownJobType(f"there is no handler {name[:80]!r} here{meant}", fix=fix)
    if not invocation.current().for_people:
        output.emit("handler", COLUMNS, [_row(handler)])
        return
    _describe(handler)


def _describe(handler: Handler) -> None:
    for line in wrap(f"{handler.name}  {handler.summary}", WIDTH, subsequent_indent="  "):
        output.line(line)
    output.line(f"  {limits(handler.queue, handler.max_attempts, handler.backoff, handler.timeout)}")
    if handler.aliases:
        output.line(f"  also {', '.join(handler.aliases)}")
    if handler.commands:
        output.line("  only on workers started with --allow-commands")
    lines = field_lines(handler, invocation.current().settings)
    if lines:
        output.line()
        for line in lines:
            output.line(line)
    else:
        output.line("  payload: any JSON object")
    for example in handler.examples:
        output.line()
        output.line(f"  {json.dumps(example, ensure_ascii=False)}")
        output.line(f"  {submit_line(handler, example)}")


def _published(name: str) -> Published | None:
    """The type as a live worker knows it; None where none does, or the store does not answer."""
    from ...core.store import workers
    from ...core.store.store import open_store

    try:
        with open_store(invocation.current().settings, start=False) as store, store.connection() as connection:
            schema = workers.published_types(connection).get(name)
    except JobschedError:
        return None
    return None if schema is None else read_published(name, schema)


def _show_published(found: Published) -> None:
    if not invocation.current().for_people:
        output.emit("handler", COLUMNS, [found.row()])
        return
    output.line(f"{found.name}  (known to live workers, not here)")
    output.line(f"  {found.limits()}")
    if found.commands:
        output.line("  only on workers started with --allow-commands")
    lines = schema_lines(found.schema, found.known())
    output.line() if lines else output.line("  payload: any JSON object")
    for line in lines:
        output.line(line)


def _registry() -> Registry:
    return Registry(invocation.current().settings["imports"])


def _row(handler: Handler) -> dict[str, Any]:
    return {
        "name": handler.name,
        "aliases": list(handler.aliases),
        "queue": handler.queue,
        "max_attempts": handler.max_attempts,
        "backoff": str(handler.backoff),
        "timeout": handler.timeout,
        "isolation": handler.isolation,
        "summary": handler.summary,
        "schema": handler.json_schema(),
        "examples": [dict(example) for example in handler.examples],
        "fields": field_rows(handler.json_schema()),
        "hidden": list(handler.secret_fields),
        "names": handler.published(invocation.current().settings)[OPTIONS_KEY]["names"],
        "commands": handler.commands,
    }
