"""Cron: schedules, when they fire next, and what became of the last time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from ...core.model.schedule import Schedule
from .. import questions
from ..acting import on_schedule, trigger
from ..look import Look, span
from ..tables import paused_marks
from ..view import View, paragraph
from ..widgets.virtual_table import Cell, Column, Marked, VirtualTable


class CronView(View):
    """The table of schedules, with the one under the cursor in words below."""

    DEFAULT_CSS = "CronView > #schedule { height: 3; padding: 0 1; color: $text-muted; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("P", "pause", "Pause/resume", id="cron.pause"),
        Binding("R", "trigger", "Run now", id="cron.trigger"),
    ]
    HELP = "Enter shows the job that a schedule made last. R makes one now, outside of the schedule."

    def __init__(self, look: Look) -> None:
        super().__init__(id="cron")
        self.table: VirtualTable[Schedule] = VirtualTable(
            [
                Column("SCHEDULE", 14, lambda each: _name(each, look), grow=2),
                Column("EXPRESSION", 14, lambda each: each.spec.expression, grow=1, drop=5),
                Column("ZONE", 10, lambda each: each.spec.timezone, grow=1, drop=3),
                Column("NEXT", 8, lambda each: self.ago(each.next_at), right=True),
                Column("LAST", 6, lambda each: self.ago(each.last_at), right=True, drop=1),
                Column("LAST JOB", 8, lambda each: str(each.last_job or ""), right=True, drop=2),
                Column("TYPE", 10, lambda each: each.job.type, grow=1),
                Column("QUEUE", 8, lambda each: each.job.queue or "", grow=1, drop=4),
            ],
            lambda each: each.spec.name, look=look, markable=False,
            empty="no schedule yet: jobsched cron add nightly '0 3 * * *' noop", id="cron-table",
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        yield self.table
        yield Static(id="schedule")

    async def look_again(self) -> None:
        self.table.set_rows(await self.shell.feed.ask(questions.schedules))

    def take_focus(self) -> None:
        self.give_keys(self.table)

    def argv(self) -> Sequence[str]:
        return ("cron", "ls")

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else self.table.cursor.spec.name

    def action_pause(self) -> None:
        """Propose to pause the schedule under the cursor, or to resume it."""
        if self.table.cursor is not None:
            self.shell.propose(on_schedule(self.table.cursor))

    def action_trigger(self) -> None:
        """Propose to make a job of the schedule under the cursor now."""
        if self.table.cursor is not None:
            self.shell.propose(trigger(self.table.cursor))

    @on(VirtualTable.Opened)
    def _open(self) -> None:
        last = self.table.cursor and self.table.cursor.last_job
        if last:
            self.shell.open_job(last)

    @on(VirtualTable.Changed)
    def _describe(self) -> None:
        each = self.table.cursor
        if each is None:
            self.put("schedule", "")
            return
        spec = each.spec
        jitter = f", jitter {span(spec.jitter)}" if spec.jitter else ""
        next_at = f"{each.next_at:%Y-%m-%d %H:%M:%S} UTC" if each.next_at else each.unreadable or "never"
        lines = [
            f"next {next_at}, catch-up {spec.catchup.value}, overlap {spec.overlap.value}{jitter}",
            f"made by {each.created_by} {self.ago(each.created_at)} ago, changed by {each.updated_by}",
        ]
        if each.paused_at is not None:
            why = each.pause_reason or "no reason given"
            lines.append(f"paused by {each.paused_by} {self.ago(each.paused_at)} ago: {why}")
        self.put("schedule", paragraph(lines, self.look))


def _name(schedule: Schedule, look: Look) -> Cell:
    if schedule.paused_at is not None:
        return Marked(schedule.spec.name, paused_marks(look), "yellow")
    if schedule.unreadable is not None:
        return Marked(schedule.spec.name, ("(unreadable)", "!!") if look.ascii_only else ("⚠",), "red")
    return schedule.spec.name
