"""Driving apps with Textual's pilot: waiting for what is shown, and reading it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widget import Widget

PATIENCE = 60.0
CONTROLS = {"\r": "enter", "\n": "ctrl+j", "\x10": "ctrl+p"}


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
    """Let the app run until the answer is true; AssertionError when patience is over."""
    deadline = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < deadline, f"still not: {what}"
        await pilot.pause()
    await pilot.pause()


def burst(app: App[Any], text: str) -> None:
    """Press the keys of a text, as a terminal sends them, so quickly that none has done anything when the last one is
    there."""
    for character in text:
        app.post_message(events.Key(CONTROLS.get(character) or _character_to_key(character), character))


def drawn(widget: Widget) -> list[str]:
    """The lines that a widget draws, as text."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def screen(app: App[Any]) -> str:
    """What is on the whole screen, as text, line by line."""
    width = app.size.width
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.crop(0, width).text.rstrip() for strip in strips)


async def until_shown(pilot: Pilot[None], *texts: str) -> str:
    """Let the app run until all of the texts are on the screen; return what is."""
    deadline = time.monotonic() + PATIENCE
    while not all(text in screen(pilot.app) for text in texts):
        assert time.monotonic() < deadline, f"still no {texts} in\n{screen(pilot.app)}"
        await pilot.pause(0.02)
    return screen(pilot.app)
