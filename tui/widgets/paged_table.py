"""A table over more rows than anybody wants to load: a window of pages that moves with the cursor.

Pages are read by key, so the millionth costs what the first does. Keys never wait for them: a cursor that
comes to the end of what is loaded stops there until the page has come. A source that has to look long for its rows
gives parts of pages, and is asked on and on until there is a page below the cursor. Rows that appear above are
announced, and shown when somebody asks for them, so nothing shifts under a hand that is about to press.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, ClassVar, Generic, Literal, Protocol

from textual.binding import Binding, BindingType

from ...core.model.errors import JobschedError
from ..work import newest
from .virtual_table import Column, Row, VirtualTable

PAGE = 200
KEPT = 1000
"""Most rows in memory."""
NEAR = 100
"""Rows from the end of the window at which the next page is asked for."""
Edge = Literal["above", "below"]
SHARE = 0.2
"""Of the time, at most, that a table without a row is looked at again."""


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """Rows of a page. rest: the number below which the source has not looked yet; None where there is no more."""

    rows: Sequence[Row]
    rest: int | None


class Source(Protocol[Row]):
    """Where rows come from; the first is the newest. Its methods may take their time."""

    async def newest(self, limit: int) -> Part[Row]:
        """The first rows."""

    async def since(self, row: Row, limit: int) -> Sequence[Row]:
        """The first rows, those before `row` alone."""

    async def oldest(self, limit: int) -> Sequence[Row]:
        """The last rows, in the order of the others."""

    async def below(self, number: int, limit: int) -> Part[Row]:
        """The first rows whose numbers are below this one."""

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
        self._whole_above = True
        self._others = False  # what is loaded is another source's
        self._rest: int | None = None
        self._asked: set[Edge] = set()
        self._turn = 0
        self._began = self._idle_until = 0.0

    @property
    def answered(self) -> bool:
        """Whether the source that was set last has given rows, or has none."""
        return not self._others

    def set_source(self, source: Source[Row]) -> None:
        """Show other rows: another filter. Marks are forgotten."""
        self.source = source
        self.marks, self.every = {}, False
        self._others = True
        self.reload()

    def show_newest(self, part: Part[Row]) -> None:
        """Show these rows, the first ones that there are, and no others."""
        self._turn += 1
        self._asked = set()
        self._whole_above = True
        self._read_to(part.rest)
        self.set_rows(part.rows)

    def reload(self) -> None:
        """Start again at the newest rows."""
        self._jump("above")

    def action_first(self) -> None:
        if self._whole_above and not self.new_above and self.rows:
            super().action_first()
        else:
            self._jump("above")

    def action_last(self) -> None:
        if self._rest is None and self.rows:
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
            self._look_once_more()
            return
        now = await self.source.again(seen)
        fresh = await self.source.since(self.rows[0], PAGE) if self._whole_above and self.rows else ()
        if turn != self._turn:
            return  # it shows something else by now
        found = set(map(self.key, now))
        self.gone = {key for row in seen if (key := self.key(row)) not in found}
        self.new_above = len(fresh)
        self._announce()
        self.replace_rows(now)

    def _look_once_more(self) -> None:
        """Where there was no row: from the start, or on from where it was. What takes long is not done all the time."""
        if self._rest is not None:
            self._ask("below")
        elif not self._asked and monotonic() >= self._idle_until:
            self._jump("above")

    async def catch_up(self) -> None:
        """Show what is new above, and look again at what is seen. Raises what the source does."""
        turn = self._turn
        fresh = await self.source.since(self.rows[0], PAGE) if self._whole_above and self.rows else ()
        if turn == self._turn and len(fresh) < PAGE:
            rows = [*fresh, *self.rows]
            if len(rows) > KEPT:
                self._read_to(self.number(rows[KEPT - 1]))
            self.set_rows(rows[:KEPT])
            await self.refresh_rows()
        elif turn == self._turn:
            self.reload()

    def _announce(self) -> None:
        many = "+" if self.new_above >= PAGE else ""
        self.set_notice(f"{self.look.pick('↑', '^')} {self.new_above}{many} new (g)" if self.new_above else "")

    def _settle(self) -> None:
        super()._settle()
        if not self.is_mounted:
            return
        if self._rest is not None and len(self.rows) - self._at < NEAR:
            self._ask("below")
        if not self._whole_above and self._at < NEAR and self.rows:
            self._ask("above")

    def _jump(self, edge: Edge) -> None:
        """Forget the window and read it anew from one end."""
        self._turn += 1
        self._asked = {"above", "below"}
        self._began = monotonic()
        newest(self, f"{self.id}-jump", self._start, edge, self._turn)

    async def _start(self, edge: Edge, turn: int) -> None:
        part: Part[Row] | None = None
        with suppress(JobschedError):  # the header says that the store is lost; what is shown stays
            part = await self.source.newest(PAGE) if edge == "above" else Part(await self.source.oldest(PAGE), None)
        if turn != self._turn:
            return
        self._asked = set()
        if part is None:
            if self._others:
                self._forget()
            return
        self._others = False
        self.rows = list(part.rows)
        self.new_above = 0
        self._announce()
        # The last rows may be less than a page although there are more above: `oldest` only comes near.
        self._whole_above = edge == "above" or not self.rows
        self._read_to(part.rest)
        self._go(0 if edge == "above" else len(self.rows) - 1)

    def _forget(self) -> None:
        """Show nothing rather than the rows of another source."""
        self.rows = []
        self._read_to(None)
        self.more = "no answer yet"
        self._settle()

    def _read_to(self, rest: int | None) -> None:
        """Everything from `rest` on has been looked for."""
        self._rest = rest
        self.more = "" if rest is None else f"looking for more below #{rest:,}"
        if rest is None:
            now = monotonic()
            self._idle_until = now + (now - self._began) / SHARE

    def _ask(self, edge: Edge) -> None:
        if edge in self._asked:
            return
        self._asked.add(edge)
        self.run_worker(self._more(edge, self._turn), group=f"{self.id}-{edge}")

    async def _more(self, edge: Edge, turn: int) -> None:
        first, rest = self.rows[:1], self._rest
        try:
            if edge == "above":
                part = Part(list(await self.source.above(first[0], PAGE)), self._rest)
            else:
                assert rest is not None
                part = await self.source.below(rest, PAGE)
        except JobschedError:
            part = None
        if turn != self._turn:
            return
        self._asked.discard(edge)
        if part is None:
            return
        if edge == "below" and rest == self._rest:
            self._add_below(part)
        elif edge == "above" and [*map(self.key, first)] == [*map(self.key, self.rows[:1])]:
            self._add_above(part.rows)
        self._settle()  # where the edge has moved meanwhile, it asks again

    def _add_below(self, part: Part[Row]) -> None:
        self.rows += part.rows
        self._read_to(part.rest)
        dropped = min(max(0, len(self.rows) - KEPT), self._top)
        if dropped:
            del self.rows[:dropped]
            self._at -= dropped
            self._top -= dropped
            self._whole_above = False

    def _add_above(self, page: Sequence[Row]) -> None:
        self._whole_above = not page
        self.rows = [*page, *self.rows]
        self._at += len(page)
        self._top += len(page)
        if len(self.rows) > KEPT:
            del self.rows[KEPT:]
            self._read_to(self.number(self.rows[-1]))
