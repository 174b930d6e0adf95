"""`noop`: nothing, for tests and benchmarks."""

from __future__ import annotations

from typing import Any

from ..core.handler import handler


@handler("noop", examples=({}, {"note": "anything"}))
async def noop(payload: dict[str, Any]) -> None:
    """Do nothing, successfully."""
