"""A table that draws only the lines that are seen. Cursor and marks are held by key, never by place.

    table = VirtualTable([Column("ID", 10, lambda job: str(job.id), right=True)], key=lambda job: job.id)
    table.set_rows(jobs)

Textual's DataTable lays out every cell of every row: 100,000 rows freeze it for 11 s, and filling it again
puts the cursor back to the first. Here a repaint costs what is on the screen, whatever there is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..look import Look

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with a mark behind it that is never cut: the first of `marks` that leaves room for the whole text, else
    the last one, behind what there is room for."""

    text: str
    marks: tuple[str, ...]
    style: str = ""

    def fit(self, width: int, look: Look) -> str:
        """It in exactly `width` cells."""
        length = cell_len(look.text(self.text))
        mark = next((each for each in self.marks if length + 1 + cell_len(each) <= width), self.marks[-1])
        room = max(0, width - 1 - cell_len(mark))
        return look.fit(f"{look.fit(self.text, min(length, room))} {mark}", width)


Cell = str | tuple[str, str] | Marked
"""What a cell shows, and a Rich style for it."""
GUTTER = 2
"""Cells before the first column, for cursor and mark."""
GAP = 2
WHEEL = 3
"""Lines that one turn of the wheel moves."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """width: cells, at least. grow: its share of what is left over. drop: where the table is too narrow,
    columns with the highest number go first; 0 stays."""

    title: str
    width: int
    cell: Callable[[Row], Cell]
    right: bool = False
    grow: int = 0
    drop: int = 0


class VirtualTable(ScrollView, Generic[Row], can_focus=True):
    """Rows that are all at hand; PagedTable reads them as they are needed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header", "table--cursor", "table--marked", "table--note", "table--unfocused",
    }  # fmt: skip
    DEFAULT_CSS = """
    VirtualTable {
        height: 1fr; scrollbar-size: 0 0; overflow: hidden hidden;
        & > .table--header { text-style: bold; color: $text-muted; }
        & > .table--cursor { background: $primary 60%; text-style: bold; }
        & > .table--unfocused { background: $primary 25%; }
        & > .table--marked { color: $accent; text-style: bold; }
        & > .table--note { color: $text-muted; text-style: italic; }
    }
    """
    keeps_marks = False
    """Whether rows that are not at hand stay marked."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False, id="table.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False, id="table.half_up"),
        Binding("home,g", "first", "First", show=False, id="table.first"),
        Binding("end,G", "last", "Last", show=False, id="table.last"),
        Binding("enter", "open", "Open", key_display="enter", id="table.open"),
        Binding("space", "mark", "Mark", id="table.mark"),
        Binding("v", "range", "Range", show=False, id="table.range"),
        Binding("escape", "unmark", "Unmark", show=False, id="table.unmark"),
    ]

    class Opened(Message):
        """Somebody wants to see the row under the cursor."""

        def __init__(self, table: VirtualTable[Any], key: Hashable) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> VirtualTable[Any]:
            return self.table

    class Changed(Message):
        """Cursor, marks or rows are others now."""

        def __init__(self, table: VirtualTable[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> VirtualTable[Any]:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        *,
        look: Look | None = None,
        markable: bool = True,
        empty: str = "nothing here",
        id: str | None = None,
    ) -> None:
        """markable: whether rows can be marked. empty: what is said where there is no row.

        `more`, where it is set, is said below the last one.
        """
        super().__init__(id=id)
        self.look = look or Look()
        self.key = key
        self.columns = tuple(columns)
        self.rows: list[Row] = []
        self.marks: dict[Hashable, None] = {}
        self.empty = empty
        self.more = ""
        self.notice = ""
        self._markable = markable
        self._at = 0
        self._top = 0
        self._range_from: Hashable | None = None

    # What is there

    @property
    def cursor(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self._at] if self.rows else None

    @property
    def cursor_key(self) -> Hashable | None:
        return self.key(self.rows[self._at]) if self.rows else None

    def chosen(self) -> list[Row]:
        """The marked rows that are at hand, or the one under the cursor where none is marked."""
        if self.marks:
            return [row for row in self.rows if self.key(row) in self.marks]
        return [] if self.cursor is None else [self.cursor]

    @property
    def seen_rows(self) -> list[Row]:
        """The rows that are seen now."""
        return self.rows[self._top : self._top + self.body_height]

    @property
    def body_height(self) -> int:
        """Lines for rows: one is the header's."""
        return max(1, self.size.height - 1)

    def is_marked(self, key: Hashable) -> bool:
        """Whether a row is marked, or a range begins there."""
        return key in self.marks or (self._range_from is not None and key == self._range_from)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows. Cursor and marks stay with their keys; where the cursor's is gone, it stays in place."""
        held, offset = self.cursor_key, self._at - self._top
        self.rows = list(rows)
        places = {self.key(row): place for place, row in enumerate(self.rows)}
        if not self.keeps_marks:
            self.marks = {key: None for key in self.marks if key in places}
        self._at = places.get(held, min(self._at, max(0, len(self.rows) - 1)))
        self._top = max(0, self._at - offset)
        self._settle()

    def replace_rows(self, rows: Iterable[Row]) -> None:
        """Take over newer versions of rows that are there; the others are passed by."""
        newer = {self.key(row): row for row in rows}
        self.rows = [newer.get(self.key(row), row) for row in self.rows]
        self._settle()

    def set_notice(self, notice: str) -> None:
        """Say something in the header's right corner, such as how many rows are new."""
        if notice != self.notice:
            self.notice = notice
            self.refresh()

    # Moving

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self._go(self._at + lines)

    def action_page(self, pages: float) -> None:
        """Move cursor and view by pages."""
        lines = int(self.body_height * pages)
        self._top += lines
        self._go(self._at + lines)

    def action_first(self) -> None:
        """Go to the first row."""
        self._go(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self._go(len(self.rows) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.rows:
            self.post_message(self.Opened(self, self.cursor_key))

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor, and go on to the next one."""
        key = self.cursor_key
        if key is None or not self._markable:
            return
        if key in self.marks:
            del self.marks[key]
        else:
            self.marks[key] = None
        self._go(self._at + 1)

    def action_range(self) -> None:
        """At first: remember the row; then: mark everything from it to the cursor."""
        if not self._markable or not self.rows:
            return
        if self._range_from is None:
            self._range_from = self.cursor_key
        else:
            start = next((n for n, row in enumerate(self.rows) if self.key(row) == self._range_from), self._at)
            low, high = sorted((start, self._at))
            self.marks |= dict.fromkeys(map(self.key, self.rows[low : high + 1]))
            self._range_from = None
        self._settle()

    def action_unmark(self) -> None:
        """Take away all marks."""
        self.marks = {}
        self._range_from = None
        self._settle()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys for marking are offered only where rows can be marked."""
        if action == "unmark":  # without marks, Escape is for whoever is around the table
            return bool(self.marks) or self._range_from is not None
        return self._markable if action in ("mark", "range") else True

    def _go(self, place: int) -> None:
        self._at = place
        self._settle()

    def _settle(self) -> None:
        """Keep the cursor among the rows and the view around the cursor; draw; tell."""
        self._at = max(0, min(self._at, len(self.rows) - 1))
        height = self.body_height
        self._top = max(self._at - height + 1, min(self._top, self._at))
        self._top = max(0, min(self._top, len(self.rows) - height))
        self.refresh()
        self.post_message(self.Changed(self))

    def on_resize(self, event: events.Resize) -> None:
        self._settle()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-WHEEL)

    def on_click(self, event: events.Click) -> None:
        place = self._top + event.y - 1
        if event.y >= 1 and place < len(self.rows):
            self._go(place)
            if event.chain == 2:
                self.action_open()

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if y == 0:
            return self._header(width, base)
        place = self._top + y - 1
        if place < len(self.rows):
            return self._line(place, width, base)
        note = self.more or ("" if self.rows else self.empty)
        if note and place == len(self.rows):
            style = base + self.get_component_rich_style("table--note", partial=True)
            return Strip([Segment(self.look.fit("  " + note, width), style)], width)
        return Strip.blank(width, base)

    def _header(self, width: int, base: Style) -> Strip:
        style = base + self.get_component_rich_style("table--header", partial=True)
        titles = (self.look.fit(column.title, cells, right=column.right) for column, cells in self._widths(width))
        text = self.look.fit(" " * GUTTER + (" " * GAP).join(titles), width)
        if not self.notice:
            return Strip([Segment(text, style)], width)
        notice = f" {self.look.text(self.notice)} "
        room = max(0, width - len(notice))
        accent = base + self.get_component_rich_style("table--marked", partial=True)
        return Strip([Segment(self.look.fit(text, room), style), Segment(notice, accent)]).crop(0, width)

    def _line(self, place: int, width: int, base: Style) -> Strip:
        row = self.rows[place]
        marked = self.is_marked(self.key(row))
        style = base
        if marked:
            style += self.get_component_rich_style("table--marked", partial=True)
        at = place == self._at
        if at:
            style += self.get_component_rich_style("table--cursor" if self.has_focus else "table--unfocused")
        gutter = (self.look.pick("▸", ">") if at else " ") + (self.look.pick("◆", "+") if marked else " ")
        segments = [Segment(gutter, style)]
        for column, cells in self._widths(width):
            text, colour = self._cell(column, row, cells)
            plain = marked or at  # a bar has a colour of its own, on which red cannot be read
            own = style if plain or not colour else style + Style.parse(self.look.style(colour))
            segments.append(Segment(text, own))
            segments.append(Segment(" " * GAP, style))
        return Strip(segments).adjust_cell_length(width, style)

    def _cell(self, column: Column[Row], row: Row, cells: int) -> tuple[str, str]:
        """What a cell shows in so many cells, and its style."""
        shown = column.cell(row)
        if isinstance(shown, Marked):
            return shown.fit(cells, self.look), shown.style
        text, colour = shown if isinstance(shown, tuple) else (shown, "")
        return self.look.fit(text, cells, right=column.right), colour

    def _widths(self, width: int) -> list[tuple[Column[Row], int]]:
        """The columns that there is room for, each with its cells; what is left over goes to those that grow."""
        kept = list(self.columns)
        while sum(each.width + GAP for each in kept) + GUTTER - GAP > width:
            worst = max(kept, key=lambda each: each.drop)
            if not worst.drop:
                break
            kept.remove(worst)
        spare = max(0, width - GUTTER + GAP - sum(each.width + GAP for each in kept))
        shares = sum(each.grow for each in kept)
        return [(each, each.width + (spare * each.grow // shares if shares else 0)) for each in kept]
