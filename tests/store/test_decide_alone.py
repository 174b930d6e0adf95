"""Deciding ticks of one schedule by itself: where they depend on the jobs before them, and of jobs with keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from jobsched.core.calendar import jitter
from jobsched.core.config import Settings
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import Catchup, Origin, Overlap
from jobsched.core.model.states import State
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import waiting
from jobsched.core.store.decide import decide
from jobsched.core.store.sql import load
from jobsched.core.store.store import Store
from jobsched.core.store.ticks import NOW, Asked
from jobsched.core.timetable import Verdict

from .hands import Hands
from .leasing import Conn, Connect
from .ticking import Ticking, at


@pytest.fixture
def service(settings: Settings, store: Store) -> Iterator[Service]:
    with Service(settings, store=store, registry=Registry()) as made:
        yield made


@pytest.fixture
def ticking(db: Conn, service: Service) -> Ticking:
    return Ticking(db, service)


@pytest.fixture
def hands(connect: Connect) -> Hands:
    return Hands(connect())


def run_one(ticking: Ticking, hands: Hands) -> int:
    """Run the next job to its end, and let those go on that waited for it."""
    job_id = hands.run()
    waiting.after_end(ticking.connection, [job_id])
    return job_id


def states(ticking: Ticking) -> list[str]:
    """The state of every job, by id."""
    return [state for (state,) in ticking.rows("select state from jobsched.job_now order by id")]


def test_one_tick_waits_for_the_job_before_it_and_no_second_one_does(ticking: Ticking, hands: Hands) -> None:
    """Its job runs once the other has ended in whatever way; while it has not begun, ticks make none."""
    ticking.add(overlap=Overlap.BUFFER_ONE)
    ticking.decide(61)
    (first,) = hands.claim()
    ticking.decide(121)
    ticking.decide(181)
    assert states(ticking) == ["running", "blocked"]
    assert hands.fail(first, dead=True)
    waiting.after_end(ticking.connection, [first.job_id])

    ticking.decide(241)
    assert states(ticking) == ["dead", "queued"]
    (second,) = hands.claim()
    ticking.decide(301)

    assert [state for _, state in ticking.ticks()] == ["fired", "fired", "skipped", "skipped", "fired"]
    assert states(ticking) == ["dead", "running", "blocked"]
    assert ticking.reasons()[2] == f"job {second.job_id} of an earlier tick waits already"


def test_of_ticks_that_are_due_together_one_is_buffered(ticking: Ticking) -> None:
    """The first runs, the second waits for it, the others are skipped."""
    ticking.add(overlap=Overlap.BUFFER_ONE, catchup=Catchup.ALL)

    ticking.decide(241)

    assert [state for _, state in ticking.ticks()] == ["fired", "fired", "skipped", "skipped"]
    assert states(ticking) == ["queued", "blocked"]


def test_a_newer_tick_cancels_a_job_that_has_not_begun(ticking: Ticking, service: Service) -> None:
    """It ends at once, so the newer one may run."""
    ticking.add(overlap=Overlap.CANCEL_OTHER)
    ticking.decide(61)
    ticking.decide(121)

    assert states(ticking) == ["cancelled", "queued"]
    assert service.get(ticking.rows("select min(id) from jobsched.job")[0][0]).error == "cancelled by schedule s"


def test_a_newer_tick_runs_once_the_job_that_it_cancels_has_obeyed(ticking: Ticking, hands: Hands) -> None:
    """Until then it waits: the two do not overlap."""
    ticking.add(overlap=Overlap.CANCEL_OTHER)
    ticking.decide(61)
    (job,) = hands.claim()

    ticking.decide(121)

    assert ticking.rows("select cancel_requested_by from jobsched.lease") == [("schedule s",)]
    assert states(ticking) == ["running", "blocked"]
    assert hands.succeed(job)
    waiting.after_end(ticking.connection, [job.job_id])
    assert states(ticking) == ["succeeded", "queued"]


def test_of_ticks_that_are_due_together_the_newest_alone_is_not_cancelled(ticking: Ticking) -> None:
    """So the others make no job at all."""
    ticking.add(overlap=Overlap.CANCEL_OTHER, catchup=Catchup.ALL)

    ticking.decide(181)

    assert [state for _, state in ticking.ticks()] == ["skipped", "skipped", "fired"]
    assert ticking.reasons()[:2] == ["a later tick was due with it"] * 2


def test_a_unique_key_lets_no_second_job_be_made(ticking: Ticking, hands: Hands, service: Service) -> None:
    """Whoever has it, also somebody who submitted his job by hand; the tick says who that is."""
    ticking.add(job=NewJob("noop", unique_key="only"))
    holder = service.submit(NewJob("noop", unique_key="only")).id

    ticking.decide(61)
    assert run_one(ticking, hands) == holder
    ticking.decide(121)

    assert [state for _, state in ticking.ticks()] == ["skipped", "fired"]
    assert ticking.reasons()[0] == f"job {holder} has its unique key and has not ended"
    assert states(ticking) == ["succeeded", "queued"]


def test_jobs_with_a_concurrency_key_run_one_after_the_other(ticking: Ticking, hands: Hands) -> None:
    """Those of all schedules and people that share it."""
    ticking.add(job=NewJob("noop", concurrency_key="shop"), catchup=Catchup.ALL)

    ticking.decide(181)

    assert [state for _, state in ticking.ticks()] == ["fired"] * 3
    assert states(ticking) == ["queued", "blocked", "blocked"]
    run_one(ticking, hands)
    assert states(ticking) == ["succeeded", "queued", "blocked"]


def test_a_job_with_a_key_is_as_the_schedule_says(ticking: Ticking, service: Service) -> None:
    """It knows its tick, its key and its jitter."""
    job = NewJob("noop", {"x": 1}, queue="reports", timeout=2.5, tags=("t",), concurrency_key="shop")
    schedule = ticking.add(job=job, jitter=86400.0 * 365 * 100)

    (tick,) = ticking.decide(61).ticks

    assert tick.job_id is not None
    made = service.get(tick.job_id)
    assert (made.schedule, made.scheduled_for, made.submitter) == ("s", at(60), "ann@host")
    assert (made.payload, made.queue, made.timeout, made.tags) == ({"x": 1}, "reports", 2.5, ("t",))
    assert (made.concurrency_key, made.state) == ("shop", State.SCHEDULED)
    due = at(60) + timedelta(seconds=jitter(schedule.id, at(60), schedule.spec.jitter))
    assert made.run_at is not None
    assert abs(made.run_at - due) < timedelta(milliseconds=1)


def test_missed_and_known_ticks_are_the_same_by_themselves(ticking: Ticking) -> None:
    """What was missed is written down, and what is known stays."""
    ticking.add(overlap=Overlap.BUFFER_ONE)
    ticking.decide(170)
    ticking.forget_why()
    assert ticking.frontier() == 60
    ticking.decide(170)
    assert ticking.frontier() == 120
    ticking.decide(230)

    assert ticking.ticks() == [(60, "missed"), (120, "fired"), (180, "fired")]
    assert states(ticking) == ["queued", "blocked"]


def test_old_knowledge_is_refused_one_by_one_as_well(ticking: Ticking, connect: Connect) -> None:
    """An old frontier, a schedule that somebody else is deciding: nothing is written."""
    ticking.add(overlap=Overlap.CANCEL_OTHER)
    old = ticking.ask("s", 61)
    other = connect()
    with other.transaction():
        other.execute("select from jobsched.schedule for no key update")
        assert decide(ticking.connection, [old], by="late").accepted == set()
    ticking.decide(61)

    assert decide(ticking.connection, [old], by="later").accepted == set()
    assert states(ticking) == ["queued"]


def test_a_backfill_of_jobs_that_are_not_to_overlap_is_a_chain(ticking: Ticking, hands: Hands) -> None:
    """All of them are wanted, so each waits for the one before it, and the first for what runs."""
    schedule = ticking.add(overlap=Overlap.SKIP)
    ticking.decide(241)
    (running,) = hands.claim()

    verdicts = [Verdict(at(60 * number)) for number in (1, 2)]
    asked = Asked(schedule.id, verdicts, 0.0, alone=True)
    decide(ticking.connection, [asked], by="bob", origin=Origin.BACKFILL)

    assert states(ticking) == ["running", "blocked", "blocked"]
    assert hands.succeed(running)
    waiting.after_end(ticking.connection, [running.job_id])
    assert states(ticking) == ["succeeded", "queued", "blocked"]


def test_whoever_triggers_wants_a_job_now(ticking: Ticking) -> None:
    """Whatever runs, and whatever the overlap says; a later tick minds it as any other job."""
    schedule = ticking.add(overlap=Overlap.BUFFER_ONE)
    ticking.decide(61)

    asked = Asked(schedule.id, [Verdict(NOW)], 0.0, alone=True)
    decide(ticking.connection, [asked], by="bob", origin=Origin.TRIGGER)

    assert states(ticking) == ["queued", "queued"]


def test_a_scheduler_that_stops_in_the_middle_is_not_waited_for_for_long(ticking: Ticking) -> None:
    """The server ends its transaction. The setting is that one's alone: a pooler may lend the session on."""
    schedule = ticking.add(overlap=Overlap.BUFFER_ONE)
    with ticking.connection.transaction(force_rollback=True):
        params = {"id": schedule.id, "revision": schedule.revision, "frontier": at(0), "until": at(60)}
        assert ticking.connection.execute(load("tick_own"), params).fetchone() is not None
        assert ticking.rows("show idle_in_transaction_session_timeout") == [("5s",)]
    assert ticking.rows("show idle_in_transaction_session_timeout") == [("0",)]
