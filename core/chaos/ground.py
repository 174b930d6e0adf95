"""Where chaos happens: a folder with a store, workers and submitters of its own. No setting, file or
variable can point it at another store: its processes are told of none of them."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from ..config import Settings, load
from ..host import MARK_VARIABLE, kill_processes_marked
from ..interrupts import ended_by_signals, held_back
from ..model.errors import JobschedError, UsageError
from ..service import Service
from ..store import chaos, embedded
from ..store.store import home_folder
from . import limits
from .actors import Actor
from .jobs import WITNESS
from .proxy import Proxy

MARK = "JOBSCHED_CHAOS_RUN"
CRASH_LIMIT = 3
CONCURRENCY = 10
DRAIN = "1s"
STOP_SECONDS = 30.0
MAX_DISK = 8 << 30
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Options:
    """seed: of the submitters. workers, submitters: how many. lease: seconds, short, so that it can be outlasted.
    bulk: submit batches of small jobs alone. disk: a small file system for the store's data alone, or None.
    pg_bin: as the setting."""

    seed: str
    workers: int
    submitters: int
    lease: float
    bulk: bool = False
    disk: Path | None = None
    pg_bin: str | None = None


class Ground:
    """Every second worker and submitter reaches the store through a proxy of its own; the others know it
    as embedded and start it again when it was killed.
    """

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.disk = options.disk
        self.home = (options.disk or folder) / "home"
        self._options = options
        self._mark = secrets.token_hex(8)
        self._stack = ExitStack()
        self._environ = self._make_environ()
        self._url = embedded.start(self.home, pg_bin=options.pg_bin)
        self.settings = load(environ=self._environ, cwd=folder)
        self.service = Service(self.settings)
        try:
            with self.service.store.connection() as conn:
                chaos.write_history(conn)
            for queue in limits.QUEUES:
                self.service.set_queue(queue.name, queue.limits)
            self.workers = [self._make_worker(number) for number in range(options.workers)]
            self.submitters = [self._make_submitter(number) for number in range(options.submitters)]
        except BaseException:
            self.close()
            raise

    @property
    def actors(self) -> list[Actor]:
        """Everybody."""
        return [*self.workers, *self.submitters]

    @property
    def witness(self) -> Path:
        """What jobs tell."""
        return self.folder / "witness"

    def said(self) -> list[Path]:
        """What submitters noted."""
        return sorted(self.folder.glob("said-*.jsonl"))

    def postmaster(self) -> int | None:
        """Process id of the server, or None."""
        return embedded.status(self.home).pid

    def close(self) -> None:
        """Leave nothing running."""
        for actor in getattr(self, "workers", []) + getattr(self, "submitters", []):
            actor.kill()
        kill_processes_marked(MARK, self._mark)  # of workers that were killed before
        with suppress(JobschedError):
            for worker in self.marks():
                kill_processes_marked(MARK_VARIABLE, worker)
        self.service.close()
        self._stack.close()
        embedded.stop(self.home)

    def marks(self) -> list[str]:
        """What marks the processes that workers' jobs started."""
        with self.service.store.connection() as conn:
            return chaos.worker_marks(conn)

    def _make_environ(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "JOBSCHED_HOME": str(self.home),
            **({"JOBSCHED_PG_BIN": self._options.pg_bin} if self._options.pg_bin else {}),
            "JOBSCHED_IMPORTS": "jobsched.core.chaos.jobs",
            "JOBSCHED_LEASE": f"{self._options.lease:g}s",
            "JOBSCHED_POLL": "200ms",
            "JOBSCHED_CONNECT_TIMEOUT": "2s",
            "JOBSCHED_DRAIN_TIMEOUT": DRAIN,
            "JOBSCHED_AGING": "3s",
            "JOBSCHED_CRASH_LIMIT": str(CRASH_LIMIT),
            "JOBSCHED_LOST_LIMIT": "1000000",  # how often a worker is lost is chaos' doing, not the job's
            "JOBSCHED_LOG_FORMAT": "json",
            WITNESS: str(self.witness),
            MARK: self._mark,
        }

    def _make_worker(self, number: int) -> Actor:
        name = f"worker-{number}"
        command = ("jobsched.cli", "worker", "-c", str(CONCURRENCY), "--allow-commands", "--name", name + "-{life}")
        environ, proxy = self._way_to_the_store(number)
        return Actor(name, command, environ, self.folder, proxy)

    def _make_submitter(self, number: int) -> Actor:
        mix = "bulk" if self._options.bulk else "mixed"
        command = (
            "jobsched.core.chaos.submitter", str(self.folder), str(number), "{life}", self._options.seed, mix,
        )  # fmt: skip
        environ, proxy = self._way_to_the_store(number)
        return Actor(f"submitter-{number}", command, environ, self.folder, proxy)

    def _way_to_the_store(self, number: int) -> tuple[dict[str, str], Proxy | None]:
        if number % 2 == 0:
            return self._environ, None
        proxy = Proxy(self._address)
        self._stack.callback(proxy.close)
        parts = urlsplit(self._url)
        url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()
        return {**self._environ, "JOBSCHED_DATABASE_URL": url}, proxy

    def _address(self) -> tuple[str, int]:
        """Where the server is now: after a crash it may have another port."""
        parts = urlsplit(embedded.recorded_url(self.home) or self._url)
        return parts.hostname or "127.0.0.1", parts.port or 0


@contextmanager
def open_ground(configured: Settings, store: Path | None, options: Options) -> Iterator[Ground]:
    """Make the folder and what runs in it, and end all of it afterwards, also after SIGTERM and SIGHUP.

    store: the folder, new or empty; None makes one for temporary files. It is removed by whoever
    calls, and only where nothing in it is worth a look. UsageError: it holds anything, or so does the disk,
    which must be the mount point of an empty, small file system, so that it can be filled up.
    """
    if options.disk is not None:
        _check_disk(options.disk)
    folder = Path(tempfile.mkdtemp(prefix="jobsched-chaos-")) if store is None else _new_folder(configured, store)
    folder.chmod(0o711)  # the server may run as another user
    with ended_by_signals():
        ground = Ground(folder, replace(options, pg_bin=configured["pg_bin"]))
        try:
            yield ground
        except BaseException:
            with held_back():
                ground.close()
            if store is None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        with held_back():
            ground.close()


def _check_disk(disk: Path) -> None:
    example = "mount -t tmpfs -o size=2g tmpfs DIR"
    if not os.path.ismount(disk):
        raise UsageError(f"{disk} is not a mount point — all of its space will be used up", fix=example)
    if any(entry.name != "lost+found" for entry in disk.iterdir()):
        raise UsageError(f"{disk} holds something — chaos wants a file system for itself", fix=example)
    if (size := shutil.disk_usage(disk).total) > MAX_DISK:
        raise UsageError(f"{disk} holds {size >> 30} GiB — it is filled up again and again: at most 8", fix=example)


def _new_folder(configured: Settings, store: Path) -> Path:
    folder = Path(os.path.abspath(store.expanduser()))
    if folder == home_folder(configured) or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} holds something — chaos wants a folder for itself", fix="name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
