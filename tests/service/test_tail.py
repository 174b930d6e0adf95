"""The tail: every outcome and every failed attempt, exactly once, in the order of transactions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from jobsched.core.model.job import NewJob
from jobsched.core.model.results import Event, TailCursor, parse_tail_cursor
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store.tail import tail_page, tail_start
from jobsched.tests.store.hands import Hands


def read_on(connection: psycopg.Connection[Any], cursor: TailCursor, limit: int = 2) -> list[Event]:
    """Everything after `cursor`, in small pages."""
    events: list[Event] = []
    while page := tail_page(connection, events[-1].cursor if events else cursor, limit):
        events += page
    return events


def read_all(connection: psycopg.Connection[Any], cursor: TailCursor, count: int, limit: int = 1000) -> list[Event]:
    """As `read_on`, until `count` events came: a transaction in any database of the server may hold them back."""
    events: list[Event] = []
    end = time.monotonic() + 30
    while len(events) < count and time.monotonic() < end:
        events += read_on(connection, events[-1].cursor if events else cursor, limit)
    return events


def collect(tail: Iterator[list[Event]], count: int) -> list[Event]:
    """What the tail gives until `count` events came."""
    events: list[Event] = []
    end = time.monotonic() + 30
    while len(events) < count and time.monotonic() < end:
        events += next(tail)
    return events


def test_the_tail_begins_now_and_tells_attempts_and_outcomes(service: Service, hands: Hands) -> None:
    """What ended before is not told; a death is told after the attempt that caused it."""
    service.submit_many([NewJob("noop") for _ in range(4)])
    cursor = tail_start(hands.connection)
    earlier = hands.run()
    assert [event.job_id for event in read_all(hands.connection, cursor, 1)] == [earlier]
    tail = service.tail(poll=0.01)
    assert next(tail) == []
    (retried,) = hands.claim()
    hands.fail(retried)
    dead = hands.run(dead=True)
    done = hands.run()
    events = collect(tail, 4)
    assert [(event.kind, event.job_id) for event in events] == [
        ("failed", retried.job_id), ("failed", dead), ("dead", dead), ("succeeded", done),
    ]  # fmt: skip
    assert [event.state for event in events] == [None, None, State.DEAD, State.SUCCEEDED]
    assert {(event.type, event.queue, event.worker) for event in events} == {("noop", "default", "hands")}
    assert next(tail) == []


def test_the_tail_goes_on_after_any_event(service: Service, hands: Hands) -> None:
    """A cursor that was written down resumes exactly there."""
    service.submit_many([NewJob("noop") for _ in range(5)])
    start = tail_start(hands.connection)
    for number in range(5):
        hands.run(dead=number % 2 == 0)
    events = read_all(hands.connection, start, 8)
    assert len(events) == 8
    for index, event in enumerate(events):
        assert next(service.tail(since=parse_tail_cursor(str(event.cursor)))) == events[index + 1 :]
    assert read_on(hands.connection, start) == events


def test_transactions_that_commit_out_of_order_are_told_exactly_once(
    service: Service, hands: Hands, connect: Any
) -> None:
    """A transaction that stays open holds back the later ones; nothing is lost or repeated behind it."""
    service.submit_many([NewJob("noop") for _ in range(30)])
    reader = connect()
    cursor = tail_start(reader)
    told: list[Event] = []
    slow = Hands(connect(), "slow")
    for _ in range(3):
        with slow.connection.transaction():
            held = slow.run()
            for _ in range(5):
                hands.run()
            page = read_on(reader, told[-1].cursor if told else cursor)
            assert held not in {event.job_id for event in page}
            told += page
        hands.run()
        told += read_on(reader, told[-1].cursor if told else cursor)
    told += read_all(reader, told[-1].cursor if told else cursor, 21 - len(told))
    finished = [job.id for job in service.list(states=(State.SUCCEEDED,), limit=100)]
    assert sorted(event.job_id for event in told) == sorted(finished)
    assert len(finished) == 21


def test_one_transaction_with_many_outcomes_is_told_in_pages(service: Service, connection: Any) -> None:
    """The cursor stands inside a transaction, too."""
    service.load([NewJob("noop", queue="q") for _ in range(25)])
    cursor = tail_start(connection)
    service.purge("q")
    events = read_all(connection, cursor, 25, limit=4)
    assert len({event.job_id for event in events}) == len(events) == 25


@pytest.mark.parametrize(
    "text", ["", "1", "1-2-3", "1-0-x", "-1-0-1", "99999999999999999999999-0-1", "1-0--2", "x-0-1"]
)
def test_what_is_not_a_cursor_is_refused(text: str) -> None:
    """Cursors come back from people and files."""
    with pytest.raises(ValueError, match=r"tail|invalid literal"):
        parse_tail_cursor(text)
