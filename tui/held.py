"""Keys that come before what they are for is there: they are held, and given to it when it is."""

from __future__ import annotations

import asyncio
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message

from ..core.awaiting import happens

LONGEST = 1.0
"""Seconds after which nobody waits any more for keys that are on their way: where they went may be gone."""


class Passed(Message):
    """Follows the keys that are on their way, and says that they have been held."""

    def __init__(self, passed: asyncio.Event) -> None:
        super().__init__()
        self.passed = passed


class HeldKeys:
    """Those of one app: it offers every key to `take` first, and sets what a Passed brings to it."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._keys: list[events.Key] | None = None
        self._passed = asyncio.Event()

    def hold(self) -> None:
        """Hold keys from now on, and those that were read but have done nothing yet."""
        self._keys, self._passed = [], asyncio.Event()
        (self._app.focused or self._app.screen).post_message(Passed(self._passed))

    def take(self, event: events.Event) -> bool:
        """Whether it was a key, and is held; Ctrl-C never is."""
        if self._keys is None or not isinstance(event, events.Key) or event.key == "ctrl+c":
            return False
        self._keys.append(event)
        return True

    def drop(self) -> None:
        """Forget them: what they were for does not come."""
        self._end(again=False)

    def give_back(self) -> None:
        """Let them go where keys go now, before any that comes later."""
        self._end(again=True)

    def _end(self, *, again: bool) -> None:
        if self._keys is not None:
            self._app.run_worker(self._end_after_the_last(again), group="held")

    async def _end_after_the_last(self, again: bool) -> None:
        await happens(self._passed, LONGEST)
        self._app.call_later(self._send if again else self._forget)

    def _forget(self) -> list[events.Key]:
        held, self._keys = self._keys or [], None
        return sorted(held, key=lambda event: event.time)

    async def _send(self) -> None:
        for event in self._forget():
            await self._app.on_event(events.Key(event.key, event.character))
