"""SIGTERM: what runs may finish, the rest goes back unspent."""

from __future__ import annotations

import signal

from .fleet import Fleet


def test_sigterm_finishes_what_runs_and_hands_the_rest_back(fleet: Fleet) -> None:
    """Exit 0; no attempt is spent on what had not begun, and no lease is left."""
    gate = fleet.folder / "open"
    worker = fleet.start("-c", "3")
    fleet.submit("gate", 20, {"open": str(gate)})
    fleet.until_began(3)

    worker.signal(signal.SIGTERM)
    worker.until_says("worker stops")
    gate.touch()

    assert worker.wait() == 0
    began = len(fleet.told())
    assert fleet.states() == {"succeeded": began, "queued": 20 - began}
    assert len(fleet.told("ended")) == began
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.ready") == [(0, 0, 0)]
    assert fleet.rows("select end_reason, running from jobsched.worker") == [("stopped", 0)]


def test_a_second_signal_hands_running_jobs_back_at_once(fleet: Fleet) -> None:
    """Exit 0 without waiting; the attempt that was interrupted is not spent."""
    worker = fleet.start("-c", "3")
    fleet.submit("gate", 20, {"open": "/nowhere"})
    fleet.submit("alone", payload={"seconds": 1000})
    fleet.until_began(3)

    worker.signal(signal.SIGTERM)
    worker.until_says("worker stops")
    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    assert fleet.states() == {"queued": 21}
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.ready") == [(0, 0, 0)]
    assert fleet.rows("select * from jobsched.attempt_log") == []


def test_jobs_that_outlast_the_drain_timeout_are_handed_back(fleet: Fleet) -> None:
    """--drain-timeout is a limit, not a wish; what finished in time has its outcome."""
    worker = fleet.start("-c", "4", "--drain-timeout", "1s")
    fleet.submit("stubborn_thread", payload={"seconds": 1000})
    fleet.submit("nap", payload={"seconds": 0.7})
    fleet.until_began(2)

    worker.signal(signal.SIGINT)

    assert worker.wait() == 0
    assert fleet.states() == {"queued": 1, "succeeded": 1}
    assert fleet.rows("select attempt, crashes, losses from jobsched.ready") == [(0, 0, 0)]


def test_a_burst_ends_when_nothing_is_left(fleet: Fleet) -> None:
    """Two workers empty the store together and exit 0; every job has one outcome."""
    fleet.submit("nap", 200, {"seconds": 0.0})
    workers = [fleet.start("-c", "5", "--burst", wait=False) for _ in range(2)]

    assert [worker.wait() for worker in workers] == [0, 0]
    assert fleet.states() == {"succeeded": 200}
    assert len(fleet.told()) == 200


def test_what_a_stopping_worker_hands_back_is_taken_up_without_a_poll(fleet: Fleet) -> None:
    """An idle worker is woken for it; left to polling, this one would look in an hour."""
    gate = fleet.folder / "open"
    worker = fleet.start("-c", "1", "--name", "first")
    fleet.submit("gate", payload={"open": str(gate)})
    fleet.until_began(1)
    fleet.start("-c", "1", "--name", "second", JOBSCHED_POLL="1h")

    worker.signal(signal.SIGTERM)
    worker.until_says("worker stops")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0

    fleet.until_began(2)
    gate.touch()
    assert fleet.until_ended(1) == {"succeeded": 1}


def test_a_burst_in_a_store_that_never_had_a_job_ends(fleet: Fleet) -> None:
    """No queue is nothing left, too."""
    worker = fleet.start("--burst")
    assert worker.wait() == 0
