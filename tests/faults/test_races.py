"""Two that meet over one job: whoever commits first decides, and the other one is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from jobsched.core.engine.cursors import Cursors
from jobsched.core.engine.lanes import LaneReader
from jobsched.core.engine.reaper import reap_once
from jobsched.core.model.errors import WrongState
from jobsched.core.model.job import After, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.states import State
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import fleet, leases, transitions
from jobsched.core.store.sql import load
from jobsched.core.store.store import Store
from jobsched.tests.store.leasing import NOBODY, Conn, bury, claim, ending, rows, state, success, until_waits, worker

Connect = Callable[[], Conn]


@pytest.fixture
def service(settings: Any, store: Store) -> Iterator[Service]:
    with Service(settings, store=store, registry=Registry()) as made:
        yield made


def submit(service: Service, times: int = 1) -> list[int]:
    return [made.id for made in service.submit_many([NewJob("noop")] * times)]


def until_service_waits(watcher: Conn, times: int = 1) -> None:
    """Return when so many connections of a service are held up by locks."""
    question = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    for _ in range(20_000):
        if len(watcher.execute(question).fetchall()) == times:
            return
    raise AssertionError("nobody waits")


def test_a_failure_that_comes_after_the_reaper_is_refused(connect: Connect, service: Service) -> None:
    """It waits for the reaper's commit; the job is queued unspent, and nothing is logged but the loss."""
    (job_id,) = submit(service)
    one, reaper, watcher = connect(), connect(), connect()
    mine = worker(one)
    (job,) = claim(one, mine)

    with ThreadPoolExecutor(1) as pool:
        with reaper.transaction():
            bury(reaper, mine)
            fleet.reap(reaper, lost_limit=20)
            late = pool.submit(leases.end_attempts, one, mine, [ending(job, "dead", kind="failed")])
            until_waits(watcher, one)
        assert late.result(30) == set()

    assert state(watcher, job_id) == "queued"
    assert rows(watcher, "select kind from jobsched.attempt_log") == [("lost",)]


def test_a_failure_that_comes_before_the_reaper_counts(connect: Connect, service: Service) -> None:
    """The reaper passes by the lease that it holds; there is no loss."""
    submit(service)
    one, reaper = connect(), connect()
    mine = worker(one)
    (job,) = claim(one, mine)

    with one.transaction():
        assert leases.end_attempts(one, mine, [ending(job, "dead", kind="failed")]) == {job.token}
        bury(reaper, mine)
        assert fleet.reap(reaper, lost_limit=20) == []
    assert fleet.reap(reaper, lost_limit=20) == []

    assert rows(reaper, "select kind from jobsched.attempt_log") == [("failed",)]
    assert rows(reaper, "select state, losses from jobsched.outcome") == [("dead", 0)]


@pytest.mark.parametrize("word", ["output", "checkpoint", "progress"])
def test_a_word_that_meets_the_reaper_is_refused(connect: Connect, service: Service, word: str) -> None:
    """Each kind by itself waits for its commit, and finds no lease."""
    submit(service)
    one, reaper, watcher = connect(), connect(), connect()
    mine = worker(one)
    (job,) = claim(one, mine)

    def talk() -> None:
        match word:
            case "output":
                leases.write_output(one, [(job.job_id, job.token, 0, 1, "log", "late")])
            case "checkpoint":
                leases.save_checkpoint(one, job.job_id, job.token, "1")
            case "progress":
                leases.report_progress(one, [(job.job_id, job.token, 5.0, 0.9, "late")])

    with ThreadPoolExecutor(1) as pool:
        with reaper.transaction():
            bury(reaper, mine)
            fleet.reap(reaper, lost_limit=20)
            late = pool.submit(talk)
            until_waits(watcher, one)
        late.result(30)

    assert rows(watcher, "select token from jobsched.job_output union all select token from jobsched.checkpoint") == []


def test_a_cancel_that_meets_a_completion_is_told_that_it_came_too_late(connect: Connect, service: Service) -> None:
    """It waits for the completion's commit, looks again, and finds the job succeeded."""
    (job_id,) = submit(service)
    one, watcher = connect(), connect()
    mine = worker(one)
    jobs = claim(one, mine)
    results: list[Any] = []

    thread = threading.Thread(target=lambda: results.extend(service.cancel([job_id], by="ann")))
    with one.transaction():
        assert leases.succeed(one, mine, success(jobs)) == {jobs[0].token}
        thread.start()
        until_service_waits(watcher)
    thread.join(30)

    assert isinstance(results[0].error, WrongState)
    assert rows(watcher, "select state, error from jobsched.outcome") == [("succeeded", None)]


