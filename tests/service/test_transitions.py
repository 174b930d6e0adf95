"""Cancel, retry, discard and purge: from every state, and while the job moves."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from jobsched.core.model.errors import JobNotFound, QueueNotFound, UsageError, WrongState
from jobsched.core.model.job import NewJob
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import leases, transitions
from jobsched.tests.store.hands import Hands


def places(connection: Any, job_id: int) -> list[str]:
    """The tables that hold the job's row: always exactly one."""
    return [
        table
        for table in ("ready", "delayed", "lease", "outcome")
        if connection.execute(f"select from jobsched.{table} where job_id = %s", (job_id,)).fetchone() is not None
    ]


def test_a_job_that_waits_is_cancelled_at_once(service: Service, hands: Hands) -> None:
    """Queued, scheduled, retrying, or back in its lane: the outcome says by whom and why."""
    retrying = service.submit(NewJob("noop")).id
    hands.fail(hands.claim()[0])
    again = service.submit(NewJob("noop")).id
    hands.run(dead=True)
    service.retry([again], by="me")
    queued = service.submit(NewJob("noop")).id
    scheduled = service.submit(NewJob("noop", delay=60)).id
    ids = [queued, scheduled, retrying, again]
    assert [result.state for result in service.cancel(ids, by="ann", reason="no need")] == [State.CANCELLED] * 4
    for job in service.get_many(ids):
        assert (job.state, job.error) == (State.CANCELLED, "cancelled by ann: no need")
        assert places(hands.connection, job.id) == ["outcome"]


def test_a_job_that_runs_is_flagged_and_its_worker_told(service: Service, hands: Hands, connect: Any) -> None:
    """Cancelling a running job is a request; asking twice changes nothing."""
    job_id = service.submit(NewJob("noop")).id
    hands.claim()
    listener = connect()
    listener.execute(f"listen jobsched_worker_{hands.id}")
    for by in ("ann", "bob"):
        (result,) = service.cancel([job_id], by=by)
        assert (result.ok, result.state) == (True, State.RUNNING)
    assert {each.payload for each in listener.notifies(timeout=5, stop_after=1)} == {"cancel"}
    assert service.get(job_id).cancel_requested
    row = hands.connection.execute("select cancel_requested_by from jobsched.lease").fetchone()
    assert row == ("ann",)


@pytest.mark.parametrize("dead", [True, False])
def test_a_job_that_has_ended_cannot_be_cancelled(service: Service, hands: Hands, dead: bool) -> None:
    """The item says in which state it is; others of the call are done."""
    ended = service.submit(NewJob("noop")).id
    hands.run(dead=dead)
    waiting = service.submit(NewJob("noop")).id
    wrong, unknown, right = service.cancel([ended, 10**25, waiting], by="ann")
    assert isinstance(wrong.error, WrongState)
    assert wrong.state is (State.DEAD if dead else State.SUCCEEDED)
    assert isinstance(unknown.error, JobNotFound)
    assert (unknown.id, unknown.state, right.ok) == (10**25, None, True)
    assert isinstance(service.cancel([waiting], by="ann")[0].error, WrongState)


def test_a_cancel_that_meets_a_claim_looks_again(service: Service, hands: Hands, connect: Any) -> None:
    """It waits for the claim's commit, finds the lease with a fresh snapshot, and flags it."""
    job_id = service.submit(NewJob("noop")).id
    claimer = connect()
    other = Hands(claimer, "claimer")
    results: list[Any] = []
    with claimer.transaction():
        assert len(other.claim()) == 1
        thread = threading.Thread(target=lambda: results.extend(service.cancel([job_id], by="ann")))
        thread.start()
        until_somebody_waits(hands.connection)
    thread.join(10)
    assert [(result.ok, result.state) for result in results] == [(True, State.RUNNING)]
    assert service.get(job_id).cancel_requested


