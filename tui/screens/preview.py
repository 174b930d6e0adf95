"""What is about to be changed, before it is: how much, which, and the command line that does the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from ..acting import TYPED, Act
from ..look import Look
from ..view import paragraph, words
from ..widgets.line import Line

LONGEST_COMMAND = 300


class Preview(ModalScreen[bool]):
    """Asks; the answer is whether it is to be done. Cancel has the focus."""

    DEFAULT_CSS = """
    Preview { align: center middle; }
    Preview > Vertical {
        width: 76; max-width: 96%; height: auto; max-height: 90%; border: round $warning; background: $surface;
        padding: 0 1;
    }
    Preview.-ascii > Vertical { border: ascii $warning; }
    Preview Static { height: auto; text-wrap: wrap; }
    Preview #command { color: $text-muted; margin-top: 1; }
    Preview #typed { height: 1; margin-top: 1; background: $boost; }
    Preview Horizontal { height: auto; align-horizontal: right; margin-top: 1; }
    Preview Button { margin-left: 2; min-width: 10; }
    Preview Button:focus { text-style: bold reverse; }
    Preview.-short > Vertical { max-height: 100%; }
    Preview.-short #about { display: none; }
    Preview.-short #command { max-height: 3; margin-top: 0; }
    Preview.-short #typed { margin-top: 0; }
    Preview.-short Horizontal { margin-top: 0; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-long")]  # noqa: RUF012 - not a ClassVar in Screen either
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "Cancel"),
        Binding("left,right,h,l", "other", "Other button", show=False),
        Binding("Y", "copy", "Copy command"),
    ]

    def __init__(
        self, act: Act, look: Look, *, typed: bool = False, shown: Callable[[], object] = lambda: None
    ) -> None:
        """typed: the number has to be typed, whatever it is. shown: called when keys can be taken."""
        super().__init__(classes="-ascii" if look.ascii_only else "")
        self.act = act
        self.look = look
        self._shown = shown
        self.must_type = typed or act.count > TYPED

    def compose(self) -> ComposeResult:
        command = self.act.command
        if len(command) > LONGEST_COMMAND:
            command = f"{command[:LONGEST_COMMAND]}… (Y copies all of it)"
        with Vertical():
            yield Static(words([(f"{self.act.what}?", "bold")], self.look))
            yield Static(paragraph(self.act.about, self.look), id="about")
            line = words([(f"$ {command}", "")], self.look)
            line.no_wrap = False
            yield Static(line, id="command")
            if self.must_type:
                yield Line(compact=True, placeholder=f"type {self.act.count} to go on", id="typed")
            with Horizontal():
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Do it", id="do", variant="warning", disabled=self.must_type, compact=True)

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#typed" if self.must_type else "#cancel"))
        self._shown()

    def action_answer(self, answer: bool) -> None:
        """End with this answer."""
        self.dismiss(answer)

    def action_other(self) -> None:
        """Go to the other button."""
        if not isinstance(self.focused, Input):
            do, cancel = self.query_one("#do", Button), self.query_one("#cancel", Button)
            self.set_focus(cancel if self.focused is do or do.disabled else do)

    def action_copy(self) -> None:
        """Copy the command line."""
        self.app.copy_to_clipboard(self.act.command)

    @on(Input.Changed, "#typed")
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#do", Button).disabled = event.value.replace(",", "").strip() != str(self.act.count)

    @on(Input.Submitted, "#typed")
    def _entered(self) -> None:
        if not self.query_one("#do", Button).disabled:
            self.dismiss(True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "do")
