"""Jobs into the store: one or ten thousand in a statement, and what becomes of keys that are taken.

The steps are a generator that yields statements and is sent their rows, so that one spelling of
them runs on a connection of ours, on a caller's and on an asynchronous one.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple, TypeVar

import psycopg
from psycopg.rows import tuple_row

from ..model.errors import IdempotencyConflict, TryAgain
from ..model.results import Submitted
from ..model.states import State
from .enqueue_blocked import Blocks, enqueue_blocked
from .sql import load

NAN = float("nan")
Row = tuple[Any, ...]
Result = TypeVar("Result")
Steps = Generator[tuple[LiteralString, dict[str, Any]], list[Row], Result]


class Options(NamedTuple):
    """What many jobs have in common, every option decided. timeout: 0 is none; tags: joined by commas."""

    queue: str
    type: str
    priority: int
    max_attempts: int
    backoff_kind: str
    backoff_base: float
    backoff_cap: float
    timeout: float = 0.0
    tags: str = ""


@dataclass(slots=True)
class JobRow:
    """A job in the store's own terms.

    Absent: "" (key), b"" (hash), NaN (run_at, epoch seconds; delay, seconds). blocks: what it waits
    for besides its time.
    """

    options: Options
    payload: str
    run_at: float = NAN
    delay: float = NAN
    key: str = ""
    hash: bytes = b""
    blocks: Blocks | None = None

    @property
    def lane(self) -> tuple[str, str]:
        """Its queue and type, by which idle workers are found."""
        return self.options[:2]

    @property
    def is_plain(self) -> bool:
        """Whether it may run at once and has no key: nothing about it is for the database to decide."""
        return not self.key and self.blocks is None and self.run_at != self.run_at and self.delay != self.delay


def enqueue_one(row: JobRow, submitter: str, window: float) -> Steps[Submitted]:
    """Store one job; with autocommit nothing is stored when its key conflicts.

    window: seconds after its job's end for which a key is remembered. IdempotencyConflict.
    """
    if not row.is_plain:
        return (yield from enqueue([row], submitter, window))[0]
    rows = yield load("enqueue_one"), row.options._asdict() | {"payload": row.payload, "submitter": submitter}
    return Submitted(rows[0][0])


def enqueue(rows: Sequence[JobRow], submitter: str, window: float) -> Steps[list[Submitted]]:
    """Store jobs in one statement, and one by one those that are blocked, for which the caller must have
    opened a transaction; give back their ids in the order of `rows`.

    A key that is taken by an equal job gives that job. IdempotencyConflict: it is another one; then
    the caller must roll back, unless there was only one row.
    """
    if not rows:
        return []
    first = _first_with_key(rows)
    asked = [index for index, row in enumerate(rows) if not row.key or first[row.key] == index]
    new: dict[int, Submitted] = {}
    at_once = [index for index in asked if rows[index].blocks is None]
    if at_once:
        columns = _columns([rows[index] for index in at_once])
        made = yield load("enqueue"), columns | {"submitter": submitter, "window": window}
        for position, job_id, waits in made:
            new[at_once[position - 1]] = Submitted(job_id, True, State.SCHEDULED if waits else State.QUEUED)
    for index in asked if len(at_once) < len(asked) else ():
        if rows[index].blocks is not None:
            one = yield from enqueue_blocked(rows[index], submitter, window)
            if one is not None:
                new[index] = one
    taken = [rows[index].key for index in asked if index not in new]
    holders = (yield from _holders(taken)) if taken else {}
    return [new.get(index) or _known(row, new.get(first[row.key]), holders) for index, row in enumerate(rows)]


def notify_late(made: Sequence[tuple[str, int]]) -> Steps[None]:
    """Say in the caller's transaction which (queue, seq) it holds back until it commits."""
    lowest: dict[str, int] = {}
    for queue, seq in made:
        lowest[queue] = min(seq, lowest.get(queue, seq))
    if lowest:
        yield load("notify_late"), {"queues": list(lowest), "seqs": list(lowest.values())}


def ensure_queues(names: Sequence[str]) -> Steps[None]:
    """Make the queues that don't exist yet."""
    yield load("ensure_queues"), {"names": list(names)}


def hide_fields(secrets: Mapping[str, Sequence[str]]) -> Steps[None]:
    """Hide payload fields from everybody who looks. secrets: type → fields."""
    pairs = [(job_type, field) for job_type, fields in secrets.items() for field in fields]
    if pairs:
        yield load("hide_fields"), {"types": [pair[0] for pair in pairs], "fields": [pair[1] for pair in pairs]}


def run(connection: psycopg.Connection[Any], steps: Steps[Result]) -> Result:
    """Run steps on any psycopg connection, whatever its row and cursor factories are."""
    try:
        query, params = next(steps)
        while True:
            with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
                cursor.execute(query, params)
                rows = cursor.fetchall()
            query, params = steps.send(rows)
    except StopIteration as stop:
        result: Result = stop.value
        return result


async def run_async(connection: psycopg.AsyncConnection[Any], steps: Steps[Result]) -> Result:
    """Run steps on an asynchronous psycopg connection."""
    try:
        query, params = next(steps)
        while True:
            async with psycopg.AsyncCursor(connection, row_factory=tuple_row) as cursor:
                await cursor.execute(query, params)
                rows = await cursor.fetchall()
            query, params = steps.send(rows)
    except StopIteration as stop:
        result: Result = stop.value
        return result


def _first_with_key(rows: Sequence[JobRow]) -> dict[str, int]:
    """Index of the first row of each key. IdempotencyConflict: a later one asks for another job."""
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.key and rows[first.setdefault(row.key, index)].hash != row.hash:
            raise IdempotencyConflict(
                f"the idempotency key {row.key[:80]!r} is given to two different jobs at once",
                fix="give each job a key of its own",
            )
    return first


def _columns(rows: Sequence[JobRow]) -> dict[str, Any]:
    options = [list(column) for column in zip(*(row.options for row in rows), strict=True)]
    columns: dict[str, Any] = dict(zip(_OPTION_COLUMNS, options, strict=True))
    columns["payloads"] = [row.payload for row in rows]
    columns["run_ats"] = [row.run_at for row in rows]
    columns["delays"] = [row.delay for row in rows]
    columns["keys"] = [row.key for row in rows]
    columns["hashes"] = [row.hash for row in rows]
    return columns


_OPTION_COLUMNS = (
    "queues", "types", "priorities", "max_attempts", "backoff_kinds", "backoff_bases", "backoff_caps", "timeouts",
    "tags",
)  # fmt: skip


def _holders(keys: Sequence[str]) -> Steps[dict[str, Row]]:
    rows = yield load("idempotency_holders"), {"keys": list(keys)}
    return {row[0]: row for row in rows}


def _known(row: JobRow, made_now: Submitted | None, holders: dict[str, Row]) -> Submitted:
    """The job that has the row's key already: an earlier one of the same call, or one in the store."""
    if made_now is not None:
        return Submitted(made_now.id, False, made_now.state)
    if row.key not in holders:
        raise TryAgain(f"the idempotency key {row.key[:80]!r} was freed at this moment", fix="submit it again")
    _, job_id, held_hash, state = holders[row.key]
    if bytes(held_hash) != row.hash:
        raise IdempotencyConflict(
            f"the idempotency key {row.key[:80]!r} is taken — job {job_id} has it, with another type or payload",
            fix=f"jobsched show {job_id}, or give another key",
        )
    return Submitted(job_id, False, State(state) if state else None)
