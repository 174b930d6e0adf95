"""Connections, what their errors mean, and that no password is ever shown."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from jobsched.core.config import Settings
from jobsched.core.model.errors import (
    ConfigError,
    JobschedError,
    PermissionDenied,
    SchemaTooOld,
    StoreUnreachable,
    TryAgain,
)
from jobsched.core.store.connect import (
    check_version,
    connect,
    connect_arguments,
    shown_url,
    translate,
    translated,
)
from jobsched.core.store.store import Store, home_folder, open_store

WHERE = "postgresql://me@host/db"


def failure(url: str) -> JobschedError:
    """The error of our tree with which connecting fails."""
    with pytest.raises(JobschedError) as caught:
        connect(url, timeout=2).close()
    return caught.value


def arguments(url: str) -> dict[str, object]:
    return connect_arguments(url, application_name="test", timeout=3.2)


def test_a_wrong_password_is_a_refused_login(database_url: str) -> None:
    """Exit 77, and neither the wrong nor the right password is in the message."""
    right = database_url.split(":")[2].partition("@")[0]
    error = failure(database_url.replace(right, "hunter2"))
    assert isinstance(error, PermissionDenied)
    assert "password authentication failed" in error.message
    assert "hunter2" not in f"{error.message}{error.fix}"
    assert "JOBSCHED_DATABASE_URL" in (error.fix or "")


def test_an_unknown_role_is_a_refused_login(database_url: str) -> None:
    """Postgres says "password" for both, so that roles cannot be guessed."""
    assert isinstance(failure(database_url.replace("//jobsched:", "//nobody_here:")), PermissionDenied)


def test_a_missing_database_is_a_wrong_configuration(database_url: str) -> None:
    """Exit 78: waiting will not bring it."""
    error = failure(f"{database_url.rpartition('/')[0]}/not_there")
    assert isinstance(error, ConfigError)
    assert 'database "not_there" does not exist' in error.message


def test_nobody_listening_is_an_unreachable_store() -> None:
    """Exit 69, with host and port named."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = failure(f"postgresql://me:secret@127.0.0.1:{port}/db")
    assert isinstance(error, StoreUnreachable)
    assert f"postgresql://me@127.0.0.1:{port}/db" in error.message
    assert "refused" in error.message
    assert "secret" not in error.message
    assert "\n" not in error.message


def test_a_silent_server_is_given_up_in_time() -> None:
    """The timeout ends the wait for somebody who accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/db")
    assert isinstance(error, StoreUnreachable)
    assert "timeout" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/db",
        "postgresql://me:pa/ss@host/db",
        "postgresql://me:12/ss@host/db",
        "postgresql://me:pa@ss@host/db",
        "postgresql://h:port/db",
        "nonsense",
        "postgresql://h/db?color=red",
    ],
)
def test_a_url_that_cannot_be_read_is_not_quoted(url: str) -> None:
    """A piece of it may be the password that made it unreadable."""
    error = failure(url)
    assert isinstance(error, ConfigError)
    for piece in ("pa", "ss", "nonsense", "red"):
        assert piece not in error.message
    assert "postgresql://USER:PASSWORD@HOST" in (error.fix or "")
    assert shown_url(url) == "an unreadable URL"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5433/db?sslmode=require", "postgresql://me@host:5433/db"),
        ("postgres://me:secret@a:1,b:2/db", "postgresql://me@a:1,b:2/db"),
        ("host=a,b port=5432 user=me password=secret dbname=db", "postgresql://me@a:5432,b:5432/db"),
        ("postgresql://me@host/db?password=secret", "postgresql://me@host/db"),
        ("postgresql:///db?host=/tmp", "postgresql://%2Ftmp/db"),
        ("postgresql+psycopg://me:secret@host/db", "postgresql://me@host/db"),
        ("postgresql://m%1be:x@host/d%0ab", "postgresql://m%1Be@host/d%0Ab"),
        ("service=prod", "service prod"),
        ("dbname=db", "postgresql://localhost/db"),
    ],
)
def test_a_shown_url_has_no_password_and_no_control_characters(url: str, shown: str) -> None:
    """User, host, port and database are all that is ever printed."""
    assert shown_url(url) == shown


def test_a_dead_link_is_noticed_within_half_a_minute() -> None:
    """Keepalives find a host that vanished without a word, before a lease of 30 s has run out."""
    got = arguments("postgresql://h/db")
    idle, interval, tries = (int(str(got[f"keepalives_{name}"])) for name in ("idle", "interval", "count"))
    assert idle + interval * tries < 30
    assert int(str(got["tcp_user_timeout"])) < 30_000
    assert got["connect_timeout"] == "4"


def test_what_the_url_says_is_stronger_than_our_defaults() -> None:
    """Somebody who tuned keepalives or timeouts in the URL meant it."""
    got = arguments("postgresql://h/db?connect_timeout=60&keepalives_idle=3&options=-c%20lock_timeout%3D5s")
    assert got["connect_timeout"] == "60"
    assert got["keepalives_idle"] == "3"
    assert got["options"] == "-c lock_timeout=5s -c TimeZone=UTC"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/db?pgbouncer=true",
        "postgresql://h/db?pgbouncer=true&sslmode=prefer",
        "postgresql://h/db?sslmode=prefer&pgbouncer=1",
        "host=h dbname=db pgbouncer=true",
        "pgbouncer=true host=h dbname=db",
    ],
)
def test_behind_pgbouncer_nothing_belongs_to_a_session(url: str) -> None:
    """A pooler in transaction mode knows neither prepared statements nor startup options."""
    got = arguments(url)
    assert got["prepare_threshold"] is None
    assert "options" not in got
    assert "pgbouncer" not in got
    assert (got["host"], got["dbname"]) == ("h", "db")


def test_without_pgbouncer_statements_are_prepared() -> None:
    """`pgbouncer=false` is taken out as well, because libpq does not know it."""
    assert "prepare_threshold" not in arguments("postgresql://h/db?pgbouncer=false")


def test_times_come_back_in_utc(database_url: str) -> None:
    """Whatever zone the server's operator lives in."""
    with connect(database_url, application_name="zoned") as connection:
        row = connection.execute("select now(), current_setting('application_name')").fetchone()
    assert row
    assert row[0].utcoffset().total_seconds() == 0
    assert row[1] == "zoned"


