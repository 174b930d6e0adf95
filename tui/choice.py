"""Choosing one or several words from a list, over the screen that asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList, SelectionList, Static
from textual.widgets.option_list import Option

from .look import Look
from .view import words

Chosen = TypeVar("Chosen")
CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{
    width: 44; max-width: 96%; height: auto; max-height: 90%; border: round $primary; background: $surface;
    padding: 0 1;
}}
{name}.-ascii > Vertical {{ border: ascii $primary; }}
{name} {kind} {{ height: auto; max-height: 100%; border: none; padding: 0; }}
"""


class _Choice(ModalScreen[Chosen]):
    """What both have in common: a title over a list of words."""

    def __init__(self, look: Look, title: str, options: Sequence[str]) -> None:
        super().__init__(classes="-ascii" if look.ascii_only else "")
        self.look = look
        self.options = options
        self._title = title

    def _around(self, chooser: Widget) -> ComposeResult:
        with Vertical():
            yield Static(self._line(self._title, "bold"))
            yield chooser

    def _line(self, text: str, style: str = "") -> Text:
        return words([(text, style)], self.look)


class ChooseOne(_Choice[str | None]):
    """The word that was chosen comes back; None where nothing was."""

    DEFAULT_CSS = CSS.format(name="ChooseOne", kind="OptionList")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Cancel"),
        Binding("j", "down", "Down", show=False),
        Binding("k", "up", "Up", show=False),
    ]

    def __init__(self, look: Look, title: str, options: Sequence[str], chosen: str) -> None:
        super().__init__(look, title, options)
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        yield from self._around(OptionList(*(Option(self._line(each)) for each in self.options)))

    def on_mount(self) -> None:
        if self._chosen in self.options:
            self.query_one(OptionList).highlighted = list(self.options).index(self._chosen)

    def action_down(self) -> None:
        """Go to the next word."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """Go to the word before."""
        self.query_one(OptionList).action_cursor_up()

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.options[event.option_index])


class ChooseSome(_Choice[list[str] | None]):
    """The words that were chosen come back, in the order in which they were listed; None after Escape."""

    DEFAULT_CSS = CSS.format(name="ChooseSome", kind="SelectionList")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Cancel"),
        Binding("enter", "take", "Take these", priority=True),
    ]

    def __init__(self, look: Look, title: str, options: Sequence[str], chosen: Sequence[str]) -> None:
        super().__init__(look, f"{title} (space, then Enter)", options)
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        offered = ((self._line(each), n, each in self._chosen) for n, each in enumerate(self.options))
        yield from self._around(SelectionList[int](*offered))

    def action_take(self) -> None:
        """End with what is chosen."""
        taken = set(self.query_one(SelectionList).selected)
        self.dismiss([each for n, each in enumerate(self.options) if n in taken])
