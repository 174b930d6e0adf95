"""Schedules over changes of the clocks and over downtime, in a store whose clock the test sets."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from jobsched.core import config
from jobsched.core.chaos.actors import skewed
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import Catchup, NewSchedule, Overlap, Tick, TickState
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import schema
from jobsched.tests.faults.fleet import PROGRAM, Fleet, until

from .clock import Clock
from .postgres import Server, make_folder

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NEW_YORK = "America/New_York"
A_MOMENT = timedelta(seconds=1)
Whose = Literal["the store's", "months off"]


def utc(text: str) -> datetime:
    """`03-08 07:00` of 2026."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


class Ground:
    """A store that lives by a clock of its own, and schedulers."""

    def __init__(self, folder: Path, clock: Clock, service: Service, environ: dict[str, str]) -> None:
        self.folder = folder
        self.clock = clock
        self.service = service
        self.environ = environ | {"JOBSCHED_DATABASE_URL": service.store.url, "JOBSCHED_POLL": "200ms"}

    def add(self, name: str, expression: str, job: NewJob | None = None, **options: object) -> None:
        """Store a schedule of no-ops."""
        new = NewSchedule(name, expression, job or NewJob("noop"), **options)  # type: ignore[arg-type]
        self.service.cron.add(new, by="test", unchecked=True)

    def ticks(self, name: str) -> list[Tick]:
        """Ticks of a schedule, oldest first."""
        return self.service.cron.history(name, limit=10_000)[::-1]

    def fired(self, name: str) -> list[datetime]:
        """Times of the ticks that have a job, oldest first."""
        return [tick.scheduled_for for tick in self.ticks(name) if tick.state is TickState.FIRED]

    @contextmanager
    def scheduler(self, whose: Whose = "months off") -> Iterator[subprocess.Popen[bytes]]:
        """`jobsched cron run` with the store's clock, or with this host's, which is another one."""
        environ = self.environ
        if whose == "the store's":
            mended = skewed("+0", self.folder)
            del mended["FAKETIME"]  # it would win over the clock's file
            environ = environ | mended | self.clock.environ
        with (self.folder / "scheduler.log").open("ab") as log:
            process = subprocess.Popen(
                [*PROGRAM, "cron", "run"], env=environ, cwd=self.folder, stdin=subprocess.DEVNULL, stderr=log
            )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, (self.folder / "scheduler.log").read_text()
        finally:
            process.kill()
            process.wait()
            sys.stderr.write((self.folder / "scheduler.log").read_text())  # pytest shows it where a test fails


@pytest.fixture
def begin() -> datetime:
    """When the store's life begins."""
    return utc("03-01 00:00")


@pytest.fixture
def ground(begin: datetime, environ: dict[str, str], tmp_path: Path) -> Iterator[Ground]:
    """A Postgres that lives by the test's clock."""
    folder = make_folder()
    clock = Clock(folder / "clock", begin - HOUR)
    server = Server(folder, "store", environ=clock.environ)
    try:
        server.create()
        with server.connect() as admin:
            admin.execute("create database jobsched")
        url = f"postgresql://jobsched@127.0.0.1:{server.port}/jobsched"
        schema.upgrade(url)
        settings = config.load(environ=environ | {"JOBSCHED_DATABASE_URL": url}, cwd=tmp_path)
        with Service(settings, registry=Registry()) as service:
            yield Ground(tmp_path, clock, service, environ)
    finally:
        server.stop()
        shutil.rmtree(folder)


