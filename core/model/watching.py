"""What somebody who keeps watching a store is shown: counts that stop somewhere, rates of the last minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .results import DeadGroup, QueueInfo

MOST_COUNTED = 10_000
"""Jobs of a queue that are counted one by one; where there are more, the count is one larger than this."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Rows ever put into the tables through which jobs pass, by the server's own counters: about a second late.

    at: the database's time. jobs, queued: how many there are, an estimate.
    """

    at: datetime
    submitted: int
    started: int
    ended: int
    failed: int
    jobs: int
    queued: int


@dataclass(frozen=True, slots=True)
class Ends:
    """How jobs of a queue ended lately. dead: how many of `count`. covered: seconds that they came from.
    The middle and the slowest twentieth of waits and runs, in seconds; None where nothing was measured."""

    count: int
    dead: int
    wait: float | None
    slow_wait: float | None
    run: float | None
    slow_run: float | None
    covered: float

    @property
    def per_second(self) -> float:
        return self.count / max(self.covered, 0.001)


@dataclass(frozen=True, slots=True)
class Flow:
    """What came and went within the last minute, or since the newest few hundred came. submitted: a second,
    by queue. ended: by queue. all_ended: of all queues; None where nothing ended."""

    submitted: Mapping[str, float]
    ended: Mapping[str, Ends]
    all_ended: Ends | None


@dataclass(frozen=True, slots=True)
class WatchedQueue:
    """A queue whose counts stop at MOST_COUNTED + 1. estimate: how many jobs are queued, where there are more
    than were counted and the server's statistics can tell; None otherwise."""

    queue: QueueInfo
    estimate: int | None = None

    @property
    def is_cut(self) -> bool:
        return self.queue.queued > MOST_COUNTED


@dataclass(frozen=True, slots=True)
class DeadKind:
    """Dead jobs that failed alike, among the newest ones. new: how many died within the last hour."""

    group: DeadGroup
    new: int
