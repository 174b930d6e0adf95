"""Schedules, as the doors of jobsched use them: what is stored, what is refused, and what a change means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import BaseModel, Field

from jobsched.core.config import Settings
from jobsched.core.handler import handler
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.errors import (
    Conflict,
    PayloadInvalid,
    ScheduleNotFound,
    TryAgain,
    UnknownJobType,
    UsageError,
)
from jobsched.core.model.job import After, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.schedule import Action, Catchup, NewSchedule, Overlap, Problem, TickState
from jobsched.core.model.states import State
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import schedules
from jobsched.tests.store.hands import Hands
from jobsched.tests.store.ticking import EPOCH, Ticking, at

NOOP = NewJob("noop")
HOURLY = NewSchedule("hourly", "0 * * * *", NOOP)
FULL = NewSchedule(
    "reports",
    "30 9 * * 1-5",
    NewJob(
        "noop", {"a": [1, {"b": None}]}, queue="slow", priority=Priority.LOW, max_attempts=5,
        backoff=Backoff(BackoffKind.FIXED, 0.1, 0.1), timeout=0.3, tags=("x", "y"), unique_key="u", concurrency_key="c",
    ),
    "America/New_York",
    jitter=0.7,
    start=datetime(2026, 1, 1, tzinfo=UTC),
    end=datetime(2126, 1, 1, tzinfo=UTC),
    catchup=Catchup.LAST,
    overlap=Overlap.BUFFER_ONE,
)  # fmt: skip


class Secretive(BaseModel):
    to: str
    password: str = Field("", json_schema_extra={"writeOnly": True})


@pytest.fixture
def ticking(connection: psycopg.Connection[Any], service: Service) -> Ticking:
    return Ticking(connection, service)


@pytest.fixture
def secretive(settings: Settings) -> Any:
    """The use cases of a program that knows a type with a secret."""

    @handler("mail_x")
    def send(payload: Secretive) -> None: ...

    registry = Registry()
    registry.add(send.jobsched_handler)  # type: ignore[attr-defined]
    with Service(settings, registry=registry) as service:
        yield service


def test_what_is_added_is_what_is_stored(service: Service) -> None:
    """Every option, to the digit; those that nobody named stay unnamed, and are decided for its jobs."""
    added = service.cron.add(FULL, by="ann@host")
    plain = service.cron.add(HOURLY, by="ann@host")

    assert (added.spec, plain.spec) == (FULL, HOURLY)
    assert service.cron.list() == [plain, added]
    assert (plain.job.queue, plain.job.priority, plain.job.max_attempts) == ("default", Priority.DEFAULT, 3)
    assert (added.created_by, added.updated_by, added.revision) == ("ann@host", "ann@host", 1)
    assert plain.next_at is not None
    assert (plain.next_at.minute, plain.next_at.second) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a b"}, "schedule 'a b' is not a name"),
        ({"expression": "61 * * * *"}, "minute 61"),
        ({"expression": "* * * *"}, "4 fields"),
        ({"expression": "@every 0s"}, "at least a second"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"jitter": -1.0}, "the jitter is -1 s"),
        ({"jitter": float("nan")}, "the jitter is nan s"),
        ({"start": datetime(2026, 1, 1)}, "the start .* has no zone"),
        ({"start": at(60), "end": at(0)}, "comes before the start"),
        ({"job": NewJob("noop", delay=5.0)}, "cannot have a time"),
        ({"job": NewJob("noop", run_at=EPOCH)}, "cannot have a time"),
        ({"job": NewJob("noop", idempotency_key="k")}, "cannot have an idempotency key"),
        ({"job": NewJob("noop", after=(After(1),))}, "cannot have --after"),
        ({"job": NewJob("noop", hold=True)}, "cannot have --hold"),
        ({"job": NewJob("noop", max_attempts=0)}, "max attempts is 0"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_stored(
    service: Service, changes: dict[str, Any], said: str
) -> None:
    """With what is wrong and why: exit 2."""
    with pytest.raises(UsageError, match=said):
        service.cron.add(replace(HOURLY, **changes), by="ann@host")
    assert service.cron.list() == []


def test_a_job_is_checked_as_it_is_when_it_is_submitted(secretive: Service) -> None:
    """Its type has to be known, and its payload to fit, unless somebody says unchecked."""
    unknown = replace(HOURLY, job=NewJob("nobody"))
    with pytest.raises(UnknownJobType, match="no handler is called 'nobody'"):
        secretive.cron.add(unknown, by="ann")
    with pytest.raises(PayloadInvalid, match="to: Field required"):
        secretive.cron.add(replace(HOURLY, job=NewJob("mail_x")), by="ann")
    assert secretive.cron.list() == []

    assert secretive.cron.add(unknown, by="ann", unchecked=True).spec == unknown


def test_a_name_is_taken_once(service: Service) -> None:
    """By adding and by renaming: exit 4, and both stay as they are."""
    service.cron.add(HOURLY, by="ann")
    other = replace(HOURLY, name="other")
    service.cron.add(other, by="ann")

    with pytest.raises(Conflict, match="called 'hourly' already"):
        service.cron.add(HOURLY, by="bob")
    with pytest.raises(Conflict, match="called 'hourly' already"):
        service.cron.edit("other", HOURLY, by="bob")
    assert [each.spec for each in service.cron.list()] == [HOURLY, other]


def test_a_name_that_nobody_has_is_not_found(service: Service) -> None:
    """Exit 3, with the one that is like it."""
    service.cron.add(HOURLY, by="ann")
    cron = service.cron
    acts = [
        lambda: cron.get("hourli"),
        lambda: cron.edit("hourli", HOURLY, by="ann"),
        lambda: cron.remove("hourli", by="ann"),
        lambda: cron.pause("hourli", by="ann"),
        lambda: cron.resume("hourli", by="ann"),
        lambda: cron.trigger("hourli", by="ann"),
        lambda: cron.history("hourli"),
        lambda: cron.backfill("hourli", EPOCH, at(60), by="ann"),
    ]
    for act in acts:
        with pytest.raises(ScheduleNotFound) as caught:
            act()
        assert (caught.value.exit_code, caught.value.fix) == (3, "did you mean 'hourly'?")


def test_an_edit_that_changes_no_times_loses_no_tick(ticking: Ticking, service: Service) -> None:
    """What is due stays due, and fires as the schedule is by then."""
    before = ticking.add("s", catchup=Catchup.ALL)

    after = service.cron.edit("s", replace(before.spec, job=NewJob("noop", {"new": True})), by="bob@host")

    assert (after.decided_until, after.revision, after.updated_by) == (before.decided_until, 2, "bob@host")
    ticking.decide(61)
    assert ticking.rows("select payload from jobsched.job") == [({"new": True},)]


@pytest.mark.parametrize(
    "changes", [{"expression": "@every 2m"}, {"timezone": "Asia/Tokyo"}, {"start": EPOCH}, {"end": at(1e9)}]
)
def test_other_times_begin_with_the_edit(ticking: Ticking, service: Service, changes: dict[str, Any]) -> None:
    """Ticks before it, which nobody announced, are not made up."""
    before = ticking.add("s", catchup=Catchup.ALL)

    after = service.cron.edit("s", replace(before.spec, **changes), by="bob")

    assert after.decided_until == after.updated_at or after.decided_until > after.updated_at - timedelta(seconds=1)
    assert (after.created_at, after.created_by) == (EPOCH, "ann@host")


def test_an_edit_that_others_cross_is_done_all_the_same(
    ticking: Ticking, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It replaces what is there by then; only where it never stands still, somebody is told to try again."""
    before = ticking.add("s")
    really = schedules.payloads

    def crossed(*arguments: Any) -> Any:
        service.cron.pause("s", by="eve")
        return really(*arguments)

    monkeypatch.setattr(schedules, "payloads", crossed)
    with pytest.raises(TryAgain):
        service.cron.edit("s", before.spec, by="bob")
    monkeypatch.undo()
    assert service.cron.edit("s", before.spec, by="bob").updated_by == "bob"


