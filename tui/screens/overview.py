"""The store at a glance: what comes and goes, how long it takes, what needs somebody, and the queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from ...core.model.selection import quoted
from ...core.model.watching import Totals
from .. import questions
from ..acting import on_queue
from ..look import Look, rate, span
from ..tables import QueueRow, attention, queue_columns, queue_rows
from ..view import View, words
from ..widgets.virtual_table import VirtualTable

KEPT = 120
"""Looks of which bars are drawn."""
LEAST_BARS = 5
LINES = 4
"""Lines of the panels."""


class OverviewView(View):
    """Panels above, queues below."""

    DEFAULT_CSS = """
    OverviewView > #panels { height: 6; }
    OverviewView .panel {
        width: 1fr; height: 100%; border: round $primary 50%; padding: 0 1;
        border-title-color: $text-muted;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("P", "pause", "Pause/resume", id="overview.pause"),
    ]
    HELP = "Rates are of the last minute, or of the newest few hundred jobs; ~ is an estimate, + is at least."

    def __init__(self, look: Look) -> None:
        super().__init__(id="overview")
        self.table: VirtualTable[QueueRow] = VirtualTable(
            queue_columns(look), lambda row: row.queue.name, look=look, markable=False,
            empty="no queue yet: jobsched submit noop makes one", id="overview-queues",
        )  # fmt: skip
        self._last: Totals | None = None
        self._in: deque[float] = deque(maxlen=KEPT)
        self._out: deque[float] = deque(maxlen=KEPT)
        self._failed: deque[float] = deque(maxlen=KEPT)
        self._wait: deque[float] = deque(maxlen=KEPT)
        self._run: deque[float] = deque(maxlen=KEPT)

    def compose(self) -> ComposeResult:
        with Horizontal(id="panels"):
            for name, title in (("throughput", "throughput"), ("times", "p50 / p95"), ("attention", "attention")):
                panel = Static(id=name, classes="panel")
                panel.border_title = title
                yield panel
        yield self.table

    async def look_again(self) -> None:
        board = await self.shell.feed.ask(questions.board)
        self.shell.feed.watch_workers({worker.id for worker in board.workers})
        self._remember(board)
        self.table.set_rows(queue_rows(board))
        self._draw(board)

    def take_focus(self) -> None:
        self.give_keys(self.table)

    def argv(self) -> Sequence[str]:
        return ("queue", "ls")

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else self.table.cursor.queue.name

    def action_pause(self) -> None:
        """Propose to pause the queue under the cursor, or to resume it."""
        if self.table.cursor is not None:
            self.shell.propose(on_queue(self.table.cursor.queue))

    @on(VirtualTable.Opened)
    def _open(self, event: VirtualTable.Opened) -> None:
        self.shell.show_jobs(f"queue:{quoted(str(event.key))}")

    def _remember(self, board: questions.Board) -> None:
        now, before = board.totals, self._last
        self._last = now
        ends = board.flow.all_ended
        self._wait.append(ends.slow_wait or 0.0 if ends else 0.0)
        self._run.append(ends.slow_run or 0.0 if ends else 0.0)
        if before is None or now.at <= before.at:
            return
        seconds = (now.at - before.at).total_seconds()
        self._in.append(max(0, now.submitted - before.submitted) / seconds)
        self._out.append(max(0, now.ended - before.ended) / seconds)
        self._failed.append(max(0, now.failed - before.failed) / seconds)

    def _draw(self, board: questions.Board) -> None:
        ends = board.flow.all_ended
        panels = {
            "throughput": [
                self._rate("in", self._in, ""),
                self._rate("out", self._out, "green"),
                self._rate("failed", self._failed, "red" if any(self._failed) else ""),
                [("jobs in the store ", "dim"), (f"~{board.totals.jobs:,}", "")],
            ],
            "times": [
                self._time("wait", ends.wait if ends else None, ends.slow_wait if ends else None, self._wait),
                self._time("run", ends.run if ends else None, ends.slow_run if ends else None, self._run),
            ],
            "attention": [
                [(f"{self.look.pick('▲', '!')} ", style), (text, style)] for text, style in attention(board, self.look)
            ]
            or [[(f"{self.look.pick('✔', '+')} nothing", "green")]],
        }
        for name, lines in panels.items():
            shown = lines[:LINES]
            if len(lines) > LINES:
                shown = [*lines[: LINES - 1], [(f"and {len(lines) - LINES + 1} more", "dim")]]
            text = Text("\n").join(words(line, self.look) for line in shown)
            text.no_wrap, text.overflow = True, "ellipsis"
            self.put(f"{name}", text)

    def _rate(self, name: str, values: deque[float], style: str) -> list[tuple[str, str]]:
        now = rate(values[-1]) if values else ""
        return [(f"{name:7}", "dim"), (f"{now:>8}  ", style), (self._bars("throughput", 17, values), style)]

    def _time(self, name: str, middle: float | None, slow: float | None, values: deque[float]) -> list[tuple[str, str]]:
        figures = f"{span(middle):>6} / {span(slow):6}  "
        return [(f"{name:5}", "dim"), (figures, ""), (self._bars("times", 22, values), "cyan")]

    def _bars(self, panel: str, used: int, values: deque[float]) -> str:
        """Bars in the cells that the panel has left."""
        room = self.query_one(f"#{panel}", Static).content_size.width - used
        return self.look.bars(list(values), min(room, KEPT)) if room >= LEAST_BARS else ""
