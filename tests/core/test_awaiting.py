"""What is waited for comes, or does not, and a cancellation is never lost."""

from __future__ import annotations

import asyncio

import pytest

from jobsched.core.awaiting import happens
from tests.turns import ends_when_cancelled, turn


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.001])
async def test_it_tells_whether_the_event_was_set(seconds: float) -> None:
    """One that is set already has happened, however little time there is."""
    event = asyncio.Event()
    assert not await happens(event, seconds)
    event.set()
    assert await happens(event, seconds)


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancellation_that_comes_with_the_event_is_not_lost(turns: int) -> None:
    """However many turns of the loop lie between the two, what goes on afterwards is cancelled."""
    event = asyncio.Event()

    async def wait_again_and_again() -> None:
        while True:
            await happens(event, 60.0)
            event.clear()

    task = asyncio.create_task(wait_again_and_again())
    await turn()
    assert await ends_when_cancelled(task, event, turns)
