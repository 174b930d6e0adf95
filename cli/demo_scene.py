"""Where the demo plays: a folder with a store and a worker of its own, and nothing of it left behind.

Never a configured store: whatever environment and files say, these settings name the folder alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.config import Settings
from ..core.interrupts import ended_by_signals, held_back, poll
from ..core.model.errors import JobschedError, UsageError
from ..core.service import Service
from ..core.store import embedded
from ..core.store.connect import beside
from ..core.store.store import home_folder, open_store
from . import diagnostics

WORKER_NAME = "demo"
SHOP = "shop"
"""Name of the database that the demo's jobs may use."""
CONCURRENCY = 4
PATIENCE_SECONDS = 3.0
STOP_SECONDS = 10.0
LAST_LINES = 5


class Scene:
    """An open demo. folder: of the store and the objects. keep: everything runs on afterwards."""

    def __init__(self, settings: Settings, folder: Path, *, keep: bool, scratch: bool) -> None:
        self.folder = folder
        self.keep = keep
        self.passed = False
        """Set when all went as expected: only then is a scratch store cleared away."""
        self._scratch = scratch
        self._ran_before = embedded.status(folder).running
        store = open_store(settings, say=diagnostics.note)
        self._store = store
        self.settings = worker_settings(settings, folder)
        self.service = Service(self.settings, store=store)
        self._worker: subprocess.Popen[bytes] | None = None

    def open_shop(self) -> None:
        """Make the database that the demo's jobs change, with ten widgets in stock."""
        from ..core.store import applied_table
        from ..core.store.databases import connected, find_database

        with self._store.connection() as connection:
            if not connection.execute("select 1 from pg_database where datname = 'shop'").fetchone():
                connection.execute("create database shop")
        shop = find_database(self.settings, SHOP)
        applied_table.create(shop)
        with connected(shop) as connection:
            connection.execute("create table if not exists stock (item text primary key, amount integer not null)")
            connection.execute("insert into stock values ('widget', 10) on conflict (item) do update set amount = 10")

    def start_worker(self) -> None:
        """Start a worker process on this store; its log goes to `<folder>/worker.log`."""
        with self.log.open("ab") as log, held_back():
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "jobsched.cli.demo_worker", str(self.folder)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which stops the worker in order
            )

    @property
    def log(self) -> Path:
        """The worker's log."""
        return self.folder / "worker.log"

    @property
    def worker_pid(self) -> int:
        """Process id of the worker."""
        assert self._worker
        return self._worker.pid

    def check_worker(self) -> None:
        """JobschedError with the log's last lines if the worker has ended."""
        if self._worker is not None and (code := poll(self._worker)) is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            raise JobschedError(
                f"the demo's worker ended with exit code {code} — {' | '.join(lines)[-800:]}",
                fix=f"read {self.log}",
            )

    def close(self) -> None:
        """Stop what was started here, unless it is to be kept."""
        self.service.close()
        self._store.close()
        if self.keep and self.passed:
            return
        if self._worker is not None:
            _stop(self._worker)
        if not self._ran_before:
            embedded.stop(self.folder)
        if self._scratch and self.passed:
            self._clear()

    def _clear(self) -> None:
        """Remove the scratch store; the files that the jobs made stay."""
        for entry in self.folder.iterdir():
            if entry.name not in ("objects", "outbox"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def open_scene(configured: Settings, store: Path | None, *, keep: bool) -> Iterator[Scene]:
    """Make the folder, start its store, and take both down at the end, also after SIGTERM and SIGHUP.

    store: the folder; None makes a new one for temporary files. UsageError: a folder that holds
    something else, or the one that jobsched uses anyway.
    """
    folder = Path(tempfile.mkdtemp(prefix="jobsched-demo-")) if store is None else _check_folder(configured, store)
    with ended_by_signals():
        scene = Scene(scratch_settings(configured, folder), folder, keep=keep, scratch=store is None)
        try:
            yield scene
        finally:
            with held_back():
                scene.close()


def scratch_settings(configured: Settings, folder: Path) -> Settings:
    """The settings of a demo in `folder`: no store, object store or module that was configured elsewhere."""
    return configured.replace(
        database_url=None,
        direct_url=None,
        home=str(folder),
        imports=(),
        objects__endpoint=None,
        objects__dir=None,
        databases={},
        queries={},
        email__transport="outbox",
        email__outbox=None,
        email__templates=None,
        fetch__allow=("127.0.0.1",),
        log__format="console",
    )


def worker_settings(configured: Settings, folder: Path) -> Settings:
    """The same for the worker, whose jobs may use the demo's own database. The store must run."""
    url = embedded.recorded_url(folder)
    assert url, "the scene has started the store"
    return scratch_settings(configured, folder).replace(databases={SHOP: beside(url, SHOP)})


def _check_folder(configured: Settings, store: Path) -> Path:
    folder = Path(os.path.abspath(store.expanduser()))
    if folder == home_folder(configured):
        raise UsageError(f"{folder} is where jobsched keeps its own store", fix="name another folder")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", fix="name a new folder")
    if folder.is_dir() and any(folder.iterdir()) and not embedded.status(folder).created:
        raise UsageError(f"{folder} holds something else than a demo", fix="name a new folder")
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


def _stop(worker: subprocess.Popen[bytes]) -> None:
    """The first SIGTERM lets running jobs finish, the second one hands them back."""
    for ask, seconds in ((worker.terminate, PATIENCE_SECONDS), (worker.terminate, STOP_SECONDS), (worker.kill, None)):
        ask()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(seconds)
            return
