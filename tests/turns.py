"""The turns of an event loop, one by one."""

from __future__ import annotations

from collections.abc import Generator
from types import coroutine


@coroutine
def turn() -> Generator[None]:
    """Let everything else on the loop do one step."""
    yield
