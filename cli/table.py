"""Draws a table on a terminal. The only place that imports rich, and only when there is one to draw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TextIO

from rich.box import ASCII2, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.model.states import State
from . import invocation
from .output import Column, Row, colour, plain
from .text import COLOURS, escape, shorten, symbol, unicode_wanted

LONGEST_CELL = 300
"""Characters of one cell before the terminal's width is even looked at."""


def draw(columns: Sequence[Column], rows: Sequence[Row], stream: TextIO) -> None:
    """Write the rows to `stream`. Cells are `Text`, so nothing in them is read as markup."""
    run = invocation.current()
    terminal = invocation.stdout_is_terminal()
    wanted = colour()
    console = Console(
        file=stream,
        force_terminal=wanted or None,
        color_system="standard" if wanted else None,
        no_color=not wanted,
        width=None if terminal else 10_000,
        highlight=False,
        markup=False,
        emoji=False,
    )
    table = Table(
        box=(SIMPLE_HEAD if unicode_wanted() else ASCII2) if terminal else None,
        show_header=not run.no_header,
        header_style="bold" if wanted else "",
        pad_edge=False,
        show_edge=False,
    )
    for column in columns:
        numeric = column.kind in ("id", "number", "span")
        keep = column.kind in ("id", "state", "time", "span", "number")
        table.add_column(
            column.heading, justify="right" if numeric else "left", no_wrap=True, min_width=6 if not keep else None,
            overflow="ellipsis" if unicode_wanted() else "crop",
        )  # fmt: skip
    for row in rows:
        table.add_row(*(_cell(row.get(column.name), column, wanted) for column in columns))
    console.print(table)


def _cell(value: object, column: Column, colours: bool) -> Text:
    run = invocation.current()
    if isinstance(value, State):
        return Text(f"{symbol(value)} {value.value}", style=COLOURS[value] if colours else "")
    if isinstance(value, datetime):
        return Text(plain(value, column, run.time or "relative"))
    text = plain(value, column, "relative")
    return Text(shorten(text, LONGEST_CELL) if column.kind == "text" else escape(text)[:LONGEST_CELL])
