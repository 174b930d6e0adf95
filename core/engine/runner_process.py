"""The keeper's side of one runner: started with exec, spoken to over pipes, watched, killed."""

from __future__ import annotations

import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..clocks import lease_clock
from ..host import MARK_VARIABLE, memory_of
from .board import Board, Running
from .protocol import Boot, FrameError, FrameReader, encode, write_all

LAST_LINES = 20
MAX_LINE_BYTES = 2_000
POLL_MS = 200
EXIT_SECONDS = 2.0


class JanitorProcess:
    """The keeper's side of the janitor (see janitor.py).

    The keeper holds both ends of its pipes, so that a janitor that was killed breaks nothing: what is
    said meanwhile waits for the next one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._words_read, self.words_fd = os.pipe()
        self._keeper_read, self._keeper_fd = os.pipe()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        script = str(Path(__file__).with_name("janitor.py"))
        fds = (self._words_read, self._keeper_read)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", script, *map(str, fds)],
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def revive(self, runners: Iterable[int]) -> bool:
        """If somebody killed it, start it again and name the runners to it; return whether that was so.

        Which process groups it had been told of is lost: their mark is left to find them by.
        """
        if self._process.poll() is None:
            return False
        self._process = self._start()
        for runner in runners:
            self.say("r", runner)
        return True

    def say(self, word: str, runner: int) -> None:
        """Tell that a runner began (`r`) or ended (`!`)."""
        with self._lock:
            if not self._closed:
                os.write(self.words_fd, f"{word} {runner}\n".encode())

    def close(self) -> None:
        """Let it kill what is left, and wait for its end."""
        with self._lock:
            self._closed = True
            os.close(self.words_fd)
            os.close(self._keeper_fd)
        self._process.wait()
        os.close(self._words_read)
        os.close(self._keeper_read)


class RunnerProcess:
    """One runner. Make it in the keeper's main thread: its life is tied to the thread that started it.

    heard: called with (runner, frame) for each frame, ended: called with (runner, return code) once,
    both from a thread of this runner's. failed: called where a thread of this runner's ends with an
    error that nobody foresaw, while the error is being handled.
    """

    def __init__(
        self,
        boot: Boot,
        janitor: JanitorProcess,
        *,
        alone: bool,
        heard: Callable[[RunnerProcess, list[Any]], None],
        ended: Callable[[RunnerProcess, int], None],
        wrote: Callable[[RunnerProcess, str], None],
        failed: Callable[[RunnerProcess], None],
    ) -> None:
        self.alone = alone
        self.board = Board.create(boot.slots)
        self.board.lease_sign_ns = int(lease_clock() * 1e9)
        self.kill_reason: str | None = None
        self.overdue: set[int] = set()
        self.retiring_since: float | None = None
        self.stopping = False
        self.greeted = False
        self.exit_code: int | None = None
        """As `subprocess` gives it: negative is a signal. None while it runs."""
        self.memory_peak = 0
        self.started = time.monotonic()
        self._janitor = janitor
        self._heard = heard
        self._ended = ended
        self._wrote = wrote
        self._failed = failed
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._spawn(boot)

    def _spawn(self, boot: Boot) -> None:
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()
        fds = (their_in, their_out, self.board.fd, self._janitor.words_fd)
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jobsched.core.engine.runner",
                str(their_in), str(their_out), str(self.board.fd), str(boot.slots), str(self._janitor.words_fd),
                str(os.getpid()),
            ],
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, MARK_VARIABLE: boot.mark, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        os.close(their_in)
        os.close(their_out)
        self.pid = self._process.pid
        self._janitor.say("r", self.pid)
        self.send("boot", boot)
        for name, work in (("write", self._write), ("read", self._read), ("lines", self._read_lines)):
            fd = {"write": our_out, "read": our_in}.get(name, -1)
            threading.Thread(target=self._guard, args=(work, fd), name=f"runner-{self.pid}-{name}", daemon=True).start()

    def send(self, *parts: Any) -> None:
        """Send a frame, without waiting for a runner that does not read."""
        self._frames.put(encode(*parts))

    def running(self) -> list[Running]:
        """The jobs that it has started and not ended."""
        return self.board.running()

    def look(self) -> int:
        """Return its resident memory in bytes, and remember the peak."""
        memory = memory_of(self.pid)
        self.memory_peak = max(self.memory_peak, memory.peak)
        return memory.rss

    def last_lines(self) -> str:
        """What it wrote last to its standard output and error."""
        return "\n".join(self._lines)

    def kill(self, reason: str) -> None:
        """End it at once. reason: in words, for the jobs that it takes along."""
        if self.kill_reason is None:
            self.kill_reason = reason
        self.look()
        self._process.send_signal(signal.SIGKILL)

    def _guard(self, work: Callable[[int], None], fd: int) -> None:
        try:
            work(fd)
        except Exception:  # noqa: BLE001 - it is told, and ends the worker
            self._failed(self)

    def _write(self, fd: int) -> None:
        try:
            while (data := self._frames.get()) is not None:
                write_all(fd, data)
        except BrokenPipeError:
            return
        finally:
            os.close(fd)

    def _read(self, fd: int) -> None:
        try:
            self._read_frames(fd)
        except FrameError as error:
            self.kill(f"what it said could not be understood: {error}")
        finally:
            os.close(fd)
        code = self.exit_code = self._wait()
        self._frames.put(None)
        self._janitor.say("!", self.pid)
        self._ended(self, code)
        self.board.close()

    def _wait(self) -> int:
        """Wait for its end, which follows that of its pipe unless a job has closed that."""
        try:
            return self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill("it closed the pipe to its keeper")
            return self._process.wait()

    def _read_frames(self, fd: int) -> None:
        reader = FrameReader()
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        while True:
            # A child that the runner left behind may hold the pipe open after the runner's death.
            if not poller.poll(POLL_MS):
                if self._process.poll() is None:
                    continue
                break
            data = os.read(fd, 1 << 20)
            if not data:
                break
            for frame in reader.feed(data):
                self._heard(self, frame)

    def _read_lines(self, _: int) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                text = line.decode(errors="replace").rstrip("\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
                self._lines.append(text)
                self._wrote(self, text)


def describe_exit(code: int) -> tuple[str, int | None, int | None]:
    """Return (words, signal, exit code) of a subprocess's return code."""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"killed its process: {name}", -code, None
    return f"ended its process with exit code {code}", None, code
