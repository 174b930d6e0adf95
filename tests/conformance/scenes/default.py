"""Nothing but the machine it runs on."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def temporary(scene: Scene) -> dict[str, Any]:
    """It fails because it is told to."""
    return {"payload": "an invalid_job of the simulator's"}