def test_a_completion_that_meets_a_cancel_counts(connect: Connect, service: Service) -> None:
    """The job was asked to stop and had ended by then: what was done is done, once."""
    (job_id,) = submit(service)
    one, canceller, watcher = connect(), connect(), connect()
    mine = worker(one)
    jobs = claim(one, mine)

    with ThreadPoolExecutor(1) as pool:
        with canceller.transaction():
            canceller.execute(
                "update jobsched.lease set cancel_requested_at = now(), cancel_requested_by = 'ann' where job_id = %s",
                (job_id,),
            )
            late = pool.submit(leases.succeed, one, mine, success(jobs))
            until_waits(watcher, one)
        assert late.result(30) == {jobs[0].token}

    assert rows(watcher, "select state from jobsched.outcome") == [("succeeded",)]
    assert rows(watcher, "select count(*) from jobsched.lease") == [(0,)]


def test_a_cancel_that_meets_the_reaper_catches_the_job_in_its_lane(connect: Connect, service: Service) -> None:
    """The job moves from its lease to its lane meanwhile; it is cancelled there, and runs no more."""
    (job_id,) = submit(service)
    one, reaper, watcher = connect(), connect(), connect()
    mine = worker(one)
    claim(one, mine)
    results: list[Any] = []

    thread = threading.Thread(target=lambda: results.extend(service.cancel([job_id], by="ann")))
    with reaper.transaction():
        bury(reaper, mine)
        assert len(fleet.reap(reaper, lost_limit=20)) == 1
        thread.start()
        until_service_waits(watcher)
    thread.join(30)

    assert [(result.ok, result.state) for result in results] == [(True, State.CANCELLED)]
    assert rows(watcher, "select state, losses from jobsched.outcome") == [("cancelled", 1)]
    assert claim(one, worker(one)) == []


def test_a_cancel_that_meets_the_end_of_what_a_job_waits_for_catches_it_in_its_lane(
    connect: Connect, service: Service
) -> None:
    """The job is let go on at this moment: it is looked for again, and cancelled where it is."""
    (parent,) = submit(service)
    child = service.submit(NewJob("noop", after=(After(parent),))).id
    one, watcher = connect(), connect()
    mine = worker(one)
    leases.succeed(one, mine, success(claim(one, mine)))
    results: list[Any] = []

    thread = threading.Thread(target=lambda: results.extend(service.cancel([child], by="ann")))
    with one.transaction():
        one.execute(load("settle"), {"ids": [child]})
        thread.start()
        until_service_waits(watcher)
    thread.join(30)

    assert [(result.ok, result.state) for result in results] == [(True, State.CANCELLED)]
    assert claim(one, mine) == []


def test_a_cancel_that_meets_a_turn_of_its_key_catches_the_job_in_its_lane(connect: Connect, service: Service) -> None:
    """It is let in at this moment, and what it leaves goes to the next."""
    ids = [service.submit(NewJob("noop", concurrency_key="k")).id for _ in range(3)]
    one, watcher = connect(), connect()
    mine = worker(one)
    leases.succeed(one, mine, success(claim(one, mine)))
    results: list[Any] = []

    thread = threading.Thread(target=lambda: results.extend(service.cancel(ids[1:2], by="ann")))
    with one.transaction():
        one.execute(load("admit"), {"queue": "default", "key": "k"})
        thread.start()
        until_service_waits(watcher)
    thread.join(30)

    assert [(result.ok, result.state) for result in results] == [(True, State.CANCELLED)]
    assert [job.job_id for job in claim(one, mine)] == ids[2:]


def test_whoever_gives_turns_does_not_wait_for_somebody_who_cancels(connect: Connect, service: Service) -> None:
    """He takes jobs in the order of their ids, turns go by priority: each could wait for the other."""
    ids = [
        service.submit(NewJob("noop", concurrency_key="k", priority=priority)).id
        for priority in (Priority.HIGH, Priority.LOW, Priority.CRITICAL)
    ]
    canceller = connect()
    assert [state(canceller, each) for each in ids] == ["queued", "blocked", "blocked"]

    with ThreadPoolExecutor(1) as pool, canceller.transaction():
        canceller.execute("select from jobsched.blocked where job_id = %s for update", (ids[1],))
        pool.submit(service.set_queue, "default", {"key_limit": 3}).result(10)
        assert state(canceller, ids[2]) == "queued"

    service.set_queue("default", {"key_limit": 3})
    assert state(canceller, ids[1]) == "queued"


