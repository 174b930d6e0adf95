"""A lease stands as long as its worker does, and not one job longer."""

from __future__ import annotations

import signal

from .fleet import Fleet, until

SHORT = {"JOBSCHED_LEASE": "3s"}


def test_a_job_that_holds_the_gil_longer_than_a_lease_keeps_its_lease(fleet: Fleet) -> None:
    """The heartbeat lives in another process: nobody takes the job away."""
    fleet.start("-c", "4", **SHORT)
    fleet.start("-c", "4", **SHORT)
    (job,) = fleet.submit("holds_the_gil", payload={"seconds": 5})

    assert fleet.until_ended(1) == {"succeeded": 1}

    assert [told.job_id for told in fleet.told()] == [job]
    assert fleet.rows("select * from jobsched.attempt_log") == []
    assert fleet.service.get(job).losses == 0


def test_a_stopped_keeper_loses_its_jobs_and_begins_anew_when_it_wakes_up(fleet: Fleet) -> None:
    """Stopped past its lease: the job runs elsewhere, late words are refused, the worker registers anew."""
    gate = fleet.folder / "open"
    sleeper = fleet.start("-c", "4", "--name", "sleeper", **SHORT)
    (job,) = fleet.submit("gate", payload={"open": str(gate)})
    (first,) = fleet.until_began(1)

    sleeper.signal(signal.SIGSTOP)
    other = fleet.start("-c", "4", "--name", "other", **SHORT)
    second = fleet.until_began(2)[1]
    assert second.token > first.token
    sleeper.signal(signal.SIGCONT)
    sleeper.until_says("this worker was declared dead")
    gate.touch()

    assert fleet.until_ended(1) == {"succeeded": 1}
    done = fleet.service.get(job)
    assert (done.worker, done.losses, done.attempt) == ("other", 1, 1)
    assert fleet.rows("select token from jobsched.outcome") == [(second.token,)]
    until(
        lambda: len(fleet.rows("select id from jobsched.worker where name = 'sleeper'")) == 2,
        "the sleeper has registered anew",
    )

    other.signal(signal.SIGTERM)
    assert other.wait() == 0
    (again,) = fleet.submit("nap", payload={"seconds": 0})
    fleet.until_states(succeeded=2)
    assert fleet.service.get(again).worker == "sleeper"


def test_the_words_of_a_keeper_that_overslept_are_refused(fleet: Fleet) -> None:
    """The runner goes on while its keeper is stopped; what it then says comes too late."""
    sleeper = fleet.start("-c", "4", "--name", "sleeper", **SHORT)
    (job,) = fleet.submit("holds_the_gil", payload={"seconds": 4})
    fleet.until_began(1)
    sleeper.signal(signal.SIGSTOP)
    fleet.db.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '10 s'")
    until(
        lambda: fleet.rows("select 1 from jobsched.worker where heartbeat_at < clock_timestamp() - interval '10 s'"),
        "the worker is silent",
    )
    other = fleet.start("-c", "4", "--name", "other", **SHORT)
    fleet.until_began(2)

    sleeper.signal(signal.SIGCONT)
    sleeper.until_says("this worker was declared dead")

    assert fleet.until_ended(1) == {"succeeded": 1}
    assert fleet.service.get(job).worker == "other"
    assert fleet.rows("select kind from jobsched.attempt_log") == [("lost",)]
    assert other.process.poll() is None
