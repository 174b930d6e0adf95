"""A query is applied exactly once, whoever dies around its COMMIT."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg
import pytest

from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.store import applied_table
from jobsched.core.store import fleet as workers
from jobsched.core.store.databases import Database

from .fleet import PATIENCE, Fleet, is_alive, until

ROUNDS = 4
INSERT = {"query": "insert into entry (said) values ($1)", "params": ["once"], "connection": "app"}
Moment = Literal["before", "after"]


class CommitProxy:
    """Stands between worker and database, and stops at COMMITs when it is told to.

    at: "before" stops what asks for one, "after" the server's word that it has happened. act: what is
    done then: "hold" keeps both connections open and passes nothing on, "cut" breaks them.
    """

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._target = (place.hostname or "", place.port or 0)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{place.port}/", f":{self._server.getsockname()[1]}/")
        self._at: Moment | None = None
        self._act: Literal["hold", "cut"] = "hold"
        self._refusing = False
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.stopped = threading.Event()
        self._start(self._accept)

    def stop_once(self, at: Moment, act: Literal["hold", "cut"], *, then_refuse: bool = False) -> None:
        """Stop at the next COMMIT alone; with then_refuse, let nobody connect from then on."""
        self.stopped.clear()
        self._at, self._act, self._then_refuse = at, act, then_refuse

    def mend(self) -> None:
        """Let connections through again."""
        self._refusing = False

    def close(self) -> None:
        """End it."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in self._sockets:
            _break(each)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _start(self, work: Callable[..., None], *values: Any) -> None:
        thread = threading.Thread(target=work, args=values)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                theirs, _ = self._server.accept()
                if self._refusing:
                    theirs.close()
                    continue
                ours = socket.create_connection(self._target)
                self._sockets += [theirs, ours]
                self._start(self._forward, theirs, ours, "before", b"commit\0")
                self._start(self._forward, ours, theirs, "after", b"COMMIT\0")

    def _forward(self, source: socket.socket, target: socket.socket, moment: Moment, sign: bytes) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self._at == moment and sign in data:
                    self._at = None
                    self._refusing = self._then_refuse
                    if self._act == "cut":
                        _break(source)
                        _break(target)
                    self.stopped.set()
                    source.recv(1)  # whatever comes, nothing goes on
                    break
                target.sendall(data)
        _break(source)
        _break(target)