def test_a_postgres_that_is_too_old_is_refused() -> None:
    """14 is refused by name, 15 and later are taken."""
    with pytest.raises(ConfigError, match="PostgreSQL 14 is too old — jobsched needs 15 or newer"):
        check_version(140019)
    check_version(150000)
    check_version(180006)


@pytest.mark.parametrize(
    ("raised", "meant"),
    [
        (psycopg.errors.DiskFull("could not extend file"), TryAgain),
        (psycopg.errors.SerializationFailure("x"), TryAgain),
        (psycopg.errors.DeadlockDetected("x"), TryAgain),
        (psycopg.errors.LockNotAvailable("x"), TryAgain),
        (psycopg.errors.QueryCanceled("x"), TryAgain),
        (psycopg.errors.TooManyConnections("x"), TryAgain),
        (psycopg.errors.OutOfMemory("x"), TryAgain),
        (psycopg.errors.AdminShutdown("x"), StoreUnreachable),
        (psycopg.errors.CrashShutdown("x"), StoreUnreachable),
        (psycopg.errors.CannotConnectNow("x"), StoreUnreachable),
        (psycopg.errors.ConnectionFailure("x"), StoreUnreachable),
        (psycopg.errors.ReadOnlySqlTransaction("x"), PermissionDenied),
        (psycopg.errors.InsufficientPrivilege("x"), PermissionDenied),
        (psycopg.errors.InvalidPassword("x"), PermissionDenied),
        (psycopg.errors.InvalidCatalogName("x"), ConfigError),
        (psycopg.errors.UndefinedTable("x"), SchemaTooOld),
        (psycopg.errors.UndefinedColumn("x"), SchemaTooOld),
        (psycopg.OperationalError("the connection is lost"), StoreUnreachable),
        (psycopg.DatabaseError("server closed the connection unexpectedly"), StoreUnreachable),
        (psycopg.DataError("integer out of range"), JobschedError),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), TryAgain),
        (psycopg.OperationalError("could not write: No space left on device"), TryAgain),
        (psycopg.InterfaceError("the connection is closed"), StoreUnreachable),
        (psycopg.errors.SyntaxError("x"), JobschedError),
        (psycopg.ProgrammingError("x"), JobschedError),
    ],
)
def test_each_error_has_its_place_in_the_tree(raised: psycopg.Error, meant: type[JobschedError]) -> None:
    """One line, where it happened, and never psycopg's own class."""
    error = translate(raised, where=WHERE)
    assert type(error) is meant
    assert WHERE in error.message
    assert meant is JobschedError or error.fix


def test_a_full_disk_says_that_nothing_was_stored() -> None:
    """Exit 75: the same command works once there is room."""
    error = translate(psycopg.errors.DiskFull("could not extend file"), where=WHERE)
    assert error.exit_code == 75
    assert "is full" in error.message
    assert "nothing was stored" in error.message
    assert error.retryable


def test_what_the_server_says_is_quoted_on_one_safe_line() -> None:
    """Its words may hold what a user put into a payload."""
    error = translate(psycopg.OperationalError("bad \x1b[31m\n\u202eword" + "x" * 500), where=WHERE)
    assert error.message.isprintable()
    assert len(error.message) < 400


