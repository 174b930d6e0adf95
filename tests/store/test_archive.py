"""The store's part of archiving and restoring: what may leave, what comes back, and who decides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from jobsched.core.archives.archiving import Archiver, Order
from jobsched.core.archives.reading import Archives
from jobsched.core.config import Settings
from jobsched.core.model.archives import ArchiveFile
from jobsched.core.model.errors import Conflict, NotFound, PermissionDenied, UsageError
from jobsched.core.model.job import NewJob
from jobsched.core.model.states import State
from jobsched.core.objects import ObjectStore, open_objects
from jobsched.core.service import Service
from jobsched.core.store import roles, tail
from jobsched.core.store.retention import prune
from jobsched.core.store.store import Store, open_store

from .hands import Hands
from .leasing import Conn, Connect
from .old_jobs import everything, leased, many_old_jobs, old_job

STATES = ("succeeded", "dead", "cancelled")
DAY = 86400.0


class Job:
    """What archiving hears of its job."""

    def __init__(self, db: Conn) -> None:
        self.job_id, self.token = leased(db)

    def check_cancelled(self) -> None:
        """Nobody asks it to stop."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Nobody listens."""


class Place:
    """A store with its archives."""

    def __init__(self, db: Conn, store: Store, objects: ObjectStore) -> None:
        self.db, self.store, self.objects = db, store, objects
        self.archives = Archives(store, objects)

    def archive(self, age: float = 30 * DAY, **changes: Any) -> ArchiveFile:
        """Archive what is old by a job of its own; return the newest file."""
        order = Order(**{"older_than": age, "states": STATES, "window": 7 * DAY} | changes)
        Archiver(self.store, self.objects, order, Job(self.db)).run()
        return self.archives.page()[0]

    def here(self) -> list[int]:
        """The jobs in the store that have ended."""
        rows = self.db.execute("select job_id from jobsched.outcome order by 1")
        return [job_id for (job_id,) in rows]


@pytest.fixture
def objects(settings: Settings, tmp_path: Path) -> ObjectStore:
    """A folder of the test's own."""
    return open_objects(settings, tmp_path / "home")


@pytest.fixture
def place(db: Conn, store: Store, objects: ObjectStore) -> Place:
    """This test's store, and a folder for files."""
    return Place(db, store, objects)


def test_restored_twice_nothing_happens_the_second_time(place: Place) -> None:
    """Jobs that are there stay as they are, and are counted."""
    ids = [old_job(place.db, number) for number in range(4)]
    file = place.archive()
    first = place.archives.restore(file, keep=60)
    place.db.execute("update jobsched.outcome set fingerprint = 'changed'")
    before = everything(place.db)
    second = place.archives.restore(file, keep=60)
    assert (first.restored, first.existing) == (ids, 0)
    assert (second.restored, second.existing, second.keys_taken) == ([], 4, 0)
    assert everything(place.db) == before


def test_only_the_jobs_that_are_named_come_back(place: Place) -> None:
    """The others can be restored later; a number that is not in the file, or none at all, is an error."""
    ids = [old_job(place.db, number) for number in range(6)]
    file = place.archive()
    assert place.archives.restore(file, jobs=[ids[2], ids[4], ids[2]], keep=60).restored == [ids[2], ids[4]]
    assert place.here() == [ids[2], ids[4]]
    with pytest.raises(NotFound, match=f"job 4{ids[0]} is not in archive"):
        place.archives.restore(file, jobs=[ids[0], 40 + ids[0]], keep=60)
    with pytest.raises(UsageError, match="no job was named"):
        place.archives.restore(file, jobs=[], keep=60)
    assert place.here() == [ids[2], ids[4]]
    assert place.archives.restore(file, keep=60).existing == 2
    assert place.here() == ids


def test_retention_and_archival_leave_restored_jobs_alone_for_a_while(place: Place, settings: Settings) -> None:
    """As long as was asked for; then they may go again, into a new file, and nothing is left of the keeping."""
    ids = [old_job(place.db, number, key=None) for number in range(3)]
    file = place.archive()
    place.archives.restore(file, keep=60)
    short = settings.replace(retention__succeeded=1.0, retention__dead=1.0)
    assert prune(place.db, short) == 0
    assert place.archive() == file
    assert place.here() == ids
    place.db.execute("update jobsched.kept set until = now() - interval '1 second' where job_id <> %s", (ids[0],))
    second = place.archive(batch=1, limit=1)
    assert (second.id > file.id, second.jobs) == (True, 1)
    assert prune(place.db, short) == 1
    assert place.here() == ids[:1]
    assert place.db.execute("select job_id from jobsched.kept").fetchall() == [(ids[0],)]


