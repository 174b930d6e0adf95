"""How long keys take, and what of it is Textual's own: for the benchmarks of the screens."""

from __future__ import annotations

import time

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

KEYS = ("j", "pagedown", "k", "ctrl+d", "space", "pagedown", "pageup") * 8


class Nothing(App[None]):
    """What Textual takes by itself."""

    def compose(self) -> ComposeResult:
        yield Static("nothing")


async def press(pilot: Pilot[None], *keys: str) -> list[float]:
    """Seconds from each key to the end of what it set off, the picture included."""
    took = []
    for key in keys:
        began = time.perf_counter()
        await pilot.press(key)
        took.append(time.perf_counter() - began)
    return took
