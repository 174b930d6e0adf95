"""Leases, statement by statement: who gets a job, who may speak for it, what becomes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.model.priority import Priority
from jobsched.core.store import fleet, leases, retention
from jobsched.core.store.leases import Claimed

from .leasing import Conn, Connect, Submit, bury, claim, ending, rows, state, success, worker

# ---- claiming ---------------------------------------------------------------------------------------


def test_higher_priorities_come_strictly_first_and_equals_in_order(db: Conn, submit: Submit) -> None:
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


def test_a_lane_is_served_in_the_order_of_submission(db: Conn, submit: Submit) -> None:
    """One by one, whoever claims."""
    jobs = submit(times=10)
    workers = [worker(db), worker(db)]

    assert [claim(db, workers[turn % 2], 1)[0].job_id for turn in range(10)] == jobs


def test_a_claim_takes_only_the_queues_types_and_lanes_that_it_names(db: Conn, submit: Submit) -> None:
    """What it does not name stays where it is, untouched."""
    (mine,) = submit(queue="mine")
    (other,) = submit(queue="other")
    (unknown,) = submit("odd", queue="mine")

    claimed = claim(db, worker(db), queues=["mine"])

    assert [job.job_id for job in claimed] == [mine]
    assert [state(db, job) for job in (mine, other, unknown)] == ["running", "queued", "queued"]
    assert rows(db, "select distinct attempt, losses from jobsched.ready") == [(0, 0)]


def test_a_paused_queue_gives_nothing_until_it_is_resumed_or_its_time_is_over(db: Conn, submit: Submit) -> None:
    """paused_until in the past is no pause."""
    submit(times=2)
    mine = worker(db)
    db.execute("update jobsched.queue set paused_at = clock_timestamp()")
    assert claim(db, mine) == []
    db.execute("update jobsched.queue set paused_until = clock_timestamp() - interval '1 s'")
    assert len(claim(db, mine, 1)) == 1
    db.execute("update jobsched.queue set paused_at = null, paused_until = null")
    assert len(claim(db, mine)) == 1


def test_jobs_that_must_run_alone_are_left_when_there_is_no_room_for_them(db: Conn, submit: Submit) -> None:
    """The solo filter skips them and takes what stands behind."""
    alone, other = submit(times=2)
    db.execute("update jobsched.ready set solo = true where job_id = %s", (alone,))
    mine = worker(db)

    assert [job.job_id for job in claim(db, mine, solo=False)] == [other]
    assert [(job.job_id, job.solo) for job in claim(db, mine, solo=True)] == [(alone, True)]


def test_a_claim_starts_behind_its_cursor(db: Conn, submit: Submit) -> None:
    """Jobs at or before it are not seen."""
    jobs = submit(times=5)
    assert [job.seq for job in claim(db, worker(db), after=jobs[2])] == jobs[3:]


def test_two_claimers_never_share_a_job(connect: Connect, submit: Submit) -> None:
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


def test_a_claimer_skips_what_another_one_is_taking(connect: Connect, submit: Submit) -> None:
    """It does not wait for a claim that is not yet committed."""
    first, second = submit(times=2)
    one, other = connect(), connect()
    ids = worker(one), worker(other)
    with one.transaction():
        assert [job.job_id for job in claim(one, ids[0], 1)] == [first]
        assert [job.job_id for job in claim(other, ids[1], 1)] == [second]


def test_a_worker_that_was_declared_dead_claims_nothing(db: Conn, submit: Submit) -> None:
    """Its id is gone for good."""
    submit()
    mine = worker(db)
    assert bury(db, mine) == [mine]
    assert claim(db, mine) == []
    assert fleet.heartbeat(db, mine, state="available", running=0, rss_bytes=0) == (False, None)


def test_a_claim_says_everything_that_running_the_job_needs(db: Conn, submit: Submit) -> None:
    """Attempt counts the one that begins; waited is the store's time in the lane."""
    (job_id,) = submit(payload={"a": "ü"}, timeout=5.0, max_attempts=7, queue="q")
    db.execute("update jobsched.ready set since = since - interval '1 hour', attempt = 2, crashes = 1")
    db.execute("insert into jobsched.checkpoint values (%s, 0, '[1]')", (job_id,))

    (job,) = claim(db, worker(db), queues=["q"])

    assert (job.job_id, job.type, job.queue, job.attempt, job.crashes) == (job_id, "noop", "q", 3, 1)
    assert (job.payload, job.timeout, job.max_attempts, job.checkpoint) == ('{"a": "ü"}', 5.0, 7, "[1]")
    assert 3600 <= job.waited < 3700


# ---- ending -----------------------------------------------------------------------------------------


def test_only_the_newest_token_can_end_a_job(db: Conn, submit: Submit) -> None:
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


