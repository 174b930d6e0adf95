"""Archiving, as far as it is the store's part: which jobs are old, everything that is kept about them, and the one
transaction in which they leave and their file is remembered.

Nothing is held between the calls. That a job stood still from the time it was looked at shows in its outcome's
transaction: whoever retries, discards or deletes it takes that outcome away, or writes another one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ..model.archives import ArchiveFile
from ..model.errors import JobschedError, LeaseLost, NotFound
from ..model.job import MAX_ID
from . import schema
from .jobs import Connection
from .sql import load

LOOK = 2000
"""Outcomes that one look goes through."""
SCHEMA = schema.HEAD
Place = tuple[datetime, int]
"""A place in the order of outcomes: (finished_at, job id)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs are to be archived: all conditions must hold.

    before: they ended earlier; by the database's clock, as `ended_before` gives it.
    """

    before: datetime
    states: Sequence[str]
    queue: str | None = None
    type: str | None = None
    tag: str | None = None


class Candidate(NamedTuple):
    """An old outcome. xid: of the transaction that wrote it. wanted: whether its job is to be archived.
    size: bytes that the big things about the job take as they are stored."""

    job_id: int
    xid: str
    finished_at: datetime
    wanted: bool
    size: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """What the store is to remember of a file: see ArchiveFile."""

    job_id: int
    number: int
    bucket: str
    key: str
    format: str
    jobs: int
    bytes: int
    sha256: str


def ended_before(connection: Connection, age: float) -> datetime:
    """The time that is `age` seconds ago by the database's clock."""
    row = connection.execute("select statement_timestamp() - make_interval(secs => %s)", (age,)).fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def first_place(connection: Connection) -> Place:
    """The place of the oldest outcome of all."""
    row = connection.execute("select finished_at from jobsched.outcome order by finished_at limit 1").fetchone()
    return (row[0], 0) if row else (datetime.fromisoformat("1970-01-01T00:00:00+00:00"), 0)


def look(connection: Connection, wanted: Wanted, after: Place, n: int = LOOK) -> list[Candidate]:
    """Return the next outcomes, at most `n`, oldest first, those that are not wanted included."""
    params = {
        "before": wanted.before, "states": list(wanted.states), "queue": wanted.queue, "type": wanted.type,
        "tag": wanted.tag, "after": after[0], "after_id": after[1], "n": n,
    }  # fmt: skip
    return [Candidate(*row) for row in connection.execute(load("archive_look"), params)]


def read_lines(connection: Connection, ids: Sequence[int]) -> Generator[str]:
    """Yield a JSON text for each row about these jobs, as the server sends them: see archive_read.sql.

    The connection must be free until it ends; psycopg's errors are raised as they are.
    """
    with connection.cursor() as cursor:
        # Rows come one by one: they may be a megabyte each.
        for (line,) in cursor.stream(load("archive_read"), {"ids": list(ids)}):
            yield line


def remove(
    connection: Connection, token: int, file: NewFile, archived: Sequence[Candidate], window: float
) -> set[int] | None:
    """In one transaction: delete the jobs that the file holds, and remember the file. None: it was done.

    Otherwise nothing was changed, and what comes back are the ids of those that could still be archived:
    the others have changed since, or somebody is about to change them. token: of the lease that the
    archiving job runs under; LeaseLost if it is not its any more. window: seconds after a job's end for
    which its idempotency key is remembered.
    """
    ids = [each.job_id for each in archived]
    with connection.transaction():
        if connection.execute(load("archive_fence"), {"job_id": file.job_id, "token": token}).fetchone() is None:
            raise LeaseLost(f"the lease of job {file.job_id} has ended — another worker may be running it")
        held: dict[int, str] = dict(connection.execute(load("archive_lock"), {"ids": ids}).fetchall())
        same = {each.job_id for each in archived if held.get(each.job_id) == each.xid}
        if len(same) < len(ids):
            return same
        if file.jobs != len(ids):
            raise JobschedError(f"the file holds {file.jobs} jobs instead of {len(ids)} — no job was deleted")
        deleted = connection.execute(load("archive_delete"), {"ids": ids, "window": window}).fetchone()
        if deleted != (len(ids),):
            raise JobschedError("the store deleted other jobs than it should have — all of that was taken back")
        ends = [each.finished_at for each in archived]
        more = {
            "schema_version": SCHEMA, "first_job": min(ids), "last_job": max(ids),
            "first_finished": min(ends), "last_finished": max(ends),
        }  # fmt: skip
        names = ("job_id", "number", "bucket", "key", "format", "jobs", "bytes", "sha256")
        connection.execute(load("archive_add"), {**dict(zip(names, astuple(file), strict=True)), **more})
    return None


def files_of(connection: Connection, job_id: int) -> list[ArchiveFile]:
    """The files that an archiving job has written so far, in order."""
    return [ArchiveFile(*row) for row in connection.execute(load("archive_of_job"), {"job_id": job_id})]


def list_files(
    connection: Connection, *, before: int | None = None, holding: int | None = None, limit: int = 50
) -> list[ArchiveFile]:
    """Return one page of files, newest first. before: the smallest id of the page above. holding: only
    those in whose range this job's id is."""
    params = {"before": _possible(before, MAX_ID), "holding": _possible(holding, None), "limit": limit}
    return [ArchiveFile(*row) for row in connection.execute(load("archive_list"), params)]


def get_files(connection: Connection, ids: Sequence[int]) -> list[ArchiveFile]:
    """Return files in the order of `ids`. NotFound: for the first that is not there."""
    rows = connection.execute(load("archive_get"), {"ids": [each for each in ids if 0 < each <= MAX_ID]})
    found = {row[0]: ArchiveFile(*row) for row in rows}
    for each in ids:
        if each not in found:
            raise NotFound(f"there is no archive {each}", fix="jobsched archive ls")
    return [found[each] for each in ids]


def _possible(value: int | None, otherwise: Any) -> Any:
    return otherwise if value is None else max(0, min(value, MAX_ID))
