"""A disk that can be kept busy for long."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def slow(scene: Scene) -> dict[str, Any]:
    """The same file again and again."""
    return {"megabytes": 64, "rounds": 10_000}


def temporary(scene: Scene) -> dict[str, Any]:
    """It fails because it is told to."""
    return {"payload": "an invalid_job of the simulator's"}
