"""Counts: how many jobs fit, and no longer than somebody wants to wait for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from jobsched.core.model.errors import TryAgain
from jobsched.core.model.job import NewJob
from jobsched.core.model.selection import parse
from jobsched.core.service import Service


@pytest.mark.parametrize("text", ["queue:a", "state:queued,dead", "queue:a priority:default"])
def test_a_count_that_takes_too_long_is_given_up(
    service: Service, connect: Callable[[], psycopg.Connection[Any]], text: str
) -> None:
    """Also where it is one of those that commands ask most; afterwards the connection is as it was."""
    service.submit_many([NewJob("noop", queue="a")] * 3)
    other = connect()
    with other.transaction():
        other.execute("lock table jobsched.job, jobsched.ready, jobsched.outcome")
        with pytest.raises(TryAgain, match=r"within 0\.05 s"):
            service.count(parse(text), patience=0.05)
    assert service.count(parse(text), patience=30.0)[0].count == 3
