"""A service that repeats what it is told, one that never answers, one that is busy and one that says no."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ..scene import Scene


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The same path of a server that is here, and that repeats the request with all its secrets."""
    url = _open(scene).echo(urlsplit(example["url"]).path)
    return {**example, "url": url}


def slow(scene: Scene) -> dict[str, Any]:
    """A body that comes a byte at a time, where that may take long."""
    url = _open(scene).hang("/slow", b"HTTP/1.1 200 OK\r\n\r\n", b".")
    scene.settings(fetch__timeout=300)
    return {"url": url}


def temporary(scene: Scene) -> dict[str, Any]:
    """A server that fails, and repeats what it was told."""
    return _telling(scene, 503)


def hopeless(scene: Scene) -> dict[str, Any]:
    """A server that refuses, and repeats what it was told."""
    return _telling(scene, 403)


def _telling(scene: Scene, status: int) -> dict[str, Any]:
    url = _open(scene).echo("/no", status)
    return {"url": url, "method": "POST", "headers": {"Authorization": "Bearer token"}, "json": {"key": "value"}}


def _open(scene: Scene) -> Any:
    scene.settings(fetch__allow=("127.0.0.1",))
    return scene.web
