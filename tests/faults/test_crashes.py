"""Jobs that kill the process they run in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .fleet import Fleet, until

INNOCENT = 50


def test_a_job_that_exits_its_process_dies_alone_and_its_neighbours_are_not_charged(fleet: Fleet) -> None:
    """Three crashes alone, named by exit code and last words; 50 neighbours succeed in their first attempt."""
    fleet.start("-c", str(INNOCENT + 10), "--queues", "default")
    fleet.submit("nap", INNOCENT, {"seconds": 0.3})
    (guilty,) = fleet.submit("exits")

    assert fleet.until_ended(INNOCENT + 1) == {"succeeded": INNOCENT, "dead": 1}

    job = fleet.service.get(guilty)
    assert (job.state, job.attempt, job.crashes) == ("dead", 0, 3)
    assert job.error is not None
    assert "exit code 9" in job.error
    attempts = fleet.service.attempts(guilty)
    assert [(each.kind, each.exit_code, each.signal) for each in attempts] == [("crashed", 9, None)] * 3
    assert all("last words of a job" in (each.traceback or "") for each in attempts)
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.outcome where job_id <> %s", guilty) == [
        (1, 0, 0)
    ]


def test_a_job_that_eats_memory_dies_alone_with_its_peak_named(fleet: Fleet) -> None:
    """--max-rss ends the process; alone three times, the job is dead with signal and memory peak."""
    fleet.start("-c", str(INNOCENT + 10), "--max-rss", "250MB")
    fleet.submit("nap", INNOCENT, {"seconds": 0.3})
    (guilty,) = fleet.submit("hog")

    assert fleet.until_ended(INNOCENT + 1) == {"succeeded": INNOCENT, "dead": 1}

    job = fleet.service.get(guilty)
    assert job.error is not None
    assert "--max-rss 250 MB" in job.error
    attempts = fleet.service.attempts(guilty)
    assert [(each.kind, each.signal) for each in attempts] == [("crashed", 9)] * 3
    assert all((each.memory_peak or 0) > 250 << 20 for each in attempts)
    assert fleet.rows("select distinct attempt, crashes, losses from jobsched.outcome where job_id <> %s", guilty) == [
        (1, 0, 0)
    ]


def test_a_job_that_ends_its_runner_without_a_trace_is_found_out(fleet: Fleet) -> None:
    """Nothing on the board says that it ran; after three such ends each job runs alone, and it pays."""
    fleet.start("-c", "10")
    (guilty,) = fleet.submit("traceless")

    assert fleet.until_ended(1) == {"dead": 1}

    job = fleet.service.get(guilty)
    assert (job.attempt, job.crashes) == (0, 3)


def test_a_worker_whose_handlers_stopped_importing_waits_and_goes_on_when_they_do_again(
    fleet: Fleet, tmp_path: Path
) -> None:
    """A runner that cannot start is tried again at growing intervals; no job pays for it."""
    module = tmp_path / "mine" / "changing.py"
    module.parent.mkdir()
    good = (
        "from jobsched.core.handler import handler\n"
        "@handler('changing')\nasync def changing(payload: dict, context) -> int:\n    return 1\n"
    )
    module.write_text(good)
    path = f"{Path(__file__).parent}:{module.parent}"
    worker = fleet.start("-c", "4", PYTHONPATH=path, JOBSCHED_IMPORTS="handlers_for_faults,changing")
    (runner,) = worker.runners()

    module.write_text("this is not Python")
    os.kill(runner, 9)
    worker.until_says("the handlers do not import any more", times=2)
    (job,) = fleet.submit("changing")
    module.write_text(good)

    until(lambda: fleet.states() == {"succeeded": 1}, "the job succeeds")
    done = fleet.service.get(job)
    assert (done.attempt, done.crashes, done.result) == (1, 0, 1)
    assert sys.dont_write_bytecode or worker.process.poll() is None
