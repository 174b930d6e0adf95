"""The store at a glance: what comes and goes, how long it takes, what needs somebody, and the queues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from ...core.model.selection import quoted
from .. import questions
from ..acting import on_queue
from ..look import Look, rate, span
from ..past import Past
from ..rows import QueueRow, attention, queue_rows
from ..tables import queue_columns
from ..view import View, words
from ..widgets.virtual_table import VirtualTable

KEPT = 120
"""Looks of which bars are drawn."""
LEAST_BARS = 5
LINES = 4
"""Lines of the panels."""


class Panel(Static, can_focus=True):
    """A few lines in a frame; Tab goes there."""


class OverviewView(View):
    """Panels above, queues below; z shows one of them alone."""

    DEFAULT_CSS = """
    OverviewView > #panels { height: 6; }
    OverviewView .panel {
        width: 1fr; height: 100%; border: round $primary 50%; padding: 0 1;
        border-title-color: $text-muted;
    }
    OverviewView .panel:focus { background: $boost; border-title-style: reverse; }
    OverviewView .-away { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("P", "pause", "Pause/resume", id="overview.pause"),
        Binding("z", "zoom", "Zoom", id="overview.zoom"),
        Binding("left_square_bracket", "step(-1)", "Earlier", show=False, key_display="[", id="overview.earlier"),
        Binding("right_square_bracket", "step(1)", "Later", show=False, key_display="]", id="overview.later"),
        Binding("0", "live", "Now", show=False, id="overview.live"),
    ]
    HELP = (
        "Rates are of the last minute, or of the newest few hundred jobs; ~ is an estimate, + is at least. Tab goes "
        "from panel to panel, z shows the one with the focus alone, and all of them again. "
        "[ and ] step through what was seen here, 0 is now."
    )

    def __init__(self, look: Look) -> None:
        super().__init__(id="overview")
        self.table: VirtualTable[QueueRow] = VirtualTable(
            queue_columns(look), lambda row: row.queue.name, look=look, markable=False,
            empty="no queue yet: jobsched submit noop makes one", id="overview-queues",
        )  # fmt: skip
        self._boards = questions.Boards()
        self._zoomed: Widget | None = None
        self.past = Past()

    def compose(self) -> ComposeResult:
        with Horizontal(id="panels"):
            for name, title in (("throughput", "throughput"), ("times", "p50 / p95"), ("attention", "attention")):
                panel = Panel(id=name, classes="panel")
                panel.border_title = title
                yield panel
        yield self.table

    async def look_again(self) -> None:
        board = await self.shell.feed.ask(self._boards.next(self.shell.feed.nudges))
        self.shell.feed.watch_workers({worker.id for worker in board.workers})
        self.past.add(board)
        self._show()

    def take_focus(self) -> None:
        self.give_keys(self._zoomed or self.table)

    def argv(self) -> Sequence[str]:
        return ("queue", "ls")

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else self.table.cursor.queue.name

    def action_pause(self) -> None:
        """Propose to pause the queue under the cursor, or to resume it."""
        if self.as_of is not None:
            self.shell.say("this is how it was: 0 goes back to now", bad=True)
        elif self.table.cursor is not None:
            self.shell.propose(on_queue(self.table.cursor.queue))

    @property
    def as_of(self) -> datetime | None:
        return self.past.as_of

    def action_step(self, looks: int) -> None:
        """Show what was seen before, or after."""
        self.past.step(looks)
        self._show()
        self.shell.redraw()

    def action_live(self) -> None:
        """Show what is seen now."""
        self.past.live()
        self._show()
        self.shell.redraw()

    def action_zoom(self) -> None:
        """Show what has the focus alone; all of it again."""
        self._zoomed = None if self._zoomed is not None else self.screen.focused or self.table
        panels = self.query_one("#panels")
        for each in (*panels.query(Panel), self.table):
            each.set_class(self._zoomed not in (None, each), "-away")
        panels.set_class(self._zoomed is self.table, "-away")
        self.set_class(isinstance(self._zoomed, Panel), "-zoomed")
        self.call_after_refresh(self._show)  # there is room for more of it then, or for less

    def _show(self) -> None:
        shown = self.past.shown
        if shown is not None and self.is_mounted:
            self.table.set_rows(queue_rows(shown.board))
            self._draw(shown.board)

    @on(VirtualTable.Opened)
    def _open(self, event: VirtualTable.Opened) -> None:
        self.shell.show_jobs(f"queue:{quoted(str(event.key))}")

    def _draw(self, board: questions.Board) -> None:
        ends, looks = board.flow.all_ended, self.past.until_shown[-KEPT:]
        failed = [each.failed for each in looks if each.failed is not None]
        panels = {
            "throughput": [
                self._rate("in", [each.submitted for each in looks if each.submitted is not None], ""),
                self._rate("out", [each.ended for each in looks if each.ended is not None], "green"),
                self._rate("failed", failed, "red" if any(failed) else ""),
                [("jobs in the store ", "dim"), (f"~{board.totals.jobs:,}", "")],
            ],
            "times": [
                self._time(
                    "wait", ends.wait if ends else None, ends.slow_wait if ends else None, [each.wait for each in looks]
                ),
                self._time(
                    "run", ends.run if ends else None, ends.slow_run if ends else None, [each.run for each in looks]
                ),
            ],
            "attention": [[(f"{self.look.pick('▲', '!')} ", style), (text, style)] for text, style in attention(board)]
            or [[(f"{self.look.pick('✔', '+')} nothing", "green")]],
        }
        for name, lines in panels.items():
            panel = self.query_one(f"#{name}", Panel)
            room = max(LINES, panel.content_size.height) if panel is self._zoomed else LINES
            shown = lines[:room]
            if len(lines) > room:
                shown = [*lines[: room - 1], [(f"and {len(lines) - room + 1} more", "dim")]]
            text = Text("\n").join(words(line, self.look) for line in shown)
            text.no_wrap, text.overflow = True, "ellipsis"
            self.put(f"{name}", text)

    def _rate(self, name: str, values: list[float], style: str) -> list[tuple[str, str]]:
        now = rate(values[-1]) if values else ""
        return [(f"{name:7}", "dim"), (f"{now:>8}  ", style), (self._bars("throughput", 17, values), style)]

    def _time(self, name: str, middle: float | None, slow: float | None, values: list[float]) -> list[tuple[str, str]]:
        figures = f"{span(middle):>6} / {span(slow):6}  "
        return [(f"{name:5}", "dim"), (figures, ""), (self._bars("times", 22, values), "cyan")]

    def _bars(self, panel: str, used: int, values: list[float]) -> str:
        """Bars in the cells that the panel has left."""
        room = self.query_one(f"#{panel}", Static).content_size.width - used
        return self.look.bars(values, min(room, KEPT)) if room >= LEAST_BARS else ""
