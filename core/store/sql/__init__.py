"""Every statement that changes the store, one file each, with its reasons inside; this reads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import LiteralString

_FOLDER = Path(__file__).parent


@cache
def load(name: str) -> LiteralString:
    """Return the text of `name`.sql. It is a literal of this package, never built from input."""
    return (_FOLDER / f"{name}.sql").read_text()
