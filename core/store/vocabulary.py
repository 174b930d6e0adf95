"""Words that a command line may name, for its completion."""

from __future__ import annotations

from .jobs import Connection
from .sql import load


def list_vocabulary(connection: Connection) -> list[tuple[str, str, str]]:
    """Return (kind, word, what it is): at most a few hundred of each kind, as anybody wrote them."""
    return [(kind, word, about) for kind, word, about in connection.execute(load("vocabulary"))]
