"""A loop's connection comes back, says so, and is given up only when the worker stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from jobsched.core.model.errors import JobschedError, PermissionDenied, StoreUnreachable
from jobsched.core.store.link import Link, LinkStopped
from jobsched.core.store.listen import STARTED, listen
from jobsched.core.store.store import Store

Conn = psycopg.Connection[TupleRow]


class Opener:
    """Opens connections to the test's store, as often as the test lets it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.fails: list[JobschedError] = []
        self.opened = 0

    def __call__(self) -> Conn:
        if self.fails:
            raise self.fails.pop(0)
        self.opened += 1
        return self.store.connect("link")


@pytest.fixture
def opener(store: Store) -> Opener:
    return Opener(store)


@pytest.fixture
def told() -> list[JobschedError | None]:
    """What the link has told."""
    return []


@pytest.fixture
def link(opener: Opener, told: list[JobschedError | None]) -> Iterator[Link]:
    made = Link(opener, "the store", threading.Event(), told.append)
    yield made
    made.close()


def backend(conn: Conn) -> int:
    return conn.info.backend_pid


def test_one_connection_serves_every_use(link: Link, opener: Opener, told: list[Any]) -> None:
    """Opened when it is first needed."""
    assert opener.opened == 0
    assert len({link.run(backend) for _ in range(3)}) == 1
    assert (opener.opened, told) == (1, [])


def test_a_lost_connection_is_opened_again_and_the_use_repeated(link: Link, store: Store, told: list[Any]) -> None:
    """Told once when it is lost and once when it is back, however many tries that takes."""
    first = link.run(backend)
    with store.connection() as other:
        other.execute("select pg_terminate_backend(%s)", (first,))

    def use(conn: Conn) -> int:
        conn.execute("select 1")
        return backend(conn)

    assert link.run(use) != first
    assert [type(word) for word in told] == [StoreUnreachable, type(None)]


@pytest.mark.parametrize("error", [StoreUnreachable("away"), PermissionDenied("a replica, for the moment")])
def test_a_store_that_does_not_let_it_in_is_asked_again(
    link: Link, opener: Opener, told: list[Any], error: JobschedError
) -> None:
    """A failover can look like a refused login or a server that only reads."""
    opener.fails = [error, error]
    assert link.run(backend)
    assert told == [error, None]


def test_a_connection_that_gives_no_answer_is_broken_by_whoever_watches(link: Link, told: list[Any]) -> None:
    """The use that waits for it is repeated on another one; one that says that it moves is left alone."""
    backends: list[int] = []
    waits = threading.Event()

    def use(conn: Conn) -> int:
        backends.append(backend(conn))
        if len(backends) == 1:
            waits.set()
            conn.execute("select pg_sleep(100)")
        return backend(conn)

    assert not link.break_if_stuck(0.0)
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(link.run, use)
        assert waits.wait(30)
        link.still_moves()
        assert not link.break_if_stuck(60.0)
        assert link.break_if_stuck(0.0)
        assert result.result(30) == backends[1] != backends[0]
    assert [type(word) for word in told] == [StoreUnreachable, type(None)]


def test_what_repeating_cannot_mend_is_raised(link: Link, opener: Opener, told: list[Any]) -> None:
    """A statement that the store refuses; the next use has a fresh connection."""
    calls = []

    def use(conn: Conn) -> None:
        calls.append(backend(conn))
        conn.execute("select 1 / 0")

    with pytest.raises(JobschedError, match="division by zero"):
        link.run(use)
    assert len(calls) == 1
    assert link.run(backend) != calls[0]
    assert told == []


def test_a_worker_that_stops_does_not_wait_for_the_store(opener: Opener) -> None:
    """LinkStopped ends the loop."""
    stop = threading.Event()
    link = Link(opener, "the store", stop, lambda _: stop.set())
    opener.fails = [StoreUnreachable("away")] * 5
    with pytest.raises(LinkStopped):
        link.run(backend)


def test_listening_begins_with_a_word_that_says_so(link: Link, store: Store) -> None:
    """From then on nothing is missed: what was sent right after it is heard."""
    heard = []

    def use(conn: Conn) -> None:
        for channel, payload in listen(conn, ["mine", "Odd Name"], probe=60.0, until=lambda: len(heard) >= 3):
            heard.append((channel, payload))
            if channel == STARTED:
                with store.connection() as other:
                    other.execute("select pg_notify('other', 'x'), pg_notify('mine', 'a'), pg_notify('Odd Name', 'b')")

    link.run(use)
    assert heard == [(STARTED, ""), ("mine", "a"), ("Odd Name", "b")]


def test_a_silent_connection_is_asked_whether_it_lives(link: Link, store: Store) -> None:
    """One that died without a word is noticed by the probe, and listening starts again on another."""
    pids: list[int] = []

    def use(conn: Conn) -> None:
        pids.append(backend(conn))
        for channel, _ in listen(conn, ["mine"], probe=0.0, until=lambda: len(pids) > 1):
            assert channel == STARTED
            with store.connection() as other:
                other.execute("select pg_terminate_backend(%s)", (pids[0],))

    link.run(use)
    assert len(set(pids)) == 2
