"""Counts the jobs that succeeded, type by type."""

from __future__ import annotations

from collections import Counter, defaultdict

from ..metrics import WorkerMetrics
from .hand import Held


def count_successes(metrics: WorkerMetrics, held: list[Held], waits: list[float], runs: list[float]) -> None:
    """Add jobs with their waiting and running times, in seconds; one call of the metrics a type."""
    for schedule, jobs in Counter(each.job.schedule for each in held if each.job.schedule).items():
        metrics.of_schedule(schedule, "success", jobs)
    kinds = {each.job.type for each in held}
    if len(kinds) == 1:
        metrics.finished(kinds.pop(), "success", runs, waits, [each.job.attempt for each in held])
        return
    by_type: dict[str, tuple[list[float], list[float], list[int]]] = defaultdict(lambda: ([], [], []))
    for each, wait, run in zip(held, waits, runs, strict=True):
        by_type[each.job.type][0].append(run)
        by_type[each.job.type][1].append(wait)
        by_type[each.job.type][2].append(each.job.attempt)
    for job_type, (ran, waited, attempts) in by_type.items():
        metrics.finished(job_type, "success", ran, waited, attempts)
