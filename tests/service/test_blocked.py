"""Jobs that wait for other jobs, for somebody, for their concurrency key, or that are one of a kind."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from jobsched.core.model.errors import Conflict, IdempotencyConflict, JobNotFound, UsageError, WrongState
from jobsched.core.model.job import After, Condition, NewJob, parse_after
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import leases, waiting
from jobsched.core.store.retention import prune
from jobsched.tests.store.hands import Hands
from jobsched.tests.store.leasing import until_waits

Connect = Callable[[], psycopg.Connection[Any]]
OK, FAIL, ANY = Condition.OK, Condition.FAIL, Condition.ANY


def states(service: Service, *ids: int) -> list[State]:
    return [job.state for job in service.get_many(ids)]


def end(service: Service, hands: Hands, job_id: int, how: str) -> None:
    """End a queued job, and let go on who waited for it, as a worker does."""
    if how == "cancelled":
        service.cancel([job_id], by="ann")
        return
    job = next(job for job in hands.claim(100) if job.job_id == job_id)
    assert hands.succeed(job) if how == "succeeded" else hands.fail(job, dead=True)
    waiting.after_end(hands.connection, [job_id])


@pytest.mark.parametrize(
    ("condition", "how", "becomes"),
    [
        (OK, "succeeded", State.QUEUED), (OK, "dead", State.CANCELLED), (OK, "cancelled", State.CANCELLED),
        (FAIL, "succeeded", State.CANCELLED), (FAIL, "dead", State.QUEUED), (FAIL, "cancelled", State.QUEUED),
        (ANY, "succeeded", State.QUEUED), (ANY, "dead", State.QUEUED), (ANY, "cancelled", State.QUEUED),
    ],
)  # fmt: skip
def test_a_job_goes_on_when_its_parent_ended_as_asked_and_is_cancelled_when_otherwise(
    service: Service, hands: Hands, condition: Condition, how: str, becomes: State
) -> None:
    """Who waits for an end that did not come is cancelled, with the reason."""
    parent = service.submit(NewJob("noop")).id
    child = service.submit(NewJob("noop", after=(After(parent, condition),)))
    assert child.state is State.BLOCKED
    end(service, hands, parent, how)
    job = service.get(child.id)
    assert job.state is becomes
    if becomes is State.CANCELLED:
        assert job.error == f"job {parent}, after which it was to run, ended {how}"


def test_a_chain_is_cancelled_to_its_end_and_a_clean_up_runs(service: Service, hands: Hands) -> None:
    """Each cancelled job is an end for those behind it."""
    first = service.submit(NewJob("noop")).id
    second = service.submit(NewJob("noop", after=(After(first),))).id
    third = service.submit(NewJob("noop", after=(After(second),))).id
    tidy = service.submit(NewJob("noop", after=(After(third, FAIL),))).id
    end(service, hands, first, "dead")
    assert states(service, first, second, third, tidy) == [State.DEAD, State.CANCELLED, State.CANCELLED, State.QUEUED]


def test_the_same_key_gives_the_same_job_whatever_became_of_its_parents(service: Service, hands: Hands) -> None:
    """Who lost the acknowledgement and submits again is told of the job, though by now no such job could be made."""
    parent = service.submit(NewJob("noop")).id
    child = NewJob("noop", after=(After(parent),), unique_key="u", idempotency_key="k")
    first = service.submit(child)
    service.cancel([parent], by="test")
    assert service.get(first.id).state is State.CANCELLED
    other = service.submit(NewJob("noop", unique_key="u"))

    again = service.submit(child)

    assert (again.id, again.created, again.state) == (first.id, False, State.CANCELLED)
    assert other.id != first.id
    with pytest.raises(Conflict):
        service.submit(replace(child, idempotency_key="another"))


def test_a_job_after_several_waits_for_the_last(service: Service, hands: Hands) -> None:
    """And what a parent had ended as stays met, also when somebody retries it."""
    one, two = service.submit(NewJob("noop")).id, service.submit(NewJob("noop", queue="others")).id
    child = service.submit(NewJob("noop", after=(After(one), After(two, ANY)))).id
    end(service, hands, one, "succeeded")
    assert states(service, child) == [State.BLOCKED]
    service.retry([one], by="ann")
    end(service, hands, two, "cancelled")
    assert states(service, child) == [State.QUEUED]
    assert [(each.parent, each.met) for each in service.dependencies(child)] == [(one, True), (two, True)]


def test_parents_that_cannot_be_are_refused(service: Service, hands: Hands) -> None:
    """Unknown, ended otherwise, named twice: nothing is stored."""
    ended = service.submit(NewJob("noop")).id
    end(service, hands, ended, "dead")
    before = len(service.list())
    with pytest.raises(JobNotFound, match="999"):
        service.submit(NewJob("noop", after=(After(999),)))
    with pytest.raises(Conflict, match=f"job {ended} is dead"):
        service.submit(NewJob("noop", after=(After(ended),)))
    with pytest.raises(UsageError, match="twice"):
        service.submit(NewJob("noop", after=(After(ended, ANY), After(ended, FAIL))))
    assert len(service.list()) == before
    assert service.submit(NewJob("noop", after=(After(ended, FAIL),))).state is State.QUEUED


@pytest.mark.parametrize("text", ["", "x", "12:", "12:okay", "-1", "12:ok:any", "\N{FULLWIDTH DIGIT ONE}"])
def test_what_names_no_parent_is_refused(text: str) -> None:
    """An id in digits, and one of three words."""
    with pytest.raises(UsageError, match="does not name a job"):
        parse_after(text)


def test_an_end_that_commits_while_its_child_is_submitted_is_not_overlooked(
    service: Service, hands: Hands, connect: Connect
) -> None:
    """Neither sees the other in its own snapshot; the submitter looks once more after its commit."""
    parent = service.submit(NewJob("noop")).id
    theirs = connect()
    theirs.autocommit = False
    child = service.submit(NewJob("noop", after=(After(parent),)), connection=theirs).id
    end(service, hands, parent, "succeeded")
    theirs.commit()
    assert states(service, child) == [State.BLOCKED]
    waiting.sweep(connect(), thorough=False)
    assert states(service, child) == [State.QUEUED]


def test_a_child_whose_parents_end_nobody_told_is_found(service: Service, hands: Hands, connect: Connect) -> None:
    """Whoever ended the parent died before it looked for children: the thorough sweep finds it."""
    parent = service.submit(NewJob("noop")).id
    child = service.submit(NewJob("noop", after=(After(parent),))).id
    hands.run()
    waiting.sweep(connect(), thorough=False)
    assert states(service, child) == [State.BLOCKED]
    waiting.sweep(connect(), thorough=True)
    assert states(service, child) == [State.QUEUED]


def test_two_that_settle_a_job_at_once_move_it_once(service: Service, hands: Hands, connect: Connect) -> None:
    """The second waits for the first, and finds that the job has gone."""
    parent = service.submit(NewJob("noop")).id
    child = service.submit(NewJob("noop", after=(After(parent),))).id
    hands.run()
    one, other = connect(), connect()
    with ThreadPoolExecutor(1) as pool:
        with one.transaction():
            assert waiting.settle(one, [child]).ready == {("default", "noop"): 1}
            second = pool.submit(waiting.settle, other, [child])
            until_waits(connect(), other)
        assert second.result(30).ready == Counter()
    assert [job.job_id for job in hands.claim(10)] == [child]


def test_time_comes_after_parents_and_the_key_after_both(service: Service, hands: Hands) -> None:
    """blocked, then scheduled, then blocked again behind its key, then queued."""
    parent = service.submit(NewJob("noop", queue="parents")).id
    runs = service.submit(NewJob("noop", concurrency_key="k")).id
    job = service.submit(NewJob("noop", after=(After(parent),), delay=3600, concurrency_key="k")).id
    assert states(service, runs, job) == [State.QUEUED, State.BLOCKED]
    hands.run(queue="parents")
    waiting.after_end(hands.connection, [parent])
    assert states(service, job) == [State.SCHEDULED]
    hands.connection.execute("update jobsched.delayed set run_at = now()")
    leases.promote(hands.connection)
    assert service.get(job).parked
    end(service, hands, runs, "succeeded")
    assert states(service, job) == [State.QUEUED]


def test_a_job_that_comes_back_before_anybody_has_seen_it_go_has_one_turn_of_its_key(
    service: Service, hands: Hands
) -> None:
    """Its old slot is still there when it is let in again: it is not swept away with those that are left over."""
    first = service.submit(NewJob("noop", concurrency_key="a")).id
    (claimed,) = hands.claim()
    assert hands.fail(claimed)
    assert states(service, first) == [State.RETRYING]

    service.retry([first], by="test")
    second = service.submit(NewJob("noop", concurrency_key="a")).id

    assert states(service, first, second) == [State.QUEUED, State.BLOCKED]


def test_of_one_concurrency_key_only_so_many_are_let_in(service: Service, hands: Hands) -> None:
    """Queued and running ones count; each end lets the next one in, higher priorities first, other keys at once."""
    service.set_queue("default", {"key_limit": 2})
    ids = [service.submit(NewJob("noop", concurrency_key="a")).id for _ in range(4)]
    other = service.submit(NewJob("noop", concurrency_key="b")).id
    assert states(service, *ids, other) == [State.QUEUED] * 2 + [State.BLOCKED] * 2 + [State.QUEUED]
    end(service, hands, ids[0], "succeeded")
    assert states(service, *ids) == [State.SUCCEEDED, State.RUNNING, State.QUEUED, State.BLOCKED]
    service.set_queue("default", {"key_limit": 3})
    assert states(service, ids[3]) == [State.QUEUED]


def test_turns_of_a_key_are_given_by_one_at_a_time(service: Service, hands: Hands, connect: Connect) -> None:
    """Whoever comes second waits, and counts whom the first has let in."""
    ids = [service.submit(NewJob("noop", concurrency_key="k")).id for _ in range(3)]
    (ended,) = hands.claim()
    assert hands.succeed(ended)
    one, other = connect(), connect()
    turn = [("default", "k")]
    with ThreadPoolExecutor(1) as pool:
        with one.transaction():
            assert waiting.settle(one, (), keys=turn).ready == {("default", "noop"): 1}
            second = pool.submit(waiting.settle, other, (), keys=turn)
            until_waits(connect(), other)
        assert second.result(30).ready == Counter()
    assert states(service, *ids) == [State.SUCCEEDED, State.QUEUED, State.BLOCKED]


def test_a_key_is_not_lost_with_jobs_that_leave_in_other_ways(service: Service, hands: Hands) -> None:
    """Cancelled while queued, failed with a retry to come, lost with its worker: the turn goes on."""
    ids = [service.submit(NewJob("noop", concurrency_key="a")).id for _ in range(4)]
    service.cancel([ids[0]], by="ann")
    (second,) = hands.claim()
    assert second.job_id == ids[1]
    assert hands.fail(second)
    waiting.after_end(hands.connection, [ids[1]])
    assert states(service, *ids[1:]) == [State.RETRYING, State.QUEUED, State.BLOCKED]
    service.hold([ids[2]], by="ann")
    assert states(service, *ids[1:]) == [State.RETRYING, State.BLOCKED, State.QUEUED]
    service.retry([ids[1]], by="ann")
    service.release([ids[2]])
    assert states(service, *ids[1:]) == [State.BLOCKED, State.BLOCKED, State.QUEUED]
    end(service, hands, ids[3], "dead")
    assert states(service, *ids[1:]) == [State.QUEUED, State.BLOCKED, State.DEAD]


def test_whoever_gets_a_turn_because_another_is_held_is_waited_for_by_an_idle_worker(
    service: Service, hands: Hands, connect: Connect
) -> None:
    """It is woken, and need not find the job at its next look."""
    ids = [service.submit(NewJob("noop", concurrency_key="a")).id for _ in range(2)]
    listener = connect()
    listener.execute(f"listen jobsched_worker_{hands.id}".encode())
    service.hold(ids[:1], by="ann")
    (said,) = listener.notifies(timeout=5, stop_after=1)
    assert said.payload == "wake default noop"
    assert [job.job_id for job in hands.claim()] == ids[1:]


def test_many_submitters_at_once_do_not_let_in_too_many(settings: Any, service: Service) -> None:
    """Admission is one at a time a key, each with a snapshot of its own."""
    service.set_queue("default", {"key_limit": 3})

    def submit() -> None:
        with Service(settings) as own:
            for _ in range(10):
                own.submit(NewJob("noop", concurrency_key="k"))

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(service.counts()[0].by_state.items()) == [(State.BLOCKED, 37), (State.QUEUED, 3)]


def test_a_unique_key_gives_the_active_job_and_is_free_when_that_has_ended(service: Service, hands: Hands) -> None:
    """The second submission is no error: it is the same work. A retry takes the key again, or is refused."""
    first = service.submit(NewJob("noop", unique_key="report"))
    again = service.submit(NewJob("noop", {"note": "other"}, unique_key="report"))
    assert (again.id, again.created) == (first.id, False)
    end(service, hands, first.id, "succeeded")
    second = service.submit(NewJob("noop", unique_key="report"))
    assert second.created
    (refused,) = service.retry([first.id], by="ann")
    assert isinstance(refused.error, WrongState)
    assert "unique key" in refused.error.message
    end(service, hands, second.id, "dead")
    assert service.retry([first.id], by="ann")[0].ok
    assert service.submit(NewJob("noop", unique_key="report")).id == first.id


def test_idempotency_goes_before_uniqueness(service: Service, hands: Hands) -> None:
    """The same key gives the same job even after its end; another payload is a conflict, and nothing is stored."""
    new = NewJob("noop", unique_key="u", idempotency_key="i")
    first = service.submit(new)
    assert service.submit(new).id == first.id
    end(service, hands, first.id, "succeeded")
    assert service.submit(new).id == first.id
    with pytest.raises(IdempotencyConflict):
        service.submit(NewJob("noop", {"note": "other"}, unique_key="u", idempotency_key="i"))
    assert service.submit(NewJob("noop", unique_key="u")).created


def test_whoever_gives_the_same_key_before_the_first_has_committed_waits_and_is_given_his_job(
    service: Service, connect: Connect
) -> None:
    """Neither could see the key when it looked."""
    service.submit(NewJob("noop"))
    new = NewJob("noop", hold=True, idempotency_key="i")
    theirs = connect()
    with service.store.connection() as own:
        pass
    with ThreadPoolExecutor(1) as pool:
        with theirs.transaction():
            first = service.submit(new, connection=theirs)
            second = pool.submit(service.submit, new)
            until_waits(connect(), own)
        again = second.result(30)
    assert (again.id, again.created) == (first.id, False)
    assert service.counts()[0].by_state == {State.QUEUED: 1, State.BLOCKED: 1}


def test_a_unique_key_that_was_taken_for_a_job_that_was_not_stored_after_all_is_free(
    service: Service, connect: Connect
) -> None:
    """Its idempotency key turned out to be taken, and whoever had that knows nothing of the unique key."""
    ended = service.submit(NewJob("noop", unique_key="u")).id
    service.cancel([ended], by="ann")
    theirs = connect()
    with service.store.connection() as own:
        pass
    with ThreadPoolExecutor(1) as pool:
        with theirs.transaction():
            first = service.submit(NewJob("noop", idempotency_key="i"), connection=theirs)
            second = pool.submit(service.submit, NewJob("noop", idempotency_key="i", unique_key="u"))
            until_waits(connect(), own)
        assert second.result(30).id == first.id
    assert service.retry([ended], by="ann")[0].ok


@pytest.mark.parametrize("pruned", [False, True])
def test_the_key_of_a_job_that_waited_is_free_again_when_its_window_has_passed(
    service: Service, settings: Any, connect: Connect, pruned: bool
) -> None:
    """The window counts from the job's end, whether or not retention has deleted the job by then."""
    new = NewJob("noop", {"a": 1}, hold=True, idempotency_key="i")
    first = service.submit(new).id
    service.cancel([first], by="ann")
    connection = connect()

    def age(hours: int) -> None:
        past = timedelta(hours=hours)
        connection.execute("update jobsched.outcome set finished_at = finished_at - %s", (past,))
        connection.execute("update jobsched.idempotency set expires_at = expires_at - %s", (past,))

    age(7 * 24 - 1)
    if pruned:
        assert prune(connection, settings.replace(retention__succeeded=1.0)) == 1
    assert service.submit(new).id == first
    age(2)
    assert service.submit(replace(new, payload={"a": 2})).created


