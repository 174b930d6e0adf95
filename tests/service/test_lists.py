"""Reading: pages, filters, counts, attempts and output."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobsched.core.model.errors import JobNotFound, UsageError
from jobsched.core.model.job import NewJob
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import leases
from jobsched.tests.store.hands import Hands


def one_of_each(service: Service, hands: Hands) -> dict[State, int]:
    """A job in every state; the queued one came back to its lane."""
    ids = {}
    ids[State.RETRYING] = service.submit(NewJob("noop")).id
    hands.fail(hands.claim()[0])
    ids[State.DEAD] = service.submit(NewJob("noop")).id
    hands.run(dead=True)
    ids[State.SUCCEEDED] = service.submit(NewJob("noop")).id
    hands.succeed(hands.claim()[0], result={"n": 1})
    ids[State.RUNNING] = service.submit(NewJob("noop")).id
    hands.claim()
    ids[State.CANCELLED] = service.submit(NewJob("noop")).id
    service.cancel([ids[State.CANCELLED]], by="ann")
    ids[State.QUEUED] = service.submit(NewJob("noop")).id
    hands.run()
    service.retry([ids[State.QUEUED]], by="ann")
    ids[State.SCHEDULED] = service.submit(NewJob("noop", delay=60)).id
    ids[State.BLOCKED] = service.submit(NewJob("noop", hold=True)).id
    return ids


def test_every_state_is_read_in_its_own_words(service: Service, hands: Hands) -> None:
    """The state is the table that the row is in; what belongs to it comes along."""
    ids = one_of_each(service, hands)
    assert set(ids) == set(State)
    for state, job_id in ids.items():
        job = service.get(job_id)
        assert job.state is state
        assert [each.id for each in service.list(states=[state])] == [job_id]
        assert (job.finished_at is not None) == state.is_final
    assert service.get(ids[State.SUCCEEDED]).result == {"n": 1}
    assert service.get(ids[State.SUCCEEDED]).worker == "hands"
    assert service.get(ids[State.DEAD]).error == "it broke"
    assert service.get(ids[State.RUNNING]).started_at is not None
    assert service.get(ids[State.RETRYING]).run_at is not None
    assert service.counts()[0].by_state == dict.fromkeys(State, 1)
    assert service.counts(finished=False)[0].total == 6


def test_pages_by_id_meet_every_job_once(service: Service, hands: Hands) -> None:
    """Newest first, without gaps or repeats, whatever states are asked for."""
    for queue in ("a", "b"):
        for _ in range(7):
            service.submit(NewJob("noop", queue=queue))
    one_of_each(service, hands)
    for states in ((), tuple(State), (State.QUEUED,), (State.QUEUED, State.SCHEDULED, State.DEAD)):
        whole = [job.id for job in service.list(states=states, limit=1000)]
        assert whole == sorted(whole, reverse=True)
        paged: list[int] = []
        while page := service.list(states=states, limit=3, before=paged[-1] if paged else None):
            paged += [job.id for job in page]
        assert paged == whole
    assert len(service.list(limit=1000)) == 22
    assert len(service.list(states=(State.QUEUED,), limit=1000)) == 15


@pytest.mark.parametrize("states", [(), (State.QUEUED, State.DEAD)])
def test_filters_narrow_every_list(service: Service, states: tuple[State, ...]) -> None:
    """Queue, type, tag and time of submission, together or alone; their values are data."""
    wanted = service.submit(NewJob("fail", queue="mail", tags=("x",))).id
    service.submit(NewJob("noop"))
    for filters in ({"queue": "mail"}, {"type": "fail"}, {"tag": "x"}, {"queue": "mail", "type": "fail", "tag": "x"}):
        assert [job.id for job in service.list(states=states, **filters)] == [wanted]  # type: ignore[arg-type]
    hour = timedelta(hours=1)
    assert len(service.list(states=states, since=datetime.now(UTC) - hour)) == 2
    assert service.list(states=states, since=datetime.now(UTC) + hour) == []
    assert service.list(states=states, queue="' or true --") == []


def test_a_page_has_bounds(service: Service) -> None:
    """Limits and naive times are refused; absurd cursors find nothing or everything."""
    service.submit(NewJob("noop"))
    for limit in (0, -1, 10_001):
        with pytest.raises(UsageError):
            service.list(limit=limit)
    with pytest.raises(UsageError):
        service.list(since=datetime(2026, 1, 1))
    assert service.list(before=-5) == []
    assert len(service.list(before=10**30)) == 1


def test_many_come_back_in_the_order_that_was_asked_for(service: Service) -> None:
    """Also twice the same; one that is not there is named."""
    a, b = (service.submit(NewJob("noop")).id for _ in range(2))
    assert [job.id for job in service.get_many([b, a, b])] == [b, a, b]
    for absent in (0, -1, 2**63, b + 1000):
        with pytest.raises(JobNotFound, match=str(absent)):
            service.get_many([a, absent])


def test_attempts_tell_what_went_wrong(service: Service, hands: Hands) -> None:
    """Each failed attempt, oldest first, with its worker."""
    job_id = service.submit(NewJob("noop")).id
    hands.fail(hands.claim()[0], message="first")
    service.retry([job_id], by="ann")
    hands.fail(hands.claim()[0], message="second", dead=True)
    assert [(each.attempt, each.message, each.kind, each.worker) for each in service.attempts(job_id)] == [
        (1, "first", "failed", "hands"),
        (2, "second", "failed", "hands"),
    ]
    with pytest.raises(JobNotFound):
        service.attempts(10**6)


def test_output_goes_on_after_the_last_piece_that_was_read(service: Service, hands: Hands) -> None:
    """Pieces are ordered over attempts; a job without any is empty, one that is not there an error."""
    job_id = service.submit(NewJob("noop")).id
    assert service.output(job_id) == []
    (job,) = hands.claim()
    leases.write_output(
        hands.connection, [(job_id, job.token, n, 1, "log" if n else "stdout", f"line {n}\x1b") for n in range(3)]
    )
    first, *rest = service.output(job_id)
    assert (first.text, first.stream, first.attempt) == ("line 0\x1b", "stdout", 1)
    assert service.output(job_id, after=(first.token, first.chunk)) == rest
    assert service.output(job_id, attempt=2) == []
    assert len(service.output(job_id, limit=2)) == 2
    with pytest.raises(JobNotFound):
        service.output(10**6)
