"""`data_archival`: jobs that ended long ago, moved from the store into gzipped files in the object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..core.handler import Context, Discard, Retry, handler
from ..core.model.durations import parse_duration
from ..core.model.errors import Conflict, JobschedError, UsageError
from ..core.model.job import check_name
from ._source import Bucket, Key

if TYPE_CHECKING:
    from ..core.archives.archiving import Order

Final = Literal["succeeded", "cancelled", "dead"]
FINAL: tuple[Final, ...] = ("succeeded", "cancelled", "dead")
MAX_BATCH = 100_000
TOLD = 100
"""Files that the result lists; `jobsched archive ls` has all."""


def _duration(value: str) -> str:
    try:
        parse_duration(value)
    except ValueError:
        raise ValueError("it is not a duration like 30d, 12h or 0s") from None
    return value


def _name(value: str) -> str:
    try:
        check_name("name", value)
    except UsageError:
        raise ValueError("it cannot be the name of one") from None
    return value


Name = Annotated[str, AfterValidator(_name)]


class DataArchival(BaseModel):
    """Which jobs, and where to. All conditions must hold."""

    model_config = ConfigDict(extra="forbid")

    older_than: Annotated[str, AfterValidator(_duration)] = Field(
        "30d", max_length=40, description="since a job's end: 30d, 12h, 0s"
    )
    states: list[Final] = Field(list(FINAL), min_length=1, max_length=3, description="how they ended")
    queue: Name | None = Field(None, description="only jobs of this queue")
    type: Name | None = Field(None, description="only jobs of this type")
    tag: Name | None = Field(None, description="only jobs with this tag")
    format: Literal["jsonl", "json"] = Field("jsonl", description="JSON Lines, or one JSON document; gzipped")
    batch: int = Field(10_000, ge=1, le=MAX_BATCH, description="most jobs in a file")
    limit: int | None = Field(None, ge=1, description="most jobs in all")
    bucket: Bucket = "archive"
    prefix: Key = Field("jobs", max_length=200, description="of the files' keys")


@handler(
    "data_archival",
    max_attempts=5,
    isolation="process",
    store=True,
    examples=(
        {"older_than": "30d"},
        {"older_than": "7d", "states": ["succeeded"], "queue": "emails", "format": "json", "limit": 100_000},
    ),
)
def data_archival(payload: DataArchival, context: Context) -> dict[str, Any]:
    """Move jobs that ended long ago, with all that is kept about them, into files in the object store.

    Each file is read back and checked by SHA-256 and count before its jobs are deleted. Killed at any
    point, no job is lost or archived twice, and the next attempt goes on. `jobsched archive` lists and restores.
    """
    from ..core.archives.archiving import Archiver
    from ..core.store.store import open_store

    _warn_of_retention(payload, context)
    try:
        with open_store(context.settings) as store:
            moved = Archiver(store, context.objects, _order(payload, context), context).run()
    except JobschedError as error:
        said = f"{error.message} ({error.fix})" if error.fix else error.message
        raise (Discard if isinstance(error, Conflict | UsageError) else Retry)(said) from None
    if moved.skipped:
        context.log("some jobs changed meanwhile and stayed", jobs=moved.skipped)
    return {
        "jobs": sum(each.jobs for each in moved.files),
        "bytes": sum(each.bytes for each in moved.files),
        "skipped": moved.skipped,
        "file_count": len(moved.files),
        "files": [
            {
                "archive": each.id, "bucket": each.bucket, "key": each.key, "size": each.bytes,
                "sha256": each.sha256, "jobs": each.jobs,
            }
            for each in moved.files[:TOLD]
        ],
    }  # fmt: skip


def _warn_of_retention(payload: DataArchival, context: Context) -> None:
    """Jobs that retention deletes sooner are never old enough."""
    for state in payload.states:
        key = "retention.dead" if state == "dead" else "retention.succeeded"
        if 0 < context.settings[key] < parse_duration(payload.older_than):
            context.log(f"{state} jobs are deleted before they are {payload.older_than} old: see the setting {key}")


def _order(payload: DataArchival, context: Context) -> Order:
    from ..core.archives.archiving import Order

    return Order(
        older_than=parse_duration(payload.older_than),
        states=tuple(payload.states),
        window=context.settings["retention.idempotency"],
        queue=payload.queue,
        type=payload.type,
        tag=payload.tag,
        format=payload.format,
        batch=payload.batch,
        bucket=payload.bucket,
        prefix=payload.prefix,
        limit=payload.limit,
    )
