"""Changes are remembered and undone: jobs that have not gone on stand again where they stood."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest

from jobsched.core.model.errors import Conflict, NotFound
from jobsched.core.model.job import After, Job, NewJob
from jobsched.core.model.results import ItemResult, Verb
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store.operations import PAGE
from jobsched.core.store.retention import prune
from jobsched.tests.store.hands import Hands


def change(service: Service, verb: Verb, ids: Sequence[int]) -> int:
    """Do it as the command line does: note, then act. Return the change's number."""
    number = service.begin_operation(verb, by="ann", selection="some")
    service.note_operation(number, verb, ids)
    match verb:
        case "cancel":
            results = service.cancel(ids, by="ann")
        case "retry":
            results = service.retry(ids, by="ann")
        case "hold":
            results = service.hold(ids, by="ann")
        case "release":
            results = service.release(ids)
        case _:
            results = service.discard(ids, by="ann")
    assert all(each.ok for each in results), results
    return number


def undo(service: Service, number: int) -> dict[int, ItemResult]:
    return {each.id: each for page in service.undo(number, by="bob") for each in page}


def standing(job: Job) -> tuple[object, ...]:
    """What an undo has to bring back."""
    return (job.state, job.attempt, job.run_at, job.held_by, job.error, job.fingerprint, job.finished_at, job.run,
            job.result, job.crashes, job.losses, job.worker)  # fmt: skip


def sound(service: Service) -> None:
    """The store breaks no rule."""
    assert [checked for checked in service.verify() if checked.violations] == []


def test_what_was_cancelled_waits_again(service: Service, hands: Hands) -> None:
    """With its time, attempts, holder, parents and unique key; what ran was only asked to stop."""
    parent = service.submit(NewJob("noop", delay=3600)).id
    ids = [
        parent,
        service.submit(NewJob("noop")).id,
        service.submit(NewJob("noop", hold=True)).id,
        service.submit(NewJob("noop", unique_key="u")).id,
    ]
    ids.append(service.submit(NewJob("noop", queue="q")).id)
    hands.fail(hands.claim(queue="q")[0])
    before = [standing(job) for job in service.get_many(ids)]
    number = change(service, "cancel", ids)
    assert {job.state for job in service.get_many(ids)} == {State.CANCELLED}
    results = undo(service, number)
    assert all(each.ok for each in results.values()), results
    assert [standing(job) for job in service.get_many(ids)] == before
    assert service.submit(NewJob("noop", unique_key="u")).id == ids[3]
    sound(service)


def test_what_ran_when_it_was_cancelled_cannot_come_back(service: Service, hands: Hands) -> None:
    """Nor what was retried after it was cancelled; each says why, the others are undone."""
    running = service.submit(NewJob("noop")).id
    hands.claim()
    waiting, again = (service.submit(NewJob("noop")).id for _ in range(2))
    number = change(service, "cancel", [running, waiting, again])
    service.retry([again], by="ann")
    results = undo(service, number)
    assert {job_id: each.ok for job_id, each in results.items()} == {running: False, waiting: True, again: False}
    error = results[running].error
    assert error is not None
    assert f"job {running} was running and is running now" in error.message
    sound(service)


def test_what_was_retried_has_ended_again(service: Service, hands: Hands) -> None:
    """With its error, result and times; what waited for its time waits for it; what has run since stays."""
    for result in (None, {"n": 1}):
        service.submit(NewJob("noop"))
        hands.succeed(hands.claim()[0], result=result)
    for _ in range(2):
        service.submit(NewJob("noop"))
        hands.run(dead=True)
    service.cancel([service.submit(NewJob("noop", concurrency_key="k")).id], by="ann")
    service.submit(NewJob("noop"))
    hands.fail(hands.claim()[0])
    service.submit(NewJob("noop", delay=3600))
    everything = [job.id for job in service.list()]
    before = {job.id: standing(job) for job in service.list()}
    number = change(service, "retry", everything)
    assert {job.state for job in service.list()} == {State.QUEUED}
    ran = hands.run()
    results = undo(service, number)
    assert [job_id for job_id, each in results.items() if not each.ok] == [ran]
    after = {job.id: standing(job) for job in service.list() if job.id != ran}
    assert after == {job_id: stood for job_id, stood in before.items() if job_id != ran}
    sound(service)


