"""Leases, statement by statement, over plain connections: who gets a job, who may speak for it, and
what becomes of it when its worker is gone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from jobsched.core.host import ProcessIdentity
from jobsched.core.model.job import NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import fleet, leases
from jobsched.core.store.fleet import Registration
from jobsched.core.store.leases import Claimed, Ending, Success
from jobsched.core.store.store import Store

Conn = psycopg.Connection[TupleRow]
Connect = Callable[[], Conn]
NOBODY = ProcessIdentity("test", "", 0, 1, 0)
_names = itertools.count(1)


@pytest.fixture
def connect(database_url: str) -> Iterator[Connect]:
    """A function that opens a connection in autocommit."""
    opened: list[Conn] = []

    def make() -> Conn:
        opened.append(psycopg.connect(database_url, autocommit=True))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def db(connect: Connect) -> Conn:
    """The connection that most of a test needs."""
    return connect()


@pytest.fixture
def submit(store: Store, settings: Any) -> Iterator[Callable[..., list[int]]]:
    """submit("noop", 3, queue=…): store jobs, return their ids."""
    with Service(settings, store=store, registry=Registry()) as service:

        def make(job_type: str = "noop", times: int = 1, **options: Any) -> list[int]:
            made = service.submit_many([NewJob(job_type, **options)] * times, unchecked=True)
            return [each.id for each in made]

        yield make


def worker(conn: Conn, *, lease: float = 30.0, types: Sequence[str] = ("noop",)) -> int:
    """Register a worker; return its id."""
    name = f"w{next(_names)}"
    return fleet.register(conn, Registration(name, NOBODY, "1", None, types, {}, 1, lease, mark="-"))


def claim(
    conn: Conn,
    worker_id: int,
    n: int = 100,
    *,
    queues: Sequence[str] = ("default",),
    priorities: Sequence[Priority] = tuple(Priority),
    after: int = 0,
    types: Sequence[str] = ("noop",),
    solo: bool = True,
) -> list[Claimed]:
    """Claim as a worker does: every lane of `queues`, higher priorities first."""
    lanes = [(queue, int(priority)) for priority in priorities for queue in queues]
    return leases.claim(
        conn,
        worker_id=worker_id,
        queues=[queue for queue, _ in lanes],
        priorities=[priority for _, priority in lanes],
        cursors=[after] * len(lanes),
        types=list(types),
        solo=solo,
        n=n,
    )


def success(jobs: Sequence[Claimed], results: list[str | None] | None = None) -> Success:
    """What a worker writes of jobs that succeeded."""
    return Success(
        [job.job_id for job in jobs], [job.token for job in jobs], [job.attempt for job in jobs],
        None, None, [0.1] * len(jobs), [0.2] * len(jobs), results,
    )  # fmt: skip


def ending(job: Claimed, next_: str, **fields: Any) -> Ending:
    """What a worker writes of a job that did not succeed."""
    values: dict[str, Any] = {"attempt": job.attempt, "ran_attempt": job.attempt, "solo": job.solo}
    if next_ == "dead":
        values["error"] = "E: broken"
    return Ending(
        job.job_id, job.token, next_, job.queue, job.priority, job.type,
        crashes=job.crashes, losses=job.losses, **(values | fields),
    )  # fmt: skip


def state(conn: Conn, job_id: int) -> Any:
    """The job's state, as everybody sees it."""
    row = conn.execute("select state from jobsched.job_now where id = %s", (job_id,)).fetchone()
    return row and row[0]


def rows(conn: Conn, statement: Any, *values: Any) -> list[Any]:
    return conn.execute(statement, values).fetchall()


def bury(conn: Conn, *dead: int) -> list[int]:
    """Declare workers dead, and return the ids of those that were."""
    return [each.id for each in fleet.bury(conn, dead)]


def until_waits(conn: Conn, waiting: Conn) -> None:
    """Return when `waiting` is held up by a lock."""
    pid = waiting.info.backend_pid
    question = "select cardinality(pg_blocking_pids(%s)) > 0"
    for _ in range(20_000):
        if conn.execute(question, (pid,)).fetchone() == (True,):
            return
    raise AssertionError("it does not wait for anybody")


# ---- claiming ---------------------------------------------------------------------------------------


