"""Processor, disk and network of this machine."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def slow(scene: Scene) -> dict[str, Any]:
    """The network's part comes last, and takes longest."""
    return {"seconds": 0.1, "megabytes": 1, "requests": 100_000, "kilobytes": 102_400}


def temporary(scene: Scene) -> dict[str, Any]:
    """It fails because it is told to."""
    return {"payload": "an invalid_job of the simulator's"}
