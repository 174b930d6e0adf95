"""The completer writes ends in batches, over whatever happens to its connection."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from jobsched.core.config import Settings
from jobsched.core.engine import verdict
from jobsched.core.engine.completer import Completer
from jobsched.core.engine.hand import Held
from jobsched.core.host import ProcessIdentity
from jobsched.core.model.errors import JobschedError
from jobsched.core.model.job import After, Condition, NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import fleet, leases
from jobsched.core.store.fleet import Registration
from jobsched.core.store.link import Link
from jobsched.core.store.store import Store

from .make import report

PATIENCE = 30.0


class Bench:
    """A completer over a store, jobs in hand, and questions to the store."""

    def __init__(self, store: Store, service: Service) -> None:
        self.store = store
        self.service = service
        self.opened: list[psycopg.Connection[TupleRow]] = []
        self.refused: list[int] = []
        self.lost: list[JobschedError] = []
        self.stop = threading.Event()
        with store.connection() as conn:
            registration = Registration(
                "w", ProcessIdentity("test", "", 0, 1, 0), "1", None, ["noop"], {}, 1, 30.0, "-"
            )
            self.worker_id = fleet.register(conn, registration)
        link = Link(self._open, "the store", self.stop)
        self.completer = Completer(link, lambda: self.worker_id, self.refused.extend, self.lost.append)
        self.thread = threading.Thread(target=self.completer.run)

    def _open(self) -> psycopg.Connection[TupleRow]:
        self.opened.append(self.store.connect("completer"))
        return self.opened[-1]

    def claim(self, jobs: int) -> list[Held]:
        """Submit and claim."""
        self.service.submit_many([NewJob("noop")] * jobs)
        with self.store.connection() as conn:
            claimed = leases.claim(
                conn, worker_id=self.worker_id, queues=["default"], priorities=[2], cursors=[0], types=["noop"],
                solo=True, n=jobs,
            )  # fmt: skip
        assert len(claimed) == jobs
        return [Held(job) for job in claimed]

    def succeed(self, held: list[Held], results: list[str | None] | None = None) -> None:
        """Give the completer a frame's worth."""
        self.completer.succeeded(held, [0.1] * len(held), [0.2] * len(held), results)

    def finish(self) -> None:
        """Have everything written."""
        if self.thread.ident is None:
            self.thread.start()
        self.completer.close()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    def rows(self, statement: Any) -> list[Any]:
        with self.store.connection() as conn:
            return conn.execute(statement).fetchall()

    def states(self) -> dict[str, int]:
        return dict(self.rows("select state, count(*) from jobsched.job_now group by state"))


@pytest.fixture
def bench(store: Store, settings: Settings) -> Iterator[Bench]:
    """See `Bench`."""
    with Service(settings, store=store, registry=Registry()) as service:
        made = Bench(store, service)
        yield made
        made.stop.set()
        made.finish()


def test_what_was_given_before_it_closes_is_written(bench: Bench) -> None:
    """Many frames, more jobs than one statement takes, results beside none."""
    held = bench.claim(1200)
    for start in range(0, 1200, 100):
        bench.succeed(held[start : start + 100], ['{"n": 1}'] * 100 if start == 300 else None)
    assert bench.completer.backlog == 1200

    bench.finish()

    assert bench.completer.backlog == 0
    assert bench.states() == {"succeeded": 1200}
    assert bench.rows("select count(*) from jobsched.outcome where result is not null") == [(100,)]
    assert bench.refused == []
    assert len(bench.opened) == 1


def test_words_are_written_before_the_end_of_the_job_that_said_them(bench: Bench) -> None:
    """They would be refused once the lease is gone."""
    (held,) = bench.claim(1)
    job = held.job
    bench.completer.said([(job.job_id, job.token, 0, 1, "log", "hello")])
    bench.completer.checkpoint(job.job_id, job.token, "[1]")
    bench.succeed([held])

    bench.finish()

    assert bench.rows("select text from jobsched.job_output") == [("hello",)]
    assert bench.rows("select data from jobsched.checkpoint") == [([1],)]


