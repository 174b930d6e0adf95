"""Everything at once: whatever dies in whatever order, each job has one outcome, told by its last owner."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable

from jobsched.core.model.priority import Priority

from .fleet import Fleet, until

JOBS = 1500
BLOWS = 20


def test_after_any_series_of_blows_every_job_has_one_outcome(fleet: Fleet) -> None:
    """Keepers and runners killed, workers stopped and continued, connections cut, jobs cancelled and retried."""
    rng = random.Random(os.environ.get("JOBSCHED_TEST_SEED", "chaos"))
    ids = [
        job
        for seconds in (0.0, 0.01, 0.1, 0.3)
        for priority in (Priority.HIGH, Priority.LOW)
        for job in fleet.submit("nap", JOBS // 8, {"seconds": seconds}, priority=priority)
    ]
    ids += fleet.submit("alone", 10, {"seconds": 0.05})
    start_worker(fleet)
    start_worker(fleet)
    blows: list[Callable[[Fleet, random.Random], None]] = [
        kill_a_keeper, kill_a_runner, stop_a_keeper_for_a_while, terminate_a_worker, cut_connections,
        lambda fleet, rng: cancel_some(fleet, rng, ids),
    ]  # fmt: skip
    for _ in range(BLOWS):
        began = len(fleet.told())
        rng.choice(blows)(fleet, rng)
        if not [worker for worker in fleet.workers if worker.process.poll() is None][1:]:
            start_worker(fleet)
        until(lambda began=began: len(fleet.told()) > began + 5 or not waiting(fleet), "jobs go on")  # type: ignore[misc]

    start_worker(fleet)
    fleet.until_ended(len(ids))

    assert fleet.states().keys() <= {"succeeded", "cancelled"}
    owners = {(told.job_id, told.token) for told in fleet.told("ended")}
    naps = fleet.rows(
        "select o.job_id, o.token from jobsched.outcome o join jobsched.job j on j.id = o.job_id "
        "where o.state = 'succeeded' and j.type = 'nap'"
    )
    assert set(naps) <= owners
    assert fleet.rows("select count(*) from jobsched.outcome where state = 'succeeded' and attempt <> 1") == [(0,)]
    assert (
        fleet.rows("select kind, count(*) from jobsched.attempt_log where kind not in ('lost', 'crashed') group by 1")
        == []
    )


def start_worker(fleet: Fleet) -> None:
    fleet.start("-c", "20", JOBSCHED_LEASE="3s")


def waiting(fleet: Fleet) -> bool:
    return fleet.rows("select exists (select from jobsched.ready) or exists (select from jobsched.lease)") == [(True,)]


def alive(fleet: Fleet, rng: random.Random) -> list[int]:
    """Indices of the workers that run, in random order."""
    found = [i for i, worker in enumerate(fleet.workers) if worker.process.poll() is None]
    return rng.sample(found, len(found))


def kill_a_keeper(fleet: Fleet, rng: random.Random) -> None:
    for which in alive(fleet, rng)[:1]:
        fleet.workers[which].process.kill()
        fleet.workers[which].wait()


def kill_a_runner(fleet: Fleet, rng: random.Random) -> None:
    for which in alive(fleet, rng)[:1]:
        for pid in fleet.workers[which].runners()[:1]:
            os.kill(pid, signal.SIGKILL)


def stop_a_keeper_for_a_while(fleet: Fleet, rng: random.Random) -> None:
    stopped, *others = alive(fleet, rng)
    fleet.workers[stopped].signal(signal.SIGSTOP)
    began = len(fleet.told())
    until(lambda: not others or len(fleet.told()) > began + 20 or not waiting(fleet), "others go on")
    fleet.workers[stopped].signal(signal.SIGCONT)


def terminate_a_worker(fleet: Fleet, rng: random.Random) -> None:
    for which in alive(fleet, rng)[:1]:
        fleet.workers[which].signal(signal.SIGTERM)
        if rng.random() < 0.5:
            fleet.workers[which].signal(signal.SIGTERM)
        assert fleet.workers[which].wait() == 0


def cut_connections(fleet: Fleet, rng: random.Random) -> None:
    pids = [
        pid
        for (pid,) in fleet.rows(
            "select pid from pg_stat_activity "
            "where application_name like 'jobsched %%' and datname = current_database()"
        )
    ]
    for pid in rng.sample(pids, rng.randint(0, len(pids))):
        fleet.rows("select pg_terminate_backend(%s)", pid)


def cancel_some(fleet: Fleet, rng: random.Random, ids: list[int]) -> None:
    chosen = rng.sample(ids, 10)
    fleet.service.cancel(chosen, by="chaos")
    fleet.service.retry(chosen[:5], by="chaos")