def test_a_batch_with_stale_and_good_tokens_ends_the_good_ones(db: Conn, submit: Submit) -> None:
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


def test_tokens_of_other_jobs_do_not_open_a_lease(db: Conn, submit: Submit) -> None:
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
    db: Conn, submit: Submit, next_: str, fields: dict[str, Any], place: str
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


def test_a_delay_is_counted_by_the_stores_clock(db: Conn, submit: Submit) -> None:
    """run_at is the database's now and the delay; the next promotion is due then."""
    submit()
    mine = worker(db)
    leases.end_attempts(db, mine, [ending(job, "retrying", delay=60.0) for job in claim(db, mine)])
    due = leases.seconds_to_next_due(db)
    assert due is not None
    assert 55 < due <= 60


def test_a_failed_attempt_is_written_into_the_attempt_log(db: Conn, submit: Submit) -> None:
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


def test_what_is_handed_back_keeps_its_attempts_and_stands_where_a_cursor_finds_it(db: Conn, submit: Submit) -> None:
    """The attempt is unspent; its new number is larger than every one that a claimer has seen."""
    submit(times=3)
    mine = worker(db)
    first, *_, last = claim(db, mine)

    leases.end_attempts(db, mine, [ending(first, "queued", attempt=first.attempt - 1)])

    (again,) = claim(db, mine, after=last.seq)
    assert (again.job_id, again.attempt, again.crashes, again.losses) == (first.job_id, 1, 0, 0)


@pytest.mark.parametrize("next_", ["retrying", "scheduled", "queued"])
def test_a_job_that_was_to_be_cancelled_does_not_run_again(db: Conn, submit: Submit, next_: str) -> None:
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


def test_due_jobs_are_promoted_oldest_first_and_behind_no_cursor(db: Conn, submit: Submit) -> None:
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


def test_two_promoters_take_different_jobs_and_neither_waits(connect: Connect, submit: Submit) -> None:
    """What one is moving, the other passes by."""
    ids = submit(times=2, delay=3600.0)
    one, other = connect(), connect()
    one.execute("update jobsched.delayed set run_at = now() - interval '1 s'")
    other.execute("set lock_timeout = '10s'")

    with one.transaction():
        assert [each.jobs for each in leases.promote(one, 1)] == [1]
        assert [each.jobs for each in leases.promote(other)] == [1]

    assert [state(one, job_id) for job_id in ids] == ["queued", "queued"]


# ---- words ------------------------------------------------------------------------------------------


def test_words_of_a_stale_worker_are_refused(db: Conn, submit: Submit) -> None:
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


def test_words_about_a_job_that_was_forgotten_are_refused(db: Conn, submit: Submit, settings: Settings) -> None:
    """A worker that was stopped for months speaks of a job that ended elsewhere and was deleted since."""
    submit()
    first, second = worker(db), worker(db)
    (stale,) = claim(db, first)
    bury(db, first)
    fleet.reap(db, lost_limit=20)
    leases.succeed(db, second, success(claim(db, second)))
    for table in ("outcome", "attempt_log"):
        db.execute(f"update jobsched.{table} set finished_at = finished_at - interval '100 days'".encode())
    db.execute("update jobsched.job set created_at = created_at - interval '100 days'")
    retention.prune(db, settings)

    assert leases.succeed(db, first, success([stale])) == set()
    assert leases.end_attempts(db, first, [ending(stale, "retrying", kind="failed")]) == set()
    leases.write_output(db, [(stale.job_id, stale.token, 0, stale.attempt, "log", "stale")])
    leases.save_checkpoint(db, stale.job_id, stale.token, '"stale"')
    for table in ("job", "ready", "delayed", "lease", "outcome", "attempt_log", "job_output", "checkpoint"):
        assert rows(db, f"select * from jobsched.{table}".encode()) == []


def test_a_checkpoint_survives_the_attempt_and_grows_with_the_next(db: Conn, submit: Submit) -> None:
    """What the last attempt saved is what the next one gets."""
    submit()
    mine = worker(db)
    for attempt, before in ((1, None), (2, "1"), (3, "2")):
        (job,) = claim(db, mine)
        assert job.checkpoint == before
        leases.save_checkpoint(db, job.job_id, job.token, str(attempt))
        leases.end_attempts(db, mine, [ending(job, "queued")])


def test_output_that_is_written_twice_is_kept_once(db: Conn, submit: Submit) -> None:
    """A statement whose answer was lost is repeated."""
    submit()
    (job,) = claim(db, worker(db))
    said = [(job.job_id, job.token, chunk, 1, "stdout", f"line {chunk}") for chunk in range(3)]

    leases.write_output(db, said[:2])
    leases.write_output(db, said)

    assert rows(db, "select chunk, text from jobsched.job_output order by chunk") == [
        (0, "line 0"), (1, "line 1"), (2, "line 2"),
    ]  # fmt: skip
