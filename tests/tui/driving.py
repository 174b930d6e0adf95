"""Apps around one widget, driven by Textual's pilot."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget


class Around(App[None]):
    """Shows one widget, with the keys on it."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        self.widget.focus()


async def until(pilot: Pilot[None], ask: Callable[[], object], what: str) -> None:
    """Let the app run until the answer is true; AssertionError after a thousand rounds."""
    for _ in range(1000):
        if ask():
            await pilot.pause()
            return
        await pilot.pause()
    raise AssertionError(f"still not: {what}")


def drawn(widget: Widget) -> list[str]:
    """The lines that a widget draws, as text."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]
