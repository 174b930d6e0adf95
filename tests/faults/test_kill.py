"""kill -9: what dies takes nothing with it, and what it was doing is done again."""

from __future__ import annotations

import os
import signal

from .fleet import Fleet, descendants_of, is_alive, until

JOBS = 100
SECONDS = {"seconds": 2.0}


def test_after_kill_9_of_the_keeper_nothing_of_it_lives_and_everything_ends(fleet: Fleet) -> None:
    """Runners and janitor die with it; a worker restarted on the host reruns the first job within 2 s."""
    worker = fleet.start("-c", str(JOBS))
    fleet.submit("nap", JOBS, SECONDS)
    fleet.until_began(JOBS)
    children = worker.children()
    assert len(children) >= 2

    worker.signal(signal.SIGKILL)
    restarted = fleet.start("-c", str(JOBS))

    until(lambda: not any(map(is_alive, children)), "every child is gone")
    again = fleet.until_began(JOBS + 1)[JOBS]
    assert again.at - restarted.lines[0]["heard_at"] < 2.0
    assert fleet.until_ended(JOBS) == {"succeeded": JOBS}
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.outcome") == [(1, 0, 1)]
    assert fleet.rows("select kind, count(*) from jobsched.attempt_log group by kind") == [("lost", JOBS)]


def test_after_kill_9_of_the_runner_each_job_runs_again_alone(fleet: Fleet) -> None:
    """Nobody knows which of many killed it: none is charged, and each goes on in a process of its own."""
    jobs = 20
    worker = fleet.start("-c", str(jobs))
    fleet.submit("nap", jobs, {"seconds": 1.0})
    fleet.until_began(jobs)

    (runner,) = worker.runners()
    os.kill(runner, signal.SIGKILL)

    assert fleet.until_ended(jobs) == {"succeeded": jobs}
    assert len({told.pid for told in fleet.told() if told.pid != runner}) == jobs
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.outcome") == [(1, 0, 0)]
    assert fleet.rows("select * from jobsched.attempt_log") == []
    assert worker.process.poll() is None


def test_after_kill_9_of_keeper_and_runner_everything_ends(fleet: Fleet) -> None:
    """Both at once, with a job that had started processes of its own: they die too."""
    worker = fleet.start("-c", str(JOBS))
    fleet.submit("nap", JOBS - 1, SECONDS)
    (family,) = fleet.submit("family")
    fleet.until_began(JOBS)
    children = worker.children()
    (runner,) = worker.runners()
    grandchildren = descendants_of(runner)
    assert len(grandchildren) == 2

    os.kill(runner, signal.SIGKILL)
    worker.signal(signal.SIGKILL)
    fleet.service.cancel([family], by="test")

    until(lambda: not any(map(is_alive, children + grandchildren)), "every process of the worker is gone")
    fleet.start("-c", str(JOBS))
    assert fleet.until_ended(JOBS) == {"succeeded": JOBS - 1, "cancelled": 1}
    assert fleet.rows("select count(*) from jobsched.outcome where losses + crashes > 1") == [(0,)]


def test_a_killed_janitor_is_replaced_and_no_job_pays(fleet: Fleet) -> None:
    """Commands run on, the worker does not end over it, and the next janitor outlives its keeper by a moment."""
    worker = fleet.start("-c", "4", "--allow-commands")
    (janitor,) = set(worker.children()) - set(worker.runners())

    os.kill(janitor, signal.SIGKILL)
    commands = fleet.submit("command", 5, {"argv": ["true"]})

    worker.until_says("the janitor was killed: there is a new one")
    assert fleet.until_ended(len(commands)) == {"succeeded": len(commands)}
    assert fleet.rows("select distinct attempt, crashes from jobsched.outcome") == [(1, 0)]
    (successor,) = set(worker.children()) - set(worker.runners())
    worker.signal(signal.SIGKILL)
    until(lambda: not is_alive(successor), "the new janitor has heard of the keeper's end")
