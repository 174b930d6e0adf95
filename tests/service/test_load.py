"""Loading many jobs by COPY."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobsched.core.model.errors import IdempotencyConflict, PayloadInvalid
from jobsched.core.model.job import NewJob
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands

TRICKY = 'back\\slash \\n \\. \t\r\n"quoted" \x1b[0m \x7f ünï %s %(x)d \u2028'


def test_a_load_stores_what_submit_would(service: Service) -> None:
    """Any text survives COPY; options, tags and order too; several pieces are one load."""
    new = [NewJob("noop", {"n": n, "t": TRICKY}, queue=f"q{n % 2}", tags=("a", "b"), timeout=3) for n in range(25)]
    assert service.load(iter(new), chunk=10) == 25
    jobs = service.list(limit=100)[::-1]
    assert [job.payload for job in jobs] == [dict(each.payload) for each in new]
    assert {(job.tags, job.timeout, job.state) for job in jobs} == {(("a", "b"), 3.0, State.QUEUED)}
    assert [info.name for info in service.queues()] == ["q0", "q1"]


def test_loaded_jobs_can_be_claimed(service: Service, hands: Hands) -> None:
    """They stand in their lanes like any other."""
    service.load([NewJob("noop") for _ in range(3)])
    assert len(hands.claim(10)) == 3


def test_jobs_that_wait_are_looked_at_once_they_are_loaded(service: Service) -> None:
    """Whose turn has come, or whose parent has ended, is queued without a worker's help."""
    service.load([NewJob("noop", concurrency_key="k"), NewJob("noop", concurrency_key="k")])
    assert service.counts()[0].by_state == {State.QUEUED: 1, State.BLOCKED: 1}


def test_keys_and_times_are_kept_in_a_load(service: Service) -> None:
    """Keys make one job each, also across pieces; delayed jobs wait."""
    new = [NewJob("noop", {"n": n % 4}, idempotency_key=f"k{n % 4}") for n in range(8)]
    assert service.load([*new, NewJob("noop", delay=60), NewJob("noop")], chunk=3) == 6
    assert service.counts()[0].by_state == {State.QUEUED: 5, State.SCHEDULED: 1}


@pytest.mark.parametrize("position", [0, 5, 24])
def test_a_load_with_one_bad_job_stores_none(service: Service, position: int) -> None:
    """It is one transaction, however many pieces were sent already, and the service goes on."""

    def jobs() -> Iterator[NewJob]:
        for n in range(25):
            yield NewJob("noop", {"bad": "\0"} if n == position else {})

    with pytest.raises(PayloadInvalid):
        service.load(jobs(), chunk=10)
    assert service.list() == []
    assert service.load([NewJob("noop")]) == 1


def test_a_conflict_in_a_load_stores_nothing(service: Service) -> None:
    """The same key with another payload refuses the whole load."""
    service.submit(NewJob("noop", {"a": 1}, idempotency_key="k"))
    with pytest.raises(IdempotencyConflict):
        service.load([NewJob("noop"), NewJob("noop", {"a": 2}, idempotency_key="k")])
    assert len(service.list()) == 1


def test_an_empty_load_is_nothing(service: Service) -> None:
    """No job, no statement that could fail."""
    assert service.load([]) == 0
