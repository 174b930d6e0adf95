"""A run of chaos: workload and faults, then quiet, then the verdict."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..model.errors import JobschedError
from ..store import chaos
from . import limits
from .faults import Faults, Mend
from .ground import CRASH_LIMIT, STOP_SECONDS, Ground
from .plan import Fault
from .verdict import Violation, judge, read_said, read_told

STEP_SECONDS = 0.05
LOOK_EVERY = 0.5
SUBMITTER_SECONDS = 90.0
"""Longer than a submitter insists on a job with a key when it is told to end."""
PATIENCE_SECONDS = 180.0
"""How long it may take until one job more has ended."""
Say = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What came of it. struck: faults by kind; missed: those that found nothing to break. ends: jobs by
    state. acknowledged: jobs that submitters were told of; again: how often they were told of one
    that they knew. executions: how often jobs were begun; repeated: how many of them more than once
    (retries included)."""

    struck: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    again: int = 0
    executions: int = 0
    repeated: int = 0
    settled_after: float | None = None
    violations: list[Violation] = field(default_factory=list)


def run(ground: Ground, plan: Sequence[Fault], *, seconds: float, say: Say) -> Report:
    """Carry out a plan, `seconds` long, and judge what is left."""
    faults = Faults(ground)
    _break_things(ground, faults, plan, seconds)
    say(f"{sum(faults.struck.values())} faults are over: everything may end now")
    settled = _settle(ground)
    violations = _stop(ground)
    if settled is None:
        violations.append(
            Violation(
                "everything ends", 1, f"of the jobs that were left none ended in {PATIENCE_SECONDS:.0f} s of quiet"
            )
        )
    report = _judge(ground)
    report.struck, report.missed, report.settled_after = faults.struck, faults.missed, settled
    report.violations += violations
    return report


def _break_things(ground: Ground, faults: Faults, plan: Sequence[Fault], seconds: float) -> None:
    """Strike each fault at its time, mend it after its span, and start again whoever has ended."""
    began = time.monotonic()
    order = itertools.count()
    mends: list[tuple[float, int, Mend]] = []
    left = list(reversed(plan))
    try:
        while (now := time.monotonic() - began) < seconds or left or mends:
            while mends and mends[0][0] <= now:
                heapq.heappop(mends)[2]()
            if left and left[-1].at <= now:
                fault = left.pop()
                mend = faults.strike(fault)
                if mend is not None:
                    heapq.heappush(mends, (time.monotonic() - began + fault.seconds, next(order), mend))
            for actor in ground.actors:
                actor.tend()
            time.sleep(STEP_SECONDS)
    finally:
        for _, _, mend in mends:
            mend()


def _settle(ground: Ground) -> float | None:
    """Let submitters end and jobs too; return the seconds that it took, None if they got stuck."""
    began = time.monotonic()
    ended = [(submitter, submitter.end(SUBMITTER_SECONDS)) for submitter in ground.submitters]
    for submitter, well in ended:
        if not well:
            submitter.surprises.append(f"{submitter.name} did not end well: see {submitter.log}")
    fewest, since = math.inf, time.monotonic()
    while time.monotonic() - since < PATIENCE_SECONDS:
        for worker in ground.workers:
            worker.tend()
        try:
            with ground.service.store.connection() as conn:
                ground.service.release(chaos.held_jobs(conn))
                unfinished = chaos.unfinished(conn)
            if not unfinished:
                return time.monotonic() - began
            if unfinished < fewest:
                fewest, since = unfinished, time.monotonic()
        except JobschedError:
            continue  # the store was killed last, and is being started
        finally:
            time.sleep(LOOK_EVERY)
    return None


def _stop(ground: Ground) -> list[Violation]:
    """End the workers in order; return what anybody did that nobody had asked for."""
    for worker in ground.workers:
        if not worker.end(STOP_SECONDS):
            worker.surprises.append(f"{worker.name} did not end well: see {worker.log}")
    surprises = [words for actor in ground.actors for words in actor.surprises]
    rule = "nobody ends who was not ended"
    return [Violation(rule, len(surprises), surprises[0])] if surprises else []


def _judge(ground: Ground) -> Report:
    said, told = read_said(ground.said()), read_told(ground.witness)
    with ground.service.store.connection() as conn:
        left = chaos.jobs_left(conn)
        history, turns = chaos.history(conn), chaos.turns(conn, [queue.name for queue in limits.QUEUES])
        violations = judge(said=said, told=told, left=left, history=history, turns=turns, crash_limit=CRASH_LIMIT)
    for checked in ground.service.verify():
        if checked.violations:
            example = f"job {checked.found[0].job_id}: {checked.found[0].facts}"
            violations.append(Violation(checked.sentence, checked.violations, example))
    begun = Counter(each.job_id for each in told if each.word == "began")
    known = {job_id for job_id, _ in said.ids}
    return Report(
        ends=Counter(job.state for job in left),
        acknowledged=len(known),
        again=len(said.ids) - len(known),
        executions=sum(begun.values()),
        repeated=sum(1 for times in begun.values() if times > 1),
        violations=violations,
    )
