"""`data_archival`: what goes into files, what stays, and that it all comes back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from jobsched.core.archives.reading import Archives
from jobsched.core.config import Settings
from jobsched.core.handler import Cancelled, Discard, Retry
from jobsched.core.model.archives import ArchiveFile
from jobsched.core.model.errors import ArchiveBroken
from jobsched.core.objects import ObjectStore, open_objects
from jobsched.core.store.store import Store
from jobsched.handlers.data_archival import DataArchival, data_archival
from jobsched.tests.store.old_jobs import TABLES, everything, leased, many_old_jobs, old_job

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

Conn = psycopg.Connection[Any]


@pytest.fixture
def settings(settings: Settings, database_url: str, tmp_path: Path) -> Settings:
    """Those of a worker's process whose handler may use the store, which is this test's."""
    return settings.replace(database_url=database_url, home=str(tmp_path / "home"))


@pytest.fixture
def db(database_url: str) -> Iterator[Conn]:
    """A connection of the test's own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def context(tmp_path: Path, settings: Settings, db: Conn) -> RecordingContext:
    """Of a job that a worker runs, in this test's store."""
    made = RecordingContext(tmp_path / "home", settings)
    made.job_id, made.token = leased(db)
    return made


@pytest.fixture
def archives(store: Store, context: RecordingContext) -> Archives:
    """The use cases over what the context's job has written."""
    return Archives(store, context.objects)


def run(context: RecordingContext, **payload: Any) -> dict[str, Any]:
    """The job, with this payload."""
    result: dict[str, Any] = data_archival(DataArchival.model_validate(payload), context)
    return result


def again(context: RecordingContext, db: Conn) -> RecordingContext:
    """The context of another archiving job."""
    other = RecordingContext(Path("/nowhere"), context.settings)
    other.objects = context.objects
    other.job_id, other.token = leased(db)
    return other


def files(context: RecordingContext, bucket: str = "archive") -> list[str]:
    """The keys that are there."""
    return [info.key for info in context.objects.list(bucket)]


def ids_in(archives: Archives, file: ArchiveFile) -> list[int]:
    """The jobs of a file."""
    return [job.id for job in archives.jobs(file)]


def test_old_jobs_go_with_everything_about_them_and_young_ones_stay(
    context: RecordingContext, db: Conn, archives: Archives
) -> None:
    """Each kind of row is in the file, and nothing of it in the store but the keys, until their window is over."""
    ids = [old_job(db, number) for number in range(30)]
    young = old_job(db, 30, days=29)
    stays = everything(db, [young])
    result = run(context)
    (file,) = archives.page()
    assert (result["jobs"], result["file_count"], result["skipped"]) == (30, 1, 0)
    assert ids_in(archives, file) == ids
    assert (file.first_job, file.last_job, file.job_id, file.number) == (ids[0], ids[-1], context.job_id, 1)
    assert everything(db) == stays
    left = everything(db, ids)
    assert {table: len(left[table]) for table in TABLES if left[table]} == {"idempotency": 15}
    question = "select count(*) from jobsched.idempotency where expires_at between now() - interval '34 d' and now()"
    assert db.execute(question).fetchone() == (15,)
    assert [info.key for info in context.objects.list("archive")] == [file.key]
    assert context.fractions[-1] <= 1.0


@pytest.mark.parametrize("format_", ["jsonl", "json"])
def test_what_comes_back_is_what_went_column_by_column(
    context: RecordingContext, db: Conn, archives: Archives, format_: str
) -> None:
    """Unicode, numbers of any length, JSON null and no value, bytes, microseconds, a payload of a megabyte."""
    ids = [old_job(db, number) for number in range(60)]
    before = everything(db)
    assert {len(before[table]) > 20 for table in TABLES} == {True}
    run(context, format=format_)
    assert everything(db)["job"] == []
    (file,) = archives.page()
    restored = archives.restore(file, keep=60)
    assert (restored.restored, restored.existing, restored.keys_taken) == (ids, 0, 0)
    assert everything(db) == before


