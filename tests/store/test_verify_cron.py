"""`verify` over schedules: ticks and their jobs belong together, one to one, none before its time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import Catchup, Overlap
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import retention, verify
from jobsched.core.store.store import Store

from .hands import Hands
from .leasing import Conn
from .ticking import Ticking, at


@pytest.fixture
def service(store: Store, settings: Settings) -> Iterator[Service]:
    with Service(settings, store=store, registry=Registry()) as opened:
        yield opened


@pytest.fixture
def ticking(db: Conn, service: Service) -> Ticking:
    return Ticking(db, service)


def broken(db: Conn, settings: Settings) -> dict[str, list[str]]:
    """The facts of each broken invariant, by its name."""
    return {each.name: [one.facts for one in each.found] for each in verify.verify(db, settings) if each.violations}


@pytest.fixture
def jobs(ticking: Ticking, db: Conn) -> list[int]:
    """Schedules of every kind, in whose lives everything has happened; the jobs of the plain one, `s`."""
    hands = Hands(db)
    for overlap in Overlap:
        ticking.add(f"s-{overlap}", overlap=overlap, catchup=Catchup.LAST)
        for seconds in (61, 121, 300):
            ticking.decide(seconds, f"s-{overlap}")
    ticking.add("keyed", job=NewJob("noop", concurrency_key="k", unique_key="u"), jitter=30.0)
    ticking.decide(61, "keyed")
    ticking.add("gone")
    ticking.decide(61, "gone")
    gone = ticking.service.cron.remove("gone", by="ann")
    ticking.service.cron.add(gone.spec, by="ann")
    ticking.add("s", catchup=Catchup.ALL)
    ticking.decide(301)
    ticking.service.cron.trigger("s", by="ann")
    ticking.service.cron.backfill("s", at(-600), at(0), by="ann")
    for _ in range(3):
        hands.run()
    return [job_id for (job_id,) in ticking.rows("select id from jobsched.job where schedule = 's' order by id")]


def test_schedules_that_do_as_they_should_are_sound(db: Conn, settings: Settings, jobs: list[int]) -> None:
    """With every overlap, with keys, triggered, backfilled, removed and made again."""
    assert broken(db, settings) == {}


@pytest.mark.parametrize(
    ("name", "statement", "said"),
    [
        ("tick_job", "delete from jobsched.job where id = {id}", "is not there"),
        ("tick_job", "update jobsched.job set schedule = null, scheduled_for = null where id = {id}", "none"),
        ("tick_job", "update jobsched.job set scheduled_for = scheduled_for + interval '1 s' where id = {id}", "says"),
        ("job_tick", "delete from jobsched.tick where job_id = {id}", "no tick did"),
        ("job_tick", "update jobsched.tick set state = 'missed', job_id = null, reason = '' where job_id = {id}", "no"),
        ("tick_once", "update jobsched.tick set job_id = {id} where job_id = {other}", "2 ticks made it"),
        ("tick_once", "update jobsched.job set scheduled_for = (select scheduled_for from jobsched.job where id = {id})"
         " where id = {other}", "2 jobs were made"),
        ("tick_time", "update jobsched.job set scheduled_for = now() + interval '1 h' where id = {id}", "made at"),
    ],
)  # fmt: skip
def test_a_planted_violation_is_named(
    db: Conn, settings: Settings, jobs: list[int], name: str, statement: str, said: str
) -> None:
    """With the invariant, the job, and what was found."""
    db.execute(statement.format(id=jobs[0], other=jobs[1]).encode(), prepare=False)
    found = broken(db, settings)
    assert any(said in facts for facts in found.get(name, [])), found


def test_what_retention_and_archives_took_is_no_violation(
    ticking: Ticking, db: Conn, settings: Settings, jobs: list[int]
) -> None:
    """A job is gone before its tick, or the tick before its job, after the times that were set for them."""
    age = "interval '40 days'"
    for table, columns in (
        ("tick", ("scheduled_for", "decided_at")),
        ("job", ("scheduled_for", "created_at")),
        ("outcome", ("finished_at",)),
    ):
        changes = ", ".join(f"{column} = {column} - {age}" for column in columns)
        db.execute(f"update jobsched.{table} set {changes}".encode())
    db.execute(f"update jobsched.schedule set updated_at = updated_at - {age}".encode())
    ended = ticking.rows("select count(*) from jobsched.outcome")[0][0]
    assert ended > 0

    retention.prune(db, settings.replace(retention__ticks=0.0))
    assert ticking.rows("select count(*) from jobsched.outcome") == [(0,)]
    assert broken(db, settings.replace(retention__ticks=0.0)) == {}
    retention.prune(db, settings)
    ((left, schedules),) = ticking.rows("select count(*), count(distinct schedule_id) from jobsched.tick")
    assert left == schedules
    assert broken(db, settings) == {}


def test_a_job_that_is_in_an_archive_is_not_missing(db: Conn, settings: Settings, jobs: list[int]) -> None:
    """It may have been taken at any age."""
    db.execute("delete from jobsched.job where id = %s", (jobs[0],))
    db.execute("delete from jobsched.ready where job_id = %s", (jobs[0],))
    db.execute("delete from jobsched.outcome where job_id = %s", (jobs[0],))
    assert "tick_job" in broken(db, settings)
    db.execute(
        "insert into jobsched.archive (job_id, number, bucket, key, format, jobs, bytes, sha256, schema_version, "
        "first_job, last_job, first_finished, last_finished) values (1, 1, 'b', 'k', 'jsonl', 1, 1, repeat('0', 64), "
        "'0002', %(id)s, %(id)s, now(), now())",
        {"id": jobs[0]},
    )
    assert broken(db, settings) == {}
