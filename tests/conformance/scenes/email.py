"""Mail that goes to the outbox, to nobody who is there, or nowhere."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """To the outbox, whatever keys there are; what it attaches is in the object store."""
    scene.settings(email__transport="outbox")
    for each in example.get("attachments", ()):
        scene.context.objects.put(each["bucket"], each["key"], b"%PDF-1.7", "application/pdf")
    return example


def slow(scene: Scene) -> dict[str, Any]:
    """The SMTP server says nothing: it is one for the web, and waits for a request."""
    scene.settings(email__transport="smtp", email__smtp_host="127.0.0.1", email__smtp_port=scene.web.port)
    return {"to": "user@example.com", "subject": "Slow"}


def temporary(scene: Scene) -> dict[str, Any]:
    """Nobody listens where the SMTP server should be."""
    scene.settings(email__transport="smtp", email__smtp_host="127.0.0.1", email__smtp_port=1)
    return {"to": "user@example.com", "subject": "Later"}


def hopeless(scene: Scene) -> dict[str, Any]:
    """What it should attach is not in the object store."""
    scene.settings(email__transport="outbox")
    return {"to": "user@example.com", "subject": "Never", "attachments": [{"bucket": "secure", "key": "none.pdf"}]}
