"""How long a job waits when workers are idle: from its row's insert to its handler's start."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from ..model.job import NewJob
from ..store import measure
from .figures import Figure, percentile
from .ground import Ground

QUEUE = "latency"
SETTLE_SECONDS = 1.0
LONGEST_PAUSE = 0.02


def run(ground: Ground, *, jobs: int, workers: int, concurrency: int) -> Iterator[Figure]:
    """Yield p50, p95 and p99 in ms. Jobs come one at a time, 0 to 20 ms apart, to idle workers.

    The limit beside them is one INSERT and its commit on an otherwise idle server, as far apart: a
    job's start needs two commits, its own and the claim's.
    """
    service = ground.service
    pauses = [random.uniform(0, LONGEST_PAUSE) for _ in range(jobs)]
    with service.store.connect("jobsched bench") as conn:
        raw = [1e3 * each for each in measure.raw_insert_times(conn, pauses)]
    service.submit(NewJob("noop", queue="elsewhere"))
    with ground.workers(workers, ["--concurrency", str(concurrency), "--queues", QUEUE]):
        time.sleep(SETTLE_SECONDS)
        before = ground.cpu()
        for pause in pauses:
            service.submit(NewJob("noop", queue=QUEUE))
            time.sleep(pause)
        with service.store.connection() as conn:
            ground.until(lambda: measure.drained(conn, queue=QUEUE).jobs == jobs, "the last jobs to end")
            waits = [1e3 * wait for wait in measure.waits(conn, queue=QUEUE)]
        more = ground.cpu().per_job(before, jobs)
    setting = {"jobs": jobs, "workers": workers, "concurrency": concurrency}
    for share in (0.5, 0.95, 0.99):
        limit, value = percentile(raw, share), percentile(waits, share)
        against = f"raw INSERT + commit, p{share * 100:.0f}"
        yield Figure(against, limit, "ms")
        name = f"enqueue to start, p{share * 100:.0f}, {workers} idle worker(s)"
        yield Figure(name, value, "ms", value / max(limit, 1e-9), against, setting, more)
