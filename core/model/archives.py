"""Archives as the use cases give them back: files in the object store that hold jobs which have ended.

Times are aware datetimes in UTC from the database's clock; sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .states import State

FORMATS = ("jsonl", "json")


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of archived jobs, as the store remembers it.

    job_id, number: of the job that wrote it, and which of its files it is. format: `jsonl` or `json`, both
    gzipped. jobs: how many it holds. first_job … last_finished: the smallest and the largest in it; other
    jobs of that range may be in other files. schema_version: of the store that it was written from.
    """

    id: int
    job_id: int
    number: int
    bucket: str
    key: str
    format: str
    jobs: int
    bytes: int
    sha256: str
    schema_version: str
    first_job: int
    last_job: int
    first_finished: datetime
    last_finished: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ArchivedJob:
    """A job in an archive. archive: the file's id."""

    archive: int
    id: int
    type: str
    queue: str
    state: State
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at a file showed. problem: None if it is whole; found: whether it is there at all."""

    file: ArchiveFile
    found: bool
    problem: str | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. restored: ids that are in the store again. existing: how many of those asked for
    were there already. keys_taken: how many came back without their idempotency key, which a newer job has."""

    archive: int
    restored: list[int]
    existing: int
    keys_taken: int
