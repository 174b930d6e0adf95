"""How fast workers empty a full queue of no-ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..model.job import NewJob
from ..store import measure
from .figures import Figure
from .ground import Ground

COPY_ROWS = 200_000
LONGEST = 1800.0


def run(
    ground: Ground, *, jobs: int, workers: Sequence[int], concurrency: int, repeat: int, history: int = 0
) -> Iterator[Figure]:
    """Yield one figure a number of workers and repetition. The queue is filled while it is paused.
    history: finished jobs that the store holds before."""
    service = ground.service
    with service.store.connection() as conn:
        measure.make_history(conn, history)
        copy_rate = measure.raw_copy_rate(conn, COPY_ROWS)
    yield Figure("raw COPY", copy_rate, "rows/s")
    for count in workers:
        for turn in range(repeat):
            yield _drain(ground, jobs, count, concurrency, turn, copy_rate)


def _drain(ground: Ground, jobs: int, workers: int, concurrency: int, turn: int, copy_rate: float) -> Figure:
    service = ground.service
    queue = f"drain-{workers}-{turn}"
    service.submit(NewJob("noop", queue=queue))
    service.pause_queue(queue, by="bench")
    service.load(NewJob("noop", queue=queue) for _ in range(jobs - 1))
    with service.store.connection() as conn:
        measure.vacuum(conn)
        with ground.workers(workers, ["--concurrency", str(concurrency), "--queues", queue]):
            wal, before = measure.wal_bytes(conn), ground.cpu()
            service.resume_queue(queue)
            ground.until(lambda: not measure.any_ready(conn, queue=queue), "the queue to be drained", LONGEST)
            ground.until(lambda: measure.drained(conn, queue=queue).jobs == jobs, "the last jobs to end")
            more = ground.cpu().per_job(before, jobs)
            more["wal_bytes"] = (measure.wal_bytes(conn) - wal) / jobs
        seconds = measure.drained(conn, queue=queue).seconds
    rate = jobs / max(seconds, 1e-9)
    setting = {"jobs": jobs, "workers": workers, "concurrency": concurrency}
    return Figure(f"drain, {workers} worker(s)", rate, "jobs/s", rate / copy_rate, "raw COPY", setting, more)
