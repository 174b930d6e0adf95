"""Deciding ticks, many schedules at a time: what is refused, what fires, and what is remembered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from jobsched.core.calendar import jitter
from jobsched.core.config import Settings
from jobsched.core.engine.plans import Plan
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.job import NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.schedule import Catchup, NewSchedule, Origin, Overlap, TickState
from jobsched.core.model.states import State
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store.decide import decide
from jobsched.core.store.store import Store
from jobsched.core.store.ticks import NOW, Asked, Decisions
from jobsched.core.store.timings import read_timings
from jobsched.core.timetable import Verdict

from .hands import Hands
from .leasing import Conn, Connect
from .ticking import GRACE, Ticking, at


@pytest.fixture
def service(settings: Settings, store: Store) -> Iterator[Service]:
    with Service(settings, store=store, registry=Registry()) as made:
        yield made


@pytest.fixture
def ticking(db: Conn, service: Service) -> Ticking:
    return Ticking(db, service)


def test_a_tick_and_its_job_come_in_one_transaction(ticking: Ticking) -> None:
    """With the job's place in its lane: there is never one without the others. The tick is the frontier."""
    schedule = ticking.add()

    decisions = ticking.decide(61)

    assert decisions.accepted == {schedule.id}
    assert decisions.ready == {("default", "noop"): 1}
    writers = ticking.rows(
        "select xmin::text from jobsched.tick union all select xmin::text from jobsched.job "
        "union all select xmin::text from jobsched.ready"
    )
    assert len(writers) == 3
    assert len(set(writers)) == 1
    assert ticking.frontier() == 60


def test_nothing_is_updated_when_a_tick_fires(ticking: Ticking) -> None:
    """Or the dead rows that an old snapshot keeps would make each tick dearer than the one before."""
    ticking.add()
    before = ticking.rows("select xmin::text, ctid::text from jobsched.schedule")

    for seconds in (61, 121, 181):
        ticking.decide(seconds)

    assert ticking.rows("select xmin::text, ctid::text from jobsched.schedule") == before
    assert ticking.frontier() == 180


def test_the_job_is_as_the_schedule_says(ticking: Ticking, service: Service) -> None:
    """Every option of it; whoever changed the schedule last has submitted it."""
    job = NewJob(
        "noop", {"a": [1, "ü"]}, queue="reports", priority=Priority.HIGH, max_attempts=7,
        backoff=Backoff(BackoffKind.LINEAR, 1.5, 90.0), timeout=12.5, tags=("t", "u"),
    )  # fmt: skip
    ticking.add(job=job)

    (tick,) = ticking.decide(61).ticks

    assert tick.job_id is not None
    made = service.get(tick.job_id)
    assert (made.type, made.payload, made.queue, made.priority) == ("noop", {"a": [1, "ü"]}, "reports", Priority.HIGH)
    assert (made.max_attempts, made.backoff, made.timeout) == (7, job.backoff, 12.5)
    assert (made.tags, made.submitter, made.state) == (("t", "u"), "ann@host", State.QUEUED)
    assert (made.schedule, made.scheduled_for) == ("s", at(60))


def test_of_two_schedulers_with_the_same_knowledge_one_is_refused(ticking: Ticking, connect: Connect) -> None:
    """Whoever comes second finds another frontier, or, just too early for that, the ticks: each has one job, and one
    of the three is told of it."""
    for number in range(20):
        ticking.add(f"s{number}")
    asked = [ticking.ask(f"s{number}", 61) for number in range(20)]
    together = threading.Barrier(3)

    def take(connection: Conn) -> Decisions:
        together.wait(30)
        return decide(connection, asked, by="one of three")

    with ThreadPoolExecutor(3) as pool:
        decisions = [future.result(30) for future in [pool.submit(take, connect()) for _ in range(3)]]

    assert set().union(*(each.accepted for each in decisions)) == {each.id for each in asked}
    told = [(tick.schedule_id, tick.job_id) for each in decisions for tick in each.ticks]
    assert sorted(told) == ticking.rows("select schedule_id, job_id from jobsched.tick order by 1, 2")
    assert sum(sum(each.ready.values()) for each in decisions) == 20
    assert ticking.rows("select count(*), count(distinct job_id) from jobsched.tick") == [(20, 20)]
    assert ticking.rows("select count(*) from jobsched.job") == [(20,)]


def test_who_knows_an_old_frontier_is_refused(ticking: Ticking) -> None:
    """A scheduler that was stopped for an hour says nothing new."""
    ticking.add(catchup=Catchup.ALL)
    old = ticking.ask("s", 61)
    ticking.decide(121)

    decisions = decide(ticking.connection, [old], by="stopped")

    assert (decisions.accepted, decisions.ticks) == (set(), [])
    assert ticking.ticks() == [(60, "fired"), (120, "fired")]


