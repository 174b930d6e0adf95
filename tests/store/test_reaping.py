"""Dead workers: who is declared dead, what becomes of their jobs, and who wins which race."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from jobsched.core.engine import reaper
from jobsched.core.store import fleet, leases

from .leasing import NOBODY, Conn, Connect, Submit, bury, claim, rows, state, success, until_waits, worker

# ---- dead workers -----------------------------------------------------------------------------------


def test_a_silent_worker_is_declared_dead_and_its_jobs_go_back_with_one_loss(db: Conn, submit: Submit) -> None:
    """Silent for longer than its own lease; a worker that beats is left alone."""
    submit(times=3)
    silent, alive = worker(db, lease=5), worker(db, lease=60)
    lost = claim(db, silent, 2)
    claim(db, alive, 1)
    assert bury(db) == []
    db.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '10 s'")

    assert bury(db) == [silent]
    moved = fleet.reap(db, lost_limit=20)

    assert [(each.next, each.jobs) for each in moved] == [("queued", 2)]
    assert rows(db, "select distinct attempt, crashes, losses from jobsched.ready") == [(0, 0, 1)]
    assert rows(db, "select token, kind, error_class from jobsched.attempt_log order by token") == [
        (job.token, "lost", "WorkerLost") for job in lost
    ]
    assert rows(db, "select worker_id from jobsched.lease") == [(alive,)]
    assert fleet.reap(db, lost_limit=20) == []


def test_a_job_whose_workers_keep_vanishing_is_dead_at_the_loss_limit(db: Conn, submit: Submit) -> None:
    """After `lost_limit` losses, and not one earlier."""
    (job_id,) = submit()
    for loss in range(1, 4):
        mine = worker(db)
        assert len(claim(db, mine)) == 1
        bury(db, mine)
        fleet.reap(db, lost_limit=3)
        assert state(db, job_id) == ("dead" if loss == 3 else "queued")
    ((losses, error),) = rows(db, "select losses, error from jobsched.outcome")
    assert losses == 3
    assert error.startswith("WorkerLost: lost with its worker w")


def test_a_lost_job_that_was_to_be_cancelled_is_cancelled(db: Conn, submit: Submit) -> None:
    """It does not run again only to be cancelled."""
    (job_id,) = submit()
    mine = worker(db)
    claim(db, mine)
    db.execute("update jobsched.lease set cancel_requested_at = now(), cancel_requested_by = 'me'")
    bury(db, mine)

    fleet.reap(db, lost_limit=20)

    assert state(db, job_id) == "cancelled"
    assert rows(db, "select error from jobsched.outcome") == [("cancelled by me",)]


def test_leases_that_a_stopped_worker_left_are_reaped(db: Conn, submit: Submit) -> None:
    """A worker that ended in order should leave none; if it does, nobody waits for them."""
    (job_id,) = submit()
    mine = worker(db)
    claim(db, mine)
    fleet.end(db, mine)

    fleet.reap(db, lost_limit=20)

    assert state(db, job_id) == "queued"


def test_leases_without_any_worker_are_reaped(db: Conn, submit: Submit) -> None:
    """Somebody deleted the worker's row: its jobs are not stuck."""
    (job_id,) = submit()
    mine = worker(db)
    claim(db, mine)
    db.execute("delete from jobsched.worker")

    fleet.reap(db, lost_limit=20, thorough=True)

    assert state(db, job_id) == "queued"


def test_only_a_thorough_pass_looks_at_workers_that_ended_long_ago(db: Conn, submit: Submit) -> None:
    """A claim that was held up can leave a lease behind long after its worker's end."""
    (job_id,) = submit()
    mine = worker(db)
    claim(db, mine)
    bury(db, mine)
    db.execute("update jobsched.worker set ended_at = ended_at - interval '1 hour'")

    assert fleet.reap(db, lost_limit=20, thorough=False) == []
    assert len(fleet.reap(db, lost_limit=20, thorough=True)) == 1
    assert state(db, job_id) == "queued"


# ---- races ------------------------------------------------------------------------------------------


