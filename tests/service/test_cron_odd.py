"""Schedules that nobody would add on purpose, and rows that somebody changed behind jobsched's back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.model.errors import UsageError
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import Action, Catchup, NewSchedule, Problem
from jobsched.core.service import Service
from jobsched.core.store.store import open_store
from jobsched.tests.store.ticking import EPOCH, Ticking, at

HOURLY = NewSchedule("hourly", "0 * * * *", NewJob("noop"))


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "", "\x1b[2J", "x" * 10_000])
def test_what_no_schedule_can_be_called_is_refused(service: Service, name: str) -> None:
    """By every use case, before the store is asked, which could not answer."""
    cron = service.cron
    acts = [
        lambda: cron.get(name),
        lambda: cron.add(replace(HOURLY, name=name), by="ann"),
        lambda: cron.edit(name, HOURLY, by="ann"),
        lambda: cron.remove(name, by="ann"),
        lambda: cron.pause(name, by="ann"),
        lambda: cron.resume(name, by="ann"),
        lambda: cron.trigger(name, by="ann"),
        lambda: cron.history(name or "-"),
        lambda: cron.history(before=(EPOCH, name)),
        lambda: cron.backfill(name, EPOCH, at(60), by="ann"),
        lambda: cron.apply([replace(HOURLY, name=name)], by="ann"),
    ]
    for act in acts:
        with pytest.raises(UsageError, match="is not a name"):
            act()


def test_blanks_in_an_expression_are_single_ones(service: Service) -> None:
    """However many were given, and of whatever kind: they are shown on one line, and compared."""
    spec = replace(HOURLY, expression="0  * *\n*\u2028*" + " " * 2000)
    assert service.cron.add(spec, by="ann").spec.expression == HOURLY.expression
    (change,) = service.cron.apply([spec], by="ann")
    assert change.action is Action.UNCHANGED


@pytest.mark.parametrize("option", ["start", "end"])
@pytest.mark.parametrize(("time", "hours_east"), [(datetime.min, 2), (datetime.max, -2)], ids=["first", "last"])
def test_a_bound_beyond_the_years_of_python_is_refused(
    service: Service, option: str, time: datetime, hours_east: int
) -> None:
    """Stored, it could be read by nobody, schedulers among them."""
    beyond = time.replace(tzinfo=timezone(timedelta(hours=hours_east)))
    with pytest.raises(UsageError, match="is not between the years 1 and 9999"):
        service.cron.add(replace(HOURLY, **{option: beyond}), by="ann")
    assert service.cron.list() == []


def test_bounds_at_the_ends_of_time_are_none(service: Service) -> None:
    """What was there first and what comes last are years like others; a backfill of all time asks for none of them."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    schedule = service.cron.add(replace(HOURLY, expression="@yearly", start=first, end=last), by="ann")
    assert schedule.next_at is not None
    ticks = service.cron.backfill("hourly", first, last, by="ann", dry_run=True)
    assert (ticks[0].scheduled_for.year, ticks[-1].scheduled_for.year) == (3, datetime.now(UTC).year)


@pytest.mark.parametrize(
    "change", ["timezone = 'Mars/Base'", "expression = 'now and then'"], ids=["zone", "expression"]
)
def test_a_schedule_that_cannot_be_read_says_so(
    service: Service, connection: psycopg.Connection[Any], change: str
) -> None:
    """It can be paused, triggered, mended and removed all the same."""
    service.cron.add(HOURLY, by="ann")
    connection.execute(f"update jobsched.schedule set {change}, revision = revision + 1".encode())

    spoilt = service.cron.get("hourly")
    assert (spoilt.next_at, spoilt.unreadable is not None) == (None, True)
    assert [each.problem for each in service.cron.check()] == [Problem.UNREADABLE]
    service.cron.pause("hourly", by="ann")
    assert service.cron.resume("hourly", by="ann").unreadable == spoilt.unreadable
    assert service.cron.trigger("hourly", by="ann").created
    assert service.cron.edit("hourly", HOURLY, by="ann").unreadable is None
    assert service.cron.check() == []


def test_whether_a_scheduler_runs_is_known(service: Service, settings: Settings) -> None:
    """By the connections that there are."""
    assert not service.cron.is_running()
    with open_store(settings) as store, store.connect("jobsched cron listener one", direct=True):
        assert service.cron.is_running()


def test_pages_of_all_schedules_lose_no_tick_of_the_same_moment(
    connection: psycopg.Connection[Any], service: Service
) -> None:
    """The next page goes on behind the schedule with which the last one ended."""
    ticking = Ticking(connection, service)
    names = ["a", "b", "c", "d"]
    for name in names[::-1]:
        ticking.add(name, catchup=Catchup.ALL)
        ticking.decide(125, name)

    found = []
    before: tuple[datetime, str] | None = None
    while page := service.cron.history(limit=3, before=before):
        found += page
        before = (page[-1].scheduled_for, page[-1].schedule)
    assert [(tick.scheduled_for, tick.schedule) for tick in found] == [
        (at(seconds), name) for seconds in (120, 60) for name in names
    ]