def test_a_file_can_be_read_by_any_program(context: RecordingContext, db: Conn) -> None:
    """JSON Lines with a header and a row a line; the document holds the same."""
    ids = [old_job(db, number) for number in range(6)]
    before = db.execute("select count(*) from jobsched.job_output").fetchone()
    run(context, queue="default", limit=5)
    run(again(context, db), format="json")
    first, second = (context.objects.get("archive", key) for key in files(context))
    header, *rows = [json.loads(line) for line in gzip.decompress(first).splitlines()]
    assert header["archive"]["job"] == context.job_id
    document = json.loads(gzip.decompress(second))
    assert [row["job"]["id"] for row in rows if "job" in row] == ids[:5]
    assert [row["job"]["id"] for row in document["rows"] if "job" in row] == ids[5:]
    assert (sum("job_output" in row for row in [*rows, *document["rows"]]),) == before


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        ({"queue": "mail"}, {2, 4}),
        ({"type": "email"}, {3, 4}),
        ({"tag": "x"}, {5}),
        ({"states": ["dead"]}, {1}),
        ({"states": ["succeeded", "cancelled"], "queue": "default", "type": "noop"}, {0, 5}),
        ({"older_than": "50d"}, {5}),
        ({"limit": 2}, {0, 5}),
        ({"queue": "nothing"}, set()),
    ],
)
def test_only_what_is_asked_for_goes(
    context: RecordingContext, db: Conn, archives: Archives, payload: dict[str, Any], wanted: set[int]
) -> None:
    """Queue, type, tag, states, age and number, all together; and the oldest first."""
    changes: list[dict[str, Any]] = [
        {"state": "succeeded", "error": None, "days": 45}, {"state": "dead", "error": "e"}, {"queue": "mail"},
        {"type": "email"}, {"type": "email", "queue": "mail"}, {"tags": ["x"], "days": 60},
    ]  # fmt: skip
    usual = {"key": None, "error": "e", "state": "cancelled"}
    ids = [old_job(db, **{**usual, **change}) for change in changes]
    result = run(context, **payload)
    assert {
        number for file in archives.page() for number, id_ in enumerate(ids) if id_ in ids_in(archives, file)
    } == wanted
    assert result["jobs"] == len(wanted)
    assert len(everything(db)["job"]) == len(ids) - len(wanted)


def test_zero_takes_everything_that_has_ended_and_nothing_that_lives(context: RecordingContext, db: Conn) -> None:
    """The job that archives is running itself, so it stays; so does whatever waits."""
    old_job(db, days=0)
    run(context, older_than="0s")
    assert db.execute("select id from jobsched.job").fetchall() == [(context.job_id,)]


def test_files_hold_as_many_jobs_as_asked_for(context: RecordingContext, db: Conn, archives: Archives) -> None:
    """Numbered from one, each with a part; each job is in one of them."""
    many_old_jobs(db, 25)
    result = run(context, batch=10)
    found = archives.page()
    assert [(file.number, file.jobs) for file in found] == [(3, 5), (2, 10), (1, 10)]
    assert len({job for file in found for job in ids_in(archives, file)}) == 25
    assert [each["archive"] for each in result["files"]] == [file.id for file in reversed(found)]
    assert context.fractions == sorted(context.fractions)


def test_a_second_job_finds_nothing_left_and_writes_nothing(context: RecordingContext, db: Conn) -> None:
    """No empty file, no row."""
    old_job(db)
    run(context)
    assert run(again(context, db))["files"] == []
    assert len(files(context)) == 1


def test_the_next_attempt_removes_what_the_last_one_left_and_goes_on(
    context: RecordingContext, db: Conn, archives: Archives
) -> None:
    """Files that are remembered stay; those of a newer attempt, or of other jobs, are nobody's leftovers."""
    many_old_jobs(db, 20)
    run(context, batch=10, limit=10)
    (known,) = files(context)
    folder = known.rpartition("/")[0]
    others = [f"{folder}/00002-{context.token + 99}.jsonl.gz", f"{folder}/notes.txt", f"{folder}9/00001-1.jsonl.gz"]
    for key in (f"{folder}/00002-1.jsonl.gz", *others):
        context.objects.put("archive", key, b"left", "text/plain")
    result = run(context, batch=10)
    assert result["jobs"] == 20
    assert set(files(context)) == {known, *others, archives.page()[0].key}


def test_a_worker_that_lost_its_lease_deletes_nothing(context: RecordingContext, db: Conn) -> None:
    """Whoever has the job now decides: the last transaction asks for the token."""
    old_job(db)
    context.token += 1000
    with pytest.raises(Retry, match="lease of job"):
        run(context)
    assert len(everything(db)["job"]) == 1
    assert db.execute("select count(*) from jobsched.archive").fetchone() == (0,)


def test_it_stops_when_asked_to(context: RecordingContext, db: Conn) -> None:
    """Before the next file; what was moved so far stays moved."""
    many_old_jobs(db, 20)
    report = context.progress

    def stop(fraction: float, message: str = "") -> None:
        report(fraction, message)
        context.cancelled = True

    context.progress = stop  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        run(context, batch=5)
    assert len(everything(db)["job"]) == 15


def test_it_says_when_retention_leaves_nothing_to_archive(context: RecordingContext) -> None:
    """Per state; 0 keeps jobs for ever."""
    run(context)
    assert [said.split()[0] for said, _ in context.logs] == ["succeeded", "cancelled"]
    context.logs.clear()
    context.settings = context.settings.replace(retention__succeeded=0.0, retention__dead=86400.0)
    run(context)
    assert [said.split()[0] for said, _ in context.logs] == ["dead"]
    context.logs.clear()
    run(context, older_than="12h")
    assert context.logs == []


