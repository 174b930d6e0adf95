"""The end of a log that never ends: a bounded ring of lines, drawn line by line.

    ring = LogRing(capacity=10_000)
    ring.extend([LogLine(at, "stdout", "working")])

It follows the end until somebody scrolls up; then it stays where it is and says how many lines came since.
(Textual's RichLog takes 5,000 lines a second and 5 kB of memory a line.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..look import Look
from ..text import lines as split_lines

CAPACITY = 10_000
LONGEST_LINE = 10_000
"""Characters of a line that are kept."""
RETURNED = -1
"""In the place of an open line's number: the last text ended in the middle of CR LF."""
WHEEL = 3
COLOURS = {"stderr": "red", "log": "cyan"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """stream: log, stdout or stderr. text: one line, as it came."""

    at: datetime
    stream: str
    text: str


class _Shown(NamedTuple):
    """A line of the screen: a whole line or a piece of one. number: of the line, from the first that ever came."""

    number: int
    line: LogLine
    text: str
    first: bool


class LogRing(ScrollView, can_focus=True):
    """capacity: lines that are kept; older ones go. now: for the note since when it is paused."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--time", "log--status", "log--paused"}
    DEFAULT_CSS = """
    LogRing {
        height: 1fr; scrollbar-size: 0 0; overflow: hidden hidden;
        & > .log--time { color: $text-muted; }
        & > .log--status { color: $text-success; text-style: bold; }
        & > .log--paused { color: $text-warning; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", "Down", show=False, id="log.down"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="log.up"),
        Binding("pagedown,ctrl+f", "scroll_pages(1)", "Page down", show=False, id="log.page_down"),
        Binding("pageup,ctrl+b", "scroll_pages(-1)", "Page up", show=False, id="log.page_up"),
        Binding("home,g", "first", "First", show=False, id="log.first"),
        Binding("end,G,f", "follow", "Follow", id="log.follow"),
        Binding("right,l", "sideways(1)", "Right", show=False, id="log.right"),
        Binding("left,h", "sideways(-1)", "Left", show=False, id="log.left"),
        Binding("w", "wrap", "Wrap", id="log.wrap"),
        Binding("t", "times", "Times", id="log.times"),
    ]

    def __init__(
        self,
        *,
        capacity: int = CAPACITY,
        look: Look | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.look = look or Look()
        self.pattern = ""
        self.wrapped = False
        self.times = False
        self.complete = False
        """Nothing more will come: the status says so instead of LIVE."""
        self._now = now
        self._lines: deque[LogLine] = deque(maxlen=capacity)
        self._open: dict[tuple[Hashable, str], int] = {}
        self._came = 0
        self._shown: deque[_Shown] = deque()
        self._top = 0
        self._left = 0
        self._paused: tuple[datetime, int] | None = None

    @property
    def live(self) -> bool:
        """Whether the end is followed."""
        return self._paused is None

    @property
    def behind(self) -> int:
        """Lines that came since it was paused."""
        return 0 if self._paused is None else self._came - self._paused[1]

    @property
    def lines(self) -> list[LogLine]:
        """What is kept, oldest first."""
        return list(self._lines)

    def extend(self, lines: Iterable[LogLine]) -> None:
        """Add lines at the end."""
        room = self._room
        for line in lines:
            self._lines.append(line)
            self._shown.extend(self._pieces(self._came, line, room))
            self._came += 1
        oldest, gone = self._came - len(self._lines), 0
        while self._shown and self._shown[0].number < oldest:
            self._shown.popleft()
            gone += 1
        self._top = self._end if self.live else max(0, self._top - gone)
        self.refresh()

    def add(self, at: datetime, stream: str, text: str, *, source: Hashable = None) -> None:
        """Add the lines of a text; one that it ends in the middle of goes on in the next text of the same stream.

        source: who said it, where there may be several; nobody goes on with another's line.
        """
        number = self._open.pop((source, stream), None) if text else None
        if number == RETURNED:
            text = text.removeprefix("\n")
        if not text:
            return
        found = split_lines(text)
        if number is not None and number >= max(0, self._came - len(self._lines)):
            self._go_on(number, found.pop(0))
        else:
            number = None
        self.extend(LogLine(at, stream, line) for line in found)
        if text.endswith("\r"):
            self._open[source, stream] = RETURNED
        elif len(f"{text[-1]}x".splitlines()) == 1:
            self._open[source, stream] = self._came - 1 if found or number is None else number

    def _go_on(self, number: int, more: str) -> None:
        """Put more at the end of a line that is kept."""
        place = number - (self._came - len(self._lines))
        before = self._lines[place]
        line = LogLine(before.at, before.stream, (before.text + more)[: LONGEST_LINE + 1])
        self._lines[place] = line
        if number != self._came - 1:
            self._lay_out()
            return
        while self._shown and self._shown[-1].number == number:
            self._shown.pop()
        self._shown.extend(self._pieces(number, line, self._room))
        self._top = self._end if self.live else min(self._top, self._end)
        self.refresh()

    def clear(self) -> None:
        """Forget everything, and follow the end again."""
        self._lines.clear()
        self._shown.clear()
        self._open.clear()
        self._came, self._top, self._left, self._paused = 0, 0, 0, None
        self.refresh()

    def set_pattern(self, pattern: str) -> None:
        """Show only lines that have this text in them, whatever its case; all where it is empty."""
        self.pattern = pattern.casefold()
        self._lay_out()

    def action_wrap(self) -> None:
        """Break long lines, or do not."""
        self.wrapped = not self.wrapped
        self._left = 0
        self._lay_out()

    def action_times(self) -> None:
        """Show when each line came, or do not."""
        self.times = not self.times
        self._lay_out()

    def action_scroll(self, count: int) -> None:
        """Scroll by lines. Up pauses; down to the end follows again."""
        self._scroll(self._top + count)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll by pages."""
        self._scroll(self._top + pages * self._height)

    def action_first(self) -> None:
        """Go to the oldest line that is kept."""
        self._scroll(0)

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self._scroll(self._end)

    def action_sideways(self, halves: int) -> None:
        """Scroll sideways by half of the width."""
        widest = max((cell_len(each.text) for each in self._shown), default=0)
        self._left = max(0, min(self._left + halves * (self.size.width // 2), max(0, widest - 1)))
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._scroll(self._top + WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._scroll(self._top - WHEEL)

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()

    # Laying out

    @property
    def _height(self) -> int:
        """Lines for text; the last one says where we are."""
        return max(1, self.size.height - 1)

    @property
    def _end(self) -> int:
        return max(0, len(self._shown) - self._height)

    def _scroll(self, top: int) -> None:
        self._top = max(0, min(top, self._end))
        if self._top == self._end:
            self._paused = None
        elif self._paused is None:
            self._paused = (self._now(), self._came)
        self.refresh()

    def _lay_out(self) -> None:
        at = self._shown[self._top].number if self._top < len(self._shown) else self._came
        first = self._came - len(self._lines)
        room = self._room
        self._shown = deque(
            piece for number, line in enumerate(self._lines, first) for piece in self._pieces(number, line, room)
        )
        if self.live:
            self._top = self._end
        else:
            before = sum(1 for piece in self._shown if piece.number < at)
            self._top = min(before, self._end)
        self.refresh()

    def _pieces(self, number: int, line: LogLine, room: int | None) -> list[_Shown]:
        text = line.text if len(line.text) <= LONGEST_LINE else line.text[:LONGEST_LINE]
        if self.pattern and self.pattern not in text.casefold():
            return []
        shown = self.look.text(text)
        if room is None or len(shown) <= room // 2 or cell_len(shown) <= room:
            return [_Shown(number, line, shown, True)]
        return [_Shown(number, line, piece, place == 0) for place, piece in enumerate(chop_cells(shown, room))]

    @property
    def _room(self) -> int | None:
        """Cells after which lines are broken; None where they are not."""
        return max(1, self.size.width - self._margin) if self.wrapped else None

    @property
    def _margin(self) -> int:
        return 13 if self.times else 0

    # Drawing

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y == self._height:
            return self._status(width)
        place = self._top + y
        if place >= len(self._shown):
            return Strip.blank(width, base)
        shown = self._shown[place]
        segments = []
        if self.times:
            at = f"{shown.line.at.astimezone(UTC):%H:%M:%S.%f}"[:12] if shown.first else ""
            segments.append(Segment(at.ljust(13), base + self.get_component_rich_style("log--time", partial=True)))
        style = base + base.parse(self.look.style(COLOURS[shown.line.stream])) if shown.line.stream in COLOURS else base
        text = Strip([Segment(shown.text, style)])
        room = width - self._margin
        segments += text.crop(self._left, self._left + room).adjust_cell_length(room, base)
        return Strip(segments).crop(0, width)

    def _status(self, width: int) -> Strip:
        style = self.rich_style + self.get_component_rich_style(
            "log--status" if self.live else "log--paused", partial=True
        )
        return Strip([Segment(self.look.fit(self.status, width), style)], width)

    @property
    def status(self) -> str:
        """Where we are, in words."""
        if self._paused is not None:
            since, _ = self._paused
            where = f"paused at {since.astimezone(UTC):%H:%M:%S}, {self.behind:,} behind (f follows)"
        else:
            where = "END" if self.complete else "LIVE"
        words = [where, f"{len(self._lines):,} lines"]
        if self._came > len(self._lines):
            words.append(f"{self._came - len(self._lines):,} older ones left out")
        if self.pattern:
            words.append(f"only with {self.pattern!r}: {len(self._shown):,}")
        return self.look.pick(" · ", " | ").join(words)
