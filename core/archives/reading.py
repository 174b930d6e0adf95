"""Archives as people use them: listed, looked into, checked, restored."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import IO

from ..model.archives import ArchivedJob, ArchiveFile, Restored, Verified
from ..model.errors import ArchiveBroken, Conflict, NotFound, ObjectNotFound, SchemaTooNew, UsageError
from ..model.states import State
from ..objects import ObjectStore
from ..store import archive, fleet, restore
from ..store.store import Store
from . import file as files

MAX_LIST = 10_000
PIECE = 1 << 20


class Archives:
    """The use cases over one store and one object store, which the caller closes."""

    def __init__(self, store: Store, objects: ObjectStore) -> None:
        self._store, self._objects = store, objects

    def page(self, *, before: int | None = None, limit: int = 50) -> list[ArchiveFile]:
        """Return one page of files, newest first. before: the smallest id of the page above. limit: 1 to 10,000."""
        if not 1 <= limit <= MAX_LIST:
            raise UsageError(f"the limit is {limit} — it must be 1 to {MAX_LIST:,}")
        with self._store.connection() as connection:
            return archive.list_files(connection, before=before, limit=limit)

    def get_many(self, ids: Sequence[int]) -> list[ArchiveFile]:
        """Return files in the order of `ids`. NotFound: for the first that is not there."""
        with self._store.connection() as connection:
            return archive.get_files(connection, ids)

    def find(self, job_id: int) -> list[ArchiveFile]:
        """Return the files that a job is in, newest first; more than one if it was restored in between.

        Those in whose range its id is are read from the object store. ArchiveBroken, ObjectNotFound.
        """
        found: list[ArchiveFile] = []
        before = None
        while True:
            with self._store.connection() as connection:
                page = archive.list_files(connection, before=before, holding=job_id, limit=100)
            for each in page:
                with self._fetched(each) as file:
                    lines = map(files.job_facts, files.read(_pieces(file), each.format)[1])
                    if any(facts is not None and facts[0] == job_id for facts in lines):
                        found.append(each)
            if len(page) < 100:
                return found
            before = page[-1].id

    def jobs(self, wanted: ArchiveFile) -> list[ArchivedJob]:
        """Return the jobs of a file, by id. ArchiveBroken, ObjectNotFound."""
        kinds: dict[int, tuple[str, str]] = {}
        ends: dict[int, tuple[str, str]] = {}
        with self._fetched(wanted) as file:
            for line in files.read(_pieces(file), wanted.format)[1]:
                if (job := files.job_facts(line)) is not None:
                    kinds[job[0]] = job[1:]
                elif (outcome := files.outcome_facts(line)) is not None:
                    ends[outcome[0]] = outcome[1:]
        return [
            ArchivedJob(
                wanted.id, job_id, type_, queue, State(ends[job_id][0]), datetime.fromisoformat(ends[job_id][1])
            )
            for job_id, (queue, type_) in sorted(kinds.items())
        ]

    def verify(self, chosen: Iterable[ArchiveFile]) -> Iterator[Verified]:
        """Read files back, one after the other, and say of each whether it is what was archived.

        What keeps a file from being read at all, such as an object store that is away, is raised.
        """
        for each in chosen:
            try:
                found = files.check(self._objects.stream(each.bucket, each.key), each.format)
            except ObjectNotFound:
                yield Verified(each, False, "the object is not there")
                continue
            except ArchiveBroken as error:
                yield Verified(each, True, error.message)
                continue
            problem = None
            if found.sha256 != each.sha256:
                problem = f"its SHA-256 is {found.sha256}, and was {each.sha256}"
            elif (found.jobs, found.bytes) != (each.jobs, each.bytes):
                problem = f"it holds {found.jobs} jobs in {found.bytes} bytes, and not {each.jobs} in {each.bytes}"
            yield Verified(each, True, problem)

    def restore(
        self, wanted: ArchiveFile, *, jobs: Sequence[int] | None = None, keep: float, foreign: bool = False
    ) -> Restored:
        """Put the jobs of a file back as they were, all or only these, in one transaction.

        Jobs that are in the store already stay as they are. The file stays too: it can be restored again.
        jobs: None is all of it. keep: seconds for which retention and archival leave them alone. foreign:
        whether it may be from another store. ArchiveBroken: it is not what was archived; NotFound: one of
        `jobs` is not in it; Conflict: it is from another store, or see restore.restore. In all of these
        cases nothing was restored.
        """
        if jobs is not None and not jobs:
            raise UsageError("no job was named — nothing to restore", fix=f"jobsched archive show {wanted.id} --jobs")
        with self._fetched(wanted) as file:
            self._check_origin(wanted, file, foreign=foreign)
            asked = wanted.jobs
            if jobs is not None:
                _check_selection(wanted, file, jobs)
                asked = len(set(jobs))
            lines = partial(_lines_of_kind, wanted, file)
            with self._store.connection() as connection:
                made, keys_taken = restore.restore(connection, lines, jobs, keep)
        return Restored(wanted.id, made, asked - len(made), keys_taken)

    @contextmanager
    def _fetched(self, wanted: ArchiveFile) -> Iterator[IO[bytes]]:
        """A local copy of a file, which is what was archived: nothing else is looked into."""
        name = f"{wanted.bucket}/{wanted.key}"
        fix = f"bring the object back from a backup of its bucket, then: jobsched archive verify {wanted.id}"
        digest = hashlib.sha256()
        size = 0
        with tempfile.TemporaryFile() as copy:
            try:
                for piece in self._objects.stream(wanted.bucket, wanted.key):
                    size += len(piece)
                    if size > wanted.bytes:
                        break
                    digest.update(piece)
                    copy.write(piece)
            except ObjectNotFound:
                raise ArchiveBroken(f"archive {wanted.id} is gone — there is no object {name}", fix=fix) from None
            if size != wanted.bytes or digest.hexdigest() != wanted.sha256:
                raise ArchiveBroken(
                    f"archive {wanted.id} is not what was archived — object {name} has another SHA-256", fix=fix
                )
            try:
                yield copy
            except ArchiveBroken as error:
                raise ArchiveBroken(f"archive {wanted.id} cannot be read — {error.message}", fix=fix) from None

    def _check_origin(self, wanted: ArchiveFile, file: IO[bytes], *, foreign: bool) -> None:
        header, _ = files.read(_pieces(file), wanted.format)
        if header.schema > archive.SCHEMA:
            raise SchemaTooNew(
                f"archive {wanted.id} is from schema {header.schema}, newer than this program's {archive.SCHEMA}",
                fix="upgrade jobsched",
            )
        with self._store.connection() as connection:
            ours = fleet.store_id(connection)
        if header.store != ours and not foreign:
            raise Conflict(
                f"archive {wanted.id} is from another store, {header.store} — its jobs have nothing to do with these",
                fix="add --foreign if it is meant",
            )


def _check_selection(wanted: ArchiveFile, file: IO[bytes], jobs: Sequence[int]) -> None:
    there = {facts[0] for line in files.read(_pieces(file), wanted.format)[1] if (facts := files.job_facts(line))}
    for job_id in jobs:
        if job_id not in there:
            raise NotFound(
                f"job {job_id} is not in archive {wanted.id}", fix=f"jobsched archive show --job {job_id} finds it"
            )


def _lines_of_kind(wanted: ArchiveFile, file: IO[bytes], kind: str) -> Iterator[str]:
    start = f'{{"{kind}":'
    return (line for line in files.read(_pieces(file), wanted.format)[1] if line.startswith(start))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece
