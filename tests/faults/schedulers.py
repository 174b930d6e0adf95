"""Several schedulers of one store, which are killed, stopped and started again while schedules are due every second."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.store.embedded.postmaster import find_postmaster
from jobsched.core.store.embedded.record import Layout

from .fleet import Fleet, Worker, until

SECOND = timedelta(seconds=1)
_never = threading.Event()


def every_second(fleet: Fleet, number: int, **options: Any) -> list[str]:
    """Add so many schedules that are due every second; return their names."""
    specs = [NewSchedule(f"s{each}", "@every 1s", NewJob("noop", queue="ticks"), **options) for each in range(number)]
    fleet.service.cron.apply(specs, by="test", unchecked=True)
    return [spec.name for spec in specs]


def ticks_of(fleet: Fleet, name: str) -> list[tuple[datetime, str, int | None]]:
    """Time, state and job of each tick of a schedule, oldest first."""
    return fleet.rows(
        "select t.scheduled_for, t.state, t.job_id from jobsched.tick t "
        "join jobsched.schedule s on s.id = t.schedule_id where s.name = %s order by t.scheduled_for",
        name,
    )


def until_decided(fleet: Fleet, moment: datetime) -> None:
    """Wait until every tick up to a moment is decided."""
    question = "select count(*) from jobsched.schedule_now where decided_until < %s"
    until(lambda: fleet.rows(question, moment) == [(0,)], f"all is decided until {moment}")


def now(fleet: Fleet) -> datetime:
    """The database's time, to the second."""
    ((moment,),) = fleet.rows("select date_trunc('second', clock_timestamp())")
    assert isinstance(moment, datetime)
    return moment


def assert_each_tick_made_one_job(fleet: Fleet, names: list[str]) -> int:
    """Every tick of these schedules since they were made fired once, none is missing; return how many there are."""
    total = 0
    jobs: list[int | None] = []
    for name in names:
        found = ticks_of(fleet, name)
        ((made, until_),) = fleet.rows(
            "select date_trunc('second', created_at), decided_until from jobsched.schedule_now where name = %s", name
        )
        wanted = [made + SECOND * n for n in range(1, round((until_ - made) / SECOND) + 1)]
        assert [tick for tick, _, _ in found] == wanted, f"of {name} ticks are missing, or there are too many"
        assert {state for _, state, _ in found} == {"fired"}, name
        jobs += [job for _, _, job in found]
        total += len(found)
    assert len(set(jobs)) == total
    assert fleet.rows("select count(*) from jobsched.job where schedule = any (%s)", names) == [(total,)]
    assert {each.name: each.found for each in fleet.service.verify() if each.violations} == {}
    return total


class Trouble:
    """Three schedulers: two of them are killed and started again, the third is stopped and continued, at random; and
    the store's server is killed once, which any of them starts again."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet = fleet
        self.kills = self.stops = self.restarts = 0
        self._random = random.Random(seed)
        self._mortal = [fleet.start_scheduler("--name", name) for name in ("first", "second")]
        self._steady = fleet.start_scheduler("--name", "third")

    def last(self, seconds: float) -> None:
        """Make trouble for so long; then let all of them run."""
        began = time.monotonic()
        halfway = began + seconds / 2
        while time.monotonic() < began + seconds:
            if self._random.random() < 0.4:
                self._stop_the_third()
            else:
                self._kill_one(self._random.randrange(2))
            if not self.restarts and time.monotonic() > halfway:
                self._kill_the_server()
            _never.wait(self._random.uniform(0.2, 2.0))
        for scheduler in (*self._mortal, self._steady):
            scheduler.until_says("schedules read")

    def end(self) -> list[int]:
        """Stop all three; return their exit codes."""
        alive = [*self._mortal, self._steady]
        for scheduler in alive:
            scheduler.signal(signal.SIGTERM)
        return [scheduler.wait() for scheduler in alive]

    def _kill_one(self, which: int) -> None:
        self._mortal[which].signal(signal.SIGKILL)
        self._mortal[which].wait()
        self.kills += 1
        self._mortal[which] = self.fleet.start_scheduler("--name", ("first", "second")[which], wait=False)

    def _stop_the_third(self) -> None:
        with stopped(self._steady):
            _never.wait(self._random.uniform(0.5, 4.0))
        self.stops += 1

    def _kill_the_server(self) -> None:
        server = find_postmaster(Layout(self.fleet.service.store.home))
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        self._steady.until_says("the store is back")
        self.fleet.reconnect()
        self.restarts += 1


@contextmanager
def stopped(process: Worker) -> Iterator[None]:
    """SIGSTOP a process for the length of a with block."""
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)
