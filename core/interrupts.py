"""Where Ctrl-C and its like may end a block, and where they have to wait.

Python raises KeyboardInterrupt between any two steps of the main thread. `subprocess` loses a lock
for good where that happens inside `Popen.poll`: whoever waits for the process afterwards waits forever.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STEP_SECONDS = 0.02
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Gate:
    """holds: how many blocks hold signals back. came: whether one came meanwhile."""

    holds = 0
    came = False


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the block with KeyboardInterrupt, so that its `finally` tidies up.

    Outside of the main thread, which alone hears signals, it changes nothing.
    """
    if not _hears_signals():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Inside `ended_by_signals`: a signal that comes in this block is raised at its end."""
    if not _hears_signals():
        yield
        return
    _Gate.holds += 1
    try:
        yield
    finally:
        _Gate.holds -= 1
        if _Gate.came and not _Gate.holds:
            _Gate.came = False
            raise KeyboardInterrupt


def poll(process: subprocess.Popen[bytes]) -> int | None:
    """As `process.poll()`, which no signal interrupts."""
    with held_back():
        return process.poll()


def wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """As `process.wait(seconds)`; a signal interrupts it between two looks. subprocess.TimeoutExpired: it goes on."""
    deadline = time.monotonic() + seconds
    while (code := poll(process)) is None:
        if time.monotonic() >= deadline:
            raise subprocess.TimeoutExpired(process.args, seconds)
        time.sleep(STEP_SECONDS)
    return code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _Gate.came = _Gate.holds > 0
    if not _Gate.came:
        raise KeyboardInterrupt


def _hears_signals() -> bool:
    return threading.current_thread() is threading.main_thread()
