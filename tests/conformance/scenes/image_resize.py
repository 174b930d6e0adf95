"""Images from a web server that is good, busy, endless or empty."""

from __future__ import annotations

import contextlib
import io
from http.server import BaseHTTPRequestHandler
from typing import Any

from ..scene import Scene


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The image is where the example says, or at the same path of a server that is here."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, "PNG")
    if "url" in example:
        scene.settings(fetch__allow=("127.0.0.1",))
        return example | {"url": scene.web.serve("/photo.jpg", out.getvalue())}
    scene.context.objects.put(example["bucket"], example["key"], out.getvalue(), "image/png")
    return example


def slow(scene: Scene) -> dict[str, Any]:
    """The server sends a byte now and then."""
    scene.settings(fetch__allow=("127.0.0.1",), fetch__timeout=120)

    def trickle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        with contextlib.suppress(OSError):
            while not scene.web.closing.wait(0.1):
                request.wfile.write(b".")

    scene.web.answers["/slow"] = trickle
    return {"url": f"{scene.web.url}/slow", "sizes": [{"width": 10}]}


def temporary(scene: Scene) -> dict[str, Any]:
    """The server is busy."""
    scene.settings(fetch__allow=("127.0.0.1",))
    return {"url": scene.web.serve("/busy", status=503), "sizes": [{"width": 10}]}


def hopeless(scene: Scene) -> dict[str, Any]:
    """There is nothing at that URL."""
    scene.settings(fetch__allow=("127.0.0.1",))
    return {"url": scene.web.serve("/gone", status=404), "sizes": [{"width": 10}]}
