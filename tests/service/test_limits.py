"""Queues that run only so many jobs at a time, or start only so many a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from jobsched.core.model.errors import UsageError
from jobsched.core.model.job import NewJob
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import leases, limits, queues
from jobsched.core.store.leases import Claimed
from jobsched.core.store.limits import Taken, claim_limited
from jobsched.core.store.sql import load
from jobsched.tests.store.hands import Hands
from jobsched.tests.store.leasing import until_waits

Connect = Callable[[], psycopg.Connection[Any]]


def take(hands: Hands, n: int, queue: str = "default") -> Taken:
    """Claim from a queue with limits, as a worker does."""

    def claim(room: int) -> list[Claimed]:
        return leases.claim(
            hands.connection, worker_id=hands.id, queues=[queue] * 4, priorities=[0, 1, 2, 3], cursors=[0] * 4,
            types=("noop",), solo=False, n=room, limited=queue,
        )  # fmt: skip

    return claim_limited(hands.connection, queue, n, claim)


def test_a_queue_runs_no_more_jobs_than_its_limit(service: Service, hands: Hands) -> None:
    """The ordinary claim passes it over; an end makes room for one; without the limit it is as any other."""
    service.set_queue("default", {"max_running": 3})
    service.submit_many([NewJob("noop")] * 10)
    assert hands.claim(10) == []
    taken = take(hands, 10)
    assert (len(taken.jobs), taken.held_back, taken.again) == (3, True, None)
    assert take(hands, 10).jobs == []
    assert hands.succeed(taken.jobs[0])
    assert len(take(hands, 10).jobs) == 1
    service.set_queue("default", {"max_running": None})
    assert take(hands, 10) == Taken([])
    assert len(hands.claim(10)) == 6


def test_a_limit_that_is_set_late_counts_what_runs_already(service: Service, hands: Hands) -> None:
    """Leases from before are marked when it is set."""
    service.submit_many([NewJob("noop")] * 10)
    assert len(hands.claim(4)) == 4
    service.set_queue("default", {"max_running": 5})
    assert len(take(hands, 10).jobs) == 1


def test_a_limit_counts_jobs_whose_claim_was_committed_while_it_was_being_set(
    service: Service, hands: Hands, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim had not seen the limit, nor the first look for leases the claim: a second one finds them."""
    service.submit_many([NewJob("noop")] * 10)
    looks: list[str] = []

    def commit_between_looks(name: Any) -> Any:
        if name == "mark_limited":
            looks.append(name)
            if len(looks) == 2:
                hands.connection.commit()
        return load(name)

    monkeypatch.setattr(limits, "load", commit_between_looks)
    hands.connection.autocommit = False
    assert len(hands.claim(4)) == 4
    queues.set_queue(connect(), "default", {"max_running": 5})
    hands.connection.commit()
    hands.connection.autocommit = True

    assert len(take(hands, 10).jobs) == 1


def test_workers_that_claim_at_once_do_not_exceed_it(service: Service, connect: Connect) -> None:
    """Each counts with the queue's row locked, in a snapshot newer than the lock."""
    service.set_queue("default", {"max_running": 7})
    service.submit_many([NewJob("noop")] * 100)
    workers = [Hands(connect(), f"w{number}") for number in range(6)]
    taken: list[int] = []

    def work(hands: Hands) -> None:
        for _ in range(5):
            taken.extend(job.job_id for job in take(hands, 3).jobs)

    threads = [threading.Thread(target=work, args=(hands,)) for hands in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 7
    assert service.counts()[0].by_state[State.RUNNING] == 7


def test_whoever_claims_second_waits_and_counts_what_the_first_has_taken(
    service: Service, hands: Hands, connect: Connect
) -> None:
    """Leases that are not committed yet cannot be counted, so nobody counts meanwhile."""
    service.set_queue("default", {"max_running": 2})
    service.submit_many([NewJob("noop")] * 4)
    second = Hands(connect(), "second")
    with ThreadPoolExecutor(1) as pool:
        with hands.connection.transaction():
            assert len(take(hands, 2).jobs) == 2
            late = pool.submit(take, second, 2)
            until_waits(connect(), second.connection)
        assert late.result(30) == Taken([], held_back=True)


def test_a_rate_lets_start_what_its_bucket_holds_and_says_when_the_next_may(service: Service, hands: Hands) -> None:
    """The bucket fills by the database's clock, which is set back here to let time pass."""
    service.set_queue("default", {"rate": 0.01, "burst": 2})
    service.submit_many([NewJob("noop")] * 10)
    assert len(take(hands, 10).jobs) == 2
    nothing = take(hands, 10)
    assert nothing.jobs == []
    assert nothing.again is not None
    assert 0 < nothing.again <= 100
    for seconds, starts in ((100, 1), (200, 2), (36000, 2)):
        hands.connection.execute(
            "update jobsched.queue set refilled_at = refilled_at - make_interval(secs => %s)", (seconds,)
        )
        assert len(take(hands, 10).jobs) == starts


def test_a_paused_queue_with_limits_stays_paused(service: Service, hands: Hands) -> None:
    """And no token is used up meanwhile."""
    service.set_queue("default", {"rate": 0.001, "burst": 1})
    service.submit(NewJob("noop"))
    service.pause_queue("default", by="ann")
    assert take(hands, 10).jobs == []
    service.resume_queue("default")
    assert len(take(hands, 10).jobs) == 1


def test_a_bucket_does_not_run_dry_because_the_clock_was_set_back(service: Service, hands: Hands) -> None:
    """As after a failover to a server whose clock is an hour behind: what it held stays, and it fills from now on."""
    service.set_queue("default", {"rate": 0.01, "burst": 3})
    service.submit_many([NewJob("noop")] * 10)
    hands.connection.execute("update jobsched.queue set refilled_at = now() + interval '1 h', tokens = 2")
    assert len(take(hands, 10).jobs) == 2
    nothing = take(hands, 10)
    assert nothing.again is not None
    assert 0 < nothing.again <= 100


def test_a_new_rate_counts_for_jobs_that_wait_already(service: Service, hands: Hands) -> None:
    """From one a day to a thousand a second and back, without the tokens of the other rate."""
    service.submit_many([NewJob("noop")] * 10)
    service.set_queue("default", {"rate": 1 / 86_400, "burst": 1})
    assert len(take(hands, 10).jobs) == 1
    assert (take(hands, 10).again or 0) > 80_000
    service.set_queue("default", {"rate": 1000.0, "burst": 5})
    assert len(take(hands, 10).jobs) == 5
    service.set_queue("default", {"rate": 1 / 86_400, "burst": 1})
    assert len(take(hands, 10).jobs) == 1
    assert take(hands, 10).jobs == []


@pytest.mark.parametrize(
    "changes", [{"max_runing": 1}, {"max_running": 0.4}, {"burst": 1.5}, {"rate": float("nan")}, {"rate": 10**400}]
)
def test_what_is_no_limit_is_refused(service: Service, changes: dict[str, float]) -> None:
    """A name that there is not, half a job, no number."""
    with pytest.raises(UsageError):
        service.set_queue("mine", changes)
    assert service.queues() == []


@pytest.mark.parametrize("limit", ["key_limit", "max_running", "rate", "burst"])
@pytest.mark.parametrize("value", [0, -1, 10_000_000])
def test_a_limit_that_makes_no_sense_is_refused(service: Service, limit: str, value: int) -> None:
    """And the queue is not made."""
    with pytest.raises(UsageError, match=limit):
        service.set_queue("mine", {limit: value})
    assert service.queues() == []
