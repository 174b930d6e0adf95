"""Whether a session that holds an old snapshot slows the queue down: a minute at full speed with and
without one. Each run keeps a backlog, so that workers are never idle."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from ..model.job import NewJob
from ..service import Service
from ..store import measure
from .figures import Figure
from .ground import Ground

BACKLOG = 100_000
CHUNK = 20_000
WINDOW = 10
FEED_SECONDS = 0.05


def run(ground: Ground, *, seconds: int, workers: int, concurrency: int) -> Iterator[Figure]:
    """Yield the rates of the first and the last ten seconds, free and with a snapshot held."""
    rates: dict[str, list[int]] = {}
    for how in ("free", "held"):
        rates[how] = _full_speed(ground, how, seconds, workers, concurrency)
        window = rates[how]
        yield Figure(f"{how}, first {WINDOW} s", sum(window[:WINDOW]) / WINDOW, "jobs/s")
        last = sum(window[-WINDOW:]) / WINDOW
        if how == "free":
            yield Figure(f"{how}, last {WINDOW} s", last, "jobs/s")
        else:
            free = sum(rates["free"][-WINDOW:]) / WINDOW
            yield Figure(f"{how}, last {WINDOW} s", last, "jobs/s", last / max(free, 1e-9), f"free, last {WINDOW} s")


def _full_speed(ground: Ground, queue: str, seconds: int, workers: int, concurrency: int) -> list[int]:
    service = ground.service
    service.load(NewJob("noop", queue=queue) for _ in range(BACKLOG))
    stop = threading.Event()
    feeder = threading.Thread(target=_feed, args=(ground, queue, stop), name="feeder")
    with service.store.connect("jobsched bench holder") as holder, service.store.connection() as conn:
        measure.vacuum(conn)
        if queue == "held":
            with measure.held_snapshot(holder):
                _work(ground, feeder, stop, seconds, workers, concurrency, queue)
        else:
            _work(ground, feeder, stop, seconds, workers, concurrency, queue)
        whole = measure.ended_per_second(conn, queue=queue)[:seconds]
        service.purge(queue)
    return whole


def _work(
    ground: Ground, feeder: threading.Thread, stop: threading.Event, seconds: int, workers: int, concurrency: int,
    queue: str,
) -> None:  # fmt: skip
    feeder.start()
    with ground.workers(workers, ["--concurrency", str(concurrency), "--queues", queue]):
        stop.wait(seconds + 1)
    stop.set()
    feeder.join()


def _feed(ground: Ground, queue: str, stop: threading.Event) -> None:
    """Keep the backlog, over a connection of this thread's own."""
    with Service(ground.settings) as service:
        while not stop.wait(FEED_SECONDS):
            with service.store.connection() as conn:
                waiting = measure.backlog(conn)
            if waiting < BACKLOG:
                service.load(NewJob("noop", queue=queue) for _ in range(CHUNK))
