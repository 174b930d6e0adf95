"""Limits, concurrency keys and dependencies, with real workers that are killed."""

from __future__ import annotations

import signal
from dataclasses import replace

from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.job import After, Condition, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.store import chaos
from jobsched.tests.store.hands import Hands
from jobsched.tests.store.leasing import claim

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


def test_a_rate_is_kept_though_workers_are_killed(fleet: Fleet) -> None:
    """By the store's own notes of who claimed when: within any span no more than the burst and what came since."""
    rate, burst, jobs = 20.0, 4, 60
    chaos.write_history(fleet.db)
    fleet.service.set_queue("default", {"rate": rate, "burst": burst})
    workers = [fleet.start("-c", "10") for _ in range(3)]
    fleet.submit("nap", jobs, {"seconds": 0.05})
    for began, worker in ((15, workers[0]), (30, workers[1])):
        fleet.until_began(began)
        worker.signal(signal.SIGKILL)

    assert fleet.until_ended(jobs) == {"succeeded": jobs}

    starts = [turn.at for turn in chaos.turns(fleet.db, ["default"]) if turn.what == "leased"]
    assert len(starts) >= jobs
    for first, at in enumerate(starts):
        for last, later in enumerate(starts[first:], first):
            assert last - first + 1 <= burst + rate * (later - at) + 1e-3


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


def test_a_concurrency_key_goes_by_priority_through_crashes_and_failures(fleet: Fleet) -> None:
    """One has a turn at a time, by the store's own notes: what kills its process keeps it, what fails does not."""
    chaos.write_history(fleet.db)
    quick = Backoff(BackoffKind.FIXED, 0.05, 0.05)
    keyed = NewJob("nap", {"seconds": 0.05}, concurrency_key="k")
    first = replace(keyed, type="gate", payload={"open": str(fleet.folder / "open")})
    crashing = replace(keyed, type="exits", priority=Priority.CRITICAL)
    failing = replace(keyed, type="fail", payload={"message": "invalid_job", "times": 1}, backoff=quick)
    jobs = [
        first,
        *[replace(keyed, priority=Priority.LOW)] * 2,
        failing,
        replace(keyed, priority=Priority.HIGH),
        crashing,
    ]
    ids = [fleet.service.submit(each, unchecked=True).id for each in jobs]
    for _ in range(2):
        fleet.start("-c", "4")
    fleet.until_began(1)
    (fleet.folder / "open").touch()

    assert fleet.until_ended(len(ids)) == {"succeeded": 5, "dead": 1}

    having = 0
    for turn in chaos.turns(fleet.db, ["default"]):
        having += 1 if turn.what == "leased" else -1
        assert 0 <= having <= 1
    began = list(dict.fromkeys(told.job_id for told in fleet.told()))
    assert began == [ids[0], ids[5], ids[4], ids[1], ids[2]]
    assert fleet.service.get(ids[5]).crashes == 3
    assert [checked for checked in fleet.service.verify() if checked.violations] == []


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


def test_what_a_worker_that_died_should_have_let_go_on_the_next_one_does(fleet: Fleet) -> None:
    """It had written the ends and was killed before it looked who waits for them: children, failures, a key's turn."""
    done, failed = fleet.submit("nap", 2, {"seconds": 0.0})
    quick = NewJob("nap", {"seconds": 0.0})
    after_both = replace(quick, after=(After(done), After(failed, Condition.ANY)))
    clean_up, useless = replace(quick, after=(After(failed, Condition.FAIL),)), replace(quick, after=(After(failed),))
    children = [fleet.service.submit(each, unchecked=True).id for each in (after_both, clean_up, useless)]
    (grandchild,) = fleet.submit("nap", 1, {"seconds": 0.0}, after=(After(children[2]),))
    keyed = [fleet.submit("nap", 1, {"seconds": 0.0}, concurrency_key="k")[0] for _ in range(2)]
    dying = Hands(fleet.db, "dying", types=("nap",))
    for _ in range(3):
        (job,) = claim(fleet.db, dying.id, 1, types=("nap",))
        assert dying.fail(job, dead=True) if job.job_id == failed else dying.succeed(job)
    assert fleet.states() == {"succeeded": 2, "dead": 1, "blocked": 5}

    fleet.start("-c", "2")

    assert fleet.until_ended(8) == {"succeeded": 5, "dead": 1, "cancelled": 2}
    assert {job_id for job_id in (*children, grandchild, *keyed) if fleet.service.get(job_id).state == "cancelled"} == {
        children[2], grandchild,
    }  # fmt: skip


AGING = 3.0
LOOKS_EVERY = 1.0
"""Seconds between a worker's looks for jobs that have waited too long."""
JOB_SECONDS = 0.05
SLACK = 5.0
"""For a machine that others use; without aging the job would wait for as long as the stream goes on."""


def test_under_a_constant_stream_of_urgent_jobs_a_low_one_starts_within_the_bound_of_aging(fleet: Fleet) -> None:
    """Not before it has waited so long, and then within a look and two turns, by the database's clock."""
    fleet.start("-c", "1", JOBSCHED_AGING=f"{AGING}s")
    fleet.submit("nap", 40, {"seconds": JOB_SECONDS}, priority=Priority.HIGH)
    (low,) = fleet.submit("nap", 1, {"seconds": 0.0}, priority=Priority.LOW)
    waits = "select state, wait from jobsched.job_now where id = %s and state = 'succeeded'"

    def keep_busy() -> list[object]:
        """Of urgent jobs that have just come there are always some."""
        if fleet.rows("select count(*) < 20 from jobsched.ready") == [(True,)]:
            fleet.submit("nap", 20, {"seconds": JOB_SECONDS}, priority=Priority.HIGH)
        return fleet.rows(waits, low)

    ((_, waited),) = until(keep_busy, "the low job has run")

    assert AGING <= waited <= AGING + LOOKS_EVERY + 2 * JOB_SECONDS + SLACK
    before = [told.job_id for told in fleet.told()].index(low)
    assert before >= AGING / 4 / JOB_SECONDS


def test_without_aging_a_low_job_waits_for_all_urgent_ones(fleet: Fleet) -> None:
    """Priorities are strict."""
    (low,) = fleet.submit("nap", 1, {"seconds": 0.0}, priority=Priority.LOW)
    fleet.submit("nap", 100, {"seconds": 0.01}, priority=Priority.HIGH)
    fleet.start("-c", "1")

    assert fleet.until_ended(101) == {"succeeded": 101}

    assert [told.job_id for told in fleet.told()][-1] == low
