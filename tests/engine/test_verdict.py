"""What becomes of a job: one row for each way an attempt can end."""

from __future__ import annotations

import pytest

from jobsched.core.engine import verdict
from jobsched.core.engine.protocol import MAX_DELAY_SECONDS
from jobsched.core.engine.verdict import Crash

from .make import claimed, report

CRASH = Crash("killed its process: SIGSEGV", 11, None, 300 << 20, "last words", 2.5)


@pytest.mark.parametrize(
    ("kind", "attempt", "next_", "attempts_used", "logged"),
    [
        ("failed", 1, "retrying", 1, "failed"),
        ("failed", 3, "dead", 3, "failed"),
        ("timeout", 1, "retrying", 1, "timeout"),
        ("timeout", 3, "dead", 3, "timeout"),
        ("retry", 1, "retrying", 1, "failed"),
        ("retry", 3, "dead", 3, "failed"),
        ("discard", 1, "dead", 1, "failed"),
        ("discard", 3, "dead", 3, "failed"),
        ("cancelled", 1, "cancelled", 1, None),
        ("cancelled", 3, "cancelled", 3, None),
        ("snooze", 1, "scheduled", 0, None),
        ("snooze", 3, "scheduled", 2, None),
        ("unstarted", 1, "queued", 0, None),
        ("unstarted", 3, "queued", 2, None),
    ],
)
def test_every_report_has_its_consequence(
    kind: str, attempt: int, next_: str, attempts_used: int, logged: str | None
) -> None:
    """With attempts left and with none; what is not the job's failure uses up no attempt."""
    job = claimed(attempt=attempt, crashes=1, losses=2)

    end = verdict.judge(job, report(kind))

    assert (end.next, end.attempt, end.kind) == (next_, attempts_used, logged)
    assert (end.job_id, end.token, end.queue, end.priority, end.type) == (1, 1, "default", 2, "noop")
    assert (end.crashes, end.losses) == (1, 2)
    assert (end.error is not None) == (next_ in ("dead", "cancelled"))
    if logged:
        assert (end.ran_attempt, end.error_class, end.message, end.traceback) == (attempt, "E", "broken", "t")


def test_a_failure_waits_for_the_jobs_backoff_unless_it_says_otherwise() -> None:
    """Retry(delay=…) decides; zero is at once."""
    assert verdict.judge(claimed(), report("failed")).delay == 7.0
    assert verdict.judge(claimed(), report("retry", delay=0.0)).delay == 0.0
    assert verdict.judge(claimed(), report("retry", delay=99.0)).delay == 99.0
    assert verdict.judge(claimed(), report("snooze", delay=5.0)).delay == 5.0


def test_no_backoff_is_longer_than_the_stores_clock() -> None:
    """An interval that Postgres cannot add would fail the statement that it is in."""
    assert verdict.judge(claimed(backoff_base=1e38, backoff_cap=1e38), report("failed")).delay == MAX_DELAY_SECONDS


def test_a_crash_runs_the_job_again_alone_until_its_crashes_are_used_up() -> None:
    """Attempts are not spent on crashes; the last one tells what is known."""
    first = verdict.crashed(claimed(), CRASH, 3)
    assert (first.next, first.attempt, first.crashes, first.solo, first.error) == ("queued", 0, 1, True, None)
    assert (first.kind, first.signal, first.memory_peak, first.traceback) == ("crashed", 11, 300 << 20, "last words")

    last = verdict.crashed(claimed(crashes=2, solo=True), CRASH, 3)
    assert (last.next, last.crashes) == ("dead", 3)
    assert last.error == "RunnerCrashed: killed its process: SIGSEGV, memory peak 300 MiB, 3 times alone"


def test_a_job_that_had_to_be_killed_is_timed_out_or_cancelled() -> None:
    """Whichever it had been asked for."""
    assert verdict.killed_overdue(claimed(timeout=5.0), timed_out=True, ran=8.0).kind == "timeout"
    assert verdict.killed_overdue(claimed(), timed_out=False, ran=8.0).next == "cancelled"


def test_what_is_handed_back_is_unspent() -> None:
    """And keeps its place among those that must run alone, unless it is put there now."""
    back = verdict.hand_back(claimed(attempt=2, crashes=1, losses=1, solo=True))
    assert (back.next, back.attempt, back.crashes, back.losses, back.solo) == ("queued", 1, 1, 1, True)
    assert verdict.hand_back(claimed(), solo=True).solo
