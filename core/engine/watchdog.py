"""Watches runners from outside: jobs that do not stop when they are asked to, and memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from .hand import Hand, Held
from .runner_process import RunnerProcess

STOP_GRACE = 3.0
"""Seconds between asking a job to stop and killing its process."""
RETIRE_GRACE = 5.0
"""Seconds that the neighbours of such a job get to finish first."""


class Watchdog:
    """replace: called with a runner that must get no more jobs. max_rss: bytes a runner, None: no limit."""

    def __init__(self, hand: Hand, *, max_rss: int | None, replace: Callable[[RunnerProcess], None]) -> None:
        self._hand = hand
        self._max_rss = max_rss
        self._replace = replace

    def look(self, runners: list[RunnerProcess]) -> int:
        """Look at each runner once; return their resident memory in bytes."""
        total = 0
        now = time.monotonic()
        for runner in runners:
            rss = runner.look()
            total += rss
            if self._max_rss is not None and rss > self._max_rss:
                runner.memory_peak = max(runner.memory_peak, rss)
                runner.kill(f"its process used more than --max-rss {self._max_rss / (1 << 20):.0f} MB")
                continue
            self._look_for_overdue(runner, now)
        return total

    def _look_for_overdue(self, runner: RunnerProcess, now: float) -> None:
        running = runner.running()
        overdue = set()
        now_ns = time.monotonic_ns()
        for each in running:
            held = self._hand.get(each.token)
            if held is not None and self._is_overdue(held, (now_ns - each.started_ns) / 1e9, now):
                overdue.add(each.token)
        # Never fewer: the runner may be ending at this moment, and its jobs out of hand already.
        runner.overdue |= overdue
        if not overdue:
            return
        if not runner.alone:
            self._replace(runner)
        patience = runner.retiring_since is None or now - runner.retiring_since > RETIRE_GRACE
        if patience or len(running) == len(overdue):
            runner.kill("a job did not stop when it was asked to")

    @staticmethod
    def _is_overdue(held: Held, ran: float, now: float) -> bool:
        if held.cancel_asked and now - held.cancel_asked > STOP_GRACE:
            return True
        return held.job.timeout is not None and ran > held.job.timeout + STOP_GRACE
