"""Archiving, broken at every point: each job is in the store or in exactly one file that can be read, whatever
happens, and a rerun finishes."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.core.archives.archiving import Archiver, Order
from jobsched.core.archives.reading import Archives
from jobsched.core.config import Settings
from jobsched.core.model.errors import LeaseLost
from jobsched.core.objects import ObjectStore, open_objects
from jobsched.core.service import Service
from jobsched.core.store import transitions
from jobsched.core.store.retention import prune
from jobsched.core.store.store import Store, open_store
from jobsched.tests.store.old_jobs import everything, lease_again, leased, many_old_jobs, old_job

from .fleet import Fleet, until

Conn = psycopg.Connection[Any]
STATES = ("succeeded", "dead", "cancelled")


class Killed(BaseException):
    """The process ends here, without another word."""


class Job:
    """What archiving hears of its job."""

    def __init__(self, job_id: int, token: int) -> None:
        self.job_id, self.token = job_id, token

    def check_cancelled(self) -> None:
        """Nobody asks it to stop."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Nobody listens."""


class Fuse:
    """Counts calls; after the last one that is allowed, whatever comes next kills."""

    def __init__(self, calls: int | None = None) -> None:
        self.left = calls
        self.burnt = 0

    def step(self) -> None:
        """Another call has been made."""
        self.burnt += 1
        if self.left is not None and self.burnt >= self.left:
            raise Killed


class FusedConnection:
    """A connection whose calls a fuse counts. A transaction that was begun and not ended is rolled back."""

    def __init__(self, connection: Conn, fuse: Fuse) -> None:
        self._connection, self._fuse = connection, fuse

    def execute(self, *args: Any, **options: Any) -> Any:
        done = self._connection.execute(*args, **options)
        self._fuse.step()
        return done

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        with self._connection.cursor() as cursor:
            yield FusedCursor(cursor, self._fuse)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._connection.transaction() as transaction:
            yield transaction
        self._fuse.step()


class FusedCursor:
    """Its stream counts as one call, at its first row, and another, at its end."""

    def __init__(self, cursor: Any, fuse: Fuse) -> None:
        self._cursor, self._fuse = cursor, fuse

    def stream(self, *args: Any) -> Iterator[Any]:
        for number, row in enumerate(self._cursor.stream(*args)):
            if number == 1:
                self._fuse.step()
            yield row
        self._fuse.step()


class FusedStore:
    """Lends connections that a fuse counts the calls of."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    @contextmanager
    def connection(self) -> Iterator[FusedConnection]:
        with self._store.connection() as connection:
            yield FusedConnection(connection, self._fuse)


class FusedObjects:
    """An object store whose calls a fuse counts; what is read counts at its first piece and at its end.

    before_put: called before each file is put.
    """

    def __init__(self, objects: ObjectStore, fuse: Fuse, before_put: Callable[[], object] = lambda: None) -> None:
        self._objects, self._fuse, self._before_put = objects, fuse, before_put

    def put(self, *args: Any) -> Any:
        self._before_put()
        done = self._objects.put(*args)
        self._fuse.step()
        return done

    def stream(self, *args: Any) -> Iterator[bytes]:
        for piece in self._objects.stream(*args):
            self._fuse.step()
            yield piece
        self._fuse.step()

    def list(self, *args: Any) -> Any:
        done = list(self._objects.list(*args))
        self._fuse.step()
        return done

    def delete(self, *args: Any) -> None:
        self._objects.delete(*args)
        self._fuse.step()


def order(**changes: Any) -> Order:
    """Everything older than a month, ten jobs a file."""
    return Order(**{"older_than": 30 * 86400.0, "states": STATES, "window": 7 * 86400.0, "batch": 10} | changes)


@pytest.fixture
def objects(settings: Settings, tmp_path: Path) -> ObjectStore:
    """A folder of the test's own."""
    return open_objects(settings, tmp_path / "home")


