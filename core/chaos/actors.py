"""The processes of a run: workers and submitters, which are started again whenever they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..interrupts import held_back, poll, wait
from .proxy import Proxy

REST_SECONDS = 0.4
"""How long somebody is gone."""
NOT_YET = (69, 75, 77, 78)
"""Exit codes of a worker that does not find its store (or not its whole self yet) when it starts."""

_SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select((), (), (), seconds) and None\n"


class Actor:
    """One process, over all its lives. proxy: between it and the store; None where there is none.

    command: its last words may hold `{life}`: how often it was started before.
    """

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], folder: Path, proxy: Proxy | None
    ) -> None:
        self.name = name
        self.proxy = proxy
        self.stopped = False
        """By SIGSTOP."""
        self.skew = ""
        """How far its clock is off, as libfaketime takes it; "" is not at all."""
        self.lives = 0
        self.surprises: list[str] = []
        """Ends that nobody had asked for."""
        self._command = command
        self._environ = environ
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_by_us = False
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self._process is not None and poll(self._process) is None else None

    @property
    def log(self) -> Path:
        """What it writes to stderr."""
        return self._folder / f"{self.name}.log"

    def tend(self) -> None:
        """Start it if it does not run, a moment after its end."""
        if self.pid is not None:
            return
        now = time.monotonic()
        if self._process is not None:
            self._note_end(self._process.returncode)
            self._process = None
            self._start_at = now + REST_SECONDS
        if now < self._start_at:
            return
        with self.log.open("ab") as log, held_back():
            self._process = subprocess.Popen(
                [sys.executable, "-m", *(word.format(life=self.lives) for word in self._command)],
                env={**self._environ, **(skewed(self.skew, self._folder) if self.skew else {})},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for chaos, which ends everything in order
            )
        self.lives += 1
        self._ended_by_us = False

    def send(self, number: signal.Signals) -> bool:
        """Send it a signal; False if it does not run."""
        pid = self.pid
        if pid is None:
            return False
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._ended_by_us = True
        self.stopped = number == signal.SIGSTOP or (self.stopped and number != signal.SIGCONT)
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return True

    def end(self, seconds: float) -> bool:
        """Ask it to end and wait so long, then kill it; return whether it ended by itself."""
        if self._process is None:
            return True
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            code = wait(self._process, seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return code in (0, -signal.SIGTERM, *NOT_YET)

    def kill(self) -> None:
        """End it now."""
        if self._process is not None:
            self.send(signal.SIGKILL)
            with held_back():
                self._process.wait()

    def _note_end(self, code: int) -> None:
        self.stopped = False
        if not self._ended_by_us and code not in NOT_YET:
            self.surprises.append(f"{self.name} ended by itself with exit code {code}: see {self.log}")


def skewed(skew: str, folder: Path) -> dict[str, str]:
    """The environment that sets a Python program's wall clock wrong: by `skew`, as libfaketime takes it.

    Clocks that measure spans are left alone: libfaketime moves them in ways that locks do not follow.
    Leaving them alone it breaks time.sleep, which is mended by a module in `folder`.
    """
    mended = folder / "skewed"
    mended.mkdir(exist_ok=True)
    (mended / "sitecustomize.py").write_text(_SLEEP)
    path = filter(None, (str(mended), os.environ.get("PYTHONPATH")))
    return {
        "LD_PRELOAD": str(faketime_library()),
        "FAKETIME": skew,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join(path),
    }


def faketime_library() -> Path | None:
    """libfaketime, which starts a program with another time; None where it is not installed."""
    folders = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))
    for folder in folders:
        for pattern in ("faketime/libfaketimeMT.so.1", "*/faketime/libfaketimeMT.so.1"):
            for found in folder.glob(pattern):
                return found
    return None


def children_of(pid: int) -> dict[int, bytes]:
    """Living processes that `pid` started, and their command lines."""
    found = {}
    for entry in list(os.scandir("/proc")) if os.path.isdir("/proc/self") else ():
        if not entry.name.isdigit():
            continue
        try:
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] not in "ZX":
                found[int(entry.name)] = Path(entry.path, "cmdline").read_bytes()
        except OSError:
            continue
    return found
