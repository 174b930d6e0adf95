"""A scheduler in this process: what makes it look, and what it makes of changes while it runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobsched.core.config import Settings
from jobsched.core.engine import cron, decider
from jobsched.core.engine.cron import Scheduler, Timers
from jobsched.core.engine.plans import Plan
from jobsched.core.engine.store_clock import StoreClock
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule, Overlap, Tick
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store.store import open_store
from jobsched.core.store.timings import Timing
from jobsched.tests.faults.fleet import until

Start = Callable[..., Scheduler]
NOOP = NewJob("noop")
EVERY_SECOND = NewSchedule("s", "@every 1s", NOOP)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with Service(settings, registry=Registry()) as made:
        yield made


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """start(): a scheduler that has read the schedules, in a thread of its own; it ends with the test."""
    running: list[tuple[Scheduler, threading.Thread, list[int]]] = []

    def begin(name: str = "one", **changes: Any) -> Scheduler:
        scheduler = Scheduler(settings.replace(**changes), open_store(settings), name=name)
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(asyncio.run(scheduler.run())))
        thread.start()
        running.append((scheduler, thread, codes))
        assert scheduler.decider.loaded.wait(30)
        return scheduler

    yield begin
    for scheduler, thread, codes in running:
        scheduler.stop()
        thread.join(30)
        assert codes == [0]


def fired(service: Service, name: str = "s") -> list[Tick]:
    """The ticks of a schedule that fired by themselves, oldest first."""
    return [tick for tick in reversed(service.cron.history(name, limit=1000)) if tick.job_id and not tick.manual]


def until_fired(service: Service, times: int, name: str = "s") -> list[Tick]:
    """Wait until a schedule has fired so many times."""
    until(lambda: len(fired(service, name)) >= times, f"{times} ticks of {name}")
    return fired(service, name)


def test_ticks_fire_in_time_one_after_the_other(service: Service, start: Start) -> None:
    """None is missing, none comes twice, and none before its time."""
    service.cron.add(EVERY_SECOND, by="ann")
    start()

    ticks = until_fired(service, 4)

    first = ticks[0].scheduled_for
    assert [tick.scheduled_for - first for tick in ticks] == [timedelta(seconds=n) for n in range(len(ticks))]
    assert first == service.cron.get("s").created_at.replace(microsecond=0) + timedelta(seconds=1)
    assert all(0 <= tick.late < 30 for tick in ticks)
    assert {tick.by for tick in ticks} == {"one"}


def test_a_change_is_heard_of_by_a_word(service: Service, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without looking for it: what is added fires at its first tick, what is removed never again."""
    monkeypatch.setattr(decider, "LOOK_EVERY", 3600.0)
    scheduler = start()

    schedule = service.cron.add(EVERY_SECOND, by="ann")
    until_fired(service, 2)
    service.cron.remove("s", by="ann")
    until(lambda: schedule.id not in scheduler.decider.plans, "the schedule is forgotten")


def test_a_change_is_found_where_the_word_was_lost(
    service: Service, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a second or so, whatever was changed."""
    monkeypatch.setattr(cron, "CHANNEL", "jobsched_nobody_speaks_here")
    scheduler = start()

    schedule = service.cron.add(EVERY_SECOND, by="ann")
    until_fired(service, 2)
    service.cron.pause("s", by="ann")
    until(lambda: schedule.id not in scheduler.decider.plans, "the schedule is paused")
    service.cron.resume("s", by="ann")
    until(lambda: schedule.id in scheduler.decider.plans, "the schedule is resumed")
    service.cron.remove("s", by="ann")
    until(lambda: schedule.id not in scheduler.decider.plans, "the schedule is gone")


def test_a_timer_that_never_goes_off_is_noticed(
    service: Service, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ticks that are overdue are looked for: nothing depends on a timer."""
    monkeypatch.setattr(Timers, "put", lambda *_: None)
    service.cron.add(EVERY_SECOND, by="ann")
    start()
    assert len(until_fired(service, 3)) >= 3


def test_an_edit_takes_effect_while_schedulers_run(service: Service, start: Start) -> None:
    """From then on jobs are of the new kind, and no tick is lost or doubled by it."""
    service.cron.add(EVERY_SECOND, by="ann")
    for name in ("one", "two"):
        start(name)
    until_fired(service, 1)

    for number in range(10):
        service.cron.edit("s", replace(EVERY_SECOND, job=NewJob("noop", {"edit": number})), by="ann")
    done = len(fired(service))
    ticks = until_fired(service, done + 2)

    times = [tick.scheduled_for for tick in ticks]
    assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))]
    job_id = ticks[-1].job_id
    assert job_id is not None
    assert service.get(job_id).payload == {"edit": 9}


