"""Schedulers that die, stand still or lose the store: every tick makes its one job all the same."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

from jobsched.core.model.schedule import Overlap
from jobsched.core.store.embedded.postmaster import find_postmaster
from jobsched.core.store.embedded.record import Layout
from jobsched.core.store.sql import load

from .fleet import Fleet, children_of, command_line, is_alive, until
from .schedulers import Trouble, assert_each_tick_made_one_job, every_second, now, stopped, ticks_of, until_decided

SECONDS = 15.0


def test_three_schedulers_in_trouble_make_one_job_a_tick(own_store: Fleet) -> None:
    """Two are killed at random, one is stopped at random, the server is killed once; none missing, none twice.

    tests/bench/test_cron.py does it for five minutes.
    """
    names = every_second(own_store, 50)
    trouble = Trouble(own_store, seed=1)

    trouble.last(SECONDS)

    until_decided(own_store, now(own_store))
    assert trouble.end() == [0, 0, 0]
    ticks = assert_each_tick_made_one_job(own_store, names)
    assert ticks >= 50 * SECONDS
    assert trouble.kills >= 1
    assert trouble.restarts == 1


def test_a_scheduler_that_stood_still_says_nothing_when_it_goes_on(fleet: Fleet) -> None:
    """Others have decided meanwhile; it finds that out, and shares the work again."""
    names = every_second(fleet, 3)
    frozen = fleet.start_scheduler("--name", "frozen")
    until_decided(fleet, now(fleet))
    with stopped(frozen):
        other = fleet.start_scheduler("--name", "other")
        until_decided(fleet, now(fleet) + timedelta(seconds=3))
    until_decided(fleet, now(fleet) + timedelta(seconds=2))
    other.signal(signal.SIGTERM)
    assert other.wait() == 0
    until_decided(fleet, now(fleet) + timedelta(seconds=2))
    frozen.signal(signal.SIGTERM)

    assert frozen.wait() == 0
    assert_each_tick_made_one_job(fleet, names)
    assert {by for (by,) in fleet.rows("select distinct by from jobsched.tick")} == {"frozen", "other"}


def test_a_scheduler_that_stops_in_the_middle_of_deciding_holds_nobody_up(fleet: Fleet) -> None:
    """The server ends its transaction after five seconds; another one decides what it had begun."""
    names = every_second(fleet, 1, overlap=Overlap.BUFFER_ONE)
    ((schedule_id, frontier),) = fleet.rows("select id, decided_until from jobsched.schedule_now")
    params = {"id": schedule_id, "revision": 1, "frontier": frontier, "until": frontier}
    with fleet.service.store.connect("stopped in the middle") as frozen:
        frozen.execute("begin")
        assert frozen.execute(load("tick_own"), params).fetchone() is not None
        fleet.start_scheduler()
        until(lambda: len(ticks_of(fleet, names[0])) >= 3, "another scheduler decides")
        frozen.close()
    assert ticks_of(fleet, names[0])[0][1] == "fired"


def test_a_scheduler_catches_up_after_the_store_was_away(own_store: Fleet) -> None:
    """It says once that it is gone, once that it is back, and fires what was due meanwhile."""
    names = every_second(own_store, 2)
    scheduler = own_store.start_scheduler()
    until_decided(own_store, now(own_store))
    server = find_postmaster(Layout(own_store.service.store.home))
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    scheduler.until_says("the store is back")
    own_store.reconnect()
    until_decided(own_store, now(own_store) + timedelta(seconds=2))
    scheduler.signal(signal.SIGTERM)

    assert scheduler.wait() == 0
    assert scheduler.events().count("the store cannot be reached: trying again") == 1
    assert_each_tick_made_one_job(own_store, names)


def test_a_scheduler_ends_well_when_it_is_told_to(fleet: Fleet) -> None:
    """By SIGTERM and by Ctrl-C: exit 0, and what it was deciding is decided."""
    names = every_second(fleet, 5)
    for number in (signal.SIGTERM, signal.SIGINT):
        scheduler = fleet.start_scheduler()
        until_decided(fleet, now(fleet) + timedelta(seconds=1))
        scheduler.signal(number)
        assert scheduler.wait() == 0
        assert scheduler.events()[-1] == "scheduler stopped"
    assert fleet.rows("select count(*) from jobsched.job j full join jobsched.tick t on t.job_id = j.id "
                      "where j.id is null or t.job_id is null") == [(0,)]  # fmt: skip
    assert len(names) == 5


def scheduler_of(pid: int) -> list[int]:
    """The scheduler that a worker runs beside itself, while there is one."""
    return [child for child in children_of(pid) if b"jobsched.core.engine.cron_process" in command_line(child)]


def test_a_worker_with_cron_runs_a_scheduler_beside_itself(fleet: Fleet) -> None:
    """Its jobs run there; the scheduler is started again when it dies, and ends with the worker. Ctrl-C is for the
    worker alone."""
    every_second(fleet, 2)
    worker = fleet.start("--cron", "--name", "both")
    until(lambda: fleet.rows("select from jobsched.outcome limit 1"), "jobs of schedules run")
    (first,) = until(lambda: scheduler_of(worker.pid), "a scheduler runs")
    assert fleet.rows("select distinct by from jobsched.tick") == [("both",)]

    os.kill(first, signal.SIGKILL)
    worker.until_says("the scheduler ended: it is started again")
    (second,) = until(lambda: [pid for pid in scheduler_of(worker.pid) if pid != first], "another scheduler runs")
    until_decided(fleet, now(fleet) + timedelta(seconds=2))
    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    assert not is_alive(second)
    assert_each_tick_made_one_job(fleet, ["s0", "s1"])


def test_a_scheduler_does_not_outlive_its_worker(fleet: Fleet) -> None:
    """However suddenly that dies."""
    worker = fleet.start("--cron")
    (scheduler,) = until(lambda: scheduler_of(worker.pid), "a scheduler runs")

    worker.signal(signal.SIGKILL)

    worker.wait()
    until(lambda: not is_alive(scheduler), "the scheduler is gone")


def test_a_scheduler_that_stands_still_does_not_hold_up_its_worker(fleet: Fleet) -> None:
    """Jobs run, and the worker ends when it is told to."""
    worker = fleet.start("--cron")
    (scheduler,) = until(lambda: scheduler_of(worker.pid), "a scheduler runs")
    os.kill(scheduler, signal.SIGSTOP)
    fleet.submit("noop", 20)
    fleet.until_ended(20)
    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    assert not is_alive(scheduler)
