"""`verify`: each invariant sees what breaks it, and nothing that the rules allow."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.model.findings import Violation
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import fleet, leases, retention, verify
from jobsched.core.store.sql import load
from jobsched.core.store.store import Store

from . import leasing
from .hands import Hands
from .leasing import Conn, Connect, Submit, bury
from .plans import custom_plan, nodes

Look = Callable[..., dict[str, list[Violation]]]


@pytest.fixture
def look(db: Conn, settings: Settings) -> Look:
    """look(): the violations of each broken invariant, by the invariant's name."""

    def examine(**options: Any) -> dict[str, list[Violation]]:
        checked = list(verify.verify(db, settings, **options))
        assert [each.name for each in checked] == [each.name for each in verify.INVARIANTS]
        return {each.name: list(each.found) for each in checked if each.violations}

    return examine


@pytest.fixture
def history(db: Conn, store: Store, settings: Settings, submit: Submit) -> list[int]:
    """A store in which everything has happened that the rules know. Returns the ids of all its jobs.

    Retries, a snooze, crashes, a lost worker, a job handed back, cancels in every state, dead letters
    that were retried and discarded, keys that were used again, jobs that retention has deleted.
    """
    hands, worker = Hands(db), leasing.worker(db)
    with Service(settings, store=store, registry=Registry()) as service:
        ids = submit(times=24, max_attempts=2) + submit(times=2, delay=3600) + submit(idempotency_key="k")
        by_id = {job.job_id: job for job in leasing.claim(db, worker, 20)}
        claimed = list(by_id.values())
        assert leases.succeed(db, worker, leasing.success(claimed[:4]))
        again = {"kind": "failed", "message": "broke"}
        endings = [
            *(leasing.ending(job, "retrying", **again) for job in claimed[4:8]),
            leasing.ending(claimed[8], "dead", **again),
            leasing.ending(claimed[9], "dead", kind="crashed", attempt=0)._replace(crashes=3),
            leasing.ending(claimed[10], "queued", kind="crashed", attempt=0, solo=True)._replace(crashes=1),
            leasing.ending(claimed[11], "scheduled", attempt=0),
            leasing.ending(claimed[12], "queued", attempt=0),
        ]
        assert len(leases.end_attempts(db, worker, endings)) == len(endings)
        service.cancel([job.job_id for job in claimed[13:15]] + ids[20:22], by="me")
        assert leases.end_attempts(db, worker, [leasing.ending(claimed[13], "retrying", **again)])
        bury(db, worker)
        assert fleet.reap(db, lost_limit=20)
        service.retry([job.job_id for job in claimed[:9]], by="me")
        for _ in range(12):
            (job,) = hands.claim()
            assert hands.fail(job, dead=job.attempt == 2) if job.job_id % 3 else hands.succeed(job)
        dead = [job.id for job in service.dlq()]
        service.discard(dead[:1], by="me")
        db.execute("update jobsched.outcome set finished_at = finished_at - interval '8 days'")
        db.execute("update jobsched.attempt_log set finished_at = finished_at - interval '8 days'")
        db.execute("update jobsched.job set created_at = created_at - interval '9 days'")
        assert retention.prune(db, settings) > 0
        hands.claim(3)
        ids += submit(idempotency_key="k2")
        return ids


def plant(db: Conn, statements: str) -> None:
    """Do what no program of ours would."""
    db.execute(statements.encode(), prepare=False)


def test_a_store_in_which_everything_has_happened_is_sound(history: list[int], look: Look) -> None:
    """What the rules allow is no violation."""
    assert look() == {}


def test_an_empty_store_is_sound(look: Look) -> None:
    """Nothing was drawn and nothing is there."""
    assert look() == {}