def test_higher_priorities_come_strictly_first_and_equals_in_order(db: Conn, submit: Callable[..., list[int]]) -> None:
    """All of `critical`, then `high`, `default`, `low`; within a lane first come, first served."""
    low = submit(times=2, priority=Priority.LOW)
    default = submit(times=2)
    critical = submit(times=2, priority=Priority.CRITICAL)
    high = submit(times=2, priority=Priority.HIGH)

    mine = worker(db)
    first = {job.job_id for job in claim(db, mine, 5)}

    assert first == {*critical, *high, default[0]}
    assert {job.job_id for job in claim(db, mine, 2)} == {default[1], low[0]}
    assert [job.job_id for job in claim(db, mine)] == [low[1]]


def test_a_lane_is_served_in_the_order_of_submission(db: Conn, submit: Callable[..., list[int]]) -> None:
    """One by one, whoever claims."""
    jobs = submit(times=10)
    workers = [worker(db), worker(db)]

    assert [claim(db, workers[turn % 2], 1)[0].job_id for turn in range(10)] == jobs


def test_a_claim_takes_only_the_queues_types_and_lanes_that_it_names(
    db: Conn, submit: Callable[..., list[int]]
) -> None:
    """What it does not name stays where it is, untouched."""
    (mine,) = submit(queue="mine")
    (other,) = submit(queue="other")
    (unknown,) = submit("odd", queue="mine")

    claimed = claim(db, worker(db), queues=["mine"])

    assert [job.job_id for job in claimed] == [mine]
    assert [state(db, job) for job in (mine, other, unknown)] == ["running", "queued", "queued"]
    assert rows(db, "select distinct attempt, losses from jobsched.ready") == [(0, 0)]


def test_a_paused_queue_gives_nothing_until_it_is_resumed_or_its_time_is_over(
    db: Conn, submit: Callable[..., list[int]]
) -> None:
    """paused_until in the past is no pause."""
    submit(times=2)
    mine = worker(db)
    db.execute("update jobsched.queue set paused_at = clock_timestamp()")
    assert claim(db, mine) == []
    db.execute("update jobsched.queue set paused_until = clock_timestamp() - interval '1 s'")
    assert len(claim(db, mine, 1)) == 1
    db.execute("update jobsched.queue set paused_at = null, paused_until = null")
    assert len(claim(db, mine)) == 1


def test_jobs_that_must_run_alone_are_left_when_there_is_no_room_for_them(
    db: Conn, submit: Callable[..., list[int]]
) -> None:
    """The solo filter skips them and takes what stands behind."""
    alone, other = submit(times=2)
    db.execute("update jobsched.ready set solo = true where job_id = %s", (alone,))
    mine = worker(db)

    assert [job.job_id for job in claim(db, mine, solo=False)] == [other]
    assert [(job.job_id, job.solo) for job in claim(db, mine, solo=True)] == [(alone, True)]


def test_a_claim_starts_behind_its_cursor(db: Conn, submit: Callable[..., list[int]]) -> None:
    """Jobs at or before it are not seen."""
    jobs = submit(times=5)
    assert [job.seq for job in claim(db, worker(db), after=jobs[2])] == jobs[3:]


def test_two_claimers_never_share_a_job(connect: Connect, submit: Callable[..., list[int]]) -> None:
    """Whatever they do at the same moment, each job has one lease and tokens only grow."""
    jobs = submit(times=600)
    taken: list[list[Claimed]] = [[], [], []]
    connections = [connect() for _ in taken]
    ids = [worker(conn) for conn in connections]

    def drain(which: int) -> None:
        while got := claim(connections[which], ids[which], 7):
            taken[which] += got

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(drain, range(3)))

    every = [job for each in taken for job in each]
    assert sorted(job.job_id for job in every) == jobs
    assert len({job.token for job in every}) == len(jobs)


def test_a_claimer_skips_what_another_one_is_taking(connect: Connect, submit: Callable[..., list[int]]) -> None:
    """It does not wait for a claim that is not yet committed."""
    first, second = submit(times=2)
    one, other = connect(), connect()
    ids = worker(one), worker(other)
    with one.transaction():
        assert [job.job_id for job in claim(one, ids[0], 1)] == [first]
        assert [job.job_id for job in claim(other, ids[1], 1)] == [second]


def test_a_worker_that_was_declared_dead_claims_nothing(db: Conn, submit: Callable[..., list[int]]) -> None:
    """Its id is gone for good."""
    submit()
    mine = worker(db)
    assert bury(db, mine) == [mine]
    assert claim(db, mine) == []
    assert fleet.heartbeat(db, mine, state="available", running=0, rss_bytes=0) == (False, None)


