"""Programs that take their time, fail, or are not there."""

from __future__ import annotations

import os
from typing import Any

from ..scene import Scene


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """What a program prints is its own affair: this one would print the secret that it is given to sort."""
    return example | {"argv": [*example["argv"], "-o", os.devnull]} if example["argv"][0] == "sort" else example


def slow(scene: Scene) -> dict[str, Any]:
    """A program with a child, which must end with it."""
    return {"argv": ["sh", "-c", "sleep 1000 & sleep 1000"]}


def temporary(scene: Scene) -> dict[str, Any]:
    """A program that fails may succeed next time."""
    return {"argv": ["false"]}


def hopeless(scene: Scene) -> dict[str, Any]:
    """There is no such program."""
    return {"argv": ["no-such-program-anywhere"]}