PLANTS: list[tuple[str, str, str]] = [
    ("one_place", "delete from jobsched.ready where job_id = {id}", "in none of them"),
    ("one_place", "insert into jobsched.delayed select job_id, 'scheduled', now(), 0, 0, 0, false from jobsched.ready "
     "where job_id = {id}", "ready, delayed"),
    ("one_place", "insert into jobsched.ready select queue, priority, nextval('jobsched.job_seq'), job_id, type, 0, 0, "
     "0, false from jobsched.ready where job_id = {id}", "ready (2 times)"),
    ("orphans", "insert into jobsched.job_output select {id} + 1000, 0, generate_series(1, 3), 1, 'log', now(), 'x'",
     "3 rows in job_output"),
    ("orphans", "insert into jobsched.checkpoint values ({id} + 1000, 0, '{{}}')", "1 row in checkpoint"),
    ("orphans", "insert into jobsched.kept values ({id} + 1000, now() + interval '1 h')", "1 row in kept"),
    ("orphans", "delete from jobsched.job where id = {id}", "1 row in ready"),
    ("lane", "update jobsched.ready set priority = 1 where job_id = {id}", "at priority 1"),
    ("lane", "update jobsched.ready set type = 'other' where job_id = {id}", "as other"),
    ("queue_known", "delete from jobsched.queue", "queue default"),
    ("lease_worker", "delete from jobsched.worker; update jobsched.lease set job_id = {id}", "of worker"),
    ("numbers_drawn", "update jobsched.outcome set token = 1 << 40 where job_id = {ended}", "token of outcome"),
    ("numbers_drawn", "insert into jobsched.checkpoint values ({id}, 1 << 40, '{{}}')", "token in checkpoint"),
    ("numbers_drawn", "update jobsched.ready set seq = 1 << 40 where job_id = {id}", "place in ready"),
    ("token_once", "update jobsched.outcome set token = (select token from jobsched.outcome where job_id <> {ended} "
     "and token is not null limit 1) where job_id = {ended}", "is on job"),
    ("token_newest", "insert into jobsched.job_output select job_id, token + 1, 0, 1, 'log', now(), 'x' "
     "from jobsched.outcome where job_id = {ended}", "job_output has token"),
    ("token_newest", "insert into jobsched.attempt_log (token, job_id, attempt, kind) select token, job_id, 1, "
     "'failed' from jobsched.lease", "attempt_log has token"),
    ("stale_word", "insert into jobsched.attempt_log (token, job_id, attempt, kind) "
     "select 0, job_id, 1, 'failed' from jobsched.outcome where job_id = {ended}", "after the job was succeeded"),
    ("budgets", "update jobsched.outcome set attempt = 4 where job_id = {ended}", "attempt 4 of 3"),
    ("budgets", "update jobsched.ready set attempt = 3 where job_id = {id}", "attempt 3 of 3"),
    ("budgets", "update jobsched.ready set crashes = 3 where job_id = {id}", "3 crashes (limit 3)"),
    ("budgets", "update jobsched.ready set losses = 20 where job_id = {id}", "20 losses (limit 20)"),
    ("attempts_numbered", "update jobsched.outcome set attempt = 2 where job_id = {ended}", "follows on 0 used up"),
    ("attempts_numbered", "update jobsched.ready set attempt = 1 where job_id = {id}", "ready: attempt 1"),
    ("attempts_numbered", "insert into jobsched.attempt_log (token, job_id, attempt, kind) values "
     "(nextval('jobsched.token_seq'), {id}, 1, 'failed'), (nextval('jobsched.token_seq'), {id}, 3, 'failed')",
     "attempt 3 (token"),
    ("dead_logged", "update jobsched.outcome set state = 'dead', error = 'x' where job_id = {ended}", "token"),
    ("times", "update jobsched.outcome set finished_at = now() - interval '1 h' where job_id = {ended}", "submitted"),
    ("times", "update jobsched.outcome set run = -60 where job_id = {ended}", "ran -60 s"),
    ("times", "update jobsched.job set created_at = now() + interval '1 h' where id = {id}", "now"),
    ("keys", "delete from jobsched.idempotency", "its key is not remembered"),
    ("keys", "update jobsched.idempotency set expires_at = now()", "forgotten while it is still there"),
    ("keys", "update jobsched.idempotency set job_id = {ended}", "that it has not got"),
    ("keys", "update jobsched.idempotency set job_id = {id} + 1000", "not there"),
    ("transaction_begun", "update jobsched.outcome set xid = '9000000000' where job_id = {ended}", "9000000000"),
    ("archived_gone", "insert into jobsched.archive (job_id, number, bucket, key, format, jobs, bytes, sha256, "
     "schema_version, first_job, last_job, first_finished, last_finished) values (1, 1, 'b', 'k', 'jsonl', 1, 1, "
     "repeat('0', 64), '0001', {ended}, {ended}, now(), now())", "holds 1 jobs"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "statement", "said"), PLANTS)