def test_stale_tokens_are_told_and_the_others_written(bench: Bench) -> None:
    """In successes and in other ends."""
    good, bad, failed, stale = bench.claim(4)
    for each in (bad, stale):
        each.job = each.job._replace(token=each.job.token + 1000)
    bench.succeed([good, bad])
    bench.completer.ended([verdict.judge(each.job, report("failed")) for each in (failed, stale)])

    bench.finish()

    assert bench.states() == {"succeeded": 1, "retrying": 1, "running": 2}
    assert bench.refused == [bad.job.token, stale.job.token]


@pytest.mark.parametrize("committed", [False, True])
def test_a_connection_that_breaks_in_the_middle_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """Before or after the commit: the statement is repeated, and each job has one outcome."""
    held = bench.claim(50)
    write = leases.succeed
    broken: list[int] = []

    def break_once(conn: psycopg.Connection[TupleRow], *rest: Any) -> set[int]:
        if broken:
            return write(conn, *rest)
        broken.append(1)
        accepted = write(conn, *rest) if committed else set()
        with bench.store.connection() as other:
            other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
        conn.execute("select 1")
        return accepted

    monkeypatch.setattr(leases, "succeed", break_once)
    bench.succeed(held)

    bench.finish()

    assert bench.states() == {"succeeded": 50}
    assert len(bench.opened) == 2
    assert bench.rows("select count(*) from jobsched.lease") == [(0,)]


def test_a_result_that_the_store_refuses_costs_no_other_job_its_end(bench: Bench) -> None:
    """It is found in its batch, and that job is dead with the store's reason; the worker goes on."""
    held = bench.claim(20)
    results: list[str | None] = ["1"] * 20
    results[7] = '"\\u0000"'
    bench.succeed(held, results)

    bench.finish()

    assert bench.states() == {"succeeded": 19, "dead": 1}
    ((job_id, error),) = bench.rows("select job_id, error from jobsched.outcome where state = 'dead'")
    assert job_id == held[7].job.job_id
    assert error.startswith("StoreRefused: ")


def test_words_that_the_store_refuses_cost_no_end(bench: Bench) -> None:
    """A message is replaced by the store's reason, output is dropped and told."""
    one, other = bench.claim(2)
    bench.completer.said([(one.job.job_id, one.job.token, 0, 1, "log", "a\0b")])
    bench.completer.ended(
        [
            verdict.judge(one.job, report("failed", message="a\0b")),
            verdict.judge(other.job, report("discard", message="fine")),
        ]
    )

    bench.finish()

    assert bench.states() == {"retrying": 1, "dead": 1}
    logged = bench.rows("select error_class, message from jobsched.attempt_log order by job_id")
    assert logged[0][0] == "StoreRefused"
    assert logged[1] == ("E", "fine")
    assert len(bench.lost) == 1


def test_who_waited_for_jobs_goes_on_once_their_ends_are_written(bench: Bench) -> None:
    """After a success and after any other end; workers are told of what is ready now."""
    done, failed = bench.claim(2)
    for parent, condition in ((done, Condition.OK), (failed, Condition.FAIL)):
        bench.service.submit(NewJob("noop", queue="later", after=(After(parent.job.job_id, condition),)))
    assert bench.states() == {"running": 2, "blocked": 2}
    told: Counter[tuple[str, str]] = Counter()
    bench.completer._ready = told.update
    bench.succeed([done])
    bench.completer.ended([verdict.judge(failed.job, report("discard"))])

    bench.finish()

    assert bench.states() == {"succeeded": 1, "dead": 1, "queued": 2}
    assert told == {("later", "noop"): 2}


def test_few_jobs_do_not_wait_for_many(bench: Bench) -> None:
    """A single end is written without being asked to close."""
    written = threading.Event()
    (held,) = bench.claim(1)
    held.job = held.job._replace(token=held.job.token + 1)
    bench.completer._refused = lambda tokens: written.set()
    bench.thread.start()
    bench.succeed([held])
    assert written.wait(PATIENCE)
