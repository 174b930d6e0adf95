"""The store goes away and comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from jobsched.core.chaos.proxy import Proxy
from jobsched.core.store import embedded
from jobsched.core.store.embedded.postmaster import find_postmaster
from jobsched.core.store.embedded.record import Layout

from .fleet import Fleet, until


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """A way to the store that can be cut."""
    parts = urlsplit(database_url)
    made = Proxy(lambda: (parts.hostname or "", parts.port or 0))
    yield made
    made.close()


def through(proxy: Proxy, url: str) -> str:
    """Return the URL of the same store, by way of the proxy."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()


def test_killing_postgres_under_load_loses_nothing(own_store: Fleet) -> None:
    """kill -9 of the postmaster: it is started again, the worker reconnects, every job has one outcome."""
    fleet = own_store
    jobs = 3000
    worker = fleet.start("-c", "4")
    fleet.submit("nap", jobs, {"seconds": 0.002})
    fleet.until_began(100)
    running = find_postmaster(Layout(fleet.service.store.home))
    assert running is not None

    os.kill(running.pid, signal.SIGKILL)

    worker.until_says("the store is back")
    fleet.reconnect()
    assert fleet.until_ended(jobs) == {"succeeded": jobs}
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.outcome") == [(1, 0, 0)]
    assert worker.process.poll() is None


def test_a_listen_connection_that_was_cut_listens_again(fleet: Fleet) -> None:
    """pg_terminate_backend: wake-ups work again, long before the next poll."""
    fleet.start("-c", "2", JOBSCHED_POLL="1h")
    listener = (
        "select pid from pg_stat_activity where datname = current_database() "
        "and application_name like 'jobsched listener%%' and query like 'listen%%'"
    )
    ((old,),) = until(lambda: fleet.rows(listener), "it listens")

    fleet.rows("select pg_terminate_backend(%s)", old)
    until(lambda: [row for row in fleet.rows(listener) if row != (old,)], "it listens again")

    for done in range(1, 4):
        fleet.submit("nap", payload={"seconds": 0})
        fleet.until_states(succeeded=done)


def test_a_worker_that_cannot_reach_the_store_stops_its_jobs_itself(fleet: Fleet, proxy: Proxy) -> None:
    """After half the lease, so that nobody else can be running them; later it goes on where it can."""
    worker = fleet.start(
        "-c", "2", "--name", "cut-off",
        JOBSCHED_LEASE="4s", JOBSCHED_DATABASE_URL=through(proxy, fleet.service.store.url),
    )  # fmt: skip
    gate = fleet.folder / "open"
    (job,) = fleet.submit("gate", payload={"open": str(gate)})
    (first,) = fleet.until_began(1)

    proxy.cut()
    worker.until_says("no contact with the store: running jobs are stopped")
    until(lambda: not worker.runners(), "its runner is gone")
    assert fleet.rows("select token from jobsched.lease") == [(first.token,)]
    other = fleet.start("-c", "2", "--name", "other", JOBSCHED_LEASE="4s")
    second = fleet.until_began(2)[1]
    assert second.at > first.at
    proxy.mend()
    worker.until_says("this worker was declared dead")
    gate.touch()

    assert fleet.until_ended(1) == {"succeeded": 1}
    assert fleet.service.get(job).worker == "other"
    other.signal(signal.SIGTERM)
    assert other.wait() == 0
    fleet.submit("nap", payload={"seconds": 0})
    fleet.until_states(succeeded=2)


def test_a_short_cut_costs_nothing(fleet: Fleet, proxy: Proxy) -> None:
    """Jobs that end while the store cannot be reached are written when it is back; none runs twice."""
    worker = fleet.start("-c", "10", JOBSCHED_DATABASE_URL=through(proxy, fleet.service.store.url))
    gate = fleet.folder / "open"
    fleet.submit("gate", 10, {"open": str(gate)})
    fleet.until_began(10)

    proxy.cut()
    gate.touch()
    until(lambda: len(fleet.told("ended")) == 10, "the jobs end")
    assert fleet.states() == {"running": 10}
    proxy.mend()

    assert fleet.until_ended(10) == {"succeeded": 10}
    assert len(fleet.told()) == 10
    assert worker.process.poll() is None


def test_a_worker_whose_connections_fall_silent_for_ever_makes_new_ones(fleet: Fleet, proxy: Proxy) -> None:
    """A balancer that takes everything and answers nothing: no kernel notices that, so the worker does."""
    worker = fleet.start(
        "-c",
        "4",
        JOBSCHED_LEASE="4s",
        JOBSCHED_POLL="1h",
        JOBSCHED_DATABASE_URL=through(proxy, fleet.service.store.url),
    )
    gate = fleet.folder / "open"
    fleet.submit("gate", payload={"open": str(gate)})
    fleet.until_began(1)

    proxy.strand()
    worker.until_says("no contact with the store: running jobs are stopped")
    worker.until_says("the store is back")
    gate.touch()
    fleet.submit("nap", payload={"seconds": 0})

    assert fleet.until_ended(2) == {"succeeded": 2}
    assert worker.process.poll() is None


def test_a_listen_connection_that_died_without_a_word_costs_no_job(fleet: Fleet, proxy: Proxy) -> None:
    """It alone hears nothing any more: polling finds the jobs, heartbeats the cancellations."""
    worker = fleet.start("-c", "4", JOBSCHED_DIRECT_URL=through(proxy, fleet.service.store.url))
    fleet.submit("nap", payload={"seconds": 0})
    fleet.until_states(succeeded=1)

    proxy.silence()
    fleet.submit("nap", 5, {"seconds": 0})
    (endless,) = fleet.submit("gate", payload={"open": "/nowhere"})
    until(lambda: len(fleet.told()) == 7, "all jobs begin")
    fleet.service.cancel([endless], by="test")

    assert fleet.until_ended(7) == {"succeeded": 6, "cancelled": 1}
    assert worker.process.poll() is None


def test_a_restart_of_postgres_under_load_costs_nothing(own_store: Fleet) -> None:
    """Stopped on purpose, nobody starts it again; once somebody does, everything goes on where it was."""
    fleet = own_store
    jobs, home = 2000, fleet.service.store.home
    worker = fleet.start("-c", "4")
    fleet.submit("nap", jobs, {"seconds": 0.005})
    fleet.until_began(100)

    fleet.db.close()
    embedded.stop(home)
    worker.until_says("the store cannot be reached: trying again")
    assert not embedded.status(home).running
    embedded.start(home)

    worker.until_says("the store is back")
    fleet.reconnect()
    assert fleet.until_ended(jobs) == {"succeeded": jobs}
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.outcome") == [(1, 0, 0)]
    assert worker.process.poll() is None
