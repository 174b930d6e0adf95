"""Jobs that wait are given another queue or priority, and keep all else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from jobsched.core.config import Settings
from jobsched.core.model.errors import JobNotFound, JobschedError, UsageError, WrongState
from jobsched.core.model.job import After, Job, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import waiting
from jobsched.tests.store.hands import Hands

Connect = Callable[[], psycopg.Connection[Any]]


def standing(job: Job) -> tuple[object, ...]:
    """What a move leaves as it is."""
    return (job.state, job.attempt, job.run_at, job.held_by, job.crashes, job.losses, job.tags, job.payload)


def sound(service: Service) -> None:
    """The store breaks no rule."""
    assert [checked for checked in service.verify() if checked.violations] == []


def waiting_jobs(service: Service, hands: Hands) -> list[int]:
    """A job of each kind that waits, in the queue `old`; one of them has failed once."""
    service.submit(NewJob("noop", queue="old"))
    hands.fail(hands.claim(queue="old")[0])
    parent = service.submit(NewJob("noop", queue="other", delay=60)).id
    for more in ({}, {"delay": 60}, {"hold": True}, {"after": (After(parent),)}, {"concurrency_key": "k"},
                 {"concurrency_key": "k"}, {"unique_key": "u"}, {"priority": Priority.HIGH}):  # fmt: skip
        service.submit(NewJob("noop", queue="old", **more))  # type: ignore[arg-type]
    return [job.id for job in service.list(queue="old")]


@pytest.mark.parametrize(
    "lane", [{"queue": "new"}, {"priority": Priority.CRITICAL}, {"queue": "new", "priority": Priority.LOW}]
)
def test_whatever_waits_moves_and_keeps_all_else(service: Service, hands: Hands, lane: dict[str, Any]) -> None:
    """Its state, time, attempts, holder and parents; also when the move is undone."""
    ids = waiting_jobs(service, hands)
    before = {job.id: (standing(job), job.queue, job.priority) for job in service.get_many(ids)}

    pages = service.change(
        "move", [ids], lambda some: service.move(some, by="ann", **lane), by="ann", selection="some of them"
    )
    [(number, results)] = list(pages)

    assert all(each.ok for each in results), results
    for job in service.get_many(ids):
        was, queue, priority = before[job.id]
        assert standing(job) == was
        assert (job.queue, job.priority) == (lane.get("queue", queue), lane.get("priority", priority))
    sound(service)
    assert all(each.ok for page in service.undo(number, by="bob") for each in page)
    assert {job.id: (standing(job), job.queue, job.priority) for job in service.get_many(ids)} == before
    sound(service)


def moved(service: Service, ids: list[int], **lane: Any) -> int:
    """Move them as the command line does; return the change's number."""
    [(number, _)] = service.change(
        "move", [ids], lambda some: service.move(some, by="ann", **lane), by="ann", selection="some"
    )
    return number


@pytest.mark.parametrize("first", [{"queue": "b"}, {"priority": Priority.HIGH}])
def test_moves_of_one_job_are_undone_backwards(service: Service, first: dict[str, Any]) -> None:
    """The earlier one not before the later one, which would then bring the job back to where nobody wants it."""
    job_id = service.submit(NewJob("noop", queue="a")).id
    earlier = moved(service, [job_id], **first)
    later = moved(service, [job_id], queue="c")
    [[refused]] = service.undo(earlier, by="bob")
    assert not refused.ok
    assert service.get(job_id).queue == "c"

    other = service.submit(NewJob("noop", queue="a")).id
    changes = [moved(service, [other], **first), moved(service, [other], queue="c")]
    for number in changes[::-1]:
        assert all(each.ok for page in service.undo(number, by="bob") for each in page)
    assert (service.get(other).queue, service.get(other).priority) == ("a", Priority.DEFAULT)
    assert all(each.ok for page in service.undo(later, by="bob") for each in page)
    assert service.get(job_id).queue == first.get("queue", "a")