def test_a_cancel_takes_jobs_in_the_order_of_their_ids_however_the_store_reads_them(
    connect: Connect, service: Service
) -> None:
    """It has not got the second while it waits for the first, or two could wait for each other."""
    first, second = submit(service, 2)
    canceller, other = connect(), connect()
    other.execute("update jobsched.job set tags = tags where id = %s", (first,))  # now it is stored behind the second
    canceller.execute("set enable_indexscan = off")
    lock = "select from jobsched.ready where job_id = %s for update nowait"

    with ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute(lock, (first,))
            cancelled = pool.submit(transitions.cancel, canceller, [first, second], by="ann")
            until_waits(connect(), canceller)
            other.execute(lock, (second,))
        assert [result.ok for result in cancelled.result(30)] == [True, True]


def test_a_bulk_change_that_runs_into_a_deadlock_is_made_again(connect: Connect, service: Service) -> None:
    """The server ends one of two that wait for each other; whoever asked for the change need not know."""
    ids = submit(service, 2)
    other, watcher = connect(), connect()
    claim(other, worker(other))
    watcher.execute(f"alter database {watcher.info.dbname} set deadlock_timeout = '3s'".encode())
    other.execute("set deadlock_timeout = '1min'")

    with Service(service.settings, registry=Registry()) as fresh, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute("select from jobsched.lease where job_id = %s for update", (ids[1],))
            cancelled = pool.submit(fresh.cancel, ids, by="ann")
            until_service_waits(watcher)
            other.execute("select from jobsched.lease where job_id = %s for update", (ids[0],))
        assert [result.ok for result in cancelled.result(30)] == [True, True]

    assert rows(watcher, "select distinct cancel_requested_by from jobsched.lease") == [("ann",)]


def test_a_retry_that_meets_another_one_makes_one_run(connect: Connect, service: Service) -> None:
    """Two people run a dead job again at the same moment: one does, the other is told that it is queued."""
    (job_id,) = submit(service)
    one = connect()
    mine = worker(one)
    (job,) = claim(one, mine)
    leases.end_attempts(one, mine, [ending(job, "dead", kind="failed")])

    with Service(service.settings, registry=Registry()) as other, ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(each.retry, [job_id], by="somebody") for each in (service, other)]
        results = [future.result(30)[0] for future in futures]

    assert sorted(result.ok for result in results) == [False, True]
    assert rows(one, "select job_id from jobsched.ready") == [(job_id,)]
    assert rows(one, "select count(*) from jobsched.outcome") == [(0,)]


def test_a_retry_that_meets_a_submission_with_its_unique_key_leaves_one_of_them_active(
    connect: Connect, service: Service
) -> None:
    """Whoever submits the key while its job is being run again waits, and is given that job."""
    new = NewJob("noop", unique_key="u")
    first = service.submit(new).id
    service.cancel([first], by="ann")
    holder, watcher = connect(), connect()

    with Service(service.settings, registry=Registry()) as other, ThreadPoolExecutor(2) as pool:
        with holder.transaction():
            holder.execute("lock table jobsched.ready in share mode")
            retried = pool.submit(service.retry, [first], by="ann")
            until_service_waits(watcher)
            submitted = pool.submit(other.submit, new)
            until_service_waits(watcher, 2)
        assert retried.result(30)[0].ok
        again = submitted.result(30)

    assert (again.id, again.created) == (first, False)
    assert rows(watcher, "select count(*) from jobsched.job") == [(1,)]


def test_a_retry_takes_outcome_and_unique_key_in_the_order_in_which_retention_does(
    connect: Connect, service: Service
) -> None:
    """It has no key yet while it waits for an outcome, or each would wait for the other."""
    first = service.submit(NewJob("noop", unique_key="u")).id
    service.cancel([first], by="ann")
    retention, watcher = connect(), connect()

    with ThreadPoolExecutor(1) as pool:
        with retention.transaction():
            retention.execute("select from jobsched.outcome for update")
            retried = pool.submit(service.retry, [first], by="ann")
            until_service_waits(watcher)
            retention.execute("select from jobsched.unique_active for update nowait")
        assert retried.result(30)[0].ok


def test_of_two_jobs_with_one_unique_key_one_is_run_again(service: Service) -> None:
    """Though somebody asks for both at once; the other one is told whose the key is."""
    ids = []
    for _ in range(2):
        ids.append(service.submit(NewJob("noop", unique_key="u")).id)
        service.cancel(ids[-1:], by="ann")

    results = service.retry(ids, by="ann")

    assert [result.ok for result in results] == [True, False]
    assert isinstance(results[1].error, WrongState)
    assert results[1].error.fix == f"jobsched wait {ids[0]}"
    assert [job.state for job in service.get_many(ids)] == [State.QUEUED, State.CANCELLED]


