"""Waiting for jobs to end."""

from __future__ import annotations

import threading

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.errors import JobNotFound, WaitTimeout
from jobsched.core.model.job import Job, NewJob
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands


def test_waiting_ends_when_all_jobs_have(service: Service, hands: Hands, settings: Settings) -> None:
    """The jobs come back in the order of the ids; changes are told as they happen."""
    a, b = (service.submit(NewJob("noop")).id for _ in range(2))
    seen: list[tuple[int, State]] = []
    heard = threading.Event()

    def on_change(job: Job) -> None:
        seen.append((job.id, job.state))
        heard.set()

    answer: list[list[Job]] = []
    with Service(settings) as waiting:
        thread = threading.Thread(target=lambda: answer.append(waiting.wait([b, a], timeout=30, on_change=on_change)))
        thread.start()
        assert heard.wait(10)
        hands.run()
        hands.run(dead=True)
        thread.join(10)
    assert [(job.id, job.state) for job in answer[0]] == [(b, State.DEAD), (a, State.SUCCEEDED)]
    assert seen[:2] == [(b, State.QUEUED), (a, State.QUEUED)]
    assert {(b, State.DEAD), (a, State.SUCCEEDED)} <= set(seen)


def test_waiting_for_what_has_ended_returns_at_once(service: Service, hands: Hands) -> None:
    """Also twice the same job, and for no job at all."""
    job_id = service.submit(NewJob("noop")).id
    hands.run()
    assert [job.state for job in service.wait([job_id, job_id], timeout=0)] == [State.SUCCEEDED] * 2
    assert service.wait([]) == []


def test_waiting_gives_up_when_its_time_is_over(service: Service) -> None:
    """Exit code 124; the job goes on."""
    job_id = service.submit(NewJob("noop")).id
    with pytest.raises(WaitTimeout, match="1 of 1") as caught:
        service.wait([job_id], timeout=0.02)
    assert caught.value.exit_code == 124
    assert service.get(job_id).state is State.QUEUED


def test_waiting_for_a_job_that_is_not_there_is_an_error(service: Service) -> None:
    """At once, not when the time is over."""
    with pytest.raises(JobNotFound, match="retention or an archive") as caught:
        service.wait([10**9])
    assert "jobsched archive show --job 1000000000" in (caught.value.fix or "")
