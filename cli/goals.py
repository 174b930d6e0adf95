"""What `wait --for` waits for: that jobs have ended, succeeded, started or reached a state, or that few are left."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.model.errors import WaitTimeout
from ..core.model.states import FINAL, State
from ..core.service import poll_pauses, too_late
from . import arguments, diagnostics

if TYPE_CHECKING:
    from ..core.model.job import Job
    from ..core.model.selection import Selection
    from ..core.service import Service

FORMS = "done, ok, running, state=dead,cancelled, count<10"
_COUNT = re.compile(r"count(<=|>=|<|>|=)(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Goal:
    """The states in which a job is where it was to get; a job that ended in another one never does."""

    states: frozenset[State]

    @property
    def is_done(self) -> bool:
        """Whether it is simply that the jobs end."""
        return self.states == FINAL

    def lost(self, state: State) -> bool:
        """Whether a job that is in this state will never get there."""
        return state in FINAL and state not in self.states


@dataclass(frozen=True, slots=True)
class CountGoal:
    """How many jobs may match."""

    operator: str
    number: int

    def met(self, count: int) -> bool:
        """Whether so many are as it should be."""
        number = self.number
        return {
            "<": count < number, "<=": count <= number, ">": count > number, ">=": count >= number, "=": count == number
        }[self.operator]  # fmt: skip


def read_goal(text: str) -> Goal | CountGoal:
    """Read what --for says. ValueError shows the accepted forms; UsageError: an unknown state."""
    word = text.strip().lower()
    simple = {"done": FINAL, "ok": frozenset({State.SUCCEEDED}), "running": FINAL | {State.RUNNING}}
    if word in simple:
        return Goal(simple[word])
    if word.startswith("state=") and len(word) > len("state="):
        return Goal(frozenset(arguments.states([word.removeprefix("state=")])))
    if found := _COUNT.fullmatch(word):
        return CountGoal(found[1], int(found[2]))
    raise ValueError(f"{text[:40]!r} is not one of {FORMS}")


def reach(
    service: Service, ids: Sequence[int], goal: Goal, *, any_: bool, fail_fast: bool, timeout: float | None
) -> tuple[bool, list[Job]]:
    """Wait until all jobs (any_: one) are where the goal says; return whether that is so, and which decided it.

    False: one of them (any_: all) never will be. fail_fast: any that ends without success decides it as well.
    WaitTimeout: after `timeout` seconds.
    """
    pauses = poll_pauses(timeout)
    with diagnostics.Progress() as progress:
        while True:
            states = {job_id: standing[0] for job_id, standing in service.standings(ids).items()}
            met = [job_id for job_id in ids if states[job_id] in goal.states]
            lost = [job_id for job_id in ids if goal.lost(states[job_id])]
            if fail_fast:
                lost = [job_id for job_id in ids if states[job_id] in FINAL - {State.SUCCEEDED}]
            if any_ and met:
                return True, service.get_many(met)
            if lost and (not any_ or len(lost) == len(ids)):
                return False, service.get_many(lost)
            if len(met) == len(ids):
                return True, service.get_many(ids)
            progress.update(f"{len(met)}/{len(ids)} there")
            pause = next(pauses, None)
            if pause is None:
                waiting = [job_id for job_id in ids if states[job_id] not in goal.states]
                raise too_late(waiting, ids, timeout)
            time.sleep(pause)


def reach_count(service: Service, selection: Selection | None, goal: CountGoal, *, timeout: float | None) -> int:
    """Wait until as many jobs match as the goal says; return how many. Counting takes a fifth of the time at most."""
    pauses = poll_pauses(timeout)
    with diagnostics.Progress() as progress:
        while True:
            began = time.monotonic()
            count = service.count(selection)[0].count
            if goal.met(count):
                return count
            progress.update(f"{count} jobs match")
            pause = next(pauses, None)
            if pause is None:
                raise WaitTimeout(
                    f"{count} jobs matched still after {timeout or 0:g} s", fix="jobsched ls with the same -f"
                )
            time.sleep(max(pause, 4 * (time.monotonic() - began)))