def test_who_knows_an_old_revision_is_refused(ticking: Ticking, service: Service) -> None:
    """Nothing fires as it was before somebody changed it, though its ticks be the same."""
    schedule = ticking.add()
    old = ticking.ask("s", 61)
    service.cron.edit("s", schedule.spec, by="bob@host", unchecked=True)

    assert decide(ticking.connection, [old], by="scheduler").accepted == set()
    assert ticking.decide(61).accepted == {schedule.id}


def test_a_paused_schedule_is_refused(ticking: Ticking) -> None:
    """Also by a scheduler that has not heard of it."""
    ticking.add()
    asked = ticking.ask("s", 61)
    ticking.connection.execute("update jobsched.schedule set paused_at = now(), paused_by = 'ann'")

    assert decide(ticking.connection, [asked], by="scheduler").accepted == set()


def test_what_is_not_due_by_the_databases_clock_is_refused(ticking: Ticking) -> None:
    """However sure a scheduler is, whose own clock may be hours ahead."""
    schedule = ticking.add()
    ((now,),) = ticking.rows("select clock_timestamp()")
    soon = now + timedelta(minutes=1)
    asked = Asked(
        schedule.id, [Verdict(soon)], 0.0, alone=False, revision=schedule.revision, frontier=at(0), until=soon
    )

    assert decide(ticking.connection, [asked], by="ahead").accepted == set()
    assert ticking.ticks() == []


def test_who_holds_a_schedule_is_passed_by(ticking: Ticking, connect: Connect) -> None:
    """Nobody waits for a lock: he is deciding the same ticks. The other schedules go on."""
    ticking.add("held")
    free = ticking.add("free")
    asked = [ticking.ask("held", 61), ticking.ask("free", 61)]
    other = connect()
    with other.transaction():
        other.execute("select from jobsched.schedule where name = 'held' for no key update")
        assert decide(ticking.connection, asked, by="scheduler").accepted == {free.id}


def test_a_tick_that_is_known_does_not_fire_again(ticking: Ticking) -> None:
    """Somebody backfilled it before it was decided: the frontier passes it, and the next tick fires."""
    ticking.add(catchup=Catchup.ALL)
    ticking.decide(121)
    ticking.forget_why()
    assert ticking.frontier() == 60

    assert ticking.decide(150).ticks == []
    assert ticking.frontier() == 120
    decisions = ticking.decide(181)

    assert [tick.tick for tick in decisions.ticks] == [at(180)]
    assert ticking.rows("select count(*) from jobsched.job") == [(3,)]


def test_missed_ticks_are_written_down_and_make_no_job(ticking: Ticking) -> None:
    """With the reason; the one that is in time fires in the same statement."""
    ticking.add(catchup=Catchup.NONE)

    decisions = ticking.decide(170)

    assert [tick.state for tick in decisions.ticks] == [TickState.MISSED, TickState.FIRED]
    assert ticking.ticks() == [(60, "missed"), (120, "fired")]
    assert ticking.reasons()[0] == "no scheduler ran, and its catch-up is none"
    assert ticking.rows("select count(*) from jobsched.job") == [(1,)]


def test_every_tick_of_a_downtime_fires_where_all_are_wanted(ticking: Ticking) -> None:
    """Oldest first, so that their jobs are in that order, too; a batch at a time."""
    ticking.add(catchup=Catchup.ALL)

    while len(ticking.ticks()) < 250:
        ticking.decide(250 * 60)

    assert ticking.ticks() == [(60.0 * number, "fired") for number in range(1, 251)]
    in_order = "select array_agg(job_id order by scheduled_for) = array_agg(job_id order by job_id) from jobsched.tick"
    assert ticking.rows(in_order) == [(True,)]


def test_jitter_delays_the_job_by_what_every_host_works_out(ticking: Ticking, db: Conn) -> None:
    """It waits for its time among the delayed jobs; the tick itself is decided in time."""
    schedule = ticking.add("late", jitter=86400.0 * 365 * 100)
    (tick,) = ticking.decide(61, "late").ticks

    due = at(60) + timedelta(seconds=jitter(schedule.id, at(60), schedule.spec.jitter))
    ((found,),) = ticking.rows("select run_at from jobsched.delayed where job_id = %s", tick.job_id)
    assert abs(found - due) < timedelta(milliseconds=1)
    assert ticking.rows("select count(*) from jobsched.ready") == [(0,)]


