"""The store of one process: where it is, and the connections to it.

Without `database_url` it is an embedded Postgres, started by whoever needs it first.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import TupleRow

from ..model.errors import ConfigError, PermissionDenied, SchemaTooOld, StoreUnreachable
from . import embedded as embedded_store
from . import schema
from .connect import check_version, connect, connect_arguments, shown_url, translate, translated

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from ..config import Settings

Say = Callable[[str], None]


class Store:
    """Connections to one Postgres. Threads may share it; close it when done.

    url: as libpq takes it, password included. shown_url: without. embedded: whether jobsched runs
    that Postgres itself. home: folder of what this installation keeps outside the database.
    """

    def __init__(
        self,
        url: str,
        *,
        home: Path,
        embedded: bool = False,
        direct_url: str | None = None,
        pg_bin: str | None = None,
        timeout: float = 10.0,
        pool_size: int = 1,
    ) -> None:
        """timeout: seconds for a connection. pool_size: most connections that `connection` lends at once."""
        self.url = url
        self.home = home
        self.embedded = embedded
        self._direct_url = direct_url
        self._pg_bin = pg_bin
        self._timeout = timeout
        self._pool_size = pool_size
        self._lock = threading.RLock()
        self._connection: psycopg.Connection[TupleRow] | None = None
        self._pid = os.getpid()
        self._pool: ConnectionPool[psycopg.Connection[TupleRow]] | None = None

    @property
    def shown_url(self) -> str:
        return shown_url(self.url)

    def connection(self) -> AbstractContextManager[psycopg.Connection[TupleRow]]:
        """Lend a connection in autocommit; what psycopg raises inside is translated.

        One that the server closed since its last use is replaced first. Threads wait for each
        other where pool_size is 1; the thread that has it may borrow it again.
        """
        return self._pooled() if self._pool_size > 1 else _Lent(self)

    def connect(self, application_name: str, *, direct: bool = False) -> psycopg.Connection[TupleRow]:
        """Open a connection of the caller's own, in autocommit.

        direct: past a pooler, by `direct_url`, for LISTEN. An embedded store that crashed is
        started again; one that was stopped on purpose is StoreUnreachable.
        """
        if not self.embedded:
            url = self._direct_url if direct and self._direct_url else self.url
            return connect(url, application_name=application_name, timeout=self._timeout)
        try:
            return self._connect_embedded(application_name)
        except (StoreUnreachable, PermissionDenied, ConfigError):
            self.url = embedded_store.revive(self.home, pg_bin=self._pg_bin)
            return self._connect_embedded(application_name)

    def close(self) -> None:
        """Close what is open. The store may be used again; it then opens new connections."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect_embedded(self, application_name: str) -> psycopg.Connection[TupleRow]:
        options = embedded_store.libpq_options()
        try:
            return connect(self.url, application_name=application_name, timeout=self._timeout, libpq=options)
        except StoreUnreachable as error:
            raise StoreUnreachable(error.message, fix="jobsched db up") from error

    def _cached(self) -> psycopg.Connection[TupleRow]:
        if self._pid != os.getpid():  # after a fork the connection is the parent's
            self._connection, self._pid = None, os.getpid()
        if self._connection is not None and not _is_usable(self._connection):
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._connection = self.connect("jobsched")
        return self._connection

    @contextmanager
    def _pooled(self) -> Iterator[psycopg.Connection[TupleRow]]:
        pool = self._open_pool()
        try:
            connection = pool.getconn()
        except psycopg.OperationalError as error:
            raise translate(error, where=self.shown_url) from error
        try:
            with translated(self.shown_url):
                yield connection
        finally:
            pool.putconn(connection)

    def _open_pool(self) -> ConnectionPool[psycopg.Connection[TupleRow]]:
        with self._lock:
            if self._pool is None:
                from psycopg_pool import ConnectionPool

                self._pool = ConnectionPool(
                    kwargs=self._pool_arguments,
                    min_size=1,
                    max_size=self._pool_size,
                    timeout=self._timeout,
                    check=_check_usable,
                    open=True,
                )
            return self._pool

    def _pool_arguments(self) -> dict[str, Any]:
        """What the pool connects with; asked for at every new connection, so that a moved store is found."""
        libpq = None
        if self.embedded:
            self.url = embedded_store.recorded_url(self.home) or self.url
            libpq = embedded_store.libpq_options()
        return connect_arguments(self.url, application_name="jobsched", timeout=self._timeout, libpq=libpq)