def test_a_key_comes_back_with_its_job_unless_a_newer_job_has_it(place: Place, settings: Settings) -> None:
    """One still remembered, one forgotten, one whose window is over, and one that was taken meanwhile."""
    with Service(settings) as service:
        names = ("remembered", "forgotten", "over", "taken")
        ids = [service.submit(NewJob("noop", {"n": name}, idempotency_key=name)).id for name in names]
        service.cancel(ids, by="ann")
        before = everything(place.db)
        file = place.archive(age=0.0)
        place.db.execute("delete from jobsched.idempotency where key in ('forgotten', 'taken')")
        place.db.execute("update jobsched.idempotency set expires_at = now() - interval '1 s' where key = 'over'")
        newer = service.submit(NewJob("noop", {"other": 1}, idempotency_key="taken")).id
        restored = place.archives.restore(file, keep=60)
        assert (restored.restored, restored.keys_taken) == (ids, 1)
        after = everything(place.db)
        assert {table: rows for table, rows in after.items() if table != "idempotency"} == {
            table: rows for table, rows in before.items() if table != "idempotency"
        }
        held = dict(
            place.db.execute("select key, job_id from jobsched.idempotency where expires_at is null").fetchall()
        )
        assert held == {**dict(zip(names, ids, strict=True)), "taken": newer}
        again = service.submit(NewJob("noop", {"n": "over"}, idempotency_key="over"))
        assert (again.id, again.created, again.state) == (ids[2], False, State.CANCELLED)


def test_nobody_is_told_again_of_an_end_that_comes_back(place: Place) -> None:
    """`tail` goes by the transaction that wrote an outcome: it is the old one."""
    old_job(place.db, 1)
    file = place.archive()
    cursor = tail.tail_start(place.db)
    place.archives.restore(file, keep=0)
    assert tail.tail_page(place.db, cursor) == []


def test_somebody_elses_open_transaction_changes_nothing_about_it(place: Place, connect: Connect) -> None:
    """Older than the job's end, it is still open when the job comes back: the end keeps its transaction's number."""
    with connect().transaction() as other:
        other.connection.execute("select pg_current_xact_id()")
        job_id = old_job(place.db, 1)
        before = everything(place.db, [job_id])
        place.archives.restore(place.archive(), keep=0)
        assert everything(place.db, [job_id]) == before


def test_a_restored_job_can_be_retried_and_its_queue_is_known(place: Place, settings: Settings) -> None:
    """As any job that has ended; also where the queue was never heard of."""
    job_id = old_job(place.db, 1, queue="old")
    file = place.archive()
    place.archives.restore(file, keep=60)
    with Service(settings) as service:
        assert [result.ok for result in service.retry([job_id], by="ann")] == [True]
        assert [queue.queued for queue in service.queues() if queue.name == "old"] == [1]


def test_a_store_that_holds_archives_and_restored_jobs_is_sound(place: Place, settings: Settings) -> None:
    """Every invariant holds after archiving, after restoring, when the keeping is over, and after a retry."""
    hands = Hands(place.db)
    with Service(settings) as service:

        def broken() -> list[str]:
            return [each.name for each in service.verify() if each.violations]

        ids = [service.submit(NewJob("noop", idempotency_key=f"k{number}")).id for number in range(20)]
        for number in range(20):
            hands.run(dead=number % 2 == 0)
        file = place.archive(age=0.0, batch=20)
        assert (file.jobs, broken()) == (20, [])
        newer = service.submit(NewJob("noop", idempotency_key="other")).id
        place.archives.restore(file, jobs=ids[::3], keep=60)
        assert broken() == []
        place.archives.restore(file, keep=60)
        assert broken() == []
        place.db.execute("update jobsched.kept set until = now() - interval '1 s'")
        assert broken() == []
        service.retry(ids[:10], by="ann")
        assert broken() == []
        assert service.get(newer).state is State.QUEUED


def test_numbers_that_this_store_has_not_given_out_are_refused(place: Place) -> None:
    """A store that was set back would give them out again, to other jobs: nothing is restored."""
    old_job(place.db, 1)
    file = place.archive()
    (last,) = rows(place.db, "select last_value from jobsched.job_seq")
    place.db.execute("alter sequence jobsched.job_seq restart with 1")
    with pytest.raises(Conflict, match="given out no more than 0") as caught:
        place.archives.restore(file, keep=0)
    assert "setval('jobsched.job_seq'" in (caught.value.fix or "")
    place.db.execute("select setval('jobsched.job_seq', %s)", (last,))
    (token,) = rows(place.db, "select last_value from jobsched.token_seq")
    place.db.execute("select setval('jobsched.token_seq', 1)")
    with pytest.raises(Conflict, match="holds token"):
        place.archives.restore(file, keep=0)
    assert place.here() == []
    place.db.execute("select setval('jobsched.token_seq', %s)", (token,))
    assert len(place.archives.restore(file, keep=0).restored) == 1


def test_another_stores_archive_is_refused_unless_it_is_meant(place: Place) -> None:
    """Its numbers mean other jobs; where they are used here for something else, nothing is restored either."""
    job_id = old_job(place.db, 1)
    file = place.archive()
    place.db.execute("update jobsched.store set id = gen_random_uuid()")
    with pytest.raises(Conflict, match="from another store") as caught:
        place.archives.restore(file, keep=0)
    assert "--foreign" in (caught.value.fix or "")
    place.db.execute("insert into jobsched.attempt_log (token, job_id, attempt, kind) select 2, 999, 1, 'failed'")
    with pytest.raises(Conflict, match="same numbers for different things"):
        place.archives.restore(file, keep=0, foreign=True)
    assert place.here() == []
    place.db.execute("delete from jobsched.attempt_log")
    assert place.archives.restore(file, keep=0, foreign=True).restored == [job_id]