def test_a_later_move_that_did_nothing_keeps_no_earlier_one_from_being_undone(service: Service, hands: Hands) -> None:
    """Nor is a job that had not to be moved a part of either, or a failure of the undo."""
    ids = [service.submit(NewJob("noop", queue=queue)).id for queue in ("a", "b")]
    number = moved(service, ids, queue="b")
    moved(service, ids, queue="b")
    assert [each.ok for page in service.undo(number, by="bob") for each in page] == [True]
    assert [job.queue for job in service.get_many(ids)] == ["a", "b"]


def test_a_moved_job_is_claimed_from_its_new_lane_after_those_that_were_there(service: Service, hands: Hands) -> None:
    """And from no other."""
    moved, there = (service.submit(NewJob("noop", queue=queue)).id for queue in ("old", "new"))
    assert service.move([moved], queue="new", by="ann")[0].state is State.QUEUED
    assert hands.claim(queue="old") == []
    assert [job.job_id for job in hands.claim(5, queue="new")] == [there, moved]


def test_what_does_not_wait_or_is_there_already_is_refused(service: Service, hands: Hands) -> None:
    """Each for itself, and nothing else happens to it."""
    service.submit(NewJob("noop", queue="a"))
    running = hands.claim(queue="a")[0].job_id
    service.submit(NewJob("noop", queue="b"))
    ended = hands.claim(queue="b")[0]
    hands.succeed(ended)
    there = service.submit(NewJob("noop", queue="new")).id
    moved = service.submit(NewJob("noop", queue="a")).id
    results = service.move([running, ended.job_id, there, moved, 999], queue="new", by="ann")
    assert [each.ok for each in results] == [False, False, False, True, False]
    said = [str(each.error) for each in results if each.error is not None]
    for text, word in zip(said, ("running", "succeeded", "there already", "999"), strict=True):
        assert word in text
    assert isinstance(results[0].error, WrongState)
    assert isinstance(results[4].error, JobNotFound)
    with pytest.raises(UsageError, match="where to"):
        service.move([moved], by="ann")
    with pytest.raises(UsageError, match="queue"):
        service.move([moved], queue="no spaces", by="ann")


def test_a_turn_that_a_moved_job_had_goes_to_the_next(service: Service, hands: Hands) -> None:
    """A concurrency key counts for each queue by itself."""
    first, second = (service.submit(NewJob("noop", queue="old", concurrency_key="k")).id for _ in range(2))
    assert service.get(second).state is State.BLOCKED
    service.move([first], queue="new", by="ann")
    assert [job.state for job in service.get_many([first, second])] == [State.QUEUED] * 2
    assert [hands.claim(queue=queue)[0].job_id for queue in ("new", "old")] == [first, second]
    sound(service)


def test_a_move_that_broke_off_has_not_happened(
    service: Service, hands: Hands, connection: psycopg.Connection[Any]
) -> None:
    """At whichever step: nobody holds the jobs, they stand where they stood, and a second try moves them."""
    ids = [made.id for made in service.submit_many([NewJob("noop", queue="old")] * 2)]
    refuse = """create function refuse() returns trigger language plpgsql as $$ begin raise 'no room'; end $$;
                create trigger refuse after update on jobsched.{} execute function refuse()"""
    for table in ("job", "blocked"):
        connection.execute(sql.SQL(refuse).format(sql.Identifier(table)))
        with pytest.raises(JobschedError):
            service.move(ids, queue="new", by="ann")
        connection.execute("drop function refuse cascade")
        assert [job.held_by for job in service.get_many(ids)] == [None, None]
        assert [queue.name for queue in service.queues()] == ["old"]
        sound(service)
    assert all(each.ok for each in service.move(ids, queue="new", by="ann"))
    assert hands.claim(2, queue="old") == []
    assert len(hands.claim(2, queue="new")) == 2