class _Lent:
    """The one connection of a store without a pool. Not a generator: submitting in a loop pays for it each time."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> psycopg.Connection[TupleRow]:
        self._store._lock.acquire()
        try:
            return self._store._cached()
        except BaseException:
            self._store._lock.release()
            raise

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._store._lock.release()
        if isinstance(error, psycopg.Error):
            raise translate(error, where=self._store.shown_url) from error


def open_store(
    settings: Settings,
    *,
    start: bool = True,
    check_schema: bool = True,
    pool_size: int = 1,
    say: Say | None = None,
) -> Store:
    """Open the configured store, or the embedded one where no `database_url` is set.

    start: start the embedded Postgres if it does not run; False: StoreUnreachable instead.
    check_schema: a store without jobsched's schema gets it, and an embedded one with an older
    schema is upgraded. say: told what takes long ("creating …").
    Raises SchemaTooOld, SchemaTooNew, ConfigError (PostgreSQL older than 15) and `connect`'s errors.
    """
    home = home_folder(settings)
    configured: str | None = settings["database_url"]
    pg_bin: str | None = settings["pg_bin"]
    url = configured or _embedded_url(home, pg_bin, start=start, say=say)
    store = Store(
        url,
        home=home,
        embedded=configured is None,
        direct_url=settings["direct_url"],
        pg_bin=pg_bin,
        timeout=settings["connect_timeout"],
        pool_size=pool_size,
    )
    try:
        _prepare(store, check_schema=check_schema, may_start=start)
    except BaseException:
        store.close()
        raise
    return store


def home_folder(settings: Settings) -> Path:
    """Return the folder of embedded store, objects and outbox. It need not exist yet.

    `home`, else /var/lib/jobsched for root, else $XDG_DATA_HOME/jobsched (~/.local/share/jobsched).
    """
    if settings["home"]:
        return Path(os.path.abspath(os.path.expanduser(settings["home"])))
    if os.geteuid() == 0:
        return Path("/var/lib/jobsched")
    data = os.environ.get("XDG_DATA_HOME")
    base = Path(data) if data and os.path.isabs(data) else Path.home() / ".local" / "share"
    return base / "jobsched"


def _embedded_url(home: Path, pg_bin: str | None, *, start: bool, say: Say | None) -> str:
    url = embedded_store.recorded_url(home)
    if url is not None:
        return url
    if not start:
        raise StoreUnreachable(f"the embedded store in {home} is not running", fix="jobsched db up")
    return embedded_store.start(home, pg_bin=pg_bin, say=say)


def _prepare(store: Store, *, check_schema: bool, may_start: bool) -> None:
    """Connect once, which proves the address, and look at the schema on that connection."""
    connection = store.connect("jobsched") if may_start or not store.embedded else store._connect_embedded("jobsched")
    store._connection = connection
    check_version(connection.info.server_version)
    if check_schema:
        with translated(store.shown_url):
            version = schema.current(connection)
        try:
            schema.judge(version)
        except SchemaTooOld:
            if version is not None and not store.embedded:
                raise
            schema.upgrade(store.url)


def _is_usable(connection: psycopg.Connection[TupleRow]) -> bool:
    """Whether the server still holds this idle connection: a server that closed it left bytes to read."""
    if connection.closed:
        return False
    waiter = select.poll()
    waiter.register(connection.fileno(), select.POLLIN)
    try:
        while waiter.poll(0):
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return False
    return True


def _check_usable(connection: psycopg.Connection[TupleRow]) -> None:
    """The pool's question before it lends a connection."""
    if not _is_usable(connection):
        raise psycopg.OperationalError("the server closed the connection")