def test_a_claim_says_everything_that_running_the_job_needs(db: Conn, submit: Callable[..., list[int]]) -> None:
    """Attempt counts the one that begins; waited is the store's time in the lane."""
    (job_id,) = submit(payload={"a": "ü"}, timeout=5.0, max_attempts=7, queue="q")
    db.execute("update jobsched.ready set since = since - interval '1 hour', attempt = 2, crashes = 1")
    db.execute("insert into jobsched.checkpoint values (%s, 0, '[1]')", (job_id,))

    (job,) = claim(db, worker(db), queues=["q"])

    assert (job.job_id, job.type, job.queue, job.attempt, job.crashes) == (job_id, "noop", "q", 3, 1)
    assert (job.payload, job.timeout, job.max_attempts, job.checkpoint) == ('{"a": "ü"}', 5.0, 7, "[1]")
    assert 3600 <= job.waited < 3700


# ---- ending -----------------------------------------------------------------------------------------


def test_only_the_newest_token_can_end_a_job(db: Conn, submit: Callable[..., list[int]]) -> None:
    """A stale worker's success or failure is refused, and nothing of it is written."""
    submit()
    mine, other = worker(db), worker(db)
    (stale,) = claim(db, mine)
    bury(db, mine)
    fleet.reap(db, lost_limit=20)
    (fresh,) = claim(db, other)
    assert fresh.token > stale.token

    assert leases.succeed(db, mine, success([stale], ['"stale"'])) == set()
    assert leases.end_attempts(db, mine, [ending(stale, "dead", kind="failed")]) == set()
    assert rows(db, "select * from jobsched.outcome") == []
    assert rows(db, "select kind from jobsched.attempt_log") == [("lost",)]
    assert leases.succeed(db, other, success([fresh], ['"fresh"'])) == {fresh.token}
    assert rows(db, "select result, token, worker_id from jobsched.outcome") == [("fresh", fresh.token, other)]
    assert leases.succeed(db, other, success([fresh])) == set()


def test_a_batch_with_stale_and_good_tokens_ends_the_good_ones(db: Conn, submit: Callable[..., list[int]]) -> None:
    """In both statements; what comes back says which."""
    submit(times=6)
    mine = worker(db)
    jobs = claim(db, mine)
    stale = [job._replace(token=job.token + 1000) for job in jobs[::2]]
    good = jobs[1::2]

    assert leases.succeed(db, mine, success([stale[0], good[0], stale[1]])) == {good[0].token}
    batch = [ending(stale[2], "dead"), ending(good[1], "dead"), ending(good[2], "retrying")]
    assert leases.end_attempts(db, mine, batch) == {good[1].token, good[2].token}
    assert [state(db, job.job_id) for job in good] == ["succeeded", "dead", "retrying"]
    assert {state(db, job.job_id) for job in stale} == {"running"}


def test_tokens_of_other_jobs_do_not_open_a_lease(db: Conn, submit: Callable[..., list[int]]) -> None:
    """Job and token are one key: a token that is live, but not in this call, ends nothing."""
    submit(times=2)
    mine = worker(db)
    one, other = claim(db, mine)

    assert leases.succeed(db, mine, success([one._replace(token=other.token)])) == set()
    assert rows(db, "select count(*) from jobsched.lease") == [(2,)]


@pytest.mark.parametrize(
    ("next_", "fields", "place"),
    [
        ("retrying", {"delay": 60.0}, "delayed"),
        ("scheduled", {"delay": 60.0, "attempt": 0}, "delayed"),
        ("queued", {"attempt": 0}, "ready"),
        ("dead", {}, "outcome"),
        ("cancelled", {}, "outcome"),
    ],
)
def test_each_end_moves_the_job_to_its_place(
    db: Conn, submit: Callable[..., list[int]], next_: str, fields: dict[str, Any], place: str
) -> None:
    """retrying, scheduled: delayed; queued: ready; dead, cancelled: outcome; and nowhere else."""
    (job_id,) = submit()
    mine = worker(db)
    (job,) = claim(db, mine)

    assert leases.end_attempts(db, mine, [ending(job, next_, **fields)]) == {job.token}

    assert state(db, job_id) == next_
    for table in ("ready", "delayed", "lease", "outcome"):
        statement = psycopg.sql.SQL("select attempt from {}").format(psycopg.sql.Identifier("jobsched", table))
        assert rows(db, statement) == ([(fields.get("attempt", 1),)] if table == place else [])


