"""How fast jobs get in: one at a time, in bulk by one statement, and by COPY."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..model.job import NewJob
from ..store import measure
from .figures import Figure
from .ground import Ground

BULK = 1000
COPY_ROWS = 200_000


def run(ground: Ground, *, jobs: int, seconds: float) -> Iterator[Figure]:
    """Yield the raw limits and ours beside them. One at a time and its limit alternate in short
    turns, so that a machine whose speed drifts does not decide the ratio. seconds: for each of them."""
    service = ground.service
    turns = 6
    raw, ours = [], []
    with service.store.connect("jobsched bench") as conn:
        for _ in range(turns):
            raw.append(measure.raw_insert_rate(conn, seconds / turns))
            ours.append(_one_at_a_time(ground, seconds / turns))
        copy_rate = measure.raw_copy_rate(conn, COPY_ROWS)
    insert_rate, rate = sum(raw) / turns, sum(ours) / turns
    yield Figure("raw INSERT + commit", insert_rate, "rows/s")
    yield Figure("submit, one at a time", rate, "jobs/s", rate / insert_rate, "raw INSERT + commit")
    yield Figure("raw COPY", copy_rate, "rows/s")
    new = [NewJob("noop", queue="bulk")] * BULK
    began = time.perf_counter()
    for _ in range(max(1, jobs // BULK)):
        service.submit_many(new)
    rate = max(1, jobs // BULK) * BULK / (time.perf_counter() - began)
    yield Figure(f"submit_many, {BULK} a statement", rate, "jobs/s", rate / copy_rate, "raw COPY")
    began = time.perf_counter()
    count = service.load(NewJob("noop", queue="load") for _ in range(jobs))
    rate = count / (time.perf_counter() - began)
    yield Figure("load", rate, "jobs/s", rate / copy_rate, "raw COPY", {"jobs": jobs})


def _one_at_a_time(ground: Ground, seconds: float) -> float:
    service, jobs = ground.service, 0
    new = NewJob("noop", queue="single")
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(20):
            service.submit(new)
        jobs += 20
    return jobs / spent