def test_of_many_with_one_unique_key_at_once_one_is_made(settings: Any, service: Service) -> None:
    """Whoever loses the race is given the winner's job."""
    found: list[int] = []

    def submit() -> None:
        with Service(settings) as own:
            found.append(own.submit(NewJob("noop", unique_key="u")).id)

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_held_job_waits_until_it_is_released(service: Service, hands: Hands) -> None:
    """Held from the beginning or later; not one that runs or has ended; a retry does not go around it."""
    held = service.submit(NewJob("noop", hold=True)).id
    later = service.submit(NewJob("noop")).id
    soon = service.submit(NewJob("noop", delay=60)).id
    assert [each.ok for each in service.hold([later, soon], by="ann")] == [True, True]
    assert states(service, held, later, soon) == [State.BLOCKED] * 3
    assert service.get(later).held_by == "ann"
    assert not service.retry([later], by="ann")[0].ok
    assert hands.claim(10) == []
    service.release([held, later, soon])
    assert states(service, held, later, soon) == [State.QUEUED, State.QUEUED, State.SCHEDULED]
    (refused,) = service.release([held])
    assert isinstance(refused.error, WrongState)
    hands.claim(1)
    running = next(job for job in service.list(states=[State.RUNNING]))
    assert not service.hold([running.id], by="ann")[0].ok