def test_ends_from_another_server_do_not_hold_up_the_tail(place: Place) -> None:
    """Their transactions may lie in this server's future: they count as written now."""
    old_job(place.db, 1)
    place.db.execute("update jobsched.outcome set xid = '9223372036854775806'")
    place.db.execute("update jobsched.attempt_log set xid = '9223372036854775806'")
    file = place.archive()
    place.archives.restore(file, keep=0)
    for table in ("outcome", "attempt_log"):
        question = f"select bool_and(xid < pg_current_xact_id()) from jobsched.{table}"
        assert place.db.execute(question.encode()).fetchone() == (True,)


def test_a_job_is_found_in_the_files_that_it_is_in(place: Place) -> None:
    """Among those in whose range it is; after it was restored and archived again, in both."""
    first, second, third = (old_job(place.db, 0, days=days, queue=f"q{days}") for days in (40, 50, 40))
    a = place.archive(queue="q40")
    b = place.archive(queue="q50")
    assert (a.first_job, a.last_job, a.jobs) == (first, third, 2)
    assert [place.archives.find(each) for each in (first, second, third, 999)] == [[a], [b], [a], []]
    place.archives.restore(a, jobs=[third], keep=0)
    again = place.archive()
    assert place.archives.find(third) == [again, a]


@pytest.fixture
def viewer(db: Conn, database_url: str, settings: Settings, objects: ObjectStore) -> Iterator[Archives]:
    """The use cases for a role that may only look."""
    name = f"viewer_{os.getpid()}"
    db.execute(f"create role {name} login password 'sesame'".encode())
    roles.grant(db, name, "viewer")
    parts = urlsplit(database_url)
    url = f"postgresql://{name}:sesame@{parts.hostname}:{parts.port}{parts.path}"
    with open_store(settings.replace(database_url=url)) as store:
        yield Archives(store, objects)
    db.execute(f"drop owned by {name}; drop role {name}".encode())


def test_a_viewer_looks_into_archives_and_restores_nothing(place: Place, viewer: Archives) -> None:
    """Postgres holds him to it; he still needs the object store's own rights to read files."""
    job_id = old_job(place.db, 1)
    file = place.archive()
    assert viewer.page() == viewer.get_many([file.id]) == viewer.find(job_id) == [file]
    assert [job.id for job in viewer.jobs(file)] == [job_id]
    assert [each.problem for each in viewer.verify([file])] == [None]
    with pytest.raises(PermissionDenied):
        viewer.restore(file, keep=0)
    assert place.here() == []


def test_pages_are_newest_first(place: Place) -> None:
    """Each goes on below the one above."""
    many_old_jobs(place.db, 5)
    place.archive(batch=1)
    first = place.archives.page(limit=3)
    second = place.archives.page(limit=3, before=first[-1].id)
    ids = [file.id for file in first + second]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 5
    assert place.archives.page(limit=3, before=second[-1].id) == []
    with pytest.raises(NotFound, match="no archive 0"):
        place.archives.get_many([ids[0], 0])
    with pytest.raises(UsageError, match="limit"):
        place.archives.page(limit=0)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@example_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=st.dictionaries(TEXT, JSON, max_size=5), result=st.none() | JSON.map(lambda value: (value,)), error=TEXT,
    days=st.floats(40, 20_000), tags=st.lists(TEXT, max_size=3), format_=st.sampled_from(["jsonl", "json"]),
    number=st.integers(0, 8),
)  # fmt: skip
def test_whatever_a_job_holds_comes_back_as_it_was(
    place: Place, payload: Any, result: Any, error: str, days: float, tags: list[str], format_: str, number: int
) -> None:
    """Any text that Postgres takes, any JSON, any time; through either format."""
    import json

    job_id = old_job(
        place.db, number, days=days, payload=json.dumps(payload), tags=tags,
        error=None if number % 3 == 0 else error, odd=error + "\\",
        result=None if result is None else json.dumps(result[0]),
    )  # fmt: skip
    before = everything(place.db, [job_id])
    file = place.archive(format=format_)
    assert everything(place.db, [job_id])["job"] == []
    place.archives.restore(file, keep=0)
    assert everything(place.db, [job_id]) == before
    place.db.execute("delete from jobsched.idempotency")
    place.db.execute("delete from jobsched.kept")
    ages = ("retention.succeeded", "retention.dead", "retention.idempotency", "retention.ticks")
    prune(place.db, dict.fromkeys(ages, 1.0))


def rows(db: Conn, question: str) -> Any:
    """The one row."""
    return psycopg.Cursor(db).execute(question.encode()).fetchone()
