"""Plain connections to this test's database, and jobs in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store.store import Store

from .leasing import Conn, Connect, Submit


@pytest.fixture
def db(connect: Connect) -> Conn:
    """The connection that most of a test needs."""
    return connect()


@pytest.fixture
def submit(store: Store, settings: Any) -> Iterator[Submit]:
    """submit("noop", 3, queue=…): store jobs, return their ids."""
    with Service(settings, store=store, registry=Registry()) as service:

        def make(job_type: str = "noop", times: int = 1, **options: Any) -> list[int]:
            made = service.submit_many([NewJob(job_type, **options)] * times, unchecked=True)
            return [each.id for each in made]

        yield make