def test_a_delay_is_counted_by_the_stores_clock(db: Conn, submit: Callable[..., list[int]]) -> None:
    """run_at is the database's now and the delay; the next promotion is due then."""
    submit()
    mine = worker(db)
    leases.end_attempts(db, mine, [ending(job, "retrying", delay=60.0) for job in claim(db, mine)])
    due = leases.seconds_to_next_due(db)
    assert due is not None
    assert 55 < due <= 60


def test_a_failed_attempt_is_written_into_the_attempt_log(db: Conn, submit: Callable[..., list[int]]) -> None:
    """With everything that is known; a hand-back writes nothing."""
    submit(times=2)
    mine = worker(db)
    failed, returned = claim(db, mine)
    told = {
        "kind": "crashed", "error_class": "C", "message": "m", "traceback": "t", "fingerprint": "f", "run": 1.5,
        "signal": 9, "exit_code": None, "memory_peak": 1 << 40,
    }  # fmt: skip

    leases.end_attempts(db, mine, [ending(failed, "retrying", **told), ending(returned, "queued", attempt=0)])

    columns = "token, job_id, attempt, kind, error_class, message, traceback, fingerprint, worker_id, duration"
    assert rows(db, f"select {columns}, signal, exit_code, memory_peak from jobsched.attempt_log") == [
        (failed.token, failed.job_id, 1, "crashed", "C", "m", "t", "f", mine, 1.5, 9, None, 1 << 40)
    ]


def test_what_is_handed_back_keeps_its_attempts_and_stands_where_a_cursor_finds_it(
    db: Conn, submit: Callable[..., list[int]]
) -> None:
    """The attempt is unspent; its new number is larger than every one that a claimer has seen."""
    submit(times=3)
    mine = worker(db)
    first, *_, last = claim(db, mine)

    leases.end_attempts(db, mine, [ending(first, "queued", attempt=first.attempt - 1)])

    (again,) = claim(db, mine, after=last.seq)
    assert (again.job_id, again.attempt, again.crashes, again.losses) == (first.job_id, 1, 0, 0)


@pytest.mark.parametrize("next_", ["retrying", "scheduled", "queued"])
def test_a_job_that_was_to_be_cancelled_does_not_run_again(
    db: Conn, submit: Callable[..., list[int]], next_: str
) -> None:
    """The flag is in the lease: it counts although the worker that ends the attempt has not heard of it."""
    submit(times=2)
    mine = worker(db)
    unwanted, wanted = claim(db, mine)
    db.execute(
        "update jobsched.lease set cancel_requested_at = now(), cancel_requested_by = 'me' where token = %s",
        (unwanted.token,),
    )

    leases.end_attempts(db, mine, [ending(job, next_, kind="failed", message="m") for job in (unwanted, wanted)])

    assert (state(db, unwanted.job_id), state(db, wanted.job_id)) == ("cancelled", next_)
    assert rows(db, "select attempt, error from jobsched.outcome") == [(1, "cancelled by me")]
    assert rows(db, "select count(*) from jobsched.attempt_log") == [(2,)]


def test_due_jobs_are_promoted_oldest_first_and_behind_no_cursor(db: Conn, submit: Callable[..., list[int]]) -> None:
    """Only those whose time has come, with what they had used up."""
    due = submit(times=2, delay=3600.0)
    submit(delay=3600.0)
    (newest,) = submit()
    for minutes, job_id in enumerate(reversed(due), start=1):
        db.execute(
            "update jobsched.delayed set run_at = now() - make_interval(mins => %s), losses = 2 where job_id = %s",
            (9 - minutes, job_id),
        )

    moved = leases.promote(db)

    assert [(each.queue, each.type, each.jobs) for each in moved] == [("default", "noop", 2)]
    claimed = claim(db, worker(db), after=newest)
    assert [(job.job_id, job.attempt, job.losses) for job in claimed] == [(due[1], 1, 2), (due[0], 1, 2)]
    assert rows(db, "select count(*) from jobsched.delayed") == [(1,)]


# ---- dead workers -----------------------------------------------------------------------------------


def test_a_silent_worker_is_declared_dead_and_its_jobs_go_back_with_one_loss(
    db: Conn, submit: Callable[..., list[int]]
) -> None:
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


def test_a_job_whose_workers_keep_vanishing_is_dead_at_the_loss_limit(
    db: Conn, submit: Callable[..., list[int]]
) -> None:
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


