"""A claim whose answer was lost with the connection: its jobs are not stuck with a worker that lives."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from jobsched.core.config import Settings
from jobsched.core.engine.claimer import Claimer
from jobsched.core.engine.lost_claims import LOOK_SECONDS, LostClaims
from jobsched.core.host import ProcessIdentity
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import fleet, leases
from jobsched.core.store.fleet import Registration
from jobsched.core.store.leases import Claimed
from jobsched.core.store.link import Link
from jobsched.core.store.store import Store

Conn = psycopg.Connection[TupleRow]


class Bench:
    """A registered worker with five jobs to claim, a clock, and connections."""

    def __init__(self, store: Store, service: Service) -> None:
        self.store = store
        self.now = 1000.0
        self.lost = LostClaims(lambda: self.now)
        self.opened: list[Conn] = []
        self.jobs = [made.id for made in service.submit_many([NewJob("noop", {"n": n}) for n in range(5)])]
        registration = Registration("w", ProcessIdentity("test", "", 0, 1, 0), "1", None, ["noop"], {}, 1, 30.0, "-")
        self.worker_id = fleet.register(self.connect(), registration)

    def connect(self) -> Conn:
        self.opened.append(self.store.connect("test"))
        return self.opened[-1]

    def claim(self, conn: Conn, n: int) -> list[Claimed]:
        return leases.claim(
            conn, worker_id=self.worker_id, queues=["default"], priorities=[2], cursors=[0], types=["noop"],
            solo=True, n=n,
        )  # fmt: skip

    def find(self, conn: Conn) -> list[int]:
        """Ids of lost jobs; they are heard of from then on."""
        found = self.lost.find(conn, self.worker_id)
        self.lost.heard(job.token for job in found)
        return sorted(job.job_id for job in found)


@pytest.fixture
def bench(store: Store, settings: Settings) -> Iterator[Bench]:
    """See `Bench`."""
    with Service(settings, store=store, registry=Registry()) as service:
        made = Bench(store, service)
        yield made
        for conn in made.opened:
            conn.close()


def test_what_was_claimed_and_not_heard_of_is_found_on_the_next_connection(bench: Bench) -> None:
    """As it would have been claimed; what was heard of is not found, and nothing is found twice."""
    first, second = bench.connect(), bench.connect()
    assert bench.find(first) == []
    bench.lost.heard(job.token for job in bench.claim(first, 2))
    claimed = bench.claim(first, 2)  # and now the connection breaks

    found = bench.lost.find(second, bench.worker_id)

    assert [job._replace(waited=0, seq=0) for job in sorted(found, key=lambda job: job.token)] == [
        job._replace(waited=0, seq=0) for job in sorted(claimed, key=lambda job: job.token)
    ]
    bench.lost.heard(job.token for job in found)
    bench.now += 1.1
    assert bench.find(second) == []


def test_a_claim_that_commits_after_the_new_connection_is_found_too(bench: Bench) -> None:
    """Also when later claims, with newer tokens, were heard of before it."""
    first, second = bench.connect(), bench.connect()
    bench.find(first)
    with first.transaction():
        late = bench.claim(first, 1)
        assert bench.find(second) == []
        bench.lost.heard(job.token for job in bench.claim(second, 1))
    bench.now += 1.1
    assert bench.find(second) == [job.job_id for job in late]


def test_a_connection_that_has_not_broken_costs_nothing(bench: Bench) -> None:
    """The store is asked only for a while after a break."""
    first, second = bench.connect(), bench.connect()
    bench.find(first)
    bench.claim(first, 1)
    bench.now += 100
    assert bench.find(first) == []
    bench.find(second)
    bench.now += LOOK_SECONDS + 1
    bench.find(second)
    bench.claim(second, 1)
    bench.now += 100
    assert bench.find(second) == []


def test_a_claimer_whose_connection_breaks_after_the_commit_gets_its_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No job is leased without being run."""
    claim = leases.claim
    broken: list[int] = []

    def break_once(conn: Conn, **rest: Any) -> list[Claimed]:
        jobs = claim(conn, **rest)
        if not broken:
            broken.append(1)
            with bench.store.connection() as other:
                other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
            conn.execute("select 1")
        return jobs

    monkeypatch.setattr(leases, "claim", break_once)
    taken: list[tuple[int, int]] = []
    claimer = Claimer(
        Link(lambda: bench.store.connect("claimer"), "the store", Event()),
        worker_id=lambda: bench.worker_id,
        queues=None,
        types=["noop"],
        room=lambda: 10 - len(taken),
        room_for_solo=lambda: True,
        take=lambda jobs, worker_id: (
            taken.extend((job.job_id, worker_id) for job in jobs),
            claimer.stop() if len(taken) == 5 else None,
        ),
        more=lambda *_: None,
        full=lambda: None,
        poll=0.01,
    )

    claimer.run()

    assert broken
    assert sorted(taken) == [(job, bench.worker_id) for job in bench.jobs]