def test_a_planted_violation_is_named(
    db: Conn, look: Look, submit: Submit, name: str, statement: str, said: str
) -> None:
    """With the invariant, the job, and what was found."""
    hands = Hands(db)
    ended, _, _ = submit(times=3)
    assert hands.run() == ended
    hands.run()
    (held,) = hands.claim()
    (job_id,) = submit(idempotency_key="key")
    assert look() == {}

    plant(db, statement.format(id=job_id, ended=ended))

    found = look()
    assert name in found
    assert any(said in each.facts for each in found[name]), found
    assert {each.job_id for each in found[name]} & {job_id, job_id + 1000, ended, held.job_id}


def test_a_stale_end_is_seen_between_attempts(db: Conn, look: Look, submit: Submit) -> None:
    """An attempt that was logged after a newer one had been: a worker that no longer owned it was believed."""
    (job_id,) = submit()
    hands = Hands(db)
    (first,) = hands.claim()
    assert leases.end_attempts(db, hands.id, [leasing.ending(first, "queued", attempt=0)])
    (second,) = hands.claim()
    assert hands.fail(second)
    assert look() == {}

    plant(
        db,
        "insert into jobsched.attempt_log (token, job_id, attempt, kind) "
        f"values ({first.token}, {job_id}, 1, 'failed')",
    )

    expected = f"token {first.token} was ended after token {second.token}"
    assert look()["stale_word"] == [Violation(job_id, expected)]


def test_a_lease_that_a_dead_worker_keeps_is_seen_where_somebody_should_have_taken_it(
    db: Conn, look: Look, submit: Submit
) -> None:
    """Not at once, and not where no other worker lives: then nobody has failed to."""
    (job_id,) = submit()
    gone = Hands(db, "gone")
    assert gone.claim()
    long_ago = "now() - interval '10 min'"
    plant(db, f"update jobsched.lease set claimed_at = {long_ago}, queued_since = {long_ago}")
    plant(db, f"update jobsched.worker set heartbeat_at = {long_ago}, started_at = {long_ago}")
    assert look() == {}
    keeper = Hands(db, "keeper")
    assert look() == {}

    plant(db, f"update jobsched.worker set started_at = {long_ago} where id = {keeper.id}")
    assert [each.job_id for each in look()["lease_alive"]] == [job_id]
    plant(db, f"update jobsched.worker set ended_at = {long_ago}, end_reason = 'lost' where id = {gone.id}")
    (found,) = look()["lease_alive"]
    assert "(gone) lost at" in found.facts


def test_a_key_that_a_newer_job_took_over_is_no_violation(db: Conn, look: Look, submit: Submit) -> None:
    """Its window had passed while its first job was still kept, and the newer job may even be forgotten again."""
    first = submit(idempotency_key="key")
    assert Hands(db).run() == first[0]
    plant(db, "update jobsched.outcome set finished_at = now() - interval '10 days'")
    plant(db, "update jobsched.job set created_at = now() - interval '11 days'")
    second = submit(idempotency_key="key")
    assert second != first
    assert look() == {}
    plant(db, f"delete from jobsched.job where id = {second[0]}; delete from jobsched.ready")
    plant(db, "delete from jobsched.idempotency")
    assert look() == {}