def test_values_of_rows_are_never_quoted(store: Store) -> None:
    """DETAIL shows the row that was refused; only the primary message is handed on."""
    statement = "insert into jobsched.queue (name, paused_by) values ('payroll-secret', 'x')"
    with pytest.raises(JobschedError) as caught, store.connection() as connection:
        connection.execute(statement)
    assert "check constraint" in caught.value.message
    assert "payroll-secret" not in caught.value.message


def test_other_errors_pass_through_untranslated() -> None:
    """Only psycopg's are ours to explain."""
    with pytest.raises(KeyError), translated(WHERE):
        raise KeyError("mine")


def test_a_lent_connection_is_the_same_until_the_server_closes_it(store: Store) -> None:
    """One connection serves all; a server that was restarted in between is not noticed by the caller."""
    with store.connection() as first, store.connection() as again:
        assert first is again
        pid = first.info.backend_pid
    with store.connect("killer") as other:
        other.execute("select pg_terminate_backend(%s, 5000)", (pid,))
    with store.connection() as second:
        assert second.execute("select 1").fetchone() == (1,)
        assert second.info.backend_pid != pid


def test_a_connection_lost_in_use_is_an_unreachable_store(store: Store) -> None:
    """What was under way may or may not have happened, so nothing is repeated by itself."""
    with pytest.raises(StoreUnreachable), store.connection() as connection:
        connection.execute("select pg_terminate_backend(pg_backend_pid())")
    with store.connection() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_threads_take_turns_on_the_one_connection(store: Store) -> None:
    """Nobody's statement lands in somebody else's transaction."""
    with store.connection() as connection:
        connection.execute("create table turns (n int)")

    def work() -> None:
        with store.connection() as connection, connection.transaction():
            row = connection.execute("select count(*) from turns").fetchone()
            assert row
            connection.execute("insert into turns values (%s)", (row[0],))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.connection() as connection:
        assert connection.execute("select array_agg(n order by n) from turns").fetchone() == (list(range(8)),)


def test_a_pool_lends_several_connections_at_once(settings: Settings) -> None:
    """With pool_size above one, borrowers do not wait for each other, and dead connections are replaced."""
    with open_store(settings, pool_size=2) as store:
        with store.connection() as one, store.connection() as two:
            pids = [one.info.backend_pid, two.info.backend_pid]
            assert one.autocommit
        assert len(set(pids)) == 2
        with store.connect("killer") as killer:
            killer.execute("select pg_terminate_backend(pid, 5000) from unnest(%s::int[]) pid", (pids,))
        with store.connection() as other:
            assert other.execute("select 1").fetchone() == (1,)
            assert other.info.backend_pid not in pids


def test_a_closed_store_can_be_used_again(store: Store) -> None:
    """Closing gives the connection back to the server; using the store opens a new one."""
    store.close()
    with store.connection() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_fork_does_not_share_the_connection(store: Store) -> None:
    """A child that wrote into its parent's connection would garble both."""
    with store.connection() as connection:
        pid = connection.info.backend_pid
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        with store.connection() as connection:
            os.write(write_end, str(connection.info.backend_pid).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        assert int(file.read()) != pid
    assert os.waitpid(child, 0)[1] == 0
    with store.connection() as connection:
        assert connection.execute("select pg_backend_pid()").fetchone() == (pid,)


def test_listen_goes_past_the_pooler(settings: Settings, database_url: str) -> None:
    """`direct_url` is used where a session of one's own is needed, the pooled URL everywhere else."""
    direct = settings.replace(direct_url=f"{database_url}?keepalives_idle=7")
    with open_store(direct) as store:
        with store.connect("listener", direct=True) as connection:
            assert connection.info.get_parameters()["keepalives_idle"] == "7"
        with store.connect("other") as connection:
            assert connection.info.get_parameters()["keepalives_idle"] == "10"


def test_a_role_without_rights_is_told_so(make_database: Callable[..., str]) -> None:
    """Exit 77, with the server's word for what is lacking."""
    url = make_database()
    password = url.split(":")[2].partition("@")[0]
    with connect(url) as admin:
        role = f"{url.rpartition('/')[2]}_viewer"
        admin.execute(sql.SQL("create role {} login password {}").format(sql.Identifier(role), sql.Literal(password)))
        with (
            connect(url.replace("//jobsched:", f"//{role}:")) as connection,
            pytest.raises(PermissionDenied, match="permission denied"),
            translated(WHERE),
        ):
            connection.execute("select * from jobsched.job")
        admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_home_is_where_configuration_says(settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JOBSCHED_HOME first; then root's place or the user's, by the XDG rules (relative paths are ignored)."""
    assert home_folder(settings) == home
    bare = settings.replace(home=None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert home_folder(bare) == Path("/var/lib/jobsched")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert home_folder(bare) == Path("/data/jobsched")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert home_folder(bare) == Path("/home/me/.local/share/jobsched")
