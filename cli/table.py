"""Draws a table on a terminal. The only place that imports rich, and only when there is one to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.model.states import State
from . import invocation
from .output import Column, Row, colour, plain
from .text import COLOURS, escape, shorten, symbol, unicode_wanted

RIGID = frozenset({"id", "state", "time", "span", "number"})
LEAST_TEXT = 8
LEAST_FIRST = 32
GAP = 2
FIRST_COLUMNS = 3
"""So many columns are always shown."""
UNLIMITED = 10_000
LONGEST_CELL = 300
"""Characters of one cell before the terminal's width is even looked at."""


def draw(columns: Sequence[Column], rows: Sequence[Row], *, wide: bool = False) -> str:
    """Return the rows as a table. Cells are `Text`, so nothing in them is read as markup.

    Ids, states, times and numbers are never shortened: text is, and where that is not enough, columns go; unless it
    is `wide`, whatever the terminal's width.
    """
    run = invocation.current()
    wanted = colour()
    drawn = StringIO()
    console = Console(
        file=drawn,
        force_terminal=wanted or None,
        color_system="standard" if wanted else None,
        no_color=not wanted,
        width=UNLIMITED if wide or not invocation.stdout_is_terminal() else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    cells = {column.name: [_cell(row.get(column.name), column, wanted) for row in rows] for column in columns}
    widths = {
        column.name: max(each.cell_len for each in (Text(column.heading), *cells[column.name])) for column in columns
    }
    fitted = _widths(columns, widths, console.width)
    fitting = [column for column in columns if column.name in fitted]
    table = Table(
        box=None,
        show_header=not run.no_header,
        header_style="bold" if wanted else "",
        pad_edge=False,
        padding=(0, GAP, 0, 0),
    )
    for column in fitting:
        table.add_column(
            Text(column.heading),
            justify="right" if column.kind in RIGID - {"state", "time"} else "left",
            no_wrap=True,
            width=fitted[column.name],
            overflow="ellipsis" if unicode_wanted() else "crop",
        )
    for position in range(len(rows)):
        table.add_row(*(cells[column.name][position] for column in fitting))
    console.print(table)
    return drawn.getvalue()


def _widths(columns: Sequence[Column], natural: Mapping[str, int], total: int) -> dict[str, int]:
    """Give every column its width, the widest text ones less, until `total` suffices.

    Columns are left out, from the right, numbers before text, where even that is not enough.
    """
    kept = list(columns)
    least = {each.name: _least(each, natural[each.name], first=each is columns[0]) for each in columns}
    while len(kept) > FIRST_COLUMNS and sum(least[each.name] + GAP for each in kept) > total:
        later = kept[FIRST_COLUMNS:]
        kept.remove(next((each for each in reversed(later) if each.kind in RIGID), later[-1]))
    widths = {each.name: natural[each.name] for each in kept}
    while sum(widths.values()) + GAP * len(widths) > total:
        widest = max(widths, key=lambda name: widths[name] - least[name])
        if widths[widest] <= least[widest]:
            break
        widths[widest] -= 1
    return widths


def _least(column: Column, width: int, *, first: bool) -> int:
    """The narrowest that a column may get."""
    return width if column.kind in RIGID else min(width, LEAST_FIRST if first else LEAST_TEXT)


def _cell(value: object, column: Column, colours: bool) -> Text:
    run = invocation.current()
    if isinstance(value, State):
        return Text(f"{symbol(value)} {value.value}", style=COLOURS[value] if colours else "")
    if isinstance(value, datetime):
        return Text(plain(value, column, run.time or "relative"))
    text = plain(value, column, "relative")
    return Text(shorten(text, LONGEST_CELL) if column.kind == "text" else escape(text)[:LONGEST_CELL])