def test_a_mover_who_died_after_the_last_step_is_cleared_up_after(
    service: Service, hands: Hands, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By any worker: the job goes on in its new queue, and who waited for its turn in the old one. The key's turns
    are counted where the job is."""
    old = [made.id for made in service.submit_many([NewJob("noop", queue="old", concurrency_key="k")] * 2)]
    with monkeypatch.context() as broken:
        broken.setattr("jobsched.core.store.waiting.settle", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            service.move(old[:1], queue="new", by="ann")
    new = service.submit(NewJob("noop", queue="new", concurrency_key="k")).id
    waiting.sweep(connection, thorough=True)
    waiting.sweep(connection, thorough=True)
    assert [job.state for job in service.get_many([*old, new])] == [State.BLOCKED, State.QUEUED, State.QUEUED]
    hands.succeed(hands.claim(queue="new")[0])
    waiting.after_end(connection, [new])
    assert [job.state for job in service.get_many(old)] == [State.QUEUED, State.QUEUED]
    assert [hands.claim(queue=queue)[0].job_id for queue in ("new", "old")] == old
    third, fourth = (service.submit(NewJob("noop", queue=queue, concurrency_key="k")).id for queue in ("new", "old"))
    assert [job.state for job in service.get_many([third, fourth])] == [State.BLOCKED] * 2
    sound(service)


@contextmanager
def in_the_way(connect: Connect, job_id: int) -> Iterator[None]:
    """Somebody's transaction, for whose end whoever changes the job has to wait."""
    with connect() as somebody, somebody.transaction():
        somebody.execute("select from jobsched.job where id = %s for update", (job_id,))
        yield


@pytest.fixture
def other(settings: Settings) -> Iterator[Service]:
    """Another program."""
    with Service(settings) as opened:
        yield opened


def test_who_holds_a_job_while_it_is_moved_holds_it(
    service: Service, other: Service, connect: Connect, connection: psycopg.Connection[Any]
) -> None:
    """The mover does not let go of it for him."""
    job_id = service.submit(NewJob("noop", queue="old")).id
    with ThreadPoolExecutor(2) as pool:
        with in_the_way(connect, job_id):
            moved = pool.submit(service.move, [job_id], queue="new", by="ann")
            until_waiting(connection, 1)
            held = pool.submit(other.hold, [job_id], by="carol")
            until_waiting(connection, 2, or_done=held)
        assert moved.result()[0].ok
        assert held.result()[0].ok
    job = service.get(job_id)
    assert (job.state, job.held_by, job.queue) == (State.BLOCKED, "carol", "new")
    sound(service)


def test_of_two_who_move_jobs_to_one_place_one_does(
    service: Service, other: Service, connect: Connect, connection: psycopg.Connection[Any]
) -> None:
    """The other one is told that they are there, at once."""
    job_id = service.submit(NewJob("noop", queue="old")).id
    with ThreadPoolExecutor(2) as pool:
        with in_the_way(connect, job_id):
            tries = []
            for number, each in enumerate((service, other), 1):
                tries.append(pool.submit(each.move, [job_id], queue="new", by="ann"))
                until_waiting(connection, number)
        done = [each.result()[0] for each in tries]
    assert sorted(each.ok for each in done) == [False, True]
    assert [str(each.error) for each in done if each.error] == [
        f"job {job_id} is there already — nothing is to be moved"
    ]
    assert service.get(job_id).state is State.QUEUED


def until_waiting(connection: psycopg.Connection[Any], times: int, *, or_done: Future[Any] | None = None) -> None:
    """Return when so many other sessions wait for locks."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    for _ in range(10_000):
        [(count,)] = connection.execute(waiting)
        if count == times or (or_done is not None and or_done.done()):
            return
    raise AssertionError(f"not {times} wait")


def test_jobs_that_are_claimed_while_they_are_moved_run_once(service: Service, connect: Connect) -> None:
    """Each is either moved or run from where it was, and none is lost or stands in two lanes."""
    ids = [made.id for made in service.submit_many([NewJob("noop", queue="old")] * 2000)]
    hands = Hands(connect())
    claimed: list[int] = []

    def claim() -> None:
        while len(claimed) < 1000:
            claimed.extend(job.job_id for job in hands.claim(7, queue="old"))
            if not service_moves.is_alive():
                return

    moved: list[bool] = []
    service_moves = threading.Thread(
        target=lambda: moved.extend(each.ok for each in service.move(ids, queue="new", by="ann"))
    )
    service_moves.start()
    claim()
    service_moves.join()
    assert sum(moved) + len(claimed) == 2000
    assert len(set(claimed)) == len(claimed)
    queues = {job.id: job.queue for job in service.list(limit=2000)}
    assert all(queues[job_id] == ("old" if job_id in set(claimed) else "new") for job_id in ids)
    sound(service)