SPRING = {
    "midnight": ("0 0 * * *", ["03-08 05:00", "03-09 04:00"]),
    "skipped": ("30 2 * * *", ["03-08 07:00", "03-09 06:30"]),
    "before": ("30 1 * * *", ["03-08 06:30", "03-09 05:30"]),
}
AUTUMN = {
    "midnight": ("0 0 * * *", ["11-01 04:00", "11-02 05:00"]),
    "after": ("30 2 * * *", ["11-01 07:30", "11-02 07:30"]),
    "twice": ("30 1 * * *", ["11-01 05:30", "11-02 06:30"]),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("whose", ["the store's", "months off"])
@pytest.mark.parametrize(
    ("begin", "change", "end", "times"),
    [
        pytest.param(utc("03-08 04:30"), utc("03-08 07:00"), utc("03-09 07:00"), SPRING, id="spring"),
        pytest.param(utc("11-01 03:30"), utc("11-01 06:00"), utc("11-02 08:00"), AUTUMN, id="autumn"),
    ],
)
def test_new_york_has_every_tick_once_when_its_clocks_are_changed(
    ground: Ground,
    begin: datetime,
    change: datetime,
    end: datetime,
    times: dict[str, tuple[str, list[str]]],
    whose: Whose,
) -> None:
    """A skipped time right after the gap, one that comes twice once, rhythms by real time; and the day after, too."""
    wanted = {name: [utc(text) for text in due] for name, (_, due) in times.items()}
    wanted["rhythm"] = [begin + 15 * MINUTE * step for step in range(1, (end - begin) // (15 * MINUTE) + 1)]
    ground.clock.set(begin)
    for name, (expression, _) in times.items():
        ground.add(name, expression, timezone=NEW_YORK)
    ground.add("rhythm", "*/15 * * * *", timezone=NEW_YORK, catchup=Catchup.ALL)
    ground.add("interval", "@every 10m", timezone=NEW_YORK, catchup=Catchup.ALL)
    created = ground.service.cron.get("interval").created_at.replace(microsecond=0)
    steps = (end + MINUTE - created) // (10 * MINUTE)
    wanted["interval"] = [created + 10 * MINUTE * step for step in range(1, steps + 1)]

    with ground.scheduler(whose):
        for now in sorted({due for name in (*times, "rhythm") for due in wanted[name]} | {end}):
            if (
                abs(now - change) <= HOUR
                or now.minute == 30
                or any(now in wanted[name] for name in times)
                or now == end
            ):
                ground.clock.set(now + A_MOMENT)
                so_far = {name: [due for due in all_ if due <= now] for name, all_ in wanted.items()}
                until(
                    lambda so_far=so_far: all(  # type: ignore[misc]
                        ground.fired(name)[: len(due)] == due for name, due in so_far.items()
                    ),
                    f"every tick up to {now} has fired: {so_far}",
                )

        ground.clock.set(end + MINUTE)
        until(lambda: {name: ground.fired(name) for name in wanted} == wanted, f"nothing but {wanted} has fired")

    assert all(len(ground.ticks(name)) == len(wanted[name]) for name in wanted)
    assert [checked for checked in ground.service.verify() if checked.violations] == []


@pytest.mark.parametrize("begin", [utc("05-04 10:00")])
def test_after_a_downtime_of_26_hours_the_catch_up_of_each_schedule_decides(ground: Ground, begin: datetime) -> None:
    """none misses them, last fires the newest, all fires each; and what comes after is as ever."""
    ground.clock.set(begin)
    for catchup in Catchup:
        ground.add(catchup, "0 * * * *", catchup=catchup)
    with ground.scheduler():
        ground.clock.set(begin + HOUR + A_MOMENT)
        until(lambda: all(len(ground.fired(name)) == 1 for name in Catchup), "the first tick fires")

    ground.clock.set(begin + 27 * HOUR + 30 * MINUTE)
    missed = [begin + hours * HOUR for hours in range(2, 28)]
    with ground.scheduler():
        until(lambda: all(len(ground.ticks(name)) == 27 for name in Catchup), "the downtime is decided")
        ground.clock.set(begin + 28 * HOUR + A_MOMENT)
        until(lambda: all(len(ground.ticks(name)) == 28 for name in Catchup), "the next tick fires")

    first, after = begin + HOUR, begin + 28 * HOUR
    assert ground.fired("none") == [first, after]
    assert ground.fired("last") == [first, missed[-1], after]
    assert ground.fired("all") == [first, *missed, after]
    assert {tick.state for tick in ground.ticks("none")[1:-1]} == {TickState.MISSED}
    assert [checked for checked in ground.service.verify() if checked.violations] == []


@pytest.mark.parametrize("begin", [utc("05-04 10:00")])
def test_a_job_that_runs_longer_than_its_interval_is_dealt_with_as_its_overlap_says(
    ground: Ground, begin: datetime, environ: dict[str, str]
) -> None:
    """allow runs beside it, skip not at all, buffer-one runs one afterwards, cancel-other ends it and runs then."""
    ground.clock.set(begin)
    fleet = Fleet(environ, ground.folder, ground.service)
    gates = {overlap: ground.folder / f"open-{overlap}" for overlap in Overlap}
    for overlap, gate in gates.items():
        ground.add(overlap, "*/10 * * * *", NewJob("gate", {"open": str(gate)}), overlap=overlap)
    try:
        fleet.start("-c", "20", JOBSCHED_LEASE="7200s")
        with ground.scheduler():
            for step in range(1, 5):
                ground.clock.set(begin + 10 * step * MINUTE + A_MOMENT)
                until(lambda step=step: all(len(ground.ticks(name)) == step for name in Overlap), "decided")  # type: ignore[misc]
                until(lambda step=step: running(fleet, "cancel-other") == [newest(ground, "cancel-other")], "runs")  # type: ignore[misc]
                until(lambda step=step: len(running(fleet, "allow")) == step, "one more runs")  # type: ignore[misc]
        states = {name: [tick.state for tick in ground.ticks(name)] for name in Overlap}
        assert len(running(fleet, "skip")) == len(running(fleet, "buffer-one")) == 1
        for gate in gates.values():
            gate.touch()
        until(lambda: not fleet.rows("select from jobsched.outcome having count(*) < 11"), "all have ended")
    finally:
        fleet.close()

    fired, skipped = TickState.FIRED, TickState.SKIPPED
    assert states == {
        "allow": [fired] * 4,
        "skip": [fired, skipped, skipped, skipped],
        "buffer-one": [fired, fired, skipped, skipped],
        "cancel-other": [fired] * 4,
    }
    ends = {name: [tick.job_state for tick in ground.ticks(name) if tick.job_id] for name in Overlap}
    assert ends == {
        "allow": ["succeeded"] * 4,
        "skip": ["succeeded"],
        "buffer-one": ["succeeded"] * 2,
        "cancel-other": ["cancelled"] * 3 + ["succeeded"],
    }
    assert [checked for checked in ground.service.verify() if checked.violations] == []


def running(fleet: Fleet, schedule: str) -> list[int]:
    """Jobs of a schedule that run, oldest first."""
    statement = "select id from jobsched.job_now where schedule = %s and state = 'running' order by id"
    return [job_id for (job_id,) in fleet.rows(statement, schedule)]


def newest(ground: Ground, schedule: str) -> int | None:
    """The newest job of a schedule."""
    return ground.service.cron.get(schedule).last_job