@pytest.fixture
def db(database_url: str) -> Iterator[Conn]:
    """A connection of the test's own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


class Books:
    """Which jobs there were, and where each one is now."""

    def __init__(self, db: Conn, store: Store, objects: ObjectStore) -> None:
        self.db, self.objects = db, objects
        self.archives = Archives(store, objects)
        self.ids = self._here()
        self.rows = everything(db, sorted(self.ids))

    def _here(self) -> set[int]:
        rows = self.db.execute("select job_id from jobsched.outcome where finished_at < now() - interval '30 days'")
        return {job_id for (job_id,) in rows}

    def check(self) -> None:
        """Each job is in the store or in exactly one file, and each file is what the store remembers."""
        files = self.archives.page(limit=1000)
        assert [each.problem for each in self.archives.verify(files)] == [None] * len(files)
        places = Counter(job.id for file in files for job in self.archives.jobs(file))
        places.update(self.db_ids())
        assert places == Counter(dict.fromkeys(self.ids, 1))

    def db_ids(self) -> set[int]:
        """Those of the old jobs that are in the store."""
        rows = self.db.execute("select id from jobsched.job where id = any (%s)", (sorted(self.ids),))
        return {job_id for (job_id,) in rows}

    def check_finished(self) -> None:
        """Everything is in files, the files are all that there is, and what they hold is what was there."""
        self.check()
        assert self.db_ids() == set()
        files = self.archives.page(limit=1000)
        assert {info.key for info in self.objects.list("archive")} == {file.key for file in files}
        for file in files:
            self.archives.restore(file, keep=0)
        assert everything(self.db, sorted(self.ids)) == self.rows


def archive(store: Any, objects: Any, job: tuple[int, int], **changes: Any) -> None:
    """One attempt."""
    Archiver(store, objects, order(**changes), Job(*job)).run()


def test_killed_after_any_call_nothing_is_lost_or_archived_twice(
    make_database: Callable[..., str], settings: Settings, tmp_path: Path
) -> None:
    """After each call to the store and to the object store, one after the other; the next attempt finishes."""
    kills = 0
    for calls in count(1):
        url, home = make_database(), tmp_path / str(calls)
        with open_store(settings.replace(database_url=url)) as store, psycopg.connect(url, autocommit=True) as db:
            for number in range(25):
                old_job(db, number, payload="{}")
            objects = open_objects(settings, home)
            books = Books(db, store, objects)
            job = leased(db)
            fuse = Fuse(calls)
            try:
                archive(FusedStore(store, fuse), FusedObjects(objects, fuse), job)
            except Killed:
                kills += 1
                store.close()
                books.check()
                archive(store, objects, (job[0], lease_again(db, job[0])))
            books.check_finished()
        if fuse.burnt < calls:
            break
    assert kills > 30


def test_killed_again_and_again_it_finishes_all_the_same(db: Conn, store: Store, objects: ObjectStore) -> None:
    """Each attempt gets a little further than the one before, and removes what that one left."""
    many_old_jobs(db, 55)
    books = Books(db, store, objects)
    job_id, token = leased(db)
    for calls in count(3):
        fuse = Fuse(calls)
        try:
            archive(FusedStore(store, fuse), FusedObjects(objects, fuse), (job_id, token))
            break
        except Killed:
            store.close()
            books.check()
            token = lease_again(db, job_id)
    books.check_finished()


def test_a_worker_that_was_declared_dead_can_harm_nothing(
    db: Conn, store: Store, objects: ObjectStore, settings: Settings
) -> None:
    """Held up before it puts its file, until another attempt has archived everything: its file is another one,
    its transaction is refused, and nothing of the other attempt's is touched."""
    many_old_jobs(db, 25)
    books = Books(db, store, objects)
    job_id, token = leased(db)
    taken_over = []

    def take_over() -> None:
        if not taken_over:
            taken_over.append(lease_again(db, job_id))
            with open_store(settings) as other:
                archive(other, objects, (job_id, taken_over[0]))

    with pytest.raises(LeaseLost):
        archive(store, FusedObjects(objects, Fuse(), take_over), (job_id, token))
    books.check()
    assert books.db_ids() == set()
    archive(store, objects, (job_id, lease_again(db, job_id)))
    books.check_finished()