def test_a_job_that_came_back_from_an_archive_is_no_violation(db: Conn, look: Look, submit: Submit) -> None:
    """It is kept, so it may be in the file and in the store."""
    (job_id,) = submit()
    Hands(db).run()
    plant(db, next(statement for name, statement, _ in PLANTS if name == "archived_gone").format(ended=job_id))
    assert "archived_gone" in look()
    plant(db, f"insert into jobsched.kept values ({job_id}, now() + interval '1 day')")
    assert look() == {}


def test_violations_are_counted_and_only_some_are_told(db: Conn, settings: Settings, submit: Submit) -> None:
    """The first ones, by job id, with the number of all; and how many rows were looked at."""
    ids = submit(times=50)
    plant(db, "delete from jobsched.ready")
    checked = next(verify.verify(db, settings, limit=3))
    assert checked.name == "one_place"
    assert (checked.violations, checked.looked_at) == (50, 50)
    assert [each.job_id for each in checked.found] == ids[:3]


def test_since_leaves_out_what_was_submitted_before(db: Conn, look: Look, submit: Submit) -> None:
    """By id, which grows with the time of submission; a minute's reordering is allowed for."""
    old, new = submit(times=20), submit(times=5)
    plant(db, f"update jobsched.job set created_at = now() - interval '1 day' where id <= {old[-1]}")
    plant(db, "delete from jobsched.ready")
    since = datetime.now(UTC) - timedelta(hours=1)
    assert verify.first_job_since(db, since) == new[0]
    assert [each.job_id for each in look(since=since)["one_place"]] == new
    assert look(since=datetime.now(UTC) + timedelta(hours=1)) == {}


def test_it_changes_nothing_and_cannot(db: Conn, connect: Connect, settings: Settings) -> None:
    """Its transaction is read-only; afterwards the connection is as it was."""
    checks = verify.verify(db, settings)
    next(checks)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        db.execute("delete from jobsched.job")
    checks.close()
    db.execute("delete from jobsched.job")
    assert (db.isolation_level, db.read_only) == (None, None)


def test_all_invariants_see_one_moment(db: Conn, connect: Connect, settings: Settings, submit: Submit) -> None:
    """What breaks while it looks is for the next time."""
    submit()
    checks = verify.verify(db, settings)
    first = next(checks)
    plant(connect(), "delete from jobsched.queue; update jobsched.ready set priority = 0")
    assert [each.violations for each in (first, *checks)] == [0] * len(verify.INVARIANTS)


def test_each_statement_reads_a_table_of_jobs_once(db: Conn) -> None:
    """Also where statistics know nothing: no statement looks for job after job."""
    params = {
        "first": 0, "limit": 20, "crash_limit": 3, "lost_limit": 20, "window": 60.0, "jobs_kept": 60.0,
        "ticks_kept": 60.0,
    }  # fmt: skip
    with db.transaction():
        db.execute("set local enable_nestloop = off")
        for each in verify.INVARIANTS:
            loops = [
                node for node in nodes(custom_plan(db, f"verify_{each.name}", params))
                if node["Node Type"] == "Nested Loop" and _scans(node["Plans"][1])
            ]  # fmt: skip
            # A range has no equality to hash: archives are few.
            assert not loops or each.name == "archived_gone", each.name


def _scans(plan: dict[str, Any]) -> bool:
    tables = {node.get("Relation Name") for node in nodes(plan)}
    return bool(tables & {"job", "outcome", "lease", "ready", "delayed", "attempt_log", "job_output", "idempotency"})


def test_every_statement_has_its_entry() -> None:
    """An invariant is one file and one entry; names and sentences are its own."""
    folder = verify.__file__.replace("verify.py", "sql")
    files = {name[7:-4] for name in os.listdir(folder) if name.startswith("verify_")}
    assert files == {each.name for each in verify.INVARIANTS} | {"counts", "first_job"}
    assert len({each.sentence for each in verify.INVARIANTS}) == len(verify.INVARIANTS)
    assert all(load(f"verify_{each.name}").startswith("-- ") for each in verify.INVARIANTS)
