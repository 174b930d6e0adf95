"""Waiting on an event loop."""

from __future__ import annotations

import asyncio


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within so many seconds; at once, where none are left.

    Not by `asyncio.wait_for`: that of Python 3.11 swallows a cancellation that comes together with the event.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
