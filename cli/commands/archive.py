"""Archives: files of jobs that ended long ago; look into them, check them, restore from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import NotFound, UsageError
from .. import arguments, diagnostics, invocation, output, selection
from ..group import dry_runnable
from ..output import Column

if TYPE_CHECKING:
    from ...core.archives.reading import Archives
    from ...core.model.archives import ArchiveFile

app = typer.Typer()
COLUMNS = (
    Column("id", "id"),
    Column("jobs", "number"),
    Column("first_job", "id"),
    Column("last_job", "id"),
    Column("first_finished", "time"),
    Column("last_finished", "time"),
    Column("bytes", "number"),
    Column("created_at", "time"),
    Column("bucket"),
    Column("key"),
    Column("format", in_table=False),
    Column("job_id", "id", shown=False),
    Column("number", "number", shown=False),
    Column("sha256", shown=False),
    Column("schema_version", shown=False),
)
JOBS = (
    Column("id", "id"),
    Column("type"),
    Column("queue"),
    Column("state", "state"),
    Column("finished_at", "time"),
    Column("archive", "id"),
)
VERIFIED = (
    Column("id", "id"),
    Column("ok", "flag"),
    Column("jobs", "number"),
    Column("bytes", "number"),
    Column("bucket"),
    Column("key"),
    Column("problem"),
)
RESTORED = (
    Column("archive", "id"),
    Column("restored", "number"),
    Column("existing", "number"),
    Column("keys_taken", "number"),
    Column("ids", "json", shown=False),
)
PAGE = 1000
Id = Annotated[str, typer.Argument(metavar="ARCHIVE", help="A number from archive ls.", show_default=False)]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ARCHIVE…]", help="Numbers from archive ls.", show_default=False)
]


@app.command("ls")
def ls(
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")] = 50,
    before: Annotated[str | None, typer.Option("--before", metavar="ARCHIVE", help="Only older ones.")] = None,
) -> None:
    """Files of archived jobs, newest first."""
    smaller_than = _id(before) if before is not None else None
    with _archives() as archives:
        found = archives.page(limit=limit, before=smaller_than)
    following = str(found[-1].id) if len(found) == limit else None
    output.emit("archive", COLUMNS, map(_row, found), next=following)
    if invocation.current().for_people:
        if not found:
            diagnostics.note("there is no archive: a data_archival job makes them")
        elif following:
            diagnostics.note(f"more: --before {following}")


@app.command("show")
def show(
    words: Ids = None,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="The files that this job is in.")] = None,
    jobs: Annotated[bool, typer.Option("--jobs", help="The jobs in these files, read from the object store.")] = False,
) -> None:
    """What is known of archives, or which jobs are in them."""
    if (job is None) == (not words):
        raise UsageError("name archives, or a job with --job — one of the two")
    with _archives() as archives:
        if job is None:
            found = archives.get_many([_id(word) for word in words or ()])
        else:
            job_id = selection.parse_id(job)
            found = archives.find(job_id)
            if not found:
                raise NotFound(f"job {job_id} is in no archive", fix=f"jobsched show {job_id}")
        if jobs:
            output.emit("archive.job", JOBS, (_fields(each, JOBS) for file in found for each in archives.jobs(file)))
        else:
            output.emit("archive", COLUMNS, map(_row, found))


@app.command("verify")
def verify(words: Ids = None) -> int:
    """Read archives back, and compare SHA-256 and count.

    Without a number, all of them. Exit 1 if one is missing or changed.
    """
    broken = looked_at = 0
    out = output.writer("archive.verified", VERIFIED)
    if output.fields_asked(VERIFIED):
        return 0
    with _archives() as archives, diagnostics.Progress() as progress:
        chosen = iter(archives.get_many([_id(word) for word in words])) if words else _all(archives)
        for each in archives.verify(chosen):
            looked_at += 1
            broken += each.problem is not None
            row = {**_row(each.file), "ok": each.problem is None, "problem": each.problem}
            out.write({column.name: row[column.name] for column in VERIFIED})
            progress.update(f"{looked_at} archives read, {broken} broken")
    out.close()
    diagnostics.note(f"{looked_at - broken} of {looked_at} archives are whole")
    return 1 if broken else 0


@app.command("restore")
@dry_runnable
def restore(
    word: Id,
    job: Annotated[list[str] | None, typer.Option("--job", metavar="ID", help="Only this job (repeatable).")] = None,
    keep: Annotated[
        str, typer.Option("--keep", metavar="DURATION", help="Safe from retention and archival for so long.")
    ] = "7d",
    foreign: Annotated[bool, typer.Option("--foreign", help="It may be from another store.")] = False,
) -> None:
    """Put archived jobs back into the store, as they were.

    Jobs that are there already stay as they are. The archive stays too.
    """
    seconds = arguments.read("--keep", keep, parse_duration) or 0.0
    ids = None if job is None else [selection.parse_id(each) for each in job]
    if output.fields_asked(RESTORED):
        return
    with _archives() as archives:
        (file,) = archives.get_many([_id(word)])
        count = file.jobs if ids is None else len(set(ids))
        if invocation.current().dry_run:
            diagnostics.note(f"would restore {count} jobs of archive {file.id}; nothing was changed")
            return
        diagnostics.confirm(f"This restores {count} jobs of archive {file.id}.", count=count)
        done = archives.restore(file, jobs=ids, keep=seconds, foreign=foreign)
    if not invocation.current().for_people:
        row = {"archive": done.archive, "restored": len(done.restored), "existing": done.existing}
        output.emit("archive.restored", RESTORED, [row | {"keys_taken": done.keys_taken, "ids": done.restored}])
        return
    output.line(f"{len(done.restored)} jobs of archive {done.archive} restored")
    if done.existing:
        diagnostics.note(f"{done.existing} were in the store already and stay as they are")
    if done.keys_taken:
        diagnostics.note(f"{done.keys_taken} came back without their idempotency key: newer jobs have it")


@contextmanager
def _archives() -> Iterator[Archives]:
    from ...core.archives.reading import Archives
    from ...core.objects import open_objects

    with invocation.open_service() as service:
        yield Archives(service.store, open_objects(service.settings, service.store.home))


def _all(archives: Archives) -> Iterator[ArchiveFile]:
    """Every archive, newest first."""
    before: int | None = None
    while page := archives.page(before=before, limit=PAGE):
        yield from page
        before = page[-1].id


def _id(word: str) -> int:
    if not word.isascii() or not word.isdecimal() or len(word) > 18:
        raise UsageError(f"{word[:60]!r} is not an archive — they are whole numbers", fix="jobsched archive ls")
    return int(word)


def _row(file: ArchiveFile) -> dict[str, Any]:
    return _fields(file, COLUMNS)


def _fields(value: object, columns: tuple[Column, ...]) -> dict[str, Any]:
    return {column.name: getattr(value, column.name) for column in columns}