def test_holds_releases_and_discards_are_undone(service: Service, hands: Hands) -> None:
    """A hold lets go of what nobody held before; a release holds again; a discarded job is dead again."""
    free, held = service.submit(NewJob("noop")).id, service.submit(NewJob("noop", hold=True)).id
    results = undo(service, change(service, "hold", [free, held]))
    assert {job_id: each.ok for job_id, each in results.items()} == {free: True, held: False}
    assert [job.state for job in service.get_many([free, held])] == [State.QUEUED, State.BLOCKED]
    undo(service, change(service, "release", [held]))
    assert service.get(held).held_by == "bob"
    dead = [hands.run(dead=True) for _ in range(1)]
    before = [standing(job) for job in service.get_many(dead)]
    number = change(service, "discard", dead)
    assert service.get(dead[0]).state is State.CANCELLED
    undo(service, number)
    assert [standing(job) for job in service.get_many(dead)] == before
    sound(service)


def test_a_change_is_undone_once_and_forgotten_after_a_week(
    service: Service, connection: psycopg.Connection[object]
) -> None:
    """Changes are listed newest first, by person; what was undone, or never was, is refused."""
    job_id = service.submit(NewJob("noop")).id
    first = change(service, "hold", [job_id])
    second = change(service, "release", [job_id])
    assert [(each.id, each.verb, each.by, each.jobs) for each in service.operations()] == [
        (second, "release", "ann", 1),
        (first, "hold", "ann", 1),
    ]
    assert list(service.operation_jobs(first)) == [[job_id]]
    assert service.operations(by="bob") == []
    undo(service, second)
    assert [each.id for each in service.operations(undoable=True)] == [first]
    with pytest.raises(Conflict, match="undone already — by bob"):
        undo(service, second)
    with pytest.raises(NotFound):
        undo(service, 10**6)
    connection.execute("update jobsched.operation set started_at = now() - interval '8 days' where id = %s", (first,))
    for _ in range(2):
        prune(connection, service.settings)  # type: ignore[arg-type]
    assert [each.id for each in service.operations()] == [second]


def test_a_cancel_of_many_is_undone_for_parents_before_their_children(service: Service) -> None:
    """A child that came back on an earlier page than its parent would end with it once more."""
    parent = service.submit(NewJob("noop", delay=60)).id
    service.submit_many([NewJob("noop")] * PAGE)
    child = service.submit(NewJob("noop", after=(After(parent),))).id
    [number] = {number for number, _ in service.purging("default", by="ann")}
    assert service.get(child).state is State.CANCELLED
    assert all(each.ok for each in undo(service, number).values())
    assert [job.state for job in service.get_many([parent, child])] == [State.SCHEDULED, State.BLOCKED]
    sound(service)


def test_a_change_of_nothing_is_nobodys_last_change(service: Service) -> None:
    """What somebody would undo is what he changed before that."""
    job_id = service.submit(NewJob("noop")).id
    number = change(service, "hold", [job_id])
    assert service.purge("default", by="ann") == 1
    service.purge("default", by="ann")
    change_of_none = service.begin_operation("hold", by="ann", selection="none")
    service.note_operation(change_of_none, "hold", [10**6])
    [purge, hold] = service.operations(by="ann", undoable=True)
    assert (purge.verb, purge.jobs, hold.id) == ("cancel", 1, number)


def test_a_hold_of_a_job_that_was_retried_outlives_the_undoing(service: Service, hands: Hands) -> None:
    """What somebody holds has not ended, and is not let go of."""
    ids = []
    for _ in range(2):
        ids.append(service.submit(NewJob("noop")).id)
        hands.run(dead=True)
    number = change(service, "retry", ids)
    service.hold(ids[:1], by="eva")
    results = undo(service, number)
    assert [results[job_id].ok for job_id in ids] == [False, True]
    assert [job.state for job in service.get_many(ids)] == [State.BLOCKED, State.DEAD]
    assert service.get(ids[0]).held_by == "eva"
    sound(service)


def test_what_a_change_refused_is_no_part_of_it(service: Service) -> None:
    """Whoever undoes the last change undoes what it changed; one that changed nothing is nobody's last change."""
    ids = [service.submit(NewJob("noop")).id for _ in range(2)]

    def hold(some: Sequence[int]) -> int:
        made = service.change("hold", [some], lambda page: service.hold(page, by="ann"), by="ann", selection="some")
        return next(number for number, _ in made)

    service.cancel(ids[1:], by="bob")
    first, second = hold(ids), hold(ids[1:])
    assert [(each.id, each.jobs) for each in service.operations(by="ann", undoable=True)] == [(first, 1)]
    assert [each.jobs for each in service.operations(by="ann")] == [0, 1]
    assert undo(service, first) == {ids[0]: ItemResult(ids[0], True, State.QUEUED)}
    assert undo(service, second) == {}
    sound(service)
