"""Which keys do what, here and now."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ..look import Look
from ..view import pairs, paragraph

ALWAYS = (
    ("1-7", "change the screen"), ("j k g G ctrl+d ctrl+u", "move; nothing of this changes anything"),
    ("space v", "mark; mark a range from here to there"),
    ("upper-case letters", "change something, after a preview whose default is Cancel"),
    ("Y y", "copy the command line that does or shows the same; the id"),
    (":", "run any line of the program"),
)  # fmt: skip


class HelpScreen(ModalScreen[None]):
    """Keys of what has the focus and of what is around it. about: what the screen says of itself."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 72; max-width: 96%; height: auto; max-height: 90%; border: round $primary; background: $surface;
        padding: 0 1;
    }
    HelpScreen #about { margin-bottom: 1; }
    HelpScreen.-ascii > VerticalScroll { border: ascii $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, look: Look, bindings: dict[str, ActiveBinding], about: str) -> None:
        super().__init__(classes="-ascii" if look.ascii_only else "")
        self.look = look
        self._bindings_here = bindings
        self._about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            if self._about:
                yield Static(paragraph([self._about], self.look), id="about")
            yield Static(self._keys())

    def _keys(self) -> Table:
        keys: dict[str, list[str]] = {}
        for active in self._bindings_here.values():
            binding = active.binding
            if binding.id and binding.description:  # what Textual brings along has none
                keys.setdefault(binding.description, []).append(binding.key_display or binding.key)
        shown = [*ALWAYS, *((" ".join(names), what) for what, names in keys.items())]
        return pairs([((key, "bold"), (what, "")) for key, what in shown], 24, self.look)
