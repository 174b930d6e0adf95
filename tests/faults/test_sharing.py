"""Several workers at one store: nobody hoards, nobody takes what it cannot run, the right one wakes up."""

from __future__ import annotations

from .fleet import Fleet, until

LONG_POLL = {"JOBSCHED_POLL": "1h"}


def until_both_listen(fleet: Fleet) -> None:
    """Wait until wake-ups of two workers will be heard."""
    question = "select 1 from pg_stat_activity where datname = current_database() and query like 'listen%%'"
    until(lambda: len(fleet.rows(question)) == 2, "both listen")


def test_a_worker_that_claimed_ahead_gives_slow_jobs_back(fleet: Fleet) -> None:
    """Fast jobs taught it to claim hundreds at once; when slow ones come, another worker gets its share."""
    fleet.start("-c", "2", "--name", "first")
    fleet.submit("noop", 2000)
    fleet.until_states(succeeded=2000)
    slow = fleet.submit("gate", 40, {"open": str(fleet.folder / "open")})
    fleet.until_began(2)

    fleet.start("-c", "30", "--name", "second")

    until(lambda: len(fleet.told()) == 32, "both workers are full")
    (fleet.folder / "open").touch()
    fleet.until_ended(2000 + len(slow))
    assert fleet.rows("select distinct attempt, losses from jobsched.outcome") == [(1, 0)]


def test_jobs_that_need_a_process_of_their_own_are_not_hoarded(fleet: Fleet) -> None:
    """However fast other jobs were, only as many are held as will be started soon."""
    fleet.start("-c", "2", "--name", "first")
    fleet.submit("noop", 2000)
    fleet.until_states(succeeded=2000)
    fleet.submit("alone", 30, {"seconds": 1000})
    fleet.until_began(2)

    until(lambda: fleet.rows("select count(*) <= 4 from jobsched.lease") == [(True,)], "the others went back")
    assert fleet.states()["queued"] >= 26


def test_types_that_a_worker_does_not_know_are_left_for_others(fleet: Fleet) -> None:
    """They stay queued, unspent, behind and before jobs that it knows."""
    fleet.submit("odd", 3)
    fleet.start("-c", "2", JOBSCHED_IMPORTS="")
    fleet.submit("noop", 5)
    fleet.until_states(succeeded=5, queued=3)
    assert fleet.rows("select distinct attempt, losses, job_id = seq from jobsched.ready") == [(0, 0, True)]

    fleet.start("-c", "2")

    fleet.until_states(succeeded=8)
    assert len(fleet.told()) == 3


def test_a_wake_up_goes_to_the_worker_that_has_been_idle_longest(fleet: Fleet) -> None:
    """Turn by turn, one worker a job: nobody else runs for it."""
    for name in ("a", "b"):
        fleet.start("-c", "2", "--name", name, **LONG_POLL)
    until_both_listen(fleet)
    worked = []
    for done in range(1, 9):
        (job,) = fleet.submit("noop")
        fleet.until_states(succeeded=done)
        worked.append(fleet.service.get(job).worker)

    # The first two may have been found by a worker that had just begun to listen and looked around.
    assert worked[2:] in (["a", "b"] * 3, ["b", "a"] * 3)


def test_a_full_worker_passes_the_wake_up_on(fleet: Fleet) -> None:
    """Jobs that come by the dozen reach the idle worker too, without waiting for a poll."""
    for name in ("a", "b"):
        fleet.start("-c", "5", "--name", name, **LONG_POLL)
    until_both_listen(fleet)

    fleet.submit("gate", 10, {"open": str(fleet.folder / "open")})

    fleet.until_began(10)
    (fleet.folder / "open").touch()
    fleet.until_states(succeeded=10)
    assert sorted(fleet.rows("select worker_id, count(*) from jobsched.outcome group by 1")) == [(1, 5), (2, 5)]
