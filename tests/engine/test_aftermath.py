"""Who pays when a runner ends, and whom the watchdog ends."""

from __future__ import annotations

import time
from typing import Any, cast

from jobsched.core.engine.aftermath import judge_jobs_of
from jobsched.core.engine.board import Running
from jobsched.core.engine.hand import Hand, Held
from jobsched.core.engine.runner_process import RunnerProcess
from jobsched.core.engine.verdict import Crash
from jobsched.core.engine.watchdog import RETIRE_GRACE, STOP_GRACE, Watchdog

from .make import claimed, held

CRASH = Crash("killed its process: SIGKILL", 9, None, 0, "", 0.0)


class Runner:
    """The facts of a runner, without a process."""

    def __init__(self, *, alone: bool = False, rss: int = 0) -> None:
        self.alone = alone
        self.overdue: set[int] = set()
        self.stopping = False
        self.retiring_since: float | None = None
        self.memory_peak = 0
        self.started: list[Running] = []
        self.killed: list[str] = []
        self._rss = rss

    def running(self) -> list[Running]:
        return self.started

    def look(self) -> int:
        return self._rss

    def kill(self, reason: str) -> None:
        self.killed.append(reason)

    def runs(self, token: int, seconds: float = 0.0) -> None:
        self.started.append(Running(token, time.monotonic_ns() - int(seconds * 1e9)))


def settle(runner: Runner, jobs: list[Held]) -> dict[int, tuple[str, int, bool]]:
    """Token → (next, crashes, solo)."""
    ends = judge_jobs_of(cast(RunnerProcess, runner), jobs, runner.started, CRASH, 3)
    return {end.token: (end.next, end.crashes, end.solo) for _, end, _ in ends}


def test_a_job_that_ran_alone_among_waiting_ones_pays() -> None:
    """What had been sent and not started goes back unspent."""
    runner = Runner()
    runner.runs(1)
    assert settle(runner, [held(1), held(2)]) == {1: ("queued", 1, True), 2: ("queued", 0, False)}


def test_where_runners_end_again_and_again_with_nothing_started_each_job_runs_alone_next() -> None:
    """Or a job that ends its runner without a trace would be handed back for ever."""
    jobs = [held(1), held(2)]
    ends = judge_jobs_of(cast(RunnerProcess, Runner()), jobs, [], CRASH, 3, apart=True)
    assert [(end.next, end.crashes, end.solo) for _, end, _ in ends] == [("queued", 0, True)] * 2


def test_of_several_running_jobs_none_pays_and_each_runs_alone_next() -> None:
    """Only a crash alone proves anything."""
    runner = Runner()
    runner.runs(1)
    runner.runs(2)
    assert settle(runner, [held(1), held(2), held(3)]) == {
        1: ("queued", 0, True), 2: ("queued", 0, True), 3: ("queued", 0, False),
    }  # fmt: skip


def test_where_nothing_ran_nobody_pays() -> None:
    """A runner that dies between jobs."""
    assert settle(Runner(), [held(1)]) == {1: ("queued", 0, False)}


def test_a_process_of_ones_own_is_ones_own_fault_even_before_the_start() -> None:
    """Its import may be what kills it; the third time is the last."""
    assert settle(Runner(alone=True), [held(1, crashes=2, solo=True)]) == {1: ("dead", 3, True)}


def test_a_runner_that_was_ended_by_us_costs_nobody_anything() -> None:
    """A stopping worker hands back."""
    runner = Runner()
    runner.runs(1)
    runner.stopping = True
    assert settle(runner, [held(1), held(2)]) == {1: ("queued", 0, False), 2: ("queued", 0, False)}


def test_a_job_that_would_not_stop_pays_and_its_neighbours_do_not() -> None:
    """It timed out; they are handed back."""
    runner = Runner()
    runner.runs(1)
    runner.runs(2)
    runner.overdue = {1}
    assert settle(runner, [held(1, timeout=1.0), held(2)]) == {1: ("retrying", 0, False), 2: ("queued", 0, False)}


# ---- the watchdog -----------------------------------------------------------------------------------


def watch(runner: Runner, *jobs: Held, max_rss: int | None = None) -> list[Any]:
    """Let it look once; return the runners that it wants replaced."""
    hand = Hand()
    hand._held.update({job.job.token: job for job in jobs})
    replaced: list[Any] = []
    Watchdog(hand, max_rss=max_rss, replace=replaced.append).look([cast(RunnerProcess, runner)])
    return replaced


def test_a_job_within_its_time_is_left_alone() -> None:
    """And for a moment longer: it is being asked to stop."""
    runner = Runner()
    runner.runs(1, seconds=2 + STOP_GRACE - 0.5)
    assert watch(runner, held(1, timeout=2.0)) == []
    assert runner.killed == []


def test_a_runner_whose_only_job_will_not_stop_is_killed_at_once() -> None:
    """There is nobody to wait for."""
    runner = Runner()
    runner.runs(1, seconds=2 + STOP_GRACE + 0.1)
    assert watch(runner, held(1, timeout=2.0)) == [runner]
    assert runner.overdue == {1}
    assert len(runner.killed) == 1


def test_a_job_that_was_overdue_stays_so_while_its_runner_ends() -> None:
    """The keeper takes the jobs of a dead runner out of its hand before it judges them."""
    runner = Runner()
    runner.runs(1, seconds=2 + STOP_GRACE + 0.1)
    watch(runner, held(1, timeout=2.0))
    watch(runner)
    assert runner.overdue == {1}


def test_neighbours_of_a_job_that_will_not_stop_get_time_to_finish() -> None:
    """The runner is replaced at once and killed later."""
    runner = Runner()
    runner.runs(1, seconds=2 + STOP_GRACE + 0.1)
    runner.runs(2)
    runner.retiring_since = time.monotonic()
    assert watch(runner, held(1, timeout=2.0), held(2)) == [runner]
    assert runner.killed == []
    runner.retiring_since -= RETIRE_GRACE + 0.1
    watch(runner, held(1, timeout=2.0), held(2))
    assert len(runner.killed) == 1


def test_a_job_that_was_asked_to_cancel_long_ago_is_overdue() -> None:
    """Cancellation has the same patience as a timeout."""
    job = held(1)
    runner = Runner(alone=True)
    runner.runs(1, seconds=100)
    job.cancel_asked = time.monotonic()
    watch(runner, job)
    assert runner.killed == []
    job.cancel_asked -= STOP_GRACE + 0.1
    assert watch(runner, job) == []
    assert len(runner.killed) == 1


def test_too_much_memory_ends_a_runner_and_is_remembered() -> None:
    """The reason is told to whoever pays."""
    runner = Runner(rss=300 << 20)
    watch(runner, max_rss=250 << 20)
    assert runner.memory_peak == 300 << 20
    assert "max-rss" in runner.killed[0]
    assert watch(Runner(rss=200 << 20), max_rss=250 << 20) == []
    assert claimed().timeout is None
