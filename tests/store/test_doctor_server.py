"""`doctor` beside a server that runs out of something, forgets to clear up, or only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from jobsched.core import config
from jobsched.core.config import Settings
from jobsched.core.doctor import Examination
from jobsched.core.doctor import examine as examine_everything
from jobsched.core.model.errors import TryAgain
from jobsched.core.model.findings import Finding, Level
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import embedded, schema
from jobsched.core.store.doctor import examine_store
from jobsched.core.store.store import open_store

from .leasing import Conn

Answer = TypeVar("Answer")
CONNECTIONS = 20
OPTIONS = {
    "max_connections": str(CONNECTIONS), "superuser_reserved_connections": "0", "max_prepared_transactions": "2",
    "max_worker_processes": "0", "fsync": "off",
}  # fmt: skip


@pytest.fixture
def own(home: Path, environ: dict[str, str], tmp_path: Path) -> Settings:
    """The settings for an embedded server of the test's own, with few connections."""
    schema.upgrade(embedded.start(home, options=OPTIONS))
    return config.load(environ=environ, cwd=tmp_path)


@pytest.fixture
def db(own: Settings) -> Iterator[Conn]:
    """A connection to it."""
    with open_store(own) as store, store.connect("test") as connection:
        yield connection


@pytest.fixture
def examine(own: Settings) -> Callable[..., list[Finding]]:
    """examine("connections"): what is found by one check."""

    def look(check: str) -> list[Finding]:
        with open_store(own) as store:
            return [each for each in examine_store(store, patience=0.0) if each.check == check]

    return look


def look_around(own: Settings) -> Examination:
    return examine_everything(own)


class Sessions(ExitStack):
    """Sessions that somebody opens beside `db`, and keeps until the end."""

    def __init__(self, db: Conn) -> None:
        super().__init__()
        self._db = db

    def open_another(self) -> bool:
        """Whether there was room for one more."""
        try:
            self.enter_context(psycopg.connect(self._db.info.dsn, password=self._db.info.password))
        except psycopg.OperationalError as error:
            assert "too many clients" in str(error)  # noqa: PT017 - at which of them it comes, the server decides
            return False
        return True

    def fill(self, until: int) -> None:
        """Open as many as it takes until so many are in use, whosever they are."""
        used = "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        while self._db.execute(used).fetchone() < (until,):  # type: ignore[operator]
            self.open_another()

    def once_full(self, ask: Callable[[], Answer], wanted: Callable[[Answer], bool]) -> Answer:
        """What `ask` says when none is left. A session that is just ending leaves one, once."""
        for _ in range(100):
            while self.open_another():
                pass
            found = ask()
            if wanted(found):
                return found
        pytest.fail(f"all connections are in use, and yet: {found}")


def list_queues(own: Settings) -> str:
    try:
        with Service(own, registry=Registry()) as service:
            return f"queues {service.queues()}"
    except TryAgain as error:
        return error.message


def test_connections_that_run_out_are_told_before_and_when_they_have(
    own: Settings, db: Conn, examine: Callable[..., list[Finding]]
) -> None:
    """From four in five on; with none left, nobody can be asked, and that is said instead."""
    with Sessions(db) as sessions:
        assert [each.level for each in examine("connections")] == [Level.OK]
        sessions.fill(CONNECTIONS * 8 // 10)
        (warned,) = examine("connections")
        assert (warned.level, "of 20 connections are in use" in warned.what) == (Level.WARN, True)
        for _ in range(100):  # sessions that were just ending are counted, too, and then they are gone
            sessions.fill(CONNECTIONS - 2)
            if examine("connections")[0].level is Level.BAD:
                break
        else:
            pytest.fail("so few connections are left, and doctor finds nothing bad")
        full = sessions.once_full(lambda: look_around(own), lambda found: found.findings[0].check == "store")
        assert full.reachable
        first = full.findings[0]
        assert first.level is Level.BAD
        assert "has no connection left" in first.what
        assert "max_connections" in (first.fix or "")
        sessions.once_full(lambda: list_queues(own), lambda said: not said.startswith("queues"))
    assert examine("connections")[0].level is Level.OK


def test_a_transaction_that_somebody_prepared_and_forgot_is_named(
    db: Conn, examine: Callable[..., list[Finding]]
) -> None:
    """No session has it, and no restart ends it."""
    db.execute("begin")
    db.execute("select pg_current_xact_id()")
    db.execute("""prepare transaction 'forgotten "order" 7'""")
    (found,) = examine("snapshot")
    assert (found.level, 'prepared transaction (forgotten "order" 7' in found.what) == (Level.WARN, True)
    assert "rollback prepared" in (found.fix or "")
    db.execute("""rollback prepared 'forgotten "order" 7'""")
    assert [each.level for each in examine("snapshot")] == [Level.OK]


def test_a_server_that_only_reads_or_never_clears_up_is_bad(db: Conn, examine: Callable[..., list[Finding]]) -> None:
    """With the statement that changes it."""
    for name, value in (("default_transaction_read_only", "on"), ("autovacuum", "off")):
        db.execute(f"alter system set {name} = '{value}'".encode())
    db.execute("select pg_reload_conf()")
    found: dict[str, Finding] = {}
    for _ in range(1000):  # a reload is told to sessions to come within a moment
        found = {each.what: each for each in examine("server")}
        if "autovacuum is off" in found and "the server is read-only" in found:
            break
    assert found["the server is read-only"].level is Level.BAD
    assert "target_session_attrs=read-write" in (found["the server is read-only"].fix or "")
    assert found["autovacuum is off"].level is Level.BAD
    assert found["autovacuum is off"].fix == "alter system set autovacuum = on; select pg_reload_conf()"