def test_two_archiving_jobs_at_once_share_the_work(
    db: Conn, objects: ObjectStore, store: Store, settings: Settings
) -> None:
    """Neither waits for the other, and no job is in two files."""
    many_old_jobs(db, 2000)
    books = Books(db, store, objects)
    jobs = [leased(db) for _ in range(3)]
    failures: list[BaseException] = []

    def work(job: tuple[int, int]) -> None:
        try:
            with open_store(settings) as own:
                archive(own, objects, job, batch=50)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    books.check()
    archive(store, objects, leased(db))
    books.check_finished()


@pytest.mark.parametrize("change", ["retry", "discard", "prune", "lock", "delete everything"])
def test_jobs_that_change_meanwhile_are_left_alone(
    db: Conn, store: Store, objects: ObjectStore, settings: Settings, database_url: str, change: str
) -> None:
    """Retried, discarded, pruned, or held by a transaction that may do so: between the reading and the deleting,
    again and again. The others go."""
    for number in range(30):
        old_job(db, number, payload="{}")
    ids = sorted(Books(db, store, objects).ids)
    steps = count()
    with psycopg.connect(database_url) as other:

        def meddle() -> None:
            step = next(steps)
            some = ids[step::7] if step < 3 else []
            if change == "retry":
                transitions.requeue(db, some)
            elif change == "discard":
                transitions.discard(db, some)
            elif change == "lock":
                other.execute("select from jobsched.outcome where job_id = any (%s) for update", (some,))
            elif change == "prune":
                prune(db, settings, batch=1)
            else:
                prune(db, settings.replace(retention__dead=1.0))

        archive(store, FusedObjects(objects, Fuse(), meddle), leased(db), batch=30)
        other.rollback()
    archives = Archives(store, objects)
    files = archives.page()
    archived = {job.id: job for file in files for job in archives.jobs(file)}
    left = dict(db.execute("select id, state from jobsched.job_now").fetchall())
    assert archived.keys().isdisjoint(left)
    assert [each.problem for each in archives.verify(files)] == [None] * len(files)
    assert {info.key for info in objects.list("archive")} == {file.key for file in files}
    if change in ("retry", "discard", "lock"):
        assert archived.keys() | left.keys() >= set(ids)
        assert archived
        assert left.keys() & set(ids)
    if change == "delete everything":
        assert (archived, files) == ({}, [])
    if change == "retry":
        assert {left[job_id] for job_id in left.keys() & set(ids)} == {"queued"}
    if change == "discard":
        assert all(job.state != "dead" for job in archived.values() if job.id in ids[::7])


def test_workers_killed_while_they_archive_lose_nothing(fleet: Fleet, tmp_path: Path, db: Conn) -> None:
    """kill -9 of a real worker, at four times; whoever comes next goes on, and everything is found in one place."""
    many_old_jobs(db, 3000)
    settings = fleet.service.settings
    home = tmp_path / "objects"
    flags = {"JOBSCHED_OBJECTS_DIR": str(home), "JOBSCHED_IMPORTS": "", "JOBSCHED_RETENTION_SUCCEEDED": "0"}
    objects = open_objects(settings.replace(objects__dir=str(home)), tmp_path)
    books = Books(db, fleet.service.store, objects)
    (job_id,) = fleet.submit("data_archival", payload={"batch": 20}, max_attempts=20)
    for files in (1, 15, 40, 80):
        worker = fleet.start(**flags)
        until(lambda files=files: len(books.archives.page(limit=1000)) >= files, f"{files} files")
        worker.signal(signal.SIGKILL)
        worker.wait()
        books.check()
    fleet.start(**flags)
    with Service(settings, store=fleet.service.store) as service:
        (job,) = service.wait([job_id], timeout=60)
    assert job.result["jobs"] == 3000
    assert len(fleet.rows("select from jobsched.attempt_log where kind = 'lost'")) == 4
    books.check_finished()
