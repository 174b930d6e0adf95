"""Queues: what is in them, how fast it goes, and whether they are paused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from ...core.model.selection import quoted
from .. import questions
from ..acting import on_queue
from ..look import Look
from ..rows import QueueRow, queue_rows
from ..tables import queue_columns
from ..view import View, paragraph
from ..widgets.virtual_table import VirtualTable


class QueuesView(View):
    """The table of queues, with the one under the cursor in words below."""

    DEFAULT_CSS = "QueuesView > #queue { height: 3; padding: 0 1; color: $text-muted; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("P", "pause", "Pause/resume", id="queues.pause"),
    ]
    HELP = "Enter shows the queue's jobs. P pauses a queue, or lets its jobs start again."

    def __init__(self, look: Look) -> None:
        super().__init__(id="queues")
        self.table: VirtualTable[QueueRow] = VirtualTable(
            queue_columns(look), lambda row: row.queue.name, look=look, markable=False,
            empty="no queue yet: jobsched submit noop makes one", id="queues-table",
        )  # fmt: skip
        self._boards = questions.Boards()

    def compose(self) -> ComposeResult:
        yield self.table
        yield Static(id="queue")

    async def look_again(self) -> None:
        self.table.set_rows(queue_rows(await self.shell.feed.ask(self._boards.next(self.shell.feed.nudges))))

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

    @on(VirtualTable.Changed)
    def _describe(self) -> None:
        row = self.table.cursor
        if row is None:
            self.put("queue", "")
            return
        queue = row.queue
        limits = [f"{queue.key_limit} of a concurrency key at a time"]
        if queue.max_running:
            limits.append(f"at most {queue.max_running:,} at a time")
        if queue.rate:
            limits.append(f"at most {queue.rate:g} starts a second, {queue.burst} at once")
        lines = [
            f"scheduled {queue.scheduled:,}, retrying {queue.retrying:,}, blocked {queue.blocked:,}",
            "limits: " + ", ".join(limits),
        ]
        if queue.paused:
            until = f" until {queue.paused_until:%Y-%m-%d %H:%M} UTC" if queue.paused_until else ""
            why = queue.pause_reason or "no reason given"
            lines.append(f"paused by {queue.paused_by} {self.ago(queue.paused_at)} ago{until}: {why}")
        self.put("queue", paragraph(lines, self.look))
