"""Activity: what ended last, and which attempts failed, newest first."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from ...core.model.results import Event
from .. import questions
from ..look import Look, span
from ..view import View
from ..widgets.virtual_table import Cell, Column, VirtualTable

FAILURES = {"failed": "yellow", "timeout": "yellow", "crashed": "red", "lost": "red"}


class ActivityView(View):
    """The table of what happened. It stays as it is while the cursor is not on the first line."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("e", "errors", "Errors only", id="activity.errors")]
    HELP = "Of a busy store only the newest are seen: jobsched tail misses nothing. e shows what went wrong alone."

    def __init__(self, look: Look) -> None:
        super().__init__(id="activity")
        self.errors_only = False
        self.table: VirtualTable[Event] = VirtualTable(
            [
                Column("AGO", 6, lambda event: self.ago(event.at), right=True),
                Column("WHAT", 11, lambda event: _kind(event, look)),
                Column("JOB", 8, lambda event: str(event.job_id), right=True),
                Column("TYPE", 12, lambda event: event.type or "", grow=1),
                Column("QUEUE", 8, lambda event: event.queue or "", grow=1, drop=1),
                Column("ATT", 3, lambda event: str(event.attempt), right=True, drop=3),
                Column("TOOK", 6, lambda event: span(event.duration), right=True),
                Column("WORKER", 10, lambda event: event.worker or "", grow=1, drop=2),
                Column("MESSAGE", 16, lambda event: event.message or "", grow=3, drop=4),
            ],
            _key, look=look, markable=False, empty="nothing has ended yet", id="activity-table",
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        yield self.table

    async def look_again(self) -> None:
        events = await self.shell.feed.ask(questions.events)
        if self.errors_only:
            events = [event for event in events if event.message]
        if self.table.rows and self.table.cursor is not self.table.rows[0]:
            known = {_key(event) for event in self.table.rows}
            new = sum(_key(event) not in known for event in events)
            self.table.set_notice(f"{new} new (g)" if new else "")
            return
        self.table.set_notice("")
        self.table.marks = {}
        self.table.set_rows(events)
        self.table.action_first()

    def take_focus(self) -> None:
        self.give_keys(self.table)

    def argv(self) -> Sequence[str]:
        return ("tail",)

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else str(self.table.cursor.job_id)

    def action_errors(self) -> None:
        """Show only what went wrong, or everything."""
        self.errors_only = not self.errors_only
        self.table.set_rows([])
        self.shell.feed.nudge()

    @on(VirtualTable.Opened)
    def _open(self) -> None:
        if self.table.cursor is not None:
            self.shell.open_job(self.table.cursor.job_id)


def _key(event: Event) -> Hashable:
    return event.cursor


def _kind(event: Event, look: Look) -> Cell:
    if event.state is not None:
        return look.state(event.state)
    return f"{look.pick('↻', '~')} {event.kind}", FAILURES.get(event.kind, "")