def test_a_renamed_schedule_keeps_its_ticks(ticking: Ticking, service: Service) -> None:
    """Its jobs keep the name that it had."""
    schedule = ticking.add("s")
    ticking.decide(61)

    service.cron.edit("s", replace(schedule.spec, name="t"), by="ann")

    (tick,) = service.cron.history("t")
    assert (tick.schedule, tick.scheduled_for, tick.job_state) == ("t", at(60), "queued")
    assert tick.job_id is not None
    assert service.get(tick.job_id).schedule == "s"


def test_what_is_hidden_stays_hidden_and_is_kept(secretive: Service) -> None:
    """Nobody is shown it; an edit and a list that have "(hidden)" in its place leave it as it is."""
    spec = replace(HOURLY, job=NewJob("mail_x", {"to": "a", "password": "sesame"}))
    shown = secretive.cron.add(spec, by="ann")
    assert shown.spec.job.payload == shown.job.payload == {"to": "a", "password": "(hidden)"}

    edited = replace(shown.spec, job=replace(shown.spec.job, payload={"to": "b", "password": "(hidden)"}))
    secretive.cron.edit("hourly", edited, by="ann")
    assert secretive.cron.apply([edited], by="ann")[0].action is Action.UNCHANGED
    made = secretive.cron.trigger("hourly", by="ann")

    with secretive.store.connection() as own:
        assert own.execute("select payload from jobsched.job").fetchall() == [({"to": "b", "password": "sesame"},)]
    assert secretive.get(made.id).payload == {"to": "b", "password": "(hidden)"}