def _break(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


@pytest.fixture
def app_url(make_database: Callable[..., str]) -> str:
    """URL of a second database, ready for db_tx jobs."""
    url = make_database(empty=True)
    applied_table.create(Database("app", url))
    return url


@pytest.fixture
def app(app_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(app_url, autocommit=True) as connection:
        connection.execute("create table entry (id int generated always as identity, said text)")
        yield connection


@pytest.fixture
def proxy(app_url: str, fleet: Fleet) -> Iterator[CommitProxy]:
    """Between this test's workers and that database."""
    between = CommitProxy(app_url)
    fleet.environ["JOBSCHED_DB_APP"] = between.url
    yield between
    between.close()


def entries(app: psycopg.Connection[Any]) -> int:
    row = app.execute("select count(*) from entry").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_worker_killed_around_the_commit_applies_once(
    fleet: Fleet, app: psycopg.Connection[Any], proxy: CommitProxy, at: Moment
) -> None:
    """kill -9 when COMMIT has been sent, or has happened, and the job's outcome is not known: another
    worker runs the job again, and there is one entry, with the result that was recorded."""
    for round_ in range(1, ROUNDS + 1):
        proxy.stop_once(at, "hold")
        worker = fleet.start()
        (job,) = fleet.submit("db_tx", payload=INSERT)
        assert proxy.stopped.wait(PATIENCE)
        family = [worker.pid, *worker.children()]
        assert entries(app) == (round_ if at == "after" else round_ - 1)
        assert fleet.rows("select count(*) from jobsched.outcome") == [(round_ - 1,)]

        worker.signal(signal.SIGKILL)
        until(lambda family=family: not any(map(is_alive, family)), "the worker is gone")  # type: ignore[misc]
        second = fleet.start()

        assert fleet.until_ended(round_) == {"succeeded": round_}
        assert entries(app) == round_
        assert fleet.service.get(job).result == {"command": "INSERT 0 1", "rowcount": 1}
        second.signal(signal.SIGTERM)
        assert second.wait() == 0
    assert fleet.rows("select distinct attempt, losses from jobsched.outcome") == [(1, 1)]


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_connection_cut_at_the_commit_is_found_out_about_at_once(
    fleet: Fleet, app: psycopg.Connection[Any], proxy: CommitProxy, at: Moment
) -> None:
    """The same attempt looks whether it happened: no attempt is used up, and there is one entry."""
    fleet.start()
    for round_ in range(1, ROUNDS + 1):
        proxy.stop_once(at, "cut")
        fleet.submit("db_tx", payload=INSERT)
        assert proxy.stopped.wait(PATIENCE)
        assert fleet.until_ended(round_) == {"succeeded": round_}
        assert entries(app) == round_
    assert fleet.rows("select distinct attempt, losses, crashes from jobsched.outcome") == [(1, 0, 0)]


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_database_that_stays_away_after_the_commit_is_asked_by_a_later_attempt(
    fleet: Fleet, app: psycopg.Connection[Any], proxy: CommitProxy, at: Moment
) -> None:
    """Until then nobody says that it was applied, nor that it was not."""
    fleet.start()
    proxy.stop_once(at, "cut", then_refuse=True)
    (job,) = fleet.submit("db_tx", payload=INSERT, backoff=Backoff(BackoffKind.FIXED, 0.5, 0.5), max_attempts=50)
    attempts = "select message from jobsched.attempt_log order by token"
    said = until(lambda: fleet.rows(attempts), "a failed attempt")[0][0]
    assert "broke during COMMIT" in said
    assert f"-{job};" in said

    proxy.mend()

    assert fleet.until_ended(1) == {"succeeded": 1}
    assert entries(app) == 1


def test_a_stale_worker_that_comes_back_does_not_apply_it_again(
    fleet: Fleet, app: psycopg.Connection[Any], app_url: str
) -> None:
    """It stood still in the middle of its transaction until another one had the lease: that one waits for
    the key, and whichever of the two commits, there is one entry. It is declared dead as from another host, which
    cannot kill what it has left: a neighbour would, and then there is nobody to wait for."""
    fleet.environ |= {"JOBSCHED_DB_APP": app_url, "JOBSCHED_LEASE": "2s"}
    slow = {**INSERT, "query": "insert into entry (said) select $1 from pg_advisory_xact_lock(7)", "lock_timeout": 60}
    app.execute("select pg_advisory_lock(7)")
    stale = fleet.start()
    fleet.submit("db_tx", payload={**slow, "statement_timeout": 60})
    waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = %s"
    until(lambda: app.execute(waits, ["advisory"]).fetchone() == (1,), "the first attempt is in its query")
    family = [*stale.runners(), stale.pid]  # the keeper last: awake, it kills the runner that was too long silent
    for pid in family:
        os.kill(pid, signal.SIGSTOP)

    try:
        with fleet.service.store.connection() as store, store.transaction():
            workers.bury(store, [each.id for each in fleet.service.workers()])
            workers.reap(store, lost_limit=20)
        fleet.start()
        until(lambda: app.execute(waits, ["transactionid"]).fetchone() == (1,), "the second waits for the key")
        app.execute("select pg_advisory_unlock(7)")
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)

    assert fleet.until_ended(1) == {"succeeded": 1}
    assert entries(app) == 1
    assert app.execute("select count(*) from jobsched_tx.applied where result is not null").fetchone() == (1,)
