"""Queues that get their limit while jobs are being claimed from them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.priority import Priority
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store.store import Store
from jobsched.tests.store.leasing import claim, worker

from .claiming import Bench


@pytest.fixture
def bench(store: Store, settings: Settings) -> Iterator[Bench]:
    """See `Bench`."""
    with Service(settings, store=store, registry=Registry()) as service:
        made = Bench(store, service)
        yield made
        made.conn.close()


def test_what_was_being_claimed_when_the_limit_was_set_counts(bench: Bench, store: Store) -> None:
    """The claim had seen no limit and committed after it was set: whoever hears of the limit counts its job."""
    jobs = bench.submit(Priority.DEFAULT, 3)
    other = bench.submit(Priority.LOW, queue="other")
    with store.connect("unaware") as unaware:
        mine = worker(unaware)
        with unaware.transaction():
            assert [job.job_id for job in claim(unaware, mine, 1)] == jobs[:1]
            bench.service.set_queue("default", {"max_running": 1})

    assert bench.take(1) == other
