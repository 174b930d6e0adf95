"""The housekeeping of a worker, turn by turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.engine import maintenance
from jobsched.core.engine.maintenance import Maintenance
from jobsched.core.host import identify
from jobsched.core.metrics import WorkerMetrics
from jobsched.core.model.job import After, NewJob
from jobsched.core.model.states import State
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store.link import Link
from jobsched.core.store.store import Store
from jobsched.tests.store.hands import Hands

JOBS = 7


@pytest.fixture
def keeping(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Maintenance:
    """The housekeeping of a worker that prunes two jobs a turn, and would begin at once."""
    monkeypatch.setattr(maintenance, "PRUNE_BATCH", 2)
    monkeypatch.setattr(maintenance, "PRUNE_PAUSE", 0.0)
    monkeypatch.setattr(maintenance.random, "uniform", lambda low, high: low)
    with store.connection() as connection:
        worker_id = Hands(connection, "keeper").id
    link = Link(lambda: store.connect("test"), "here", threading.Event())
    return Maintenance(
        link,
        settings,
        worker_id=lambda: worker_id,
        identity=identify(),
        metrics=WorkerMetrics(process=False),
        wake=lambda: None,
        log=lambda *_, **__: None,
    )


def test_a_big_clean_up_goes_on_turn_by_turn_until_it_is_done(keeping: Maintenance, store: Store) -> None:
    """More than one batch of old jobs does not wait minutes for the next one; then it rests."""
    with store.connection() as connection:
        connection.execute(
            "with made as (insert into jobsched.job (queue, type, payload, priority, max_attempts, backoff_kind, "
            "backoff_base, backoff_cap, submitter) select 'q', 'noop', '{}', 2, 3, 'fixed', 1, 1, 'me' "
            "from generate_series(1, %s) returning id) "
            "insert into jobsched.outcome (job_id, state, attempt, token, finished_at) "
            "select id, 'succeeded', 1, id, now() - interval '30 days' from made",
            (JOBS,),
        )
        sleeps = [keeping.once(connection) for _ in range(JOBS // 2 + 1)]
        left = connection.execute("select count(*) from jobsched.job").fetchone()

    assert left == (0,)
    assert max(sleeps[:-1]) <= maintenance.SHORTEST_SLEEP
    assert sleeps[-1] > maintenance.SHORTEST_SLEEP


def test_what_others_have_overlooked_goes_on(
    keeping: Maintenance, store: Store, settings: Settings, connect: Callable[[], psycopg.Connection[Any]]
) -> None:
    """A child whose parent's end nobody told of, and one that nobody has looked at since it was committed."""
    hands = Hands(connect())
    with Service(settings, store=store, registry=Registry()) as service:
        parent = service.submit(NewJob("noop")).id
        children = [service.submit(NewJob("noop", after=(After(parent),))).id]
        hands.run()
        keeping.once(hands.connection)
        assert service.get(children[0]).state is State.QUEUED

        with hands.connection.transaction():
            children.append(service.submit(NewJob("noop", after=(After(parent),)), connection=hands.connection).id)
        assert service.get(children[1]).state is State.BLOCKED
        keeping.sweep_now()
        keeping.once(hands.connection)
        assert service.get(children[1]).state is State.QUEUED
