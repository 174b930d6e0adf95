"""The loopback interface, and a web server that is here."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """Where the example names a URL, a server that is here instead."""
    if "url" not in example:
        return example
    scene.settings(fetch__allow=("127.0.0.1",))
    return {**example, "url": scene.web.serve("/", b"hello" * 1000)}


def slow(scene: Scene) -> dict[str, Any]:
    """Terabytes, on loopback."""
    return {"requests": 100_000, "kilobytes": 102_400}


def temporary(scene: Scene) -> dict[str, Any]:
    """A server that is busy."""
    scene.settings(fetch__allow=("127.0.0.1",))
    return {"url": scene.web.serve("/busy", status=503), "requests": 3}


def hopeless(scene: Scene) -> dict[str, Any]:
    """A URL that jobs may not reach."""
    return {"url": scene.web.serve("/"), "requests": 3}
