"""The turns of an event loop, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import coroutine


@coroutine
def turn() -> Generator[None]:
    """Let everything else on the loop do one step."""
    yield


async def ends_when_cancelled(task: asyncio.Task[None], event: asyncio.Event, turns: int) -> bool:
    """Whether the task, which waits for this event, ends when it is cancelled so many turns after the event was set."""
    event.set()
    for _ in range(turns):
        await turn()
    task.cancel()
    for _ in range(20):
        await turn()
    return task.cancelled()
