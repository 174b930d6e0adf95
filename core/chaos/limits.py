"""The queues with limits that a run of chaos has, and whether what was leased has kept to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..store.chaos import Turn


class LimitedQueue(NamedTuple):
    """name: of the queue. limits: as `queue set` takes them."""

    name: str
    limits: dict[str, float | None]


KEYED = LimitedQueue("chaos", {"key_limit": 2})
LIMITED = LimitedQueue("chaos-limited", {"max_running": 3})
RATED = LimitedQueue("chaos-rated", {"rate": 12.0, "burst": 5})
QUEUES = (KEYED, LIMITED, RATED)

KEY_LIMIT = "of a concurrency key no more jobs run than may"
QUEUE_LIMIT = "of a queue no more jobs run than may"
RATE = "of a queue no more jobs start than its rate allows"
_ROUNDING = 1e-6


def check_limits(turns: Iterable[Turn], add: Callable[[str, str], None]) -> None:
    """Follow leases in the order in which they were taken and given up.

    What gave a lease up wrote so before it committed, and who takes one counts what is committed: so
    no count here is above that of the store, and one above the limit is a limit that was not kept.
    """
    running: Counter[tuple[str, str | None]] = Counter()
    bucket = _Bucket(RATED.limits["rate"] or 0.0, RATED.limits["burst"] or 0.0)
    for turn in turns:
        step = 1 if turn.what == "leased" else -1
        lane = (turn.queue, turn.key)
        if turn.key is not None and turn.queue == KEYED.name:
            running[lane] += step
            if running[lane] > (KEYED.limits["key_limit"] or 0):
                add(KEY_LIMIT, f"job {turn.job_id} was number {running[lane]} of key {turn.key}")
        elif turn.queue == LIMITED.name:
            running[turn.queue, None] += step
            if running[turn.queue, None] > (LIMITED.limits["max_running"] or 0):
                add(QUEUE_LIMIT, f"job {turn.job_id} was number {running[turn.queue, None]} of {turn.queue}")
        elif turn.queue == RATED.name and step == 1 and not bucket.take(turn.at):
            add(RATE, f"job {turn.job_id} of {turn.queue} was early")


class _Bucket:
    """A token bucket. rate: tokens a second; burst: how many it holds."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._level, self._at = burst, 0.0

    def take(self, at: float) -> bool:
        """Take one token at a time in seconds; False if there was none."""
        self._level = min(self._burst, self._level + self._rate * max(0.0, at - self._at)) - 1
        self._at = max(at, self._at)
        return self._level > -_ROUNDING