def test_a_paused_schedule_fires_nothing_until_it_is_resumed(service: Service, start: Start) -> None:
    """And then not what it would have fired meanwhile."""
    service.cron.add(EVERY_SECOND, by="ann")
    service.cron.add(replace(EVERY_SECOND, name="clock"), by="ann")
    start()
    until_fired(service, 1)
    paused = service.cron.pause("s", by="ann")
    until_fired(service, len(fired(service, "clock")) + 3, "clock")
    resumed = service.cron.resume("s", by="ann")
    before = len(fired(service))
    ticks = until_fired(service, before + 1)

    assert paused.paused_at is not None
    gap = [tick for tick in ticks if paused.paused_at < tick.scheduled_for <= resumed.decided_until]
    assert gap == []


def test_schedulers_share_the_ticks_without_doubling_one(service: Service, start: Start) -> None:
    """Three of them, and schedules of every kind: each tick was decided once."""
    specs = [replace(EVERY_SECOND, name=f"s{number}") for number in range(20)]
    specs += [replace(EVERY_SECOND, name="buffered", overlap=Overlap.BUFFER_ONE)]
    specs += [replace(EVERY_SECOND, name="keyed", job=NewJob("noop", concurrency_key="k"))]
    service.cron.apply(specs, by="ann")
    for name in ("one", "two", "three"):
        start(name)

    until_fired(service, 4, "keyed")
    until_fired(service, 4, "s19")

    for spec in specs:
        times = sorted(tick.scheduled_for for tick in service.cron.history(spec.name, limit=1000))
        assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))], spec.name
    assert [each.violations for each in service.verify() if each.violations] == []


def test_a_schedule_that_cannot_be_read_here_disturbs_no_other(service: Service, start: Start) -> None:
    """Its zone may be known to other hosts; once it can be read, it fires."""
    service.cron.apply([EVERY_SECOND, replace(EVERY_SECOND, name="odd")], by="ann")
    with service.store.connection() as own:
        own.execute("update jobsched.schedule set timezone = 'Mars/Olympus' where name = 'odd'")
    start()
    until_fired(service, 2)
    assert fired(service, "odd") == []
    service.cron.edit("odd", replace(EVERY_SECOND, name="odd"), by="ann")
    until_fired(service, 1, "odd")


class WallClock(datetime):
    """This host's clock, which somebody has set."""

    off = timedelta(0)

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + cls.off


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_host_whose_clock_is_set_hours_off_decides_in_time(
    service: Service, monkeypatch: pytest.MonkeyPatch, start: Start, hours: int
) -> None:
    """Before it begins, and again while it runs: nothing early, late or lost. The database's clock decides."""
    monkeypatch.setattr("jobsched.core.engine.store_clock.datetime", WallClock)
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", WallClock)
    monkeypatch.setattr(WallClock, "off", timedelta(hours=hours))
    service.cron.add(EVERY_SECOND, by="ann")
    scheduler = start()

    before = len(until_fired(service, 3))
    assert abs(scheduler.clock.ahead() + timedelta(hours=hours)) < timedelta(minutes=1)
    WallClock.off = timedelta(hours=-hours)
    before = len(until_fired(service, before + 3))
    WallClock.off = timedelta(0)
    ticks = until_fired(service, before + 2)

    times = [tick.scheduled_for for tick in ticks]
    assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))]
    assert all(0 <= tick.late < 30 for tick in ticks)


def test_timers_are_set_anew_when_the_hosts_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """They told a time that this host's clock will not show when the tick is due."""
    clock = StoreClock()
    clock.hear(datetime.now(UTC), 0.0, cron.lease_clock())
    timing = Timing(
        7, "s", "@every 1h", "UTC", None, None, datetime.now(UTC), 0.0, "none", "allow", False, False, 1,
        datetime.now(UTC),
    )  # fmt: skip
    plan = Plan(timing)
    assert plan.next is not None
    timers = Timers(clock, lambda ids: None)

    async def set_and_correct() -> list[float]:
        timers.start()
        seen = []
        for ahead in (0.0, 0.0, 7200.0):
            monkeypatch.setattr(clock, "ahead", lambda ahead=ahead: timedelta(seconds=ahead))
            timers.put([plan]) if not seen else timers.correct([plan])
            assert plan.next is not None
            at = timers._scheduler.get_job("7").next_run_time
            seen.append((plan.next - at).total_seconds())
        timers.stop()
        return seen

    early = decider.EARLY.total_seconds()
    assert asyncio.run(set_and_correct()) == [early, early, 7200.0 + early]


