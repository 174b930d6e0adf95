"""Queues and workers as operators see and change them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.model.errors import QueueNotFound, UsageError, WaitTimeout, WorkerNotFound
from jobsched.core.model.job import NewJob
from jobsched.core.service import Service
from jobsched.core.store import fleet
from jobsched.tests.store.hands import Hands


def test_a_queue_shows_what_is_in_it(service: Service, hands: Hands) -> None:
    """By state, with the age of the oldest queued job."""
    service.submit_many([NewJob("noop", queue="a") for _ in range(3)] + [NewJob("noop", queue="a", delay=60)])
    hands.claim(queue="a")
    hands.fail(hands.claim(queue="a")[0])
    service.submit(NewJob("noop", queue="b"))
    a, b = service.queues()
    assert (a.name, a.queued, a.scheduled, a.retrying, a.running, a.paused) == ("a", 1, 1, 1, 1, False)
    assert a.oldest_queued is not None
    assert (b.name, b.queued, b.running) == ("b", 1, 0)


def test_workers_are_told_of_a_new_queue_once(service: Service, settings: Settings, connection: Any) -> None:
    """Later submitters of the same queue say nothing."""
    connection.execute("listen jobsched")
    service.submit(NewJob("noop", queue="new"))
    with Service(settings) as other:
        other.submit(NewJob("noop", queue="new"))
        other.submit(NewJob("noop", queue="last"))
    said = [json.loads(each.payload) for each in connection.notifies(timeout=0.2)]
    assert said == [{"kind": "queue", "queue": "new"}, {"kind": "queue", "queue": "last"}]


def test_a_paused_queue_says_who_why_and_until_when(service: Service, hands: Hands) -> None:
    """None of its jobs is claimed until it is resumed, and workers are told."""
    service.submit(NewJob("noop"))
    until = datetime.now(UTC) + timedelta(hours=1)
    info = service.pause_queue("default", by="ann", reason="deploy", until=until)
    assert (info.paused, info.paused_by, info.pause_reason, info.paused_until) == (True, "ann", "deploy", until)
    assert hands.claim() == []
    hands.connection.execute("listen jobsched")
    resumed = service.resume_queue("default")
    assert (resumed.paused, resumed.paused_by, resumed.paused_until) == (False, None, None)
    (said,) = hands.connection.notifies(timeout=5, stop_after=1)
    assert json.loads(said.payload) == {"kind": "queue", "queue": "default"}
    assert len(hands.claim()) == 1


def test_a_pause_that_is_over_is_no_pause(service: Service, hands: Hands) -> None:
    """By the database's clock; and who asks for one that would be over by now is told so, and changes nothing."""
    service.submit(NewJob("noop"))
    now = datetime.now(UTC)
    with pytest.raises(UsageError, match="that time has passed"):
        service.pause_queue("default", by="ann", until=now - timedelta(seconds=1))
    with pytest.raises(QueueNotFound):
        service.pause_queue("nowhere", by="ann", until=now - timedelta(seconds=1))
    assert service.queues()[0].paused_by is None
    service.pause_queue("default", by="ann", until=now + timedelta(hours=1))
    hands.connection.execute("update jobsched.queue set paused_until = paused_until - interval '2 h'")
    assert not service.queues()[0].paused
    with pytest.raises(UsageError):
        service.pause_queue("default", by="ann", until=datetime(2030, 1, 1))


def test_a_queue_that_is_not_there_is_named_with_the_one_that_is_like_it(service: Service) -> None:
    """A typo does not make a queue."""
    service.submit(NewJob("noop", queue="emails"))
    for act in (lambda: service.pause_queue("emials", by="ann"), lambda: service.resume_queue("emials")):
        with pytest.raises(QueueNotFound, match="emials") as caught:
            act()
        assert caught.value.fix == "did you mean 'emails'?"
    assert len(service.queues()) == 1


@pytest.mark.parametrize(("silent", "liveness"), [(0, "live"), (15, "late"), (40, "lost")])
def test_a_worker_is_as_alive_as_its_heartbeat(service: Service, hands: Hands, silent: int, liveness: str) -> None:
    """Late after a third of its lease, lost after all of it; one that ended is not shown."""
    hands.connection.execute(
        "update jobsched.worker set heartbeat_at = heartbeat_at - make_interval(secs => %s)", (silent,)
    )
    (worker,) = service.workers()
    assert (worker.id, worker.name, worker.liveness, worker.types) == (hands.id, "hands", liveness, ("noop", "fail"))
    assert worker.silent >= silent
    fleet.end(hands.connection, hands.id)
    assert service.workers() == []


def test_a_worker_is_told_by_name_or_id_to_drain_or_stop(service: Service, hands: Hands) -> None:
    """Its row keeps the word, and it is woken to read it; stop outranks drain."""
    hands.connection.execute(f"listen jobsched_worker_{hands.id}")
    assert service.command_worker("hands", "drain").command == "drain"
    assert [each.payload for each in hands.connection.notifies(timeout=5, stop_after=1)] == ["command"]
    assert service.command_worker(hands.id, "stop").command == "stop"
    assert service.command_worker(str(hands.id), "drain").command == "stop"


def test_of_several_workers_with_one_name_the_newest_is_told(service: Service, hands: Hands) -> None:
    """A restarted worker has its name again."""
    assert service.command_worker("hands", "drain").id == hands.id
    newer = Hands(hands.connection)
    assert service.command_worker("hands", "drain").id == newer.id


def test_a_worker_that_is_lost_or_unknown_cannot_be_told(service: Service, hands: Hands) -> None:
    """Nobody would hear it."""
    hands.connection.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '1 minute'")
    for name in ("hands", str(hands.id), "nobody", "9" * 40, "\x1b[2J"):
        with pytest.raises(WorkerNotFound) as caught:
            service.command_worker(name, "stop")
        assert caught.value.message.isprintable()
    assert service.job_types() == {}


def test_a_queue_is_not_idle_before_those_who_did_not_see_the_pause_are_done(
    service: Service, hands: Hands, connection: psycopg.Connection[Any]
) -> None:
    """A claim that began before it leases its jobs after it."""
    service.submit(NewJob("noop"))
    with connection.transaction():
        [job] = hands.claim()
        service.pause_queue("default", by="ann")
        with pytest.raises(WaitTimeout, match="new jobs of queue default"):
            service.wait_for_idle("default", timeout=0.1)
    with pytest.raises(WaitTimeout, match="1 job of queue default"):
        service.wait_for_idle("default", timeout=0.1)
    hands.succeed(job)
    assert service.wait_for_idle("default", timeout=0.1).paused
