"""A board in shared memory on which a runner writes which job is running in which of its slots.

When a runner dies, however suddenly, the board says which jobs had been started; while it lives,
the keeper reads from it how long each has been running, without asking a process that may not be
able to answer. Writing a slot costs some 0.1 µs.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
from collections.abc import Iterable
from typing import NamedTuple

_FIELDS = 2
_CELL_BYTES = 8


class Running(NamedTuple):
    """A started job. started_ns: CLOCK_MONOTONIC, which all processes of a host share."""

    token: int
    started_ns: int


class Board:
    """`slots` slots in the file `fd`, shared by keeper and runner.

    One more cell holds the keeper's word that the leases are still its own (`lease_sign_ns`).
    """

    def __init__(self, fd: int, slots: int) -> None:
        self.fd = fd
        self.slots = slots
        self._closing = threading.Lock()
        self._closed = False
        self._map = mmap.mmap(fd, _size(slots))
        self._cells = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, slots: int) -> Board:
        """Make an empty board in an unnamed file."""
        with tempfile.TemporaryFile() as file:
            file.truncate(_size(slots))
            return cls(os.dup(file.fileno()), slots)

    def start(self, slot: int, token: int, now_ns: int) -> None:
        """Say that the job with `token` runs in `slot` since `now_ns`."""
        cells = self._cells
        cells[2 * slot + 1] = now_ns
        cells[2 * slot] = token

    def clear(self, slot: int) -> None:
        """Say that nothing runs in `slot`."""
        self._cells[2 * slot] = 0

    def start_again(self, tokens: Iterable[int], now_ns: int) -> None:
        """Say in free slots, as far as there are some, that these jobs run: their ends cannot be told."""
        free = [slot for slot in range(self.slots) if not self._cells[2 * slot]]
        for slot, token in zip(free, tokens, strict=False):
            self.start(slot, token, now_ns)

    def leave(self) -> None:
        """In the child of a fork: from now on write where nobody else reads."""
        self._cells = memoryview(bytearray(_size(self.slots))).cast("q")

    def running(self) -> list[Running]:
        """Every job that is running, as far as the runner came to write it."""
        with self._closing:
            cells = [] if self._closed else self._cells.tolist()
        return [Running(cells[i], cells[i + 1]) for i in range(0, len(cells) - 1, _FIELDS) if cells[i]]

    @property
    def lease_sign_ns(self) -> int:
        """When the keeper last heard from the store that its leases stand, on the clock of `pulse.now`."""
        return self._cells[-1]

    @lease_sign_ns.setter
    def lease_sign_ns(self, value: int) -> None:
        with self._closing:
            if not self._closed:
                self._cells[-1] = value

    def close(self) -> None:
        """Let go of the memory and the file. Nothing is running on a closed board."""
        with self._closing:
            self._closed = True
            self._cells.release()
            self._map.close()
            os.close(self.fd)


def _size(slots: int) -> int:
    return _CELL_BYTES * (_FIELDS * slots + 1)