def test_the_stores_clock_is_believed_within_what_the_question_took() -> None:
    """It is never taken to be ahead, and a better answer improves it."""
    clock = StoreClock()
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    now = cron.lease_clock()

    def believed() -> float:
        return (clock._now(now) - noon).total_seconds()

    clock.hear(noon, now - 2.0, now)
    assert believed() == 0.0
    clock.hear(noon + timedelta(seconds=1), now - 0.5, now)
    assert believed() == 1.0
    clock.hear(noon, now - 2.0, now)
    assert believed() == 1.0
    clock.hear(noon - timedelta(hours=1), now - 0.5, now)
    assert believed() == -3599.5


def test_a_scheduler_says_whether_it_is_ready(service: Service, start: Start, settings: Settings) -> None:
    """Once it has read the schedules, and as long as the store answers; its metrics count what it decided."""
    with open_store(settings) as store:
        unread = Scheduler(settings, store, name="unread")
        assert unread.is_ready() == (False, "the schedules have not been read yet")
    service.cron.add(EVERY_SECOND, by="ann")
    scheduler = start()
    until_fired(service, 2)

    assert scheduler.is_ready()[0]
    page = scheduler.metrics.render()[0].decode()
    assert 'jobsched_cron_ticks_total{schedule="s",state="fired"}' in page
    assert "jobsched_cron_schedules 1.0" in page


def test_a_lost_connection_is_made_anew_and_nothing_is_lost(service: Service, start: Start) -> None:
    """Whatever was being said when it broke."""
    service.cron.add(EVERY_SECOND, by="ann")
    start()
    ticks = until_fired(service, 1)
    with service.store.connection() as own:
        killed = own.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity "
            "where datname = current_database() and application_name like 'jobsched cron%'"
        ).fetchone()
    assert killed == (2,)

    ticks = until_fired(service, len(ticks) + 3)
    times = [tick.scheduled_for for tick in ticks]
    assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))]


@pytest.mark.parametrize(
    "change",
    [
        "timezone = 'Mars/Base'",
        "expression = 'now and then'",
        "starts_at = '0001-01-01 00:00Z'",
        "starts_at = '-infinity'",
    ],
    ids=["zone", "expression", "start", "infinity"],
)
def test_a_schedule_that_cannot_be_read_stops_no_other(service: Service, start: Start, change: str) -> None:
    """Whether it is there before the scheduler or becomes so while that runs."""
    for name in ("before", "while"):
        service.cron.add(replace(EVERY_SECOND, name=name), by="ann")

    def spoil(name: str) -> None:
        with service.store.connection() as own:
            statement = f"update jobsched.schedule set {change}, revision = revision + 1 where name = %s"
            own.execute(statement.encode(), (name,))

    spoil("before")
    scheduler = start()
    service.cron.add(EVERY_SECOND, by="ann")
    spoil("while")
    schedules = 3
    until(lambda: len(scheduler.decider._revisions) == schedules, "all are known")

    until_fired(service, 2)


def test_one_schedule_that_fails_in_an_unforeseen_way_stops_no_other(
    service: Service, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone, and the log says so."""

    class Fragile(Plan):
        def __init__(self, timing: Timing) -> None:
            if timing.name == "broken":
                raise RuntimeError("a defect")
            super().__init__(timing)

    monkeypatch.setattr(decider, "Plan", Fragile)
    service.cron.add(replace(EVERY_SECOND, name="broken"), by="ann")
    service.cron.add(EVERY_SECOND, by="ann")
    start()

    until_fired(service, 2)


def test_one_schedule_in_the_place_of_another_is_found_where_the_word_was_lost(
    service: Service, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many schedules and as many changes as before are not the same ones."""
    monkeypatch.setattr(cron, "CHANNEL", "jobsched_nobody_speaks_here")
    old = service.cron.add(replace(EVERY_SECOND, name="old", expression="@yearly"), by="ann")
    scheduler = start()

    service.cron.apply([EVERY_SECOND], prune=True, by="ann")
    until(lambda: old.id not in scheduler.decider.plans, "the old one is forgotten")
    until_fired(service, 2)


def test_a_loop_that_fails_ends_the_scheduler(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another exit code than 0: whoever supervises it starts it again."""

    def broken(*_: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(decider, "read_sum", broken)
    scheduler = Scheduler(settings, open_store(settings), name="one")
    assert asyncio.run(scheduler.run()) == cron.EXIT_FAILED
