"""Moving jobs that ended long ago into files, one file at a time. Killed anywhere, it can be run again.

For each file:

1. everything about a batch of jobs is written to a temporary file, as Postgres' own JSON;
2. the file is put into the object store, read back, and must be what was put;
3. one transaction deletes the jobs and remembers the file, if each job's outcome is still the one that was
   looked at and nobody is about to change it. Otherwise nothing is deleted, and the file is made again
   without those that have changed; a file that nothing is left for is removed.

A key names the attempt, by its lease's token: a worker that was declared dead and goes on for a while can neither
delete a job (the transaction asks for the lease) nor overwrite a file of the attempt that came after it. What an
attempt left behind that could not finish is removed by the next one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

from ..model.archives import ArchiveFile
from ..model.errors import ArchiveBroken, ObjectNotFound
from ..objects import ObjectStore
from ..store import archive, fleet
from ..store.archive import Candidate, NewFile, Wanted
from ..store.store import Store
from . import file as files
from .file import Header, Written

MAX_FILE_BYTES = 128 << 20
"""What the jobs of one file take in the store, at most; a job that takes more has a file of its own."""
CHECK_EVERY = 1000
"""Rows between looks whether the job was asked to stop."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to archive, and where to.

    older_than: seconds since a job's end. batch: most jobs in a file. limit: most jobs in all; None is no limit.
    window: seconds after a job's end for which its idempotency key is remembered.
    """

    older_than: float
    states: tuple[str, ...]
    window: float
    queue: str | None = None
    type: str | None = None
    tag: str | None = None
    format: str = "jsonl"
    batch: int = 10_000
    bucket: str = "archive"
    prefix: str = "jobs"
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What an archiving job has moved so far, in all of its attempts. skipped: jobs that changed while this
    attempt was archiving them, and stayed."""

    files: list[ArchiveFile]
    skipped: int


class Voice(Protocol):
    """What archiving needs of a job's context."""

    job_id: int
    token: int

    def check_cancelled(self) -> None:
        """Raise if the job was asked to stop."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how much is done."""


class Archiver:
    """One attempt of an archiving job."""

    def __init__(self, store: Store, objects: ObjectStore, order: Order, job: Voice) -> None:
        self._store, self._objects, self._order, self._job = store, objects, order, job
        self._moved = 0
        self._skipped = 0
        with store.connection() as connection:
            self._store_id = fleet.store_id(connection)
            before = archive.ended_before(connection, order.older_than)
            self._start = archive.first_place(connection)
            earlier = archive.files_of(connection, job.job_id)
        self._wanted = Wanted(before, order.states, order.queue, order.type, order.tag)
        self._place = self._start
        self._number = max((each.number for each in earlier), default=0) + 1
        self._limit = None if order.limit is None else order.limit - sum(each.jobs for each in earlier)
        self._known = {(each.bucket, each.key) for each in earlier}

    def run(self) -> Moved:
        """Archive everything that is wanted. What the object store, the store and `job` raise; LeaseLost:
        another worker may be running the job; ArchiveBroken: what came back is not what was put.
        """
        self._remove_leftovers()
        candidates = self._candidates()
        while batch := self._take(candidates):
            self._archive(batch)
            self._job.progress(*self._progress(batch[-1].finished_at))
        with self._store.connection() as connection:
            return Moved(archive.files_of(connection, self._job.job_id), self._skipped)

    def _candidates(self) -> Iterator[Candidate]:
        """Every job that is wanted, oldest end first, looked for when it is asked for."""
        while True:
            self._job.check_cancelled()
            with self._store.connection() as connection:
                found = archive.look(connection, self._wanted, self._place)
            yield from (each for each in found if each.wanted)
            if len(found) < archive.LOOK:
                return
            self._place = (found[-1].finished_at, found[-1].job_id)

    def _take(self, candidates: Iterator[Candidate]) -> list[Candidate]:
        """The jobs of the next file."""
        most = self._order.batch if self._limit is None else min(self._order.batch, self._limit - self._moved)
        batch: list[Candidate] = []
        size = 0
        while len(batch) < most and size < MAX_FILE_BYTES and (each := next(candidates, None)) is not None:
            batch.append(each)
            size += each.size
        return batch

    def _archive(self, batch: list[Candidate]) -> None:
        """Move a batch, or what of it can be moved."""
        key = f"{self._folder}{self._number:05}-{self._job.token}.{files.EXTENSIONS[self._order.format]}"
        left = batch
        while left:
            self._job.check_cancelled()
            with tempfile.TemporaryFile() as file:
                written = self._write(file, left)
                self._objects.put(self._order.bucket, key, file, files.CONTENT_TYPE)
            self._read_back(key, written)
            same = self._remove(key, written, left)
            if same is None:
                self._number += 1
                self._moved += len(left)
                break
            left = [each for each in left if each.job_id in same]
            self._objects.delete(self._order.bucket, key)
        self._skipped += len(batch) - len(left)

    def _write(self, file: IO[bytes], batch: list[Candidate]) -> Written:
        header = Header(files.FORMAT, archive.SCHEMA, self._store_id, self._job.job_id, self._number)
        ids = [each.job_id for each in batch]
        with self._store.connection() as connection, closing(archive.read_lines(connection, ids)) as lines:
            return files.write(file, self._order.format, header, self._checked(lines))

    def _checked(self, lines: Iterator[str]) -> Iterator[str]:
        for number, line in enumerate(lines):
            if number % CHECK_EVERY == 0:
                self._job.check_cancelled()
            yield line

    def _read_back(self, key: str, written: Written) -> None:
        name = f"{self._order.bucket}/{key}"
        try:
            found = files.check(self._objects.stream(self._order.bucket, key), self._order.format)
        except ObjectNotFound:
            raise ArchiveBroken(f"object {name} was put and is not there — no job was deleted") from None
        except ArchiveBroken as error:
            raise ArchiveBroken(f"object {name} is not what was put: {error.message} — no job was deleted") from None
        if found != written:
            raise ArchiveBroken(f"object {name} is not what was put: its SHA-256 is another one — no job was deleted")

    def _remove(self, key: str, written: Written, batch: list[Candidate]) -> set[int] | None:
        """Delete the jobs of a file that was read back; see archive.remove."""
        new = NewFile(
            self._job.job_id, self._number, self._order.bucket, key, self._order.format,
            written.jobs, written.bytes, written.sha256,
        )  # fmt: skip
        with self._store.connection() as connection:
            return archive.remove(connection, self._job.token, new, batch, self._order.window)

    @property
    def _folder(self) -> str:
        """Of this job's files. With the store's id: two stores may share a bucket, and number their jobs alike."""
        return f"{self._order.prefix}/{self._store_id}/{self._job.job_id}/"

    def _remove_leftovers(self) -> None:
        """Delete files of earlier attempts that no transaction remembers, and none will: their leases have ended."""
        for found in list(self._objects.list(self._order.bucket, self._folder)):
            name = found.key.removeprefix(self._folder)
            token = name.partition(".")[0].partition("-")[2]
            if (found.bucket, found.key) in self._known or not token.isdecimal() or int(token) >= self._job.token:
                continue
            self._objects.delete(found.bucket, found.key)

    def _progress(self, reached: datetime) -> tuple[float, str]:
        """How far it is, by time: how many jobs there are would have to be counted first."""
        first, last = self._start[0], self._wanted.before
        fraction = (reached - first) / (last - first) if last > first else 1.0
        if self._limit is not None:
            fraction = max(fraction, self._moved / self._limit)
        return min(1.0, max(0.0, fraction)), f"{self._moved:,} jobs archived"