def test_a_reaper_that_dies_half_way_has_done_nothing(connect: Connect, service: Service) -> None:
    """Its worker is not dead and its leases stand, until the next pass does all of it."""
    job_ids = submit(service, 5)
    one, reaper, watcher = connect(), connect(), connect()
    mine = worker(one)
    claim(one, mine)

    reaper.execute("begin")
    assert bury(reaper, mine) == [mine]
    assert len(fleet.reap(reaper, lost_limit=20)) == 1
    watcher.execute("select pg_terminate_backend(%s)", (reaper.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        reaper.execute("commit")

    assert fleet.heartbeat(one, mine, state="busy", running=5, rss_bytes=0) == (True, None)
    assert {state(watcher, job_id) for job_id in job_ids} == {"running"}
    assert rows(watcher, "select * from jobsched.attempt_log") == []
    bury(watcher, mine)
    assert [(each.next, each.jobs) for each in fleet.reap(watcher, lost_limit=20)] == [("queued", 5)]


def test_a_reaper_that_dies_between_its_statements_has_declared_nobody_dead(
    connect: Connect, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are one transaction: no worker is told to stop while its jobs stay leased to it."""
    (job_id,) = submit(service)
    one, dying, watcher = connect(), connect(), connect()
    mine = worker(one, lease=5)
    claim(one, mine)
    one.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '10 s'")

    def die(variable: str, mark: str) -> None:
        watcher.execute("select pg_terminate_backend(%s, 10000)", (dying.info.backend_pid,))

    monkeypatch.setattr("jobsched.core.engine.reaper.kill_processes_marked", die)
    with pytest.raises(psycopg.OperationalError):
        reap_once(dying, worker_id=worker(watcher), me=NOBODY, lost_limit=20)

    assert fleet.heartbeat(one, mine, state="busy", running=1, rss_bytes=0) == (True, None)
    assert state(watcher, job_id) == "running"


def test_eight_reapers_at_once_take_each_job_back_once(connect: Connect, service: Service) -> None:
    """One loss a job, one line in its log, one place in its lane, and one of them tells of the death."""
    jobs = 400
    submit(service, jobs)
    setup = connect()
    silent = [worker(setup, lease=1) for _ in range(4)]
    for each in silent:
        assert len(claim(setup, each, jobs // 4)) == jobs // 4
    setup.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '10 s'")
    reapers = [(connect(), worker(setup)) for _ in range(8)]
    start = threading.Barrier(len(reapers))

    def reap(reaper: tuple[Conn, int]) -> tuple[list[int], int]:
        conn, worker_id = reaper
        start.wait(30)
        buried, moved = [], 0
        for _ in range(3):
            done = reap_once(conn, worker_id=worker_id, me=NOBODY, lost_limit=20)
            buried += [each.id for each in done.buried]
            moved += sum(each.jobs for each in done.moved)
        return buried, moved

    with ThreadPoolExecutor(len(reapers)) as pool:
        results = list(pool.map(reap, reapers))

    assert sorted(each for buried, _ in results for each in buried) == silent
    assert sum(moved for _, moved in results) == jobs
    assert rows(setup, "select count(*), count(distinct job_id), max(losses) from jobsched.ready") == [(jobs, jobs, 1)]
    assert rows(setup, "select count(*), count(distinct job_id) from jobsched.attempt_log") == [(jobs, jobs)]


def test_a_job_that_was_committed_behind_the_cursor_is_found_by_the_look_from_the_start(
    connect: Connect, service: Service
) -> None:
    """Nobody told of it, and it is too late for the looks that go a little back: in the end it is found."""
    now = [1000.0]
    reader = LaneReader(["noop"])
    reader.cursors = Cursors(lambda: now[0])
    one, late = connect(), connect()
    mine = worker(one)
    submit(service)

    def read() -> list[int]:
        return [job.job_id for job in reader.claim(one, mine, [("default", Priority.DEFAULT)], 10, solo=True)]

    assert len(read()) == 1
    with late.transaction():
        left_behind = service.submit(NewJob("noop"), connection=late).id
        for _ in range(8):
            later = submit(service)
            reader.cursors.rewind()
            assert read() == later
            now[0] += 0.5
    assert read() == []

    now[0] += 1000.0
    assert read() == [left_behind]
