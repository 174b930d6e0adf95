"""A real Postgres for every test that asks for one.

One embedded server runs for the whole test run, shared by xdist's workers and started by the first
that needs it. A migrated template is cloned for each test, which takes some 40 ms. Nothing of the
user's is touched: homes lie below one temporary folder, and settings come from an isolated environment.

JOBSCHED_TEST_PG_BIN names the bin folder of another PostgreSQL to test against.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from filelock import FileLock
from psycopg import sql

from jobsched.core import config, host
from jobsched.core.config import Settings
from jobsched.core.store import embedded, schema
from jobsched.core.store.embedded.postmaster import find_postmaster, terminate
from jobsched.core.store.embedded.record import Layout
from jobsched.core.store.store import Store, open_store

ROOT_VARIABLE = "JOBSCHED_TEST_ROOT"
OWNER = "owner"
TEMPLATE = "template_jobsched"
# Safe for a server whose data nobody wants back.
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "60s",
    "max_wal_size": "4GB",
}
GRACE_SECONDS = 120.0
"""So long a test may need to end once its time is over."""
_numbers = count(1)
STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of this run before xdist's workers start; they inherit its name."""
    # Whoever is started in a shell's background ignores Ctrl-C, and so would the programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[STDERR] = os.dup(2)  # that of the run: while a test runs, 2 is its own
    for name in [name for name in os.environ if name.startswith(("JOBSCHED_", "PG"))]:
        if not name.startswith("JOBSCHED_TEST_"):
            del os.environ[name]
    if ROOT_VARIABLE not in os.environ:
        clear_forgotten(Path(tempfile.gettempdir()))
        root = Path(tempfile.mkdtemp(prefix="jobsched-test-"))
        root.chmod(0o755)  # the server may run as another user
        (root / OWNER).write_text(f"{os.getpid()} {host.process_start(os.getpid())}")
        os.environ[ROOT_VARIABLE] = str(root)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the whole process if a test waits again on its way out, for what has made it late: xdist tells
    which one it was and goes on with another process."""
    if item.config.getoption("usepdb"):  # somebody looks around
        return (yield)
    mark = item.get_closest_marker("timeout")
    seconds = float(mark.args[0] if mark else item.config.getoption("timeout") or item.config.getini("timeout"))
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=item.config.stash[STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop every server below the run's folder and remove it."""
    if hasattr(config, "workerinput"):
        return
    remove_root(Path(os.environ.pop(ROOT_VARIABLE)))


def clear_forgotten(folder: Path) -> None:
    """Remove what test runs of ours that were killed have left running."""
    with FileLock(folder / f".jobsched-test-{os.geteuid()}"):
        for owner in folder.glob(f"jobsched-test-*/{OWNER}"):
            with suppress(FileNotFoundError):  # another run is just tidying up after itself
                pid, start = owner.read_text().split()
                if owner.stat().st_uid == os.geteuid() and str(host.process_start(int(pid))) != start:
                    remove_root(owner.parent)


def remove_root(root: Path) -> None:
    for data in root.glob("*/postgres/data"):
        end_server(data.parent.parent)
    shutil.rmtree(root)


def end_server(home: Path) -> None:
    """End the server of a test's home, whoever started it."""
    layout = Layout(home)
    running = find_postmaster(layout)
    if running is not None:
        terminate(layout, running.pid)


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """The folder of this test run, reachable by the server's account."""
    return Path(os.environ[ROOT_VARIABLE])


@pytest.fixture(scope="session")
def server_url(run_folder: Path) -> str:
    """URL of the run's server; its database `template_jobsched` is migrated and ready to be cloned."""
    url = embedded.start(
        run_folder / "shared", pg_bin=os.environ.get("JOBSCHED_TEST_PG_BIN") or None, options=THROW_AWAY
    )
    with FileLock(run_folder / "template.lock"), psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select datistemplate from pg_database where datname = %s", (TEMPLATE,)).fetchone()
        if row is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
            schema.upgrade(with_database(url, TEMPLATE))
            connection.execute(sql.SQL("alter database {} is_template true").format(sql.Identifier(TEMPLATE)))
    return url


def with_database(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return f"{url.rpartition('/')[0]}/{name}"


@dataclass
class Admin:
    """Makes databases, and drops those of earlier tests: their last connections have ended by then,
    where dropping at once would wait 100 ms for them."""

    connection: psycopg.Connection
    unwanted: list[str] = field(default_factory=list)

    def create(self, name: str, template: str) -> None:
        while self.unwanted:
            self.connection.execute(
                sql.SQL("drop database {} with (force)").format(sql.Identifier(self.unwanted.pop()))
            )
        statement = sql.SQL("create database {} template {}")
        self.connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


@pytest.fixture(scope="session")
def _admin(server_url: str) -> Iterator[Admin]:
    with psycopg.connect(server_url, autocommit=True) as connection:
        yield Admin(connection)


@pytest.fixture
def make_database(server_url: str, _admin: Admin) -> Iterator[Callable[..., str]]:
    """A function that returns the URL of a new database: migrated, or empty with `empty=True`."""
    made = []

    def make(*, empty: bool = False) -> str:
        name = f"t{os.getpid()}_{next(_numbers)}"
        _admin.create(name, "template0" if empty else TEMPLATE)
        made.append(name)
        return with_database(server_url, name)

    yield make
    _admin.unwanted += made


@pytest.fixture
def database_url(make_database: Callable[..., str]) -> str:
    """URL of a freshly migrated database, this test's own."""
    return make_database()


@pytest.fixture
def connect(database_url: str) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """A function that opens a connection to this test's database, in autocommit; closed after the test."""
    opened: list[psycopg.Connection[Any]] = []

    def make() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(database_url, autocommit=True))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def home(run_folder: Path) -> Iterator[Path]:
    """A home for an embedded store, not there yet. What runs in it is stopped after the test."""
    folder = run_folder / f"home-{os.getpid()}-{next(_numbers)}"
    yield folder
    end_server(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def environ(tmp_path: Path, home: Path) -> dict[str, str]:
    """The environment of a user who has configured nothing: no file and no variable of the real one."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "JOBSCHED_HOME": str(home),
    }


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path, database_url: str) -> Settings:
    """Defaults, with this test's database and home."""
    return config.load(environ=environ | {"JOBSCHED_DATABASE_URL": database_url}, cwd=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """This test's database, opened."""
    with open_store(settings) as opened:
        yield opened
