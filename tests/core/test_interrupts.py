"""A signal ends what it may end, and never leaves a lock behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jobsched.core.interrupts import SIGNALS, ended_by_signals, held_back, poll, wait


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_block_and_afterwards_means_what_it_did(number: signal.Signals) -> None:
    """As Ctrl-C does."""
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_what_is_held_back_comes_at_the_end_of_the_outermost_block_once() -> None:
    """And not in between."""
    steps = []

    def struck_twice() -> None:
        with held_back():
            with held_back():
                os.kill(os.getpid(), signal.SIGTERM)
                steps.append("inner")
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("outer")

    with ended_by_signals():
        with pytest.raises(KeyboardInterrupt):
            struck_twice()
        with held_back():
            steps.append("after")
    assert steps == ["inner", "outer", "after"]


def test_other_threads_hear_no_signals_and_hold_none_back() -> None:
    """They run as they are."""
    done = []

    def run() -> None:
        with ended_by_signals(), held_back():
            done.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [before]


class Struck:
    """A lock with a signal that comes just after it was taken."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def acquire(self, *arguments: Any) -> bool:
        taken = self._lock.acquire(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return bool(taken)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """It runs until its input ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_signal_inside_a_look_at_a_process_leaves_its_lock_free(process: subprocess.Popen[bytes]) -> None:
    """Otherwise whoever waits for it waits forever."""
    lock = process._waitpid_lock  # type: ignore[attr-defined]
    process._waitpid_lock = Struck(lock)  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        poll(process)
    assert not lock.locked()
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        wait(process, 60)
    assert not lock.locked()
    process._waitpid_lock = lock  # type: ignore[attr-defined]
    process.kill()
    assert wait(process, 60) == -signal.SIGKILL


def test_a_wait_has_an_end(process: subprocess.Popen[bytes]) -> None:
    """The process goes on."""
    with pytest.raises(subprocess.TimeoutExpired):
        wait(process, 0)
    assert process.poll() is None
