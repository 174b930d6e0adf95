"""Limits, concurrency keys and dependencies, with real workers that are killed."""

from __future__ import annotations

import signal

from jobsched.core.model.job import After, NewJob
from jobsched.core.model.priority import Priority

from .fleet import Fleet, Told, until


def most_at_once(fleet: Fleet) -> int:
    """The most jobs that ran at the same time, by what they told; those of a killed worker end with it."""
    ends = {told.token: told.at for told in fleet.told("ended")}
    began = sorted(fleet.told("began"), key=lambda told: told.at)

    def runs(told: Told, at: float) -> bool:
        return told.at <= at and ends.get(told.token, told.at) > at

    return max(sum(runs(other, told.at) for other in began) for told in began)


def test_a_limited_queue_never_runs_too_many_though_workers_are_killed(fleet: Fleet) -> None:
    """Leases are what is counted: those of a dead worker count until they are taken from it, and no longer."""
    fleet.service.set_queue("default", {"max_running": 4})
    workers = [fleet.start("-c", "10") for _ in range(3)]
    fleet.submit("nap", 40, {"seconds": 0.1})
    fleet.until_began(6)
    workers[0].signal(signal.SIGKILL)
    fleet.until_began(14)
    workers[1].signal(signal.SIGKILL)

    assert fleet.until_ended(40) == {"succeeded": 40}

    assert most_at_once(fleet) <= 4


def test_a_concurrency_key_is_a_mutex_and_nothing_of_it_is_lost(fleet: Fleet) -> None:
    """One at a time a key, other keys beside it, though a worker is killed while it holds a turn."""
    workers = [fleet.start("-c", "10") for _ in range(2)]
    for _ in range(10):
        fleet.submit("nap", 1, {"seconds": 0.05}, concurrency_key="a")
    until(lambda: fleet.told("began"), "a job began")
    workers[0].signal(signal.SIGKILL)

    assert fleet.until_ended(10) == {"succeeded": 10}

    assert most_at_once(fleet) == 1
    assert fleet.rows("select count(*) from jobsched.blocked") == [(0,)]


def test_a_chain_of_jobs_runs_in_its_order_across_workers(fleet: Fleet) -> None:
    """Each begins after the one before it has ended, without waiting for a poll."""
    fleet.start("-c", "2")
    fleet.start("-c", "2")
    ids = [fleet.service.submit(NewJob("nap", {"seconds": 0.0}), unchecked=True).id]
    for _ in range(9):
        new = NewJob("nap", {"seconds": 0.0}, after=(After(ids[-1]),))
        ids.append(fleet.service.submit(new, unchecked=True).id)

    assert fleet.until_ended(10) == {"succeeded": 10}

    assert [told.job_id for told in fleet.told("began")] == ids


def test_with_aging_a_low_job_does_not_starve_and_without_it_it_waits(fleet: Fleet) -> None:
    """Under high ones that would keep the worker busy for longer; without aging, priorities are strict."""
    fleet.submit("nap", 150, {"seconds": 0.02}, priority=Priority.HIGH)
    (low,) = fleet.submit("nap", 1, {"seconds": 0.0}, priority=Priority.LOW)
    fleet.submit("nap", 150, {"seconds": 0.02}, priority=Priority.HIGH, queue="strict")
    (last,) = fleet.submit("nap", 1, {"seconds": 0.0}, priority=Priority.LOW, queue="strict")
    fleet.start("-c", "1", "--queues", "default", JOBSCHED_AGING="1s")
    fleet.start("-c", "1", "--queues", "strict")

    assert fleet.until_ended(302) == {"succeeded": 302}

    began = [told.job_id for told in fleet.told("began")]
    aged = [job_id for job_id in began if job_id <= low]
    assert aged.index(low) < 145
    assert began[-1] == last or [job_id for job_id in began if job_id > low][-1] == last
