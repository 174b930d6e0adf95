"""How many jobs to have in hand."""

from __future__ import annotations

from jobsched.core.engine.pace import MAX_PREFETCH, Pace


def test_before_anything_is_known_there_is_one_job_a_slot() -> None:
    """Nobody hoards on a guess."""
    assert Pace(10).limit() == 10


def test_fast_jobs_are_fetched_by_the_hundred() -> None:
    """50 ms of work for each slot, and never more than the limit."""
    pace = Pace(10)
    pace.saw(0.001 * 100, 100)
    assert pace.limit() == 10 + 500
    pace = Pace(1000)
    pace.saw(0.0, 100)
    assert pace.limit() == 1000 + MAX_PREFETCH


def test_slow_jobs_are_fetched_one_by_one() -> None:
    """A job of a second leaves nothing to fetch ahead."""
    pace = Pace(10)
    pace.saw(1.0, 1)
    assert pace.limit() == 10


def test_it_believes_in_slow_jobs_sooner_than_in_fast_ones() -> None:
    """One slow batch is believed by half, one fast batch by a tenth."""
    pace = Pace(10)
    pace.saw(0.001, 1)
    pace.saw(1.0, 1)
    assert pace.limit() == 10
    pace.saw(0.001, 1)
    assert pace.limit() == 11


def test_jobs_that_still_run_count_too() -> None:
    """Whoever waits for their end learns too late."""
    pace = Pace(10)
    pace.saw(0.0001, 100)
    pace.stalled(0.3)
    assert pace.limit() == 11
    pace.stalled(0.1)
    assert pace.limit() == 11