def test_a_tick_is_skipped_while_an_earlier_job_has_not_ended(ticking: Ticking, db: Conn) -> None:
    """Queued, running or waiting for its next attempt; once it has ended, ticks fire again."""
    hands = Hands(db)
    ticking.add(overlap=Overlap.SKIP)
    ticking.decide(61)
    ticking.decide(121)
    (job,) = hands.claim()
    ticking.decide(181)
    hands.fail(job)
    ticking.decide(241)
    db.execute("update jobsched.delayed set run_at = now()")
    ticking.service.retry([job.job_id], by="ann")
    hands.run()
    ticking.decide(301)

    assert [state for _, state in ticking.ticks()] == ["fired", "skipped", "skipped", "skipped", "fired"]
    assert ticking.reasons()[1] == f"job {job.job_id} of an earlier tick has not ended"


def test_of_ticks_that_are_due_together_the_first_fires_where_jobs_are_not_to_overlap(ticking: Ticking) -> None:
    """Its job has not ended when the others are decided."""
    ticking.add(overlap=Overlap.SKIP, catchup=Catchup.ALL)

    ticking.decide(181)

    assert [state for _, state in ticking.ticks()] == ["fired", "skipped", "skipped"]
    assert ticking.reasons()[1:] == ["another tick was due with it"] * 2


def test_a_job_that_retention_deleted_holds_up_nothing(ticking: Ticking) -> None:
    """It has no outcome any more, and has not failed to end for that."""
    ticking.add(overlap=Overlap.SKIP)
    ticking.decide(61)
    ticking.connection.execute("delete from jobsched.job; delete from jobsched.ready", prepare=False)

    ticking.decide(121)

    assert [state for _, state in ticking.ticks()] == ["fired", "fired"]


def test_a_thousand_schedules_are_decided_in_one_statement(ticking: Ticking) -> None:
    """Each by its own rules, and each with its own job."""
    overlaps = (Overlap.ALLOW, Overlap.SKIP)
    specs = [
        NewSchedule(f"s{number}", "@every 1m", NewJob("noop", queue=f"q{number % 3}"), overlap=overlaps[number % 2])
        for number in range(1000)
    ]
    ticking.service.cron.apply(specs, by="ann@host")
    ticking.connection.execute("update jobsched.schedule set created_at = %s, decided_until = %s", (at(0), at(0)))
    for seconds in (61, 121):
        asked = [Plan(timing).ask(at(seconds), GRACE, 10) for timing in read_timings(ticking.connection)]
        decisions = decide(ticking.connection, [each for each in asked if each is not None], by="scheduler")

    assert len(decisions.accepted) == len(decisions.ticks) == 1000
    assert ticking.rows("select state, count(*) from jobsched.tick group by state order by state") == [
        ("fired", 1500), ("skipped", 500),
    ]  # fmt: skip
    assert ticking.rows(
        "select count(*) from jobsched.tick t join jobsched.schedule s on s.id = t.schedule_id "
        "join jobsched.job j on j.id = t.job_id where (j.schedule, j.scheduled_for, j.queue) = "
        "(s.name, t.scheduled_for, s.queue)"
    ) == [(1500,)]


@pytest.mark.parametrize("origin", [Origin.TRIGGER, Origin.BACKFILL])
def test_who_asks_for_a_tick_needs_no_frontier(ticking: Ticking, origin: Origin) -> None:
    """A pause is no hindrance to him, and the frontier stays."""
    schedule = ticking.add()
    ticking.connection.execute("update jobsched.schedule set paused_at = now(), paused_by = 'ann'")
    tick = NOW if origin is Origin.TRIGGER else at(60)

    asked = Asked(schedule.id, [Verdict(tick)], 0.0, alone=False)
    (decided,) = decide(ticking.connection, [asked], by="bob", origin=origin).ticks

    assert ticking.frontier() == 0
    assert ticking.rows("select by, origin from jobsched.tick") == [("bob", origin.value)]
    assert ticking.rows("select submitter from jobsched.job") == [("bob",)]
    assert decided.tick == (decided.now if origin is Origin.TRIGGER else at(60))


def test_a_backfill_fires_what_was_missed_and_nothing_twice(ticking: Ticking) -> None:
    """The tick that was missed becomes one that fired; the others stay as they are."""
    schedule = ticking.add()
    ticking.decide(170)

    asked = Asked(schedule.id, [Verdict(at(60)), Verdict(at(120))], 0.0, alone=False)
    for _ in range(2):
        decide(ticking.connection, [asked], by="bob", origin=Origin.BACKFILL)

    assert ticking.rows("select state, origin from jobsched.tick order by scheduled_for") == [
        ("fired", "backfill"), ("fired", "schedule"),
    ]  # fmt: skip
    assert ticking.rows("select count(*) from jobsched.job") == [(2,)]
