"""Many schedules, and schedulers in trouble: `pytest -s tests/bench/test_cron.py`.

The store is one of its own, with fsync on. JOBSCHED_TEST_BENCH_SECONDS sets how long each of them lasts; default 300.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobsched.core import config
from jobsched.core.host import memory_of
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import embedded
from jobsched.tests.faults.fleet import Fleet
from jobsched.tests.faults.schedulers import (
    Trouble,
    assert_each_tick_made_one_job,
    every_second,
    now,
    until_decided,
)

SECONDS = float(os.environ.get("JOBSCHED_TEST_BENCH_SECONDS", "300"))
SCHEDULES = 10_000
TOGETHER = 1_000
"""Of them, so many are due in the same second, every ten seconds."""
ZONES = ("America/New_York", "Europe/Athens", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
START_SECONDS = 5.0
LATE_SECONDS = 0.25
GROWTH = 8 << 20
"""Bytes that a scheduler may grow by from the first fifth to the end."""
_TICK = os.sysconf("SC_CLK_TCK")
_never = threading.Event()


@pytest.fixture
def fleet(environ: dict[str, str], home: Path, tmp_path: Path) -> Iterator[Fleet]:
    """A store of its own that notes when transactions were committed; nothing runs in it yet."""
    embedded.start(home, options={"track_commit_timestamp": "on"})
    with Service(config.load(environ=environ, cwd=tmp_path), registry=Registry()) as service:
        made = Fleet(environ, tmp_path, service)
        del made.environ["JOBSCHED_DATABASE_URL"]
        try:
            yield made
        finally:
            made.close()


def cpu_seconds(pid: int) -> float:
    """What a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def ten_thousand(fleet: Fleet) -> None:
    """Schedules of days and hours in several zones, and those that come together."""
    specs = [
        NewSchedule(f"daily{n}", f"{n % 60} {n % 24} * * {n % 7}", NewJob("noop"), ZONES[n % len(ZONES)])
        for n in range(SCHEDULES - TOGETHER)
    ]
    specs += [NewSchedule(f"together{n}", "@every 10s", NewJob("noop", {"n": n})) for n in range(TOGETHER)]
    fleet.service.cron.apply(specs, by="bench")
    fleet.db.execute("update jobsched.schedule set created_at = date_trunc('minute', now()), decided_until = now()")
    fleet.db.execute("vacuum analyze")


@pytest.mark.timeout(7200)
def test_ten_thousand_schedules_start_soon_and_fire_in_time(fleet: Fleet) -> None:
    """Lateness is that of the commit: from then on a worker can have the job."""
    ten_thousand(fleet)
    began = time.monotonic()
    scheduler = fleet.start_scheduler()
    start, start_cpu, ready = time.monotonic() - began, cpu_seconds(scheduler.pid), now(fleet)
    memory = []
    while time.monotonic() < began + SECONDS:
        _never.wait(1.0)
        memory.append(memory_of(scheduler.pid).rss)
    used = cpu_seconds(scheduler.pid) - start_cpu
    load = os.getloadavg()[0]
    scheduler.signal(signal.SIGTERM)
    assert scheduler.wait() == 0

    rows: list[Any] = fleet.rows(
        "select extract(epoch from pg_xact_commit_timestamp(t.xmin) - t.scheduled_for)::float8 from jobsched.tick t "
        "join jobsched.schedule s on s.id = t.schedule_id where s.name like 'together%%' "
        "and t.scheduled_for > %s",
        ready,
    )
    late = [seconds for (seconds,) in rows]
    settled = memory[len(memory) // 5]
    sys.stdout.write(
        f"\n{SCHEDULES:,} schedules read {start:.2f} s after the process was started ({start_cpu:.2f} s of CPU); "
        f"{len(late):,} ticks, {TOGETHER:,} at a time, were committed p50 {statistics.median(late) * 1000:.0f} ms, "
        f"p99 {percentile(late, 0.99) * 1000:.0f} ms, at most {max(late) * 1000:.0f} ms after their time; "
        f"{used / SECONDS * 100:.1f} % of a core; memory {settled >> 20} MB after a fifth, {memory[-1] >> 20} MB at "
        f"the end, most {max(memory) >> 20} MB; load of the machine {load:.1f}\n"
    )
    assert fleet.rows("select count(*) from jobsched.tick where state <> 'fired'") == [(0,)]
    assert len(late) >= TOGETHER * (SECONDS / 10 - 3)
    assert start < START_SECONDS
    assert percentile(late, 0.99) < LATE_SECONDS
    assert max(memory[len(memory) // 5 :]) - settled < GROWTH


@pytest.mark.timeout(7200)
def test_three_schedulers_in_trouble_for_minutes(fleet: Fleet) -> None:
    """200 schedules every second; two are killed at random, the third is stopped and continued, the server killed."""
    names = every_second(fleet, 200)
    trouble = Trouble(fleet, seed=5)

    trouble.last(SECONDS)

    until_decided(fleet, now(fleet))
    assert trouble.end() == [0, 0, 0]
    ticks = assert_each_tick_made_one_job(fleet, names)
    deciders = dict(fleet.rows("select by, count(*) from jobsched.tick group by by order by by"))
    ((worst,),) = fleet.rows("select max(extract(epoch from decided_at - scheduled_for))::float8 from jobsched.tick")
    sys.stdout.write(
        f"\n{ticks:,} ticks of {len(names)} schedules in {SECONDS:.0f} s, each with one job, none missing, verify "
        f"finds nothing; {trouble.kills} kills, {trouble.stops} stops, {trouble.restarts} restart of the server; "
        f"decided by {deciders}; the latest was decided {worst:.1f} s after its time\n"
    )
