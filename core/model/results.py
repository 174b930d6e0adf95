"""What the use cases give back besides jobs: plain values, ready to be shown by any door.

Times are aware datetimes in UTC from the database's clock; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from .errors import JobschedError
from .states import State

Liveness = Literal["live", "late", "lost"]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job as it was acknowledged.

    created: False when the idempotency key already had this job. state: where it is; None for a job
    that is remembered by its key alone, because retention has deleted it.
    """

    id: int
    created: bool = True
    state: State | None = State.QUEUED


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one job of a bulk operation.

    state: the job's state now (for a cancelled running job still `running`: its worker was told);
    None where it is unknown. error: None exactly when ok.
    """

    id: int
    ok: bool
    state: State | None = None
    error: JobschedError | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """`child` runs after `parent`, if that ends as `condition` (ok, fail, any) says.

    met: it has; then it is met for good. parent_state: None where the parent is no longer in the store.
    """

    child: int
    parent: int
    condition: str
    met: bool
    parent_state: State | None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Jobs of a queue by state; states without jobs are missing."""

    queue: str
    by_state: Mapping[State, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.by_state.values())


Verb = Literal["cancel", "retry", "hold", "release", "discard", "move"]


@dataclass(frozen=True, slots=True)
class Operation:
    """A change that somebody made to jobs. selection: which, in words. jobs: how many it was meant for."""

    id: int
    verb: Verb
    by: str
    selection: str
    jobs: int
    started_at: datetime
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs have these values of what they were told apart by; None where they have none."""

    by: Mapping[str, str | None]
    count: int


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A queue. oldest_queued: seconds for which its oldest queued job has waited; None without one.
    key_limit: most jobs of one concurrency key that run at a time. max_running: most jobs that run at a
    time; rate: most starts a second, of which `burst` may come at once. None is no limit."""

    name: str
    created_at: datetime
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    paused_until: datetime | None
    queued: int
    scheduled: int
    retrying: int
    running: int
    oldest_queued: float | None
    blocked: int = 0
    key_limit: int = 1
    max_running: int | None = None
    rate: float | None = None
    burst: int = 1


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker that has not ended.

    queues: None is every queue. state: available, busy, draining or unavailable, in its own words.
    liveness: `live`; `late` when its last heartbeat is older than a third of its lease; `lost` when
    it is older than the lease, after which its jobs are given to others. silent: seconds since the
    last heartbeat. withheld: job types that it would run had it been started with --allow-commands. running:
    jobs that it has. rss_bytes: memory of keeper and runners.
    """

    id: int
    name: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...] | None
    types: tuple[str, ...]
    withheld: tuple[str, ...]
    concurrency: int
    state: str
    liveness: Liveness
    command: str | None
    running: int
    rss_bytes: int
    lease_seconds: float
    started_at: datetime
    heartbeat_at: datetime
    idle_since: datetime
    silent: float


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """A piece of what a job said. (token, chunk) orders the pieces of a job; stream: log, stdout, stderr."""

    token: int
    chunk: int
    attempt: int
    stream: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead jobs that failed alike: one fingerprint, queue and type. message: of the newest one."""

    fingerprint: str
    queue: str
    type: str
    count: int
    first_seen: datetime
    last_seen: datetime
    message: str | None
    example_id: int


@dataclass(frozen=True, slots=True, order=True)
class TailCursor:
    """A place in the order of events: (transaction, rank of the kind, id). Resume after it."""

    xid: int
    rank: int = 0
    id: int = -1

    def __str__(self) -> str:
        return f"{self.xid}-{self.rank}-{self.id}"


def parse_tail_cursor(text: str) -> TailCursor:
    """Read what `str(cursor)` wrote. ValueError otherwise."""
    parts = text.split("-", 2)
    if len(parts) != 3 or parts[1] not in ("0", "1") or not parts[0].isascii() or not parts[0].isdigit():
        raise ValueError(f"{text[:80]!r} is not a place in the tail")
    cursor = TailCursor(int(parts[0]), int(parts[1]), int(parts[2]))
    if cursor.xid >= 1 << 63 or not -1 <= cursor.id < 1 << 63:
        raise ValueError(f"{text[:80]!r} is not a place in the tail")
    return cursor


@dataclass(frozen=True, slots=True)
class Event:
    """Something that ended, as `tail` delivers it.

    kind: a final state (`succeeded`, `dead`, `cancelled`), or how an attempt went wrong (`failed`,
    `timeout`, `crashed`, `lost`); the attempt that makes a job dead is told apart from its death.
    duration: seconds that it ran. type, queue: None if retention has deleted the job since. schedule,
    scheduled_for: the tick that made the job.
    """

    cursor: TailCursor
    kind: str
    job_id: int
    type: str | None
    queue: str | None
    attempt: int
    at: datetime
    message: str | None
    duration: float | None
    worker: str | None
    schedule: str | None = None
    scheduled_for: datetime | None = None

    @property
    def state(self) -> State | None:
        """The job's final state; None for an attempt that failed."""
        return State(self.kind) if self.cursor.rank == 1 else None