class Lossy:
    """An object store that does something else than it was told: `spoil` is given what is put."""

    def __init__(self, objects: ObjectStore, spoil: Callable[[bytes], bytes | None]) -> None:
        self._objects, self._spoil = objects, spoil

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, bucket: str, key: str, data: Any, content_type: str) -> Any:
        whole = data.read()
        ref = self._objects.put(bucket, key, whole, content_type)
        spoiled = self._spoil(whole)
        if spoiled is None:
            self._objects.delete(bucket, key)
        else:
            self._objects.put(bucket, key, spoiled, content_type)
        return ref


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: None, "is not there"),
        (lambda data: data[:-1], "ends too early"),
        (lambda data: data + b"x", "follows the end"),
        (lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:], "not gzipped data"),
        (lambda data: b"", "ends too early"),
        (lambda data: gzip.compress(gzip.decompress(data), 1, mtime=0), "SHA-256 is another one"),
        (lambda data: gzip.compress(b'{"archive":{}}\n'), "no header"),
        (lambda data: gzip.compress(b"\0" * (70 << 20)), "line is longer"),
    ],
)
def test_jobs_stay_where_their_file_does_not_come_back_as_it_was(
    context: RecordingContext, db: Conn, spoil: Callable[[bytes], bytes | None], told: str
) -> None:
    """Lost, cut off, or changed by a bit: nothing is deleted, and the attempt fails."""
    for number in range(5):
        old_job(db, number)
    before = everything(db)
    context.objects = Lossy(context.objects, spoil)
    with pytest.raises(Retry, match=told):
        run(context)
    assert everything(db) == before
    assert db.execute("select count(*) from jobsched.archive").fetchone() == (0,)


def test_a_key_that_stands_in_the_way_ends_the_job(context: RecordingContext, db: Conn) -> None:
    """No attempt can help where a file is called like the folder."""
    old_job(db)
    context.objects.put("archive", "jobs", b"in the way", "text/plain")
    with pytest.raises(Discard, match="stands in its place"):
        run(context)


def test_an_object_store_that_is_away_is_worth_another_attempt(context: RecordingContext, db: Conn) -> None:
    """Nothing is deleted meanwhile."""
    old_job(db)
    there = context.settings.replace(
        objects__endpoint="http://127.0.0.1:1", objects__access_key="a", objects__secret_key="s"
    )
    context.objects = open_objects(there, Path("/nowhere"))
    with pytest.raises(Retry, match="does not answer"):
        run(context)
    assert len(everything(db)["job"]) == 1


def test_with_s3_it_is_the_same(
    context: RecordingContext, db: Conn, store: Store, s3_settings: Settings, tmp_path: Path
) -> None:
    """Put, read back, found again, restored; leftovers are removed there too."""
    context.objects = open_objects(s3_settings, tmp_path)
    bucket = f"archive-{context.token}-s3"
    ids = [old_job(db, number) for number in range(20)]
    before = everything(db)
    run(context, bucket=bucket, batch=7)
    archives = Archives(store, context.objects)
    found = archives.page()
    assert [file.jobs for file in found] == [6, 7, 7]
    assert all(each.problem is None for each in archives.verify(found))
    for file in found:
        archives.restore(file, keep=0)
    assert everything(db) == before
    assert archives.find(ids[0]) == [found[-1]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("older_than", "soon"), ("older_than", "-1d"), ("states", []), ("states", ["running"]), ("batch", 0),
        ("batch", 100_001), ("limit", 0), ("format", "csv"), ("bucket", "../x"), ("prefix", "../x"),
        ("prefix", "a\nb"), ("queue", "a b"), ("type", ""), ("older", "1d"),
    ],
)  # fmt: skip
def test_a_payload_that_cannot_be_meant_is_refused_at_the_door(field: str, value: Any) -> None:
    """The message names the field."""
    with pytest.raises(ValidationError) as caught:
        DataArchival.model_validate({field: value})
    assert caught.value.errors()[0]["loc"][0] == field


def test_an_archive_that_was_tampered_with_is_refused_whole(
    context: RecordingContext, db: Conn, archives: Archives
) -> None:
    """Another SHA-256, and nothing of it is looked at, let alone restored: not a bomb either."""
    old_job(db)
    run(context)
    (file,) = archives.page()
    data = context.objects.get("archive", file.key)
    for spoiled in (data[:-1], data + b"x", gzip.compress(b"\0" * (1 << 26)), data[::-1], b""):
        context.objects.put("archive", file.key, spoiled, "application/gzip")
        with pytest.raises(ArchiveBroken, match="another SHA-256"):
            archives.restore(file, keep=0)
        assert [each.problem is None for each in archives.verify([file])] == [False]
    context.objects.delete("archive", file.key)
    with pytest.raises(ArchiveBroken, match="is gone"):
        archives.restore(file, keep=0)
    assert everything(db)["job"] == []