def test_a_cancel_that_meets_a_promotion_looks_again(service: Service, hands: Hands, connect: Any) -> None:
    """A delayed job that becomes ready meanwhile is cancelled there."""
    job_id = service.submit(NewJob("noop", delay=60)).id
    hands.connection.execute("update jobsched.delayed set run_at = now() - interval '1 second'")
    promoter = connect()
    results: list[Any] = []
    with promoter.transaction():
        assert leases.promote(promoter)
        thread = threading.Thread(target=lambda: results.extend(service.cancel([job_id], by="ann")))
        thread.start()
        until_somebody_waits(hands.connection)
    thread.join(10)
    assert [(result.ok, result.state) for result in results] == [(True, State.CANCELLED)]
    assert places(hands.connection, job_id) == ["outcome"]


def test_the_retry_of_a_dead_job_gives_it_its_whole_budget(service: Service, hands: Hands) -> None:
    """Attempts, crashes and losses start anew, at a new place, behind no claimer's cursor."""
    job_id = service.submit(NewJob("noop")).id
    hands.run(dead=True)
    hands.connection.execute("update jobsched.outcome set crashes = 2, losses = 3")
    last = leases.last_seq(hands.connection)
    (result,) = service.retry([job_id], by="ann")
    job = service.get(job_id)
    assert (result.ok, job.state, job.attempt, job.crashes, job.losses) == (True, State.QUEUED, 0, 0, 0)
    (claimed,) = hands.claim()
    assert claimed.seq > last
    assert hands.succeed(claimed)
    assert len(service.attempts(job_id)) == 1


def test_succeeded_and_cancelled_jobs_can_be_run_again(service: Service, hands: Hands) -> None:
    """Any finished job can; the outcome is then a matter of the past."""
    done = service.submit(NewJob("noop")).id
    hands.run()
    cancelled = service.submit(NewJob("noop")).id
    service.cancel([cancelled], by="ann")
    assert [result.state for result in service.retry([done, cancelled], by="ann")] == [State.QUEUED] * 2
    assert places(hands.connection, done) == places(hands.connection, cancelled) == ["ready"]


@pytest.mark.parametrize(("dead", "found"), [(True, '{"step": 7}'), (False, None)])
def test_a_retry_goes_on_from_the_checkpoint_unless_the_job_had_succeeded(
    service: Service, hands: Hands, dead: bool, found: str | None
) -> None:
    """A job that died at step 7 goes on there; one that had done them all does them all again."""
    job_id = service.submit(NewJob("noop")).id
    (job,) = hands.claim()
    leases.save_checkpoint(hands.connection, job_id, job.token, '{"step": 7}')
    assert hands.fail(job, dead=True) if dead else hands.succeed(job)
    service.retry([job_id], by="ann")
    (again,) = hands.claim()
    assert again.checkpoint == found


def test_a_job_that_waits_for_its_time_runs_now_with_the_budget_that_it_has(service: Service, hands: Hands) -> None:
    """Retrying goes on with its attempts; scheduled starts."""
    retrying = service.submit(NewJob("noop")).id
    hands.fail(hands.claim()[0])
    scheduled = service.submit(NewJob("noop", delay=60)).id
    assert all(result.ok for result in service.retry([retrying, scheduled], by="ann"))
    assert [(job.state, job.attempt) for job in service.get_many([retrying, scheduled])] == [
        (State.QUEUED, 1),
        (State.QUEUED, 0),
    ]


def test_there_is_nothing_to_retry_in_a_job_that_is_queued_or_runs(service: Service, hands: Hands) -> None:
    """Each is told apart, and not touched."""
    running = service.submit(NewJob("noop")).id
    hands.claim()
    queued = service.submit(NewJob("noop")).id
    results = service.retry([running, queued, 4_000_000], by="ann")
    assert [type(result.error) for result in results] == [WrongState, WrongState, JobNotFound]
    assert [result.state for result in results] == [State.RUNNING, State.QUEUED, None]


def test_discarding_takes_a_dead_job_out_of_the_dead_letter_queue(service: Service, hands: Hands) -> None:
    """It is cancelled, keeps its error, and nothing else can be discarded."""
    dead = service.submit(NewJob("noop")).id
    hands.run(dead=True)
    queued = service.submit(NewJob("noop")).id
    assert [job.id for job in service.dlq()] == [dead]
    ok, wrong = service.discard([dead, queued], by="ann")
    assert (ok.state, type(wrong.error)) == (State.CANCELLED, WrongState)
    assert service.dlq() == []
    assert (service.get(dead).state, service.get(dead).error) == (State.CANCELLED, "it broke")


