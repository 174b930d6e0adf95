"""`:` runs any line of the program, as a process of its own, and shows what it said."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from ...core.model.errors import UsageError
from ..look import Look
from ..shell_line import program, read_line
from ..view import words
from ..widgets.line import Line
from ..widgets.log_ring import LogRing
from ..work import newest

PIECE = 65536


class CommandScreen(ModalScreen[None]):
    """A line to write, and the output of the last one. history: kept by whoever opens it. shown: called when keys can
    be taken."""

    DEFAULT_CSS = """
    CommandScreen { align: center bottom; }
    CommandScreen > Vertical { height: 70%; border-top: solid $primary; background: $surface; }
    CommandScreen.-ascii > Vertical { border-top: ascii $primary; }
    CommandScreen Input { height: 1; padding: 0 1; background: $boost; }
    CommandScreen #said { height: 1; padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close"),
        Binding("up", "older", "Older line", show=False),
        Binding("down", "newer", "Newer line", show=False),
        Binding("ctrl+c", "interrupt", "Stop it", show=False),
    ]

    def __init__(
        self,
        look: Look,
        history: list[str],
        environ: Mapping[str, str],
        *,
        read_only: bool,
        line: str = "",
        shown: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(classes="-ascii" if look.ascii_only else "")
        self.look = look
        self.history = history
        self.read_only = read_only
        self.ring = LogRing(look=look, capacity=5000)
        self._environ = environ
        self._line = line
        self._shown = shown
        self._process: asyncio.subprocess.Process | None = None
        self._place = len(history)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(compact=True, value=self._line, placeholder="ls --state dead", id="line", select_on_focus=False)
            yield self.ring
            yield Static(id="said")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#line", Line))
        self._say("a line without `jobsched`; Enter runs it, Escape closes")
        self._shown()

    async def on_unmount(self) -> None:
        self._end()

    def action_close(self) -> None:
        """End what still runs, and close."""
        self._end()
        self.dismiss()

    def action_interrupt(self) -> None:
        """End what still runs."""
        self._end()

    def action_older(self) -> None:
        """Show the line before."""
        self._recall(-1)

    def action_newer(self) -> None:
        """Show the line after."""
        self._recall(1)

    @on(Line.Submitted, "#line")
    def _run(self, event: Line.Submitted) -> None:
        try:
            argv = read_line(event.value, read_only=self.read_only)
        except UsageError as error:
            self._say(error.message, bad=True)
            return
        if not argv:
            return
        if event.value not in self.history[-1:]:
            self.history.append(event.value)
        self._place = len(self.history)
        newest(self, "line", self._follow, argv)

    async def _follow(self, argv: list[str]) -> None:
        self._end()
        self.ring.clear()
        self.ring.complete = False
        self._say("running, Ctrl-C stops it")
        process = await asyncio.create_subprocess_exec(
            *program(argv),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self._environ, "COLUMNS": str(self.size.width)},
        )  # fmt: skip
        self._process = process
        assert process.stdout is not None
        rest = ""
        while piece := await process.stdout.read(PIECE):
            text = rest + piece.decode(errors="replace")
            whole, newline, rest = text.rpartition("\n")
            self.ring.add(datetime.now(UTC), "stdout", whole + newline)
        self.ring.add(datetime.now(UTC), "stdout", rest)
        code = await process.wait()
        self.ring.complete = True
        self.ring.refresh()
        self._say(f"exit code {code}", bad=code != 0)

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    def _recall(self, lines: int) -> None:
        self._place = max(0, min(len(self.history), self._place + lines))
        line = self.query_one("#line", Line)
        line.value = self.history[self._place] if self._place < len(self.history) else ""
        line.cursor_position = len(line.value)

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.query_one("#said", Static).update(words([(text, "red" if bad else "")], self.look))
