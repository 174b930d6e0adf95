"""A table over more rows than anybody wants to load: a window of pages that moves with the cursor.

Pages are read by key, so the millionth costs what the first does. Keys never wait for them: a cursor that
comes to the end of what is loaded stops there until the page has come. Rows that appear above are
announced, and shown when somebody asks for them, so nothing shifts under a hand that is about to press.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Literal, Protocol

from textual.binding import Binding, BindingType

from ...core.model.errors import JobschedError
from .virtual_table import Column, Row, VirtualTable

PAGE = 200
KEPT = 1000
"""Most rows in memory."""
NEAR = 100
"""Rows from the end of the window at which the next page is asked for."""
Edge = Literal["above", "below"]


class Source(Protocol[Row]):
    """Where rows come from; the first is the newest. Its methods may take their time."""

    async def newest(self, limit: int) -> Sequence[Row]:
        """The first rows."""

    async def oldest(self, limit: int) -> Sequence[Row]:
        """The last rows, in the order of the others."""

    async def below(self, row: Row, limit: int) -> Sequence[Row]:
        """The rows that follow `row`."""

    async def above(self, row: Row, limit: int) -> Sequence[Row]:
        """Some of the rows right before `row`, in the order of the others; none where there is none."""

    async def again(self, rows: Sequence[Row]) -> Sequence[Row]:
        """These rows as they are now; those that are no more are missing."""


class PagedTable(VirtualTable[Row]):
    """Rows from a source, a thousand at a time. refresh_rows is called by whoever has the clock. every: all that the
    source has is marked."""

    keeps_marks = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("asterisk", "every", "All matching", key_display="*", id="table.every")
    ]

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], int],
        source: Source[Row],
        *,
        id: str | None = None,
        **options: Any,
    ) -> None:
        """key: a number, larger in newer rows. options: as VirtualTable takes them."""
        super().__init__(columns, key, id=id, **options)
        self.number = key
        self.source = source
        self.new_above = 0
        self.gone: set[Hashable] = set()
        self.every = False
        self._whole: dict[Edge, bool] = {"above": True, "below": False}
        self._asked: set[Edge] = set()
        self._turn = 0

    def set_source(self, source: Source[Row]) -> None:
        """Show other rows: another filter. Marks are forgotten."""
        self.source = source
        self.marks, self.every = {}, False
        self.reload()

    def reload(self) -> None:
        """Start again at the newest rows."""
        self._jump("above")

    def action_first(self) -> None:
        if self._whole["above"] and not self.new_above and self.rows:
            super().action_first()
        else:
            self._jump("above")

    def action_last(self) -> None:
        if self._whole["below"] and self.rows:
            super().action_last()
        else:
            self._jump("below")

    def is_marked(self, key: Hashable) -> bool:
        return self.every or super().is_marked(key)

    def action_every(self) -> None:
        """Mark whatever the source has, loaded or not; again: nothing."""
        self.marks, self.every = {}, not self.every
        self._settle()

    def action_mark(self) -> None:
        self.every = False
        super().action_mark()

    def action_range(self) -> None:
        self.every = False
        super().action_range()

    def action_unmark(self) -> None:
        self.every = False
        super().action_unmark()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "unmark" and self.every:
            return True
        return self._markable if action == "every" else super().check_action(action, parameters)

    async def refresh_rows(self) -> None:
        """Look again at the rows that are seen, and whether there are new ones above. Raises what the source does."""
        turn, seen = self._turn, self.seen_rows
        if not seen:
            if "above" not in self._asked:
                self._jump("above")
            return
        now = await self.source.again(seen)
        fresh: Sequence[Row] = ()
        if self._whole["above"]:
            newest = self.number(self.rows[0])
            fresh = [row for row in await self.source.newest(PAGE) if self.number(row) > newest]
        if turn != self._turn:
            return  # it shows something else by now
        found = set(map(self.key, now))
        self.gone = {key for row in seen if (key := self.key(row)) not in found}
        self.new_above = len(fresh)
        self._announce()
        self.replace_rows(now)

    def _announce(self) -> None:
        many = "+" if self.new_above >= PAGE else ""
        self.set_notice(f"{self.look.pick('↑', '^')} {self.new_above}{many} new (g)" if self.new_above else "")

    def _settle(self) -> None:
        super()._settle()
        if not self.is_mounted:
            return
        if not self._whole["below"] and len(self.rows) - self._at < NEAR and self.rows:
            self._ask("below")
        if not self._whole["above"] and self._at < NEAR and self.rows:
            self._ask("above")

    def _jump(self, edge: Edge) -> None:
        """Forget the window and read it anew from one end."""
        self._turn += 1
        self._asked = {"above", "below"}
        self.run_worker(self._start(edge, self._turn), group=f"{self.id}-jump", exclusive=True)

    async def _start(self, edge: Edge, turn: int) -> None:
        try:
            rows = await (self.source.newest(PAGE) if edge == "above" else self.source.oldest(PAGE))
        except JobschedError:
            rows = None  # the header says that the store is lost; what is shown stays
        if turn != self._turn:
            return
        self._asked = set()
        if rows is None:
            return
        self.rows = list(rows)
        self.new_above = 0
        self._announce()
        # The last rows may be less than a page although there are more above: `oldest` only comes near.
        self._whole = {"above": edge == "above", "below": edge == "below" or len(rows) < PAGE}
        self._go(0 if edge == "above" else len(self.rows) - 1)

    def _ask(self, edge: Edge) -> None:
        if edge in self._asked:
            return
        self._asked.add(edge)
        self.run_worker(self._more(edge, self._turn), group=f"{self.id}-{edge}")

    async def _more(self, edge: Edge, turn: int) -> None:
        at_edge = self.rows[0 if edge == "above" else -1]
        ask = self.source.above if edge == "above" else self.source.below
        try:
            page = list(await ask(at_edge, PAGE))
        except JobschedError:
            page = None
        if turn != self._turn:
            return
        self._asked.discard(edge)
        if page is None:
            return
        self._whole[edge] = len(page) < PAGE if edge == "below" else not page
        if edge == "below":
            self.rows += page
            dropped = max(0, len(self.rows) - KEPT)
            self._cut_above(dropped)
        else:
            self.rows = page + self.rows
            self._at += len(page)
            self._top += len(page)
            if len(self.rows) > KEPT:
                del self.rows[KEPT:]
                self._whole["below"] = False
        self._settle()

    def _cut_above(self, count: int) -> None:
        count = min(count, self._top)
        if count:
            del self.rows[:count]
            self._at -= count
            self._top -= count
            self._whole["above"] = False
