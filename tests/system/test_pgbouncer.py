"""PgBouncer in transaction mode stands between jobsched and its store."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.job import After, Condition, NewJob
from jobsched.core.model.schedule import NewSchedule, Overlap
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.tests.faults.fleet import Fleet, until
from jobsched.tests.faults.schedulers import SECOND, now, ticks_of, until_decided

from .postgres import free_port

INI = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
"""


@pytest.fixture
def pooled(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same store, by way of the pooler, which has four connections to it."""
    parts, listen = urlsplit(settings["database_url"]), free_port()
    ini = tmp_path / "pgbouncer.ini"
    ini.write_text(
        INI.format(
            host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, listen=listen
        )
    )  # fmt: skip
    process = subprocess.Popen(["pgbouncer", "-u", "postgres", str(ini)], stderr=subprocess.DEVNULL)
    url = f"postgresql://jobsched@127.0.0.1:{listen}{parts.path}?pgbouncer=true"

    def answers() -> bool:
        try:
            psycopg.connect(url.partition("?")[0], connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        until(answers, "the pooler answers")
        yield settings.replace(database_url=url)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def fleet(pooled: Settings, environ: dict[str, str], tmp_path: Path) -> Iterator[Fleet]:
    """Workers that know the pooler's address alone."""
    with Service(pooled, registry=Registry()) as service:
        made = Fleet(environ, tmp_path, service)
        try:
            yield made
        finally:
            made.close()


def test_everything_works_by_polling(fleet: Fleet) -> None:
    """Submitting in every way, retries, snoozes of the store's own, cancelling, draining: nothing needs a session."""
    service = fleet.service
    quick = Backoff(BackoffKind.FIXED, 0.1, 0.1)
    worker = fleet.start("-c", "4")
    keyed = NewJob("noop", {"n": 1}, idempotency_key="k")
    first = service.submit(keyed, unchecked=True)
    assert [service.submit(keyed, unchecked=True).id for _ in range(8)] == [first.id] * 8
    fleet.submit("nap", 300, {"seconds": 0.001})
    service.submit_many([NewJob("fail", {"message": "invalid_job", "times": 1}, max_attempts=2, backoff=quick)])
    service.submit(NewJob("noop", delay=0.5))
    assert service.load(NewJob("noop") for _ in range(500)) == 500
    fleet.until_states(succeeded=1 + 300 + 1 + 1 + 500)

    (endless,) = fleet.submit("gate", payload={"open": "/nowhere"})
    until(lambda: any(told.job_id == endless for told in fleet.told()), "it runs")
    service.cancel([endless], by="test")

    until(lambda: service.get(endless).state == "cancelled", "it is cancelled")
    assert [checked for checked in service.verify() if checked.violations] == []
    worker.process.terminate()
    assert worker.wait() == 0
    assert fleet.rows("select count(*) from jobsched.lease") == [(0,)]


def test_jobs_that_wait_and_queues_with_limits_work_by_polling(fleet: Fleet) -> None:
    """Locks last as long as a transaction: chains, failures, holds, keys and limits need no session either."""
    service = fleet.service
    service.set_queue("default", {"max_running": 3, "key_limit": 2})
    service.set_queue("slow", {"rate": 50.0, "burst": 5})
    for name in ("a", "b"):
        fleet.start("-c", "4", "--name", name)
    nap = NewJob("nap", {"seconds": 0.01})
    chain = [service.submit(nap, unchecked=True).id]
    for _ in range(5):
        chain.append(service.submit(replace(nap, after=(After(chain[-1]),)), unchecked=True).id)
    (dies,) = fleet.submit("fail", 1, {"message": "invalid_job"}, max_attempts=1)
    service.submit(replace(nap, after=(After(dies, Condition.ANY),)), unchecked=True)
    held = service.submit(replace(nap, hold=True), unchecked=True).id
    for _ in range(12):
        service.submit(replace(nap, concurrency_key="k"), unchecked=True)
    service.submit_many([replace(nap, queue="slow")] * 20, unchecked=True)
    unique = replace(nap, unique_key="u", hold=True)
    first = service.submit(unique, unchecked=True).id
    assert service.submit(unique, unchecked=True).id == first
    service.release([held, first])

    assert fleet.until_ended(6 + 2 + 1 + 12 + 20 + 1) == {"succeeded": 41, "dead": 1}

    began = [told.job_id for told in fleet.told()]
    assert sorted(chain, key=began.index) == chain
    assert [checked for checked in service.verify() if checked.violations] == []


def test_schedules_fire_by_polling(fleet: Fleet) -> None:
    """Two schedulers, every overlap, keys, a change while they run: each tick is decided once, and in time."""
    service = fleet.service
    noop = NewJob("noop")
    specs = [NewSchedule(overlap, "@every 1s", noop, overlap=overlap) for overlap in Overlap]
    specs += [NewSchedule("keyed", "@every 1s", replace(noop, unique_key="u", concurrency_key="k"))]
    service.cron.apply(specs, by="test")
    fleet.start("-c", "4", "--cron")
    scheduler = fleet.start_scheduler()
    until_decided(fleet, now(fleet) + SECOND)
    service.cron.add(NewSchedule("late", "@every 1s", noop), by="test")
    service.cron.pause("skip", by="test")
    service.cron.resume("skip", by="test")
    until_decided(fleet, now(fleet) + 3 * SECOND)
    scheduler.process.terminate()
    assert scheduler.wait() == 0

    for name in (*(spec.name for spec in specs if spec.name != "skip"), "late"):
        times = [tick for tick, _, _ in ticks_of(fleet, name)]
        assert times == [times[0] + SECOND * n for n in range(len(times))], name
    assert {"fired"} <= {state for _, state, _ in ticks_of(fleet, "keyed")}
    assert [checked for checked in service.verify() if checked.violations] == []


def test_wake_ups_come_over_the_direct_url(fleet: Fleet, settings: Settings) -> None:
    """LISTEN needs a session: with one beside the pooler, nobody waits for the next poll."""
    fleet.start("-c", "4", JOBSCHED_POLL="1h", JOBSCHED_DIRECT_URL=settings["database_url"])
    listens = "select 1 from pg_stat_activity where datname = current_database() and query like 'listen%%'"
    until(lambda: fleet.rows(listens), "it listens")

    for done in range(1, 6):
        fleet.submit("nap", payload={"seconds": 0})
        fleet.until_states(succeeded=done)


def test_a_killed_worker_s_jobs_run_again_behind_the_pooler(fleet: Fleet) -> None:
    """The pooler's connections outlive the worker's: its leases do not."""
    worker = fleet.start("-c", "10")
    gate = fleet.folder / "open"
    fleet.submit("gate", 10, {"open": str(gate)})
    fleet.until_began(10)

    worker.process.kill()
    fleet.start("-c", "10")
    fleet.until_began(20)
    gate.touch()

    assert fleet.until_ended(10) == {"succeeded": 10}
    assert fleet.rows("select distinct attempt, losses from jobsched.outcome") == [(1, 1)]
