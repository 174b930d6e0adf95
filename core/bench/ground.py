"""Where a benchmark runs: a scratch store and workers of its own, and the CPU that each part uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..config import Settings
from ..interrupts import ended_by_signals, held_back, poll
from ..model.errors import ConfigError, WaitTimeout
from ..service import Service
from ..store import embedded

START_SECONDS = 60.0
STEP_SECONDS = 0.05
_TICK = os.sysconf("SC_CLK_TCK")


class Cpu(NamedTuple):
    """CPU seconds used so far, by part."""

    postgres: float
    keepers: float
    runners: float

    def per_job(self, before: Cpu, jobs: int) -> dict[str, float]:
        """Microseconds a job that each part used since `before`."""
        names = ("postgres_us", "keeper_us", "runner_us")
        spent = (after - then for after, then in zip(self, before, strict=True))
        return {name: 1e6 * each / max(1, jobs) for name, each in zip(names, spent, strict=True)}


class Ground:
    """A store to measure in, and the workers that were started on it."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings = settings
        self.service = Service(settings)
        self._home = home
        self._workers: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def workers(self, count: int, arguments: Sequence[str] = ()) -> Iterator[None]:
        """Run `count` worker processes for the length of a with block; all are ready when it begins."""
        environment = {
            **os.environ,
            "JOBSCHED_DATABASE_URL": self.settings["database_url"],
            "JOBSCHED_HOME": str(self._home),
            "JOBSCHED_LOG_LEVEL": "warning",
        }
        command = [sys.executable, "-m", "jobsched.cli", "worker", *arguments]
        before = {worker.id for worker in self.service.workers()}
        try:
            with held_back():
                self._workers = [
                    subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
                    for _ in range(count)
                ]
            self.until(
                lambda: len({worker.id for worker in self.service.workers()} - before) == count, "workers to start"
            )
            yield
        finally:
            with held_back():
                for each in self._workers:
                    each.send_signal(signal.SIGTERM)
            for each in self._workers:
                each.wait()
            self._workers = []

    def until(self, holds: object, what: str, timeout: float = START_SECONDS) -> None:
        """Wait until `holds()` is true. WaitTimeout: it was not in `timeout` seconds."""
        assert callable(holds)
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline or any(poll(each) is not None for each in self._workers):
                raise WaitTimeout(f"waited for {what} in vain — a worker ended, or {timeout:.0f} s were not enough")
            time.sleep(STEP_SECONDS)

    def cpu(self) -> Cpu:
        """What has been used so far. Postgres is 0 where it is not this benchmark's own."""
        keepers = [each.pid for each in self._workers]
        children = _children()
        runners = [child for keeper in keepers for child in children.get(keeper, ())]
        status = embedded.status(self._home)
        return Cpu(
            0.0 if status.pid is None else _tree_seconds(status.pid, children),
            sum(_own_seconds(pid) for pid in keepers),
            sum(_own_seconds(pid) for pid in runners),
        )


@contextmanager
def open_ground(settings: Settings, store_url: str | None) -> Iterator[Ground]:
    """Give a scratch store that is removed afterwards, or the store at `store_url`."""
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="jobsched-bench-") as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o711)  # the server may run as another user
        url = store_url or embedded.start(home, pg_bin=settings["pg_bin"])
        ground = Ground(settings.replace(database_url=url, home=str(home)), home)
        try:
            if store_url is None:
                from ..store.schema import upgrade

                upgrade(url)
            yield ground
        finally:
            ground.service.close()
            if store_url is None:
                embedded.stop(home)


def check_scratch(store_url: str | None, *, yes: bool) -> None:
    """ConfigError unless the store may be filled with a benchmark's jobs."""
    if store_url is not None and not yes:
        raise ConfigError(
            "a benchmark leaves its jobs in the store that --store names", fix="add --yes, or leave --store out"
        )


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in list(os.scandir("/proc")) if os.path.isdir("/proc/self") else ():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _own_seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def _tree_seconds(pid: int, children: dict[int, list[int]]) -> float:
    """Of a process, its living descendants, and those of its children that have ended."""
    fields = _stat(pid)
    ended = (int(fields[13]) + int(fields[14])) / _TICK if fields else 0.0
    return _own_seconds(pid) + ended + sum(_tree_seconds(child, children) for child in children.get(pid, ()))
