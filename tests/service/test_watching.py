"""What screens ask again and again."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from jobsched.core.model.errors import PermissionDenied, TryAgain
from jobsched.core.model.job import NewJob
from jobsched.core.service import Service
from jobsched.core.store import watch
from jobsched.tests.store.hands import Hands


def test_queues_are_counted_by_state(service: Service, hands: Hands) -> None:
    """With the age of the oldest job that is queued; a queue that is paused says so."""
    service.submit_many([NewJob("noop", queue="a") for _ in range(3)] + [NewJob("noop", queue="a", delay=60)])
    service.submit(NewJob("noop", queue="b", hold=True))
    hands.claim(queue="a")
    service.pause_queue("b", by="me")
    a, b = (each.queue for each in service.watched_queues())
    assert (a.name, a.queued, a.scheduled, a.running, a.paused) == ("a", 2, 1, 1, False)
    assert a.oldest_queued is not None
    assert a.oldest_queued >= 0
    assert (b.name, b.queued, b.blocked, b.paused, b.oldest_queued) == ("b", 0, 1, True, None)


def test_counting_stops_and_the_rest_is_estimated(
    service: Service, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one queue alone is too long to count; where two are, nobody knows how the rest is shared out."""
    monkeypatch.setattr(watch, "MOST_COUNTED", 4)
    monkeypatch.setattr("jobsched.core.model.watching.MOST_COUNTED", 4)
    service.submit_many([NewJob("noop", queue="long") for _ in range(20)] + [NewJob("noop", queue="short")])
    connection.execute("analyze jobsched.ready")
    long, short = service.watched_queues()
    assert (long.queue.queued, long.is_cut, short.queue.queued, short.is_cut) == (5, True, 1, False)
    assert long.estimate is not None
    assert long.estimate >= 5
    service.submit_many([NewJob("noop", queue="short") for _ in range(20)])
    assert [each.estimate for each in service.watched_queues()] == [None, None]


def test_the_last_minute_is_known_by_queue(service: Service, hands: Hands) -> None:
    """What came, what ended, how long it waited and ran, how much of it is dead."""
    assert service.flow().all_ended is None
    service.submit_many([NewJob("noop", queue="a") for _ in range(3)] + [NewJob("noop", queue="b")])
    hands.run(queue="a")
    hands.run(queue="a", dead=True)
    flow = service.flow()
    assert flow.submitted == {"a": 3 / 60, "b": 1 / 60}
    assert flow.ended["a"].count == 2
    assert flow.ended["a"].dead == 1
    assert flow.ended["a"].run == pytest.approx(0.1)
    assert flow.all_ended is not None
    assert flow.all_ended.count == 2


def test_dead_jobs_are_grouped_with_how_many_are_new(service: Service, hands: Hands, connection: Any) -> None:
    """New is what died within the last hour."""
    service.submit_many([NewJob("noop") for _ in range(3)])
    ids = [hands.run(dead=True) for _ in range(3)]
    connection.execute("update jobsched.outcome set finished_at = now() - interval '2 h' where job_id = %s", (ids[0],))
    (kind,) = service.dead_kinds()
    assert (kind.group.count, kind.new, kind.group.example_id, kind.group.fingerprint) == (3, 2, ids[2], "print")


def test_the_newest_events_come_first(service: Service, hands: Hands) -> None:
    """An end and the attempt that led to it are told apart."""
    service.submit_many([NewJob("noop"), NewJob("noop")])
    dead = hands.run(dead=True)
    done = hands.run()
    events = service.newest_events()
    assert (events[0].kind, events[0].job_id) == ("succeeded", done)
    assert {(each.kind, each.job_id) for each in events[1:]} == {("dead", dead), ("failed", dead)}
    assert service.newest_events(limit=1) == events[:1]


def test_jobs_that_are_gone_are_left_out(service: Service) -> None:
    """Looking again at what is on a screen is no error when retention was there meanwhile."""
    first, second = service.submit_many([NewJob("noop"), NewJob("noop")])
    assert [job.id for job in service.look([second.id, 999, first.id])] == [second.id, first.id]


def test_reading_cannot_write_and_does_not_take_for_ever(service: Service) -> None:
    """Whatever is asked within; afterwards the connection is as it was."""
    with pytest.raises(PermissionDenied), service.reading(2.0):
        service.submit(NewJob("noop"))
    with pytest.raises(TryAgain), service.reading(0.01), service.store.connection() as own:
        own.execute("select pg_sleep(5)")
    assert service.submit(NewJob("noop")).created


def test_somebody_who_listens_hears_of_queues(service: Service, connection: psycopg.Connection[Any]) -> None:
    """The first word says that from now on nothing is missed."""
    service.submit(NewJob("noop", queue="a"))
    heard: list[str] = []
    ready, done = threading.Event(), threading.Event()

    def listen() -> None:
        for word in service.notices([1, 2], done.is_set):
            heard.append(word)
            ready.set()
            if word:
                done.set()

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(20)
    service.pause_queue("a", by="me")
    assert done.wait(20)
    thread.join(20)
    assert heard[0] == ""
    assert "queue" in heard[1]