def test_a_held_job_remembers_that_its_parent_ended_as_asked(service: Service, hands: Hands, settings: Any) -> None:
    """Released when retention has long deleted the parent, it runs; one whose parent had failed does not."""
    parents = [service.submit(NewJob("noop")).id for _ in range(2)]
    children = [service.submit(NewJob("noop", after=(After(parent),), hold=True)).id for parent in parents]
    end(service, hands, parents[1], "cancelled")
    end(service, hands, parents[0], "succeeded")
    assert states(service, *children) == [State.BLOCKED] * 2
    hands.connection.execute("update jobsched.outcome set finished_at = now() - interval '30 days'")
    assert prune(hands.connection, settings) == 2

    service.release(children)

    assert states(service, *children) == [State.QUEUED, State.CANCELLED]
    assert "no longer in the store" in (service.get(children[1]).error or "")


def test_the_sweep_finds_what_was_overlooked_however_much_waits_in_order(
    service: Service, hands: Hands, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held children whose parents failed, and keys without a turn to give, take no place on its page."""
    monkeypatch.setattr(waiting, "PAGE", 1)
    for number in range(6):
        failed = service.submit(NewJob("noop", queue="a")).id
        service.submit(NewJob("noop", after=(After(failed),), hold=True))
        service.cancel([failed], by="ann")
        for _ in range(2):
            service.submit(NewJob("noop", queue="a", concurrency_key=f"full {number}"))
    parent = service.submit(NewJob("noop")).id
    child = service.submit(NewJob("noop", after=(After(parent),))).id
    first, second = (service.submit(NewJob("noop", concurrency_key="free")).id for _ in range(2))
    for job in hands.claim(2):
        assert hands.succeed(job)
    assert states(service, parent, child, first, second) == [
        State.SUCCEEDED, State.BLOCKED, State.SUCCEEDED, State.BLOCKED,
    ]  # fmt: skip

    waiting.sweep(connect(), thorough=True)

    assert states(service, child, second) == [State.QUEUED, State.QUEUED]


def test_blocked_jobs_can_be_cancelled_and_purged(service: Service) -> None:
    """One by one, and with their queue."""
    one, two = (service.submit(NewJob("noop", hold=True)).id for _ in range(2))
    assert service.cancel([one], by="ann")[0].ok
    assert service.purge("default") == 1
    assert states(service, one, two) == [State.CANCELLED] * 2


def test_a_batch_may_hold_jobs_that_wait(service: Service) -> None:
    """All or none, in their order, by submit_many and by load."""
    parent = service.submit(NewJob("noop")).id
    new = [NewJob("noop"), NewJob("noop", after=(After(parent),)), NewJob("noop", concurrency_key="k")]
    assert [each.state for each in service.submit_many(new)] == [State.QUEUED, State.BLOCKED, State.QUEUED]
    assert service.load([*new, NewJob("noop", concurrency_key="k")]) == 4
    assert service.counts()[0].by_state == {State.QUEUED: 4, State.BLOCKED: 4}
    with pytest.raises(JobNotFound):
        service.submit_many([NewJob("noop"), NewJob("noop", after=(After(9999),))])
    assert service.counts()[0].total == 8
