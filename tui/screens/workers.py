"""Workers: who lives, what they have, and how long they have been silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from ...core.model.results import WorkerInfo
from .. import questions
from ..acting import on_worker
from ..look import Look
from ..tables import worker_columns
from ..view import View, paragraph
from ..widgets.virtual_table import VirtualTable


class WorkersView(View):
    """The table of workers, with the types of the one under the cursor below."""

    DEFAULT_CSS = "WorkersView > #worker { height: 3; padding: 0 1; color: $text-muted; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("D", "tell('drain')", "Drain", id="workers.drain"),
        Binding("S", "tell('stop')", "Stop", id="workers.stop"),
    ]
    HELP = "A worker is late when a third of its lease has gone by without a word, and lost when all of it has."

    def __init__(self, look: Look) -> None:
        super().__init__(id="workers")
        self.table: VirtualTable[WorkerInfo] = VirtualTable(
            worker_columns(look, self.ago), lambda worker: worker.id, look=look, markable=False,
            empty="no worker runs: jobsched worker --concurrency 4", id="workers-table",
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        yield self.table
        yield Static(id="worker")

    async def look_again(self) -> None:
        self.table.set_rows(await self.shell.feed.ask(questions.workers))

    def take_focus(self) -> None:
        self.give_keys(self.table)

    def argv(self) -> Sequence[str]:
        return ("workers", "ls")

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else self.table.cursor.name

    def action_tell(self, word: Literal["drain", "stop"]) -> None:
        """Propose to end the worker under the cursor."""
        if self.table.cursor is not None:
            self.shell.propose(on_worker(self.table.cursor, word))

    @on(VirtualTable.Changed)
    def _describe(self) -> None:
        worker = self.table.cursor
        if worker is None:
            self.put("worker", "")
            return
        lines = [
            f"process {worker.pid} on {worker.host}, version {worker.version}, "
            f"silent for {worker.silent:.0f} of {worker.lease_seconds:.0f} s",
            f"runs {', '.join(worker.types)}",
        ]
        if worker.withheld:
            lines.append(f"would run with --allow-commands: {', '.join(worker.withheld)}")
        self.put("worker", paragraph(lines, self.look))
