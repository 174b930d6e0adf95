"""Who pays for the end of a runner: see docs/decisions.md, "Crashes"."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..store.leases import Claimed, Ending
from . import verdict
from .board import Running
from .hand import Held
from .verdict import Crash

if TYPE_CHECKING:
    from .runner_process import RunnerProcess

End = tuple[Claimed, Ending, str]
"""A job, what becomes of it, and how its attempt ended."""
HANDED_BACK = "handed back"


def hand_back(held: Iterable[Held], *, solo: bool | None = None) -> list[End]:
    """Return the ends of jobs that go back unspent. solo: they must run alone from now on."""
    return [(each.job, verdict.hand_back(each.job, solo=solo), HANDED_BACK) for each in held]


def judge_jobs_of(
    runner: RunnerProcess,
    held: list[Held],
    started: list[Running],
    crash: Crash,
    crash_limit: int,
    *,
    apart: bool = False,
) -> list[End]:
    """Return what becomes of the jobs in hand (`held`) of a runner that has ended.

    One that was killed because it would not stop pays for that; its neighbours don't. Nobody pays
    where we ended the runner. Else the only one that had been started pays with a crash; of several
    each runs alone from now on, so that only the guilty one can pay. crash: of the runner; `ran` is
    filled in here. apart: those that seemed not started run alone, too: one of them may have ended
    its runner in a way that left no trace.
    """
    now = time.monotonic_ns()
    ran = {each.token: (now - each.started_ns) / 1e9 for each in started}
    overdue = [each for each in held if each.job.token in runner.overdue]
    others = [each for each in held if each.job.token not in runner.overdue]
    if overdue or runner.stopping:
        return [_killed(each, ran) for each in overdue] + hand_back(others)
    running = others if runner.alone else [each for each in others if each.job.token in ran]
    idle = [each for each in others if each not in running]
    if len(running) != 1:
        return hand_back(running, solo=True) + hand_back(idle, solo=apart or None)
    job = running[0].job
    crash = crash._replace(ran=ran.get(job.token, 0.0))
    return [(job, verdict.crashed(job, crash, crash_limit), "crashed"), *hand_back(idle, solo=apart or None)]


def _killed(held: Held, ran: dict[int, float]) -> End:
    ending = verdict.killed_overdue(held.job, timed_out=not held.cancel_asked, ran=ran.get(held.job.token, 0.0))
    return held.job, ending, "killed"
