"""`verify` over jobs that wait for others, share keys, or stand in queues with limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.job import After, NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import leases, limits, verify
from jobsched.core.store.store import Store

from .hands import Hands
from .leasing import Conn


@pytest.fixture
def service(store: Store, settings: Settings) -> Iterator[Service]:
    with Service(settings, store=store, registry=Registry()) as opened:
        yield opened


def broken(db: Conn, settings: Settings) -> dict[str, list[str]]:
    """The facts of each broken invariant, by its name."""
    return {each.name: [one.facts for one in each.found] for each in verify.verify(db, settings) if each.violations}


@pytest.fixture
def waiting(service: Service, db: Conn) -> list[int]:
    """A parent and its child, two jobs of one concurrency key, one with a unique key, two of a limited queue, one of
    which runs; and a child that somebody retried after it was cancelled."""
    hands = Hands(db)
    service.set_queue("few", {"max_running": 1})
    parent = service.submit(NewJob("noop", queue="parents")).id
    child = service.submit(NewJob("noop", after=(After(parent),))).id
    keyed = [service.submit(NewJob("noop", concurrency_key="k")).id for _ in range(2)]
    unique = service.submit(NewJob("noop", unique_key="u")).id
    few = [service.submit(NewJob("noop", queue="few")).id for _ in range(2)]
    taken = limits.claim_limited(
        db, "few", 5,
        lambda room: leases.claim(db, worker_id=hands.id, queues=["few"], priorities=[2], cursors=[0], types=("noop",),
                                  solo=False, n=room, limited="few"),
    )  # fmt: skip
    assert len(taken.jobs) == 1
    other = service.submit(NewJob("noop", queue="parents")).id
    orphan = service.submit(NewJob("noop", after=(After(other),))).id
    service.cancel([other], by="ann")
    service.retry([orphan], by="ann")
    return [parent, child, *keyed, unique, *few]


def test_jobs_that_wait_as_they_should_are_sound(db: Conn, settings: Settings, waiting: list[int]) -> None:
    """Also a child that a person ran although its parent was cancelled."""
    assert broken(db, settings) == {}


@pytest.mark.parametrize(
    ("name", "statement", "said"),
    [
        ("dependencies", "update jobsched.dependency set met = false", "ready, and it is to run after job"),
        ("orphans", "insert into jobsched.dependency values (9999, 1, 'ok')", "1 row in dependency"),
        ("one_place", "delete from jobsched.blocked", "in none of them"),
        ("one_place", "insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo) "
         "select queue, priority, nextval('jobsched.job_seq'), job_id, 'noop', 0, 0, 0, false from jobsched.blocked",
         "ready, blocked"),
        ("key_limit", "with gone as (delete from jobsched.blocked where key = 'k' returning *) "
         "insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo) "
         "select queue, priority, nextval('jobsched.job_seq'), job_id, 'noop', 0, 0, 0, false from gone",
         "2 jobs of key 'k' of queue default, of which 1 may"),
        ("queue_limit", "insert into jobsched.lease (job_id, token, worker_id, attempt, crashes, losses, solo, "
         "queued_since, limited) select 0, 0, worker_id, 1, 0, 0, false, now(), 'few' from jobsched.lease",
         "2 jobs of queue few run"),
        ("key_limit", "delete from jobsched.slot", "it has no slot of key 'k'"),
        ("lane", "update jobsched.blocked set priority = 0 where key = 'k'",
         "it is blocked for default at priority 0 with key 'k'; its job says default, 2, 'k'"),
        ("lane", "update jobsched.blocked set key = 'l', parked = false where key is null", "with key 'l'"),
        ("dependencies", "delete from jobsched.dependency where not met", "it is blocked, and nothing blocks it"),
        ("unique", "delete from jobsched.unique_active", "its key 'u' leads to no job"),
        ("unique", "update jobsched.unique_active set job_id = 9999", "its key 'u' leads to job 9999"),
        ("unique", "update jobsched.job set unique_key = 'u' where queue = 'parents'", "active jobs have the key 'u'"),
    ],
)  # fmt: skip
def test_a_planted_violation_is_named(
    db: Conn, settings: Settings, waiting: list[int], name: str, statement: str, said: str
) -> None:
    """With what was found."""
    db.execute(statement.encode(), prepare=False)

    found = broken(db, settings)

    assert any(said in facts for facts in found[name]), found
