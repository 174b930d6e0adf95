"""Dead letters by what went wrong: one line for jobs that failed alike."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from ...core.model.errors import UsageError
from ...core.model.results import DeadGroup, Verb
from ...core.model.watching import DeadKind
from .. import questions
from ..acting import JOB_VERBS, Act, counted, on_selections
from ..look import Look, number
from ..view import View, job_keys, paragraph
from ..widgets.virtual_table import Column, VirtualTable

CANARY = ("--canary", "3", "--rate", "50/s", "--timeout", "1m", "--yes")
SHORTEST = 6
"""Characters of a fingerprint by which the command line knows it."""


class DeadView(View):
    """The table of kinds; below, what the newest of the kind said."""

    DEFAULT_CSS = "DeadView > #kind { height: 4; padding: 0 1; color: $text-muted; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "act('retry')", "Retry", id="dead.retry"),
        Binding("D", "act('discard')", "Discard", id="dead.discard"),
        Binding("K", "canary", "Canary", id="dead.canary"),
        Binding("a", "all", "All dead jobs", id="dead.all"),
        *job_keys("dead", "log", "why", "attempts", "dependencies"),
    ]
    HELP = (
        "NEW is within the last hour. R runs every job of the marked kinds again; K writes the command line that tries "
        "three of them first, and the others slowly if those succeed. Enter shows the newest of a kind."
    )

    def __init__(self, look: Look) -> None:
        super().__init__(id="dead")
        self.table: VirtualTable[DeadKind] = VirtualTable(
            [
                Column("COUNT", 7, lambda kind: number(kind.group.count), right=True),
                Column("NEW", 6, lambda kind: _new(kind, look), right=True),
                Column("FIRST", 6, lambda kind: self.ago(kind.group.first_seen), right=True, drop=2),
                Column("LAST", 6, lambda kind: self.ago(kind.group.last_seen), right=True, drop=1),
                Column("TYPE", 12, lambda kind: kind.group.type, grow=1),
                Column("QUEUE", 8, lambda kind: kind.group.queue, grow=1, drop=3),
                Column("KIND", 8, lambda kind: kind.group.fingerprint[:8], drop=4),
                Column("ERROR", 20, lambda kind: (kind.group.message or "", "red"), grow=4),
            ],
            lambda kind: (kind.group.fingerprint, kind.group.queue, kind.group.type),
            look=look, empty="no job is dead", id="dead-table",
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        yield self.table
        yield Static(id="kind")

    async def look_again(self) -> None:
        self.table.set_rows(await self.shell.feed.ask(questions.dead_kinds))

    def take_focus(self) -> None:
        self.give_keys(self.table)

    def argv(self) -> Sequence[str]:
        return ("dlq", "ls", "--by", "error")

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else self.table.cursor.group.fingerprint

    def action_all(self) -> None:
        """Show dead jobs one by one."""
        self.shell.show_jobs("state:dead")

    def action_look(self, page: int) -> None:
        """Show a page of the newest job of the kind under the cursor."""
        if self.table.cursor is not None:
            self.shell.open_job(self.table.cursor.group.example_id, page)

    def action_act(self, verb: Verb) -> None:
        """Propose a change of every dead job of the marked kinds, or of the one under the cursor."""
        groups = [kind.group for kind in self.table.chosen()]
        if groups:
            self.shell.propose(self._change(verb, groups))

    async def _change(self, verb: Verb, groups: Sequence[DeadGroup]) -> Act:
        chosen = [questions.of_kind(group) for group in groups]
        count, tallies = await self.shell.feed.ask(questions.counts(chosen))
        if not count:
            raise UsageError("they are dead no more")
        return on_selections(JOB_VERBS[verb], chosen, count, counted(tallies), self._lines(verb, groups))

    def action_canary(self) -> None:
        """Write the command line that tries a few jobs of the kind under the cursor first."""
        if self.table.cursor is not None:
            group = self.table.cursor.group
            chosen = self._lines("retry", [group]) or (("dlq", "retry", "-f", str(questions.of_kind(group))),)
            self.shell.offer_line(shlex.join((*chosen[0], *CANARY)))

    def _lines(self, verb: Verb, groups: Sequence[DeadGroup]) -> Sequence[Sequence[str]]:
        """By fingerprints, where those mean just these jobs; else nothing, and each kind is selected by itself."""
        prints = {group.fingerprint for group in groups}
        same = sum(kind.group.fingerprint in prints for kind in self.table.rows)
        short = same == len(groups) and all(len(each) >= SHORTEST for each in prints)
        return (("dlq", verb, *sorted(prints)),) if short else ()

    @on(VirtualTable.Opened)
    def _open(self) -> None:
        if self.table.cursor is not None:
            self.shell.open_job(self.table.cursor.group.example_id)

    @on(VirtualTable.Changed)
    def _describe(self) -> None:
        kind = self.table.cursor
        if kind is None:
            self.put("kind", "")
            return
        group = kind.group
        total = sum(each.group.count for each in self.table.rows)
        lines = [
            f"{total:,} dead jobs of {len(self.table.rows):,} kinds",
            f"{group.fingerprint or 'no fingerprint'}: {group.count:,} of type {group.type} in queue {group.queue}, "
            f"the newest is {group.example_id}",
            *(group.message or "").splitlines()[:2],
        ]
        self.put("kind", paragraph(lines, self.look))


def _new(kind: DeadKind, look: Look) -> tuple[str, str]:
    return (f"{look.pick('▲', '+')}{number(kind.new)}", "yellow") if kind.new else ("", "")
