"""Timeouts and cancellation: asked first, killed then, and nobody else pays."""

from __future__ import annotations

from .fleet import Fleet, group_members, is_alive, until


def test_jobs_of_every_kind_end_when_their_time_is_over(fleet: Fleet) -> None:
    """An async one and one in a thread hear it; one in its own process is killed; neighbours go on."""
    fleet.start("-c", "8")
    fleet.submit("nap", payload={"seconds": 1000}, timeout=0.5, max_attempts=1)
    fleet.submit("polite_thread", timeout=0.5, max_attempts=1)
    fleet.submit("alone", payload={"seconds": 1000}, timeout=0.5, max_attempts=1)
    fleet.submit("nap", payload={"seconds": 2}, max_attempts=1)

    assert fleet.until_ended(4) == {"dead": 3, "succeeded": 1}
    assert fleet.rows("select distinct kind, error_class from jobsched.attempt_log") == [("timeout", "JobTimeout")]
    ran = [run for (run,) in fleet.rows("select run from jobsched.outcome where state = 'dead'")]
    assert min(ran) >= 0.5
    assert max(ran) < 6


def test_a_thread_that_ignores_its_timeout_has_its_runner_replaced_while_neighbours_finish(fleet: Fleet) -> None:
    """The runner gets no more jobs, its other jobs finish, then it is killed; new jobs run in a new one."""
    worker = fleet.start("-c", "8")
    (runner,) = worker.runners()
    (neighbour,) = fleet.submit("nap", payload={"seconds": 6})
    fleet.until_began(1)
    (stubborn,) = fleet.submit("stubborn_thread", payload={"seconds": 1000}, timeout=0.5, max_attempts=1)
    fleet.until_began(2)

    until(lambda: len(worker.runners()) == 2, "a second runner")
    (newcomer,) = fleet.submit("nap", payload={"seconds": 0})

    until(lambda: not is_alive(runner), "the first runner is gone")
    assert fleet.until_ended(3) == {"dead": 1, "succeeded": 2}
    pids = {told.job_id: told.pid for told in fleet.told()}
    assert pids[neighbour] == pids[stubborn] == runner
    assert pids[newcomer] != runner
    assert len(fleet.told()) == 3
    assert fleet.service.attempts(stubborn)[0].kind == "timeout"


def test_cancelling_running_jobs_stops_them(fleet: Fleet) -> None:
    """One that is awaiting, one in a thread that asks, and one in its own process that must be killed."""
    fleet.start("-c", "8")
    jobs = [
        *fleet.submit("nap", payload={"seconds": 1000}),
        *fleet.submit("polite_thread"),
        *fleet.submit("alone", payload={"seconds": 1000}),
    ]
    fleet.until_began(3)

    fleet.service.cancel(jobs, by="test")

    assert fleet.until_ended(3) == {"cancelled": 3}
    assert fleet.rows("select * from jobsched.attempt_log") == []


def test_cancelling_a_command_ends_its_whole_process_group(fleet: Fleet) -> None:
    """Grandchildren too, and those that ignore SIGTERM."""
    fleet.start("-c", "2", "--allow-commands")
    script = "echo $$ > group; trap '' TERM; sleep 1000 & sleep 1000 & wait; sleep 1000"
    (job,) = fleet.submit("command", payload={"argv": ["sh", "-c", script], "cwd": str(fleet.folder)})
    file = fleet.folder / "group"
    until(lambda: file.exists() and file.read_text().strip(), "the command runs")
    pgid = int(file.read_text())
    until(lambda: len(group_members(pgid)) == 3, "its children run")

    fleet.service.cancel([job], by="test")

    assert fleet.until_ended(1) == {"cancelled": 1}
    until(lambda: not group_members(pgid), "nothing of the group is left")


def test_a_job_that_fails_while_it_is_being_cancelled_does_not_run_again(fleet: Fleet) -> None:
    """It was asked to stop and stopped, in whatever way: its other attempts are not wanted."""
    fleet.start("-c", "2")
    (job,) = fleet.submit("spiteful", max_attempts=5)
    fleet.until_began(1)

    fleet.service.cancel([job], by="somebody")

    assert fleet.until_ended(1) == {"cancelled": 1}
    assert fleet.service.get(job).error == "cancelled by somebody"
    assert [each.error_class for each in fleet.service.attempts(job)] == ["RuntimeError"]