def test_dead_jobs_are_grouped_by_what_went_wrong(service: Service, hands: Hands) -> None:
    """One line for many that failed alike, with the newest as the example."""
    ids = [service.submit(NewJob("noop")).id for _ in range(3)]
    for _ in ids:
        hands.run(dead=True)
    (group,) = service.dlq_groups()
    assert (group.count, group.fingerprint, group.queue, group.type) == (3, "print", "default", "noop")
    assert (group.example_id, group.message) == (max(ids), "it broke")
    assert group.first_seen <= group.last_seen


def test_a_purge_cancels_what_waits_in_one_queue(service: Service, hands: Hands) -> None:
    """Every lane and delayed jobs; running jobs and other queues are left alone."""
    running = service.submit(NewJob("noop", queue="a")).id
    hands.claim(queue="a")
    service.submit_many([NewJob("noop", queue="a", delay=60 if n % 3 else None) for n in range(30)])
    other = service.submit_many([NewJob("noop", queue="b"), NewJob("noop", queue="b", delay=60)])
    assert service.purge("a") == 30
    assert service.purge("a") == 0
    by_queue = {counts.queue: counts.by_state for counts in service.counts()}
    assert by_queue["a"] == {State.RUNNING: 1, State.CANCELLED: 30}
    assert by_queue["b"] == {State.QUEUED: 1, State.SCHEDULED: 1}
    assert [service.get(each.id).state.is_final for each in other] == [False, False]
    assert service.get(running).state is State.RUNNING
    with pytest.raises(QueueNotFound, match="nowhere"):
        service.purge("nowhere")


@pytest.mark.parametrize("new", [NewJob("noop"), NewJob("noop", delay=60), NewJob("noop", hold=True)])
def test_a_purge_leaves_what_is_submitted_while_it_works(service: Service, new: NewJob) -> None:
    """It was not there when somebody said purge; and nobody can make a purge last by submitting."""
    service.submit_many([new] * 1500)
    pages = service.purging("default", by="ann")
    cancelled = 0
    later: list[int] = []
    for _, page in pages:
        cancelled += len(page)
        later.append(service.submit(new).id)
    assert (cancelled, len(later)) == (1500, 2)
    assert {job.state.is_final for job in service.get_many(later)} == {False}


def test_a_purge_leaves_what_is_run_again_or_claimed_while_it_works(service: Service, hands: Hands) -> None:
    """Whoever retries a job that was just purged wants it; what runs by now goes on."""
    ids = [made.id for made in service.submit_many([NewJob("noop")] * 1500)]
    pages = service.purging("default", by="ann")
    number, _ = next(pages)
    claimed = hands.claim()[0].job_id
    service.retry(ids[-1:], by="bob")
    assert all(each.ok for _, page in pages for each in page)
    states = dict(zip(ids, (job.state for job in service.get_many(ids)), strict=True))
    assert states.pop(ids[-1]) is State.QUEUED
    assert states.pop(claimed) is State.RUNNING
    assert set(states.values()) == {State.CANCELLED}
    [refused] = transitions.cancel(hands.connection, [claimed], by="ann", running=False)
    assert not refused.ok
    assert not service.get(claimed).cancel_requested
    assert sum(each.ok for page in service.undo(number, by="bob") for each in page) == 1498


def test_words_that_are_stored_for_others_to_read_are_one_plain_line(service: Service) -> None:
    """Who and why are shown on terminals."""
    job_id = service.submit(NewJob("noop")).id
    for by, reason in (("a\x1b[2J", None), ("ann", "b\nc"), ("ann", "x" * 501)):
        with pytest.raises(UsageError):
            service.cancel([job_id], by=by, reason=reason)


def until_somebody_waits(connection: Any) -> None:
    """Return when another session waits for a lock: by then it has met the transaction that holds it."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    for _ in range(10_000):
        if connection.execute(waiting).fetchone()[0]:
            return
    raise AssertionError("nobody ever waited")