def test_hidden_in_the_place_of_a_value_that_nobody_knows_is_refused(secretive: Service) -> None:
    """A list that was exported elsewhere does not say what is secret."""
    spec = replace(HOURLY, job=NewJob("mail_x", {"to": "a", "password": "(hidden)"}))
    with pytest.raises(PayloadInvalid, match="the payload field password"):
        secretive.cron.add(spec, by="ann")
    with pytest.raises(PayloadInvalid):
        secretive.cron.apply([spec], by="ann")
    assert secretive.cron.list() == []


def test_a_removed_schedule_leaves_its_jobs(
    ticking: Ticking, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ticks go, in batches; the name is free."""
    monkeypatch.setattr(schedules, "FORGET_BATCH", 2)
    schedule = ticking.add("s", catchup=Catchup.ALL)
    ticking.decide(301)

    assert service.cron.remove("s", by="ann").id == schedule.id

    assert (service.cron.list(), service.cron.history()) == ([], [])
    assert ticking.rows("select count(*) from jobsched.tick") == [(0,)]
    assert {job.schedule for job in service.list()} == {"s"}
    service.cron.add(schedule.spec, by="ann")


def test_ticks_while_it_is_paused_are_not_made_up(ticking: Ticking, service: Service) -> None:
    """Who paused it and why is told; after it is resumed, the next tick is one to come."""
    ticking.add("s", catchup=Catchup.ALL)

    paused = service.cron.pause("s", by="ann@host", reason="holidays")
    assert (paused.paused_by, paused.pause_reason, paused.next_at) == ("ann@host", "holidays", None)
    again = service.cron.pause("s", by="bob@host")
    assert (again.paused_at, again.paused_by, again.pause_reason) == (paused.paused_at, "bob@host", None)
    resumed = service.cron.resume("s", by="ann@host")

    assert (resumed.paused_at, resumed.paused_by) == (None, None)
    assert resumed.next_at is not None
    assert resumed.decided_until < resumed.next_at <= resumed.decided_until + timedelta(minutes=1)


def test_resuming_what_is_not_paused_changes_nothing(ticking: Ticking, service: Service) -> None:
    """A tick that is due is not lost by it."""
    before = ticking.add("s", catchup=Catchup.ALL)
    assert service.cron.resume("s", by="ann") == before


def test_a_frontier_that_ran_ahead_comes_back(ticking: Ticking, service: Service) -> None:
    """The database's clock was ahead for a while: pausing and resuming mends it, as the finding says."""
    ticking.add("s")
    ticking.connection.execute("update jobsched.schedule set decided_until = now() + interval '1 year'")
    (trouble,) = service.cron.check()
    assert trouble.problem is Problem.AHEAD
    assert trouble.fix == "jobsched cron pause s; jobsched cron resume s"
    service.cron.pause("s", by="ann")
    service.cron.resume("s", by="ann")
    assert service.cron.check() == []


def test_a_triggered_schedule_makes_one_job_now(ticking: Ticking, service: Service) -> None:
    """Also while it is paused. The tick says who did it, and is no tick of the expression's."""
    ticking.add("s")
    service.cron.pause("s", by="ann")

    made = service.cron.trigger("s", by="bob@host")

    (tick,) = service.cron.history("s")
    assert (tick.job_id, tick.by, tick.manual, tick.late) == (made.id, "bob@host", True, 0.0)
    job = service.get(made.id)
    assert (made.created, made.state) == (True, State.QUEUED)
    assert (job.submitter, job.scheduled_for) == ("bob@host", tick.scheduled_for)


def test_triggering_gives_the_job_that_has_the_unique_key(service: Service, hands: Hands) -> None:
    """As submitting it does."""
    service.cron.add(replace(HOURLY, job=NewJob("noop", unique_key="u")), by="ann")
    first = service.cron.trigger("hourly", by="ann")
    again = service.cron.trigger("hourly", by="ann")
    hands.run()
    third = service.cron.trigger("hourly", by="ann")

    assert (first.created, again.created, again.id) == (True, False, first.id)
    assert (third.created, third.id != first.id) == (True, True)


def test_triggering_waits_for_a_scheduler_that_is_deciding(
    ticking: Ticking, service: Service, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives up when it takes too long: exit 75."""
    monkeypatch.setattr("jobsched.core.cron.PATIENCE", 0.05)
    ticking.add("s")
    other = connect()
    with other.transaction():
        other.execute("select from jobsched.schedule for no key update")
        with pytest.raises(TryAgain):
            service.cron.trigger("s", by="ann")
    assert service.cron.trigger("s", by="ann").created


def test_a_backfill_fires_each_tick_once(ticking: Ticking, service: Service) -> None:
    """What has fired is left alone, what was missed fires; again, there is nothing left."""
    ticking.add("s", catchup=Catchup.LAST)
    ticking.decide(300)
    assert [state for _, state in ticking.ticks()] == ["missed", "missed", "missed", "fired", "fired"]

    dry = service.cron.backfill("s", EPOCH, at(600), by="bob", dry_run=True)
    made = service.cron.backfill("s", EPOCH, at(600), by="bob")
    again = service.cron.backfill("s", EPOCH, at(600), by="bob")

    wanted = [at(60 * number) for number in (1, 2, 3, 6, 7, 8, 9)]
    assert [tick.scheduled_for for tick in dry] == [tick.scheduled_for for tick in made] == wanted
    assert {(tick.state, tick.job_state, tick.by) for tick in made} == {(TickState.FIRED, "queued", "bob")}
    assert again == []
    assert ticking.rows("select count(*) from jobsched.job") == [(9,)]
    ticking.decide(600)
    assert ticking.rows("select count(*) from jobsched.job") == [(10,)]


def test_a_backfill_has_a_span_that_is_past_and_not_too_long(ticking: Ticking, service: Service) -> None:
    """What is to come fires by itself."""
    ticking.add("s", "@every 1s")
    for start, end, said in (
        (at(60), at(60), "does not come after"),
        (EPOCH.replace(tzinfo=None), at(60), "has no zone"),
        (EPOCH, at(100_002), "more than 100,000 ticks"),
    ):
        with pytest.raises(UsageError, match=said):
            service.cron.backfill("s", start, end, by="ann")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert service.cron.backfill("s", tomorrow, tomorrow + timedelta(days=1), by="ann") == []


def test_history_is_read_page_by_page(ticking: Ticking, service: Service) -> None:
    """Of one schedule or of all, newest first, those that did not fire by themselves if wanted."""
    for name in ("a", "b"):
        ticking.add(name, catchup=Catchup.LAST)
        ticking.decide(290, name)

    assert [tick.scheduled_for for tick in service.cron.history("a", limit=3)] == [at(240), at(180), at(120)]
    assert [tick.state.value for tick in service.cron.history("a", before=at(240))] == ["missed"] * 3
    assert len(service.cron.history(states=[TickState.FIRED])) == 2
    assert {tick.schedule for tick in service.cron.history()} == {"a", "b"}
    with pytest.raises(UsageError, match="the limit is 0"):
        service.cron.history(limit=0)


def test_a_list_is_applied_whole(service: Service) -> None:
    """What is new is added, what is other is changed, what is the same stays, what is missing goes if that is said."""
    cron = service.cron
    cron.apply([HOURLY, FULL, replace(HOURLY, name="old")], by="ann")
    wanted = [HOURLY, replace(FULL, jitter=1.0, job=replace(FULL.job, timeout=0.4)), replace(HOURLY, name="new")]

    dry = cron.apply(wanted, prune=True, dry_run=True, by="bob")
    before = {each.spec.name: each.revision for each in cron.list()}
    done = cron.apply(wanted, prune=True, by="bob")

    assert dry == done
    assert [(each.name, each.action, each.fields) for each in done] == [
        ("hourly", Action.UNCHANGED, ()),
        ("new", Action.ADDED, ()),
        ("old", Action.REMOVED, ()),
        ("reports", Action.CHANGED, ("jitter", "timeout")),
    ]
    assert before == {"hourly": 1, "old": 1, "reports": 1}
    assert [(each.spec, each.revision) for each in cron.list()] == [(HOURLY, 1), (wanted[2], 1), (wanted[1], 2)]
    assert cron.apply([HOURLY], by="bob")[0].action is Action.UNCHANGED
    assert len(cron.list()) == 3


def test_of_a_list_with_something_wrong_nothing_is_applied(service: Service) -> None:
    """The last of them may be wrong, or two have one name."""
    short, twice = replace(FULL, expression="* * *"), replace(FULL, name="hourly")
    for wrong, said in ((short, "3 fields"), (twice, "two schedules")):
        with pytest.raises(UsageError, match=said):
            service.cron.apply([HOURLY, wrong], by="ann")
    assert service.cron.list() == []


def test_a_list_that_others_cross_is_taken_back(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody changed one of its schedules meanwhile: none of it is done."""
    service.cron.add(HOURLY, by="ann")
    monkeypatch.setattr(schedules, "edit", lambda *_: False)
    with pytest.raises(TryAgain):
        service.cron.apply([replace(HOURLY, name="new"), replace(HOURLY, jitter=2.0)], by="bob")
    assert [each.spec for each in service.cron.list()] == [HOURLY]


def test_other_defaults_of_a_type_are_a_change(settings: Settings) -> None:
    """Its jobs are made as the type is; the list is applied again once that is another one."""

    def use(attempts: int) -> Action:
        @handler("task_x", max_attempts=attempts)
        def task(payload: dict[str, Any]) -> None: ...

        registry = Registry()
        registry.add(task.jobsched_handler)  # type: ignore[attr-defined]
        with Service(settings, registry=registry) as service:
            (change,) = service.cron.apply([replace(HOURLY, job=NewJob("task_x"))], by="ann")
            assert service.cron.get("hourly").job.max_attempts == attempts
            return change.action

    assert [use(2), use(2), use(4)] == [Action.ADDED, Action.UNCHANGED, Action.CHANGED]


def test_all_is_well_with_a_schedule_that_does_what_it_should(ticking: Ticking, service: Service, hands: Hands) -> None:
    """One that has ended, too, and one whose tick a scheduler has yet to decide."""
    ((now,),) = ticking.rows("select clock_timestamp()")
    service.cron.add(NewSchedule("soon", "@every 10s", NOOP), by="ann")
    service.cron.add(NewSchedule("once", f"@at {now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", NOOP), by="ann")
    service.cron.trigger("once", by="ann")
    hands.run()
    assert service.cron.check() == []


def test_what_is_wrong_with_schedules_is_told(ticking: Ticking, service: Service) -> None:
    """Each with what mends it."""
    ((now,),) = ticking.rows("select clock_timestamp()")
    recent = (now - timedelta(hours=1)).replace(microsecond=0)

    def lately(name: str, **options: Any) -> None:
        """A schedule of which ten minutes are decided, an hour ago."""
        service.cron.add(NewSchedule(name, "@every 1m", NOOP, **options), by="ann")
        ticking.connection.execute(
            "update jobsched.schedule set created_at = %s, decided_until = %s where name = %s", (recent, recent, name)
        )
        ticking.decide((recent - EPOCH).total_seconds() + 600, name)
        ticking.connection.execute("update jobsched.schedule set decided_until = now() where name = %s", (name,))

    lately("missed")
    lately("skipped", overlap=Overlap.SKIP)
    lately("slow", catchup=Catchup.ALL)
    service.cron.add(NewSchedule("february", "0 0 30 2 *", NOOP), by="ann")
    service.cron.add(NewSchedule("past", "@at 2020-01-01T00:00:00Z", NOOP), by="ann")
    ticking.add("overdue")
    ticking.add("unreadable")
    ticking.connection.execute("update jobsched.schedule set timezone = 'Mars/X' where name = 'unreadable'")

    found = {(each.schedule, each.problem) for each in service.cron.check()}

    assert found == {
        ("missed", Problem.MISSED), ("missed", Problem.LATE), ("skipped", Problem.MISSED), ("skipped", Problem.LATE),
        ("skipped", Problem.OVERLAPPING), ("slow", Problem.LATE), ("slow", Problem.OVERLAPPING),
        ("february", Problem.NEVER), ("past", Problem.NEVER), ("overdue", Problem.OVERDUE),
        ("unreadable", Problem.UNREADABLE), ("missed", Problem.OVERLAPPING),
    }  # fmt: skip
    assert all(each.text and each.fix for each in service.cron.check())