def test_a_lost_job_that_was_to_be_cancelled_is_cancelled(db: Conn, submit: Callable[..., list[int]]) -> None:
    """It does not run again only to be cancelled."""
    (job_id,) = submit()
    mine = worker(db)
    claim(db, mine)
    db.execute("update jobsched.lease set cancel_requested_at = now(), cancel_requested_by = 'me'")
    bury(db, mine)

    fleet.reap(db, lost_limit=20)

    assert state(db, job_id) == "cancelled"
    assert rows(db, "select error from jobsched.outcome") == [("cancelled by me",)]


def test_leases_that_a_stopped_worker_left_are_reaped(db: Conn, submit: Callable[..., list[int]]) -> None:
    """A worker that ended in order should leave none; if it does, nobody waits for them."""
    (job_id,) = submit()
    mine = worker(db)
    claim(db, mine)
    fleet.end(db, mine)

    fleet.reap(db, lost_limit=20)

    assert state(db, job_id) == "queued"


def test_leases_without_any_worker_are_reaped(db: Conn, submit: Callable[..., list[int]]) -> None:
    """Somebody deleted the worker's row: its jobs are not stuck."""
    (job_id,) = submit()
    mine = worker(db)
    claim(db, mine)
    db.execute("delete from jobsched.worker")

    fleet.reap(db, lost_limit=20, thorough=True)

    assert state(db, job_id) == "queued"


def test_only_a_thorough_pass_looks_at_workers_that_ended_long_ago(db: Conn, submit: Callable[..., list[int]]) -> None:
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


def test_a_completion_that_comes_before_the_reaper_counts(connect: Connect, submit: Callable[..., list[int]]) -> None:
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


def test_a_completion_that_comes_after_the_reaper_waits_and_is_refused(
    connect: Connect, submit: Callable[..., list[int]]
) -> None:
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


def test_what_was_claimed_while_the_worker_was_being_buried_is_reaped_too(
    connect: Connect, submit: Callable[..., list[int]]
) -> None:
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


# ---- words ------------------------------------------------------------------------------------------


def test_words_of_a_stale_worker_are_refused(db: Conn, submit: Callable[..., list[int]]) -> None:
    """Progress, output and checkpoint carry the token too."""
    submit()
    first, second = worker(db), worker(db)
    (stale,) = claim(db, first)
    bury(db, first)
    fleet.reap(db, lost_limit=20)
    (fresh,) = claim(db, second)

    for job, word in ((fresh, "fresh"), (stale, "stale")):
        leases.report_progress(db, [(job.job_id, job.token, 5.0, 0.5 if word == "fresh" else 0.9, word)])
        leases.write_output(db, [(job.job_id, job.token, 0, job.attempt, "log", word)])
        leases.save_checkpoint(db, job.job_id, job.token, f'"{word}"')

    assert rows(db, "select progress, progress_message from jobsched.lease") == [(0.5, "fresh")]
    assert rows(db, "select token, text from jobsched.job_output") == [(fresh.token, "fresh")]
    assert rows(db, "select token, data from jobsched.checkpoint") == [(fresh.token, "fresh")]
    ((ran,),) = rows(db, "select extract(epoch from clock_timestamp() - started_at)::float from jobsched.lease")
    assert 4.9 < ran < 60


def test_a_checkpoint_survives_the_attempt_and_grows_with_the_next(db: Conn, submit: Callable[..., list[int]]) -> None:
    """What the last attempt saved is what the next one gets."""
    submit()
    mine = worker(db)
    for attempt, before in ((1, None), (2, "1"), (3, "2")):
        (job,) = claim(db, mine)
        assert job.checkpoint == before
        leases.save_checkpoint(db, job.job_id, job.token, str(attempt))
        leases.end_attempts(db, mine, [ending(job, "queued")])


def test_output_that_is_written_twice_is_kept_once(db: Conn, submit: Callable[..., list[int]]) -> None:
    """A statement whose answer was lost is repeated."""
    submit()
    (job,) = claim(db, worker(db))
    said = [(job.job_id, job.token, chunk, 1, "stdout", f"line {chunk}") for chunk in range(3)]

    leases.write_output(db, said[:2])
    leases.write_output(db, said)

    assert rows(db, "select chunk, text from jobsched.job_output order by chunk") == [
        (0, "line 0"), (1, "line 1"), (2, "line 2"),
    ]  # fmt: skip
