"""What a runner has to tell its keeper, gathered and sent in frames of many jobs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from .protocol import Report, encode, write_all


class Outbox:
    """Filled by lanes (event loop) and threads; emptied by one flush a turn of the loop.

    unheard: called with the tokens of ends that cannot be told, because the pipe is gone; does not return.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int, unheard: Callable[[list[int]], NoReturn]) -> None:
        self._loop = loop
        self._unheard = unheard
        self._loop_thread = threading.get_ident()
        self._fd = fd
        self._flush_due = False
        self._ok: tuple[list[int], list[float], list[float], list[str | None]] = ([], [], [], [])
        self._has_result = False
        self._bad: list[Report] = []
        self._said: list[tuple[int, str, str]] = []
        self._progress: dict[int, tuple[float, str]] = {}
        self._checkpoints: dict[int, str] = {}
        self._lock = threading.Lock()

    def succeeded(self, token: int, wait: float, run: float, result: str | None) -> None:
        """A job is done. result: JSON text or None."""
        with self._lock:
            tokens, waits, runs, results = self._ok
            tokens.append(token)
            waits.append(wait)
            runs.append(run)
            results.append(result)
            if result is not None:
                self._has_result = True
        self.wake()

    def ended(self, report: Report) -> None:
        """An attempt ended in another way."""
        with self._lock:
            self._bad.append(report)
        self.wake()

    def say(self, token: int, stream: str, text: str) -> None:
        """A running job said something."""
        with self._lock:
            self._said.append((token, stream, text))
        self.wake()

    def say_progress(self, token: int, fraction: float, message: str) -> None:
        """How far a running job is; only the newest word is sent."""
        with self._lock:
            self._progress[token] = (fraction, message)
        self.wake()

    def say_checkpoint(self, token: int, text: str) -> None:
        """A running job's checkpoint (JSON text); only the newest is sent."""
        with self._lock:
            self._checkpoints[token] = text
        self.wake()

    def wake(self) -> None:
        """Make sure that a flush comes."""
        if self._flush_due:
            return
        self._flush_due = True
        if threading.get_ident() == self._loop_thread:
            self._loop.call_soon(self.flush)
        else:
            self._loop.call_soon_threadsafe(self.flush)

    def flush(self) -> None:
        """Send everything: words before ends, so that a job's log is complete when it ends."""
        with self._lock:
            self._flush_due = False
            ended = self.ended_tokens()
            frames = self._take()
        if frames:
            try:
                write_all(self._fd, b"".join(frames))
            except OSError:
                self._unheard(ended)

    def ended_tokens(self) -> list[int]:
        """Jobs whose ends have not been sent."""
        return [*self._ok[0], *(report.token for report in self._bad)]

    def send(self, *parts: Any) -> None:
        """Send one frame at once, after everything gathered so far."""
        self.flush()
        write_all(self._fd, encode(*parts))

    def _take(self) -> list[bytes]:
        frames = []
        if self._said:
            frames.append(encode("said", self._said))
            self._said = []
        if self._progress:
            frames.append(encode("progress", [(token, *said) for token, said in self._progress.items()]))
            self._progress = {}
        if self._checkpoints:
            frames.append(encode("checkpoint", list(self._checkpoints.items())))
            self._checkpoints = {}
        if self._ok[0]:
            tokens, waits, runs, results = self._ok
            frames.append(encode("ok", tokens, waits, runs, results if self._has_result else None))
            self._ok = ([], [], [], [])
            self._has_result = False
        if self._bad:
            frames.append(encode("bad", self._bad))
            self._bad = []
        return frames
