"""A processor that can be kept busy for an hour."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def slow(scene: Scene) -> dict[str, Any]:
    """An hour of it."""
    return {"seconds": 3600}


def temporary(scene: Scene) -> dict[str, Any]:
    """It fails because it is told to."""
    return {"payload": "an invalid_job of the simulator's"}
