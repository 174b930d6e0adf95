"""It fails because it is told to."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """Without the words, it succeeds."""
    return {"message": "fine"}


def temporary(scene: Scene) -> dict[str, Any]:
    """As often as it is tried."""
    return {"message": "invalid_job"}
