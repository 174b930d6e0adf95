"""Lines as they are written, with a time after which nobody waits for the next one."""

from __future__ import annotations

import os
import select
from collections import deque

PIECE = 65536
LONGEST = 10_000
"""Bytes of a line that are looked at."""


class Lines:
    """Of a descriptor, a terminal's or a pipe's. (Python's own reader keeps lines that `select` then knows nothing of,
    and readline writes escape codes.)"""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._whole: deque[str] = deque()
        self._part = b""
        self._ended = False

    def next(self, wait: float | None) -> str | None:
        """Return the next line; None after `wait` seconds without one. wait: None is for ever. EOFError: the end."""
        while not self._whole:
            if self._ended:
                raise EOFError
            if not select.select([self._descriptor], [], [], wait)[0]:
                return None
            self._read()
        return self._whole.popleft()

    def _read(self) -> None:
        try:
            piece = os.read(self._descriptor, PIECE)
        except OSError:  # Linux says EIO where the terminal is gone
            piece = b""
        if not piece:
            self._ended = True
            piece = b"\n" if self._part else b""
        *whole, part = (self._part + piece).split(b"\n")
        self._part = part[:LONGEST]
        self._whole += (line[:LONGEST].decode(errors="replace") for line in whole)