def test_a_completion_that_comes_before_the_reaper_counts(connect: Connect, submit: Submit) -> None:
    """The reaper passes by a lease that a completion holds, and finds nothing left of it afterwards."""
    (job_id,) = submit()
    one, reaper = connect(), connect()
    mine = worker(one)
    jobs = claim(one, mine)

    with reaper.transaction():
        with one.transaction():
            assert leases.succeed(one, mine, success(jobs)) == {jobs[0].token}
            assert bury(reaper, mine) == [mine]
            assert fleet.reap(reaper, lost_limit=20) == []
        assert fleet.reap(reaper, lost_limit=20) == []

    assert state(reaper, job_id) == "succeeded"
    assert rows(reaper, "select * from jobsched.attempt_log") == []


def test_a_completion_that_comes_after_the_reaper_waits_and_is_refused(connect: Connect, submit: Submit) -> None:
    """It cannot see the future of the lease before the reaper has committed; then there is none."""
    (job_id,) = submit()
    one, reaper, watcher = connect(), connect(), connect()
    mine = worker(one)
    jobs = claim(one, mine)

    with ThreadPoolExecutor(1) as pool:
        with reaper.transaction():
            bury(reaper, mine)
            assert len(fleet.reap(reaper, lost_limit=20)) == 1
            late = pool.submit(leases.succeed, one, mine, success(jobs))
            until_waits(watcher, one)
            assert not late.done()
        assert late.result(30) == set()

    assert state(watcher, job_id) == "queued"
    assert rows(watcher, "select * from jobsched.outcome") == []


def test_a_heartbeat_that_comes_first_saves_the_worker(connect: Connect) -> None:
    """The one that declares it dead passes by a row that a heartbeat holds; afterwards it is not silent."""
    one, reaper = connect(), connect()
    mine = worker(one, lease=5)
    one.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '10 s'")

    with one.transaction():
        assert fleet.heartbeat(one, mine, state="busy", running=1, rss_bytes=0) == (True, None)
        assert bury(reaper) == []
    assert bury(reaper) == []


def test_a_heartbeat_that_comes_second_waits_and_learns_of_the_death(connect: Connect) -> None:
    """No row comes back: the worker must stop everything."""
    one, reaper, watcher = connect(), connect(), connect()
    mine = worker(one, lease=5)
    one.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '10 s'")

    with ThreadPoolExecutor(1) as pool:
        with reaper.transaction():
            assert bury(reaper) == [mine]
            late = pool.submit(fleet.heartbeat, one, mine, state="busy", running=1, rss_bytes=0)
            until_waits(watcher, one)
        assert late.result(30) == (False, None)


def test_what_was_claimed_while_the_worker_was_being_buried_is_reaped_too(connect: Connect, submit: Submit) -> None:
    """Before the commit the worker still looks alive; the leases it takes then are not forgotten."""
    (early, late) = submit(times=2)
    one, reaper = connect(), connect()
    mine = worker(one)

    with reaper.transaction():
        assert bury(reaper, mine) == [mine]
        assert [job.job_id for job in claim(one, mine, 1)] == [early]
        assert [(each.next, each.jobs) for each in fleet.reap(reaper, lost_limit=20)] == [("queued", 1)]
        assert [job.job_id for job in claim(one, mine, 1)] == [late]
    assert [(each.next, each.jobs) for each in fleet.reap(reaper, lost_limit=20)] == [("queued", 1)]

    assert [state(one, job) for job in (early, late)] == ["queued", "queued"]


def test_one_pass_of_the_reaper_sees_what_was_committed_between_its_statements(
    connect: Connect, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the two has a snapshot of its own: a claim that commits between them is found in the same pass."""
    (job_id,) = submit()
    mine, its = connect(), connect()
    dying, alive = worker(mine, lease=5), worker(mine)
    mine.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '10 s' where id = %s", (dying,))
    its.autocommit = False
    assert len(claim(its, dying)) == 1
    monkeypatch.setattr(reaper, "kill_processes_marked", lambda variable, mark: its.commit())

    reaped = reaper.reap_once(mine, worker_id=alive, me=NOBODY, lost_limit=20)

    assert [each.id for each in reaped.buried] == [dying]
    assert [(each.next, each.jobs) for each in reaped.moved] == [("queued", 1)]
    assert state(mine, job_id) == "queued"
