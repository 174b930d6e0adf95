"""Waking: the longest idle worker that can run the job, at most once in a while, and never late for good."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from jobsched.core.model.job import NewJob
from jobsched.core.service import Service
from jobsched.core.store import wake as waking
from jobsched.tests.store.hands import Hands


class Listener:
    """A worker that notes what it is told."""

    def __init__(self, connection: psycopg.Connection[Any], name: str, **changes: Any) -> None:
        self.connection = connection
        self.id = Hands(connection, name, **changes).id
        connection.execute(f"listen jobsched_worker_{self.id}")

    def heard(self, *, wait: float = 0.0) -> int:
        return len(list(self.connection.notifies(timeout=wait, stop_after=1)))


def test_only_the_worker_that_idled_longest_is_woken(connect: Any) -> None:
    """And the next time the next one: nobody runs in vain."""
    first, second = (Listener(connect(), name) for name in ("first", "second"))
    sender = connect()
    assert waking.wake(sender, {("default", "noop"): 1}) == 1
    assert (first.heard(wait=5.0), second.heard()) == (1, 0)
    assert waking.wake(sender, {("default", "noop"): 1}) == 1
    assert (second.heard(wait=5.0), first.heard()) == (1, 0)
    assert waking.wake(sender, {("default", "noop"): 5}) == 2


@pytest.mark.parametrize(
    "change",
    [
        "state = 'busy'",
        "command = 'drain'",
        "heartbeat_at = heartbeat_at - interval '1 minute'",
        "queues = '{other}'",
        "types = '{other}'",
        "ended_at = now(), end_reason = 'stopped'",
    ],
)
def test_a_worker_that_could_not_run_the_job_is_left_alone(connect: Any, change: str) -> None:
    """Busy, leaving, lost, elsewhere, or without the handler."""
    connection = connect()
    Hands(connection)
    assert waking.wake(connection, {("default", "noop"): 1}) == 1
    connection.execute("update jobsched.worker set " + change)
    assert waking.wake(connection, {("default", "noop"): 1}) == 0


def test_a_worker_that_is_being_woken_is_passed_over(connect: Any) -> None:
    """Two submitters at once wake two workers, without waiting for each other."""
    for name in ("first", "second"):
        Hands(connect(), name)
    one, other = connect(), connect()
    with one.transaction():
        assert waking.wake(one, {("default", "noop"): 1}) == 1
        assert waking.wake(other, {("default", "noop"): 1}) == 1
        assert waking.wake(other, {("default", "noop"): 1}) == 1
    assert waking.wake(other, {("default", "noop"): 3}) == 2


def test_a_wake_up_that_is_held_back_comes_when_the_pause_is_over(
    service: Service, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of a burst is sent at once; the last one is not forgotten."""
    monkeypatch.setattr(waking, "PAUSE", 0.05)
    listener = Listener(connect(), "worker")
    service.submit(NewJob("noop"))
    assert listener.heard(wait=5) == 1
    service.submit(NewJob("noop"))
    assert listener.heard() == 0
    assert listener.heard(wait=5) == 1


def test_closing_sends_what_is_held_back(service: Service, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that submits and ends does not leave its jobs to the next poll."""
    monkeypatch.setattr(waking, "PAUSE", 3600.0)
    listener = Listener(connect(), "worker")
    for _ in range(3):
        service.submit(NewJob("noop"))
    assert listener.heard(wait=5) == 1
    service.close()
    assert listener.heard(wait=5) == 1
