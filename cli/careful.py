"""Changing many jobs with care: a few first, the rest only if those succeed, and no faster than asked."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from ..core.model.errors import CanaryFailed
from ..core.model.states import State
from .announcing import warn_of_stuck
from .following import wait

if TYPE_CHECKING:
    from ..core.service import Service

WATCHED = 1000
"""So many of the jobs that were changed last are looked at for a relapse."""


def read_rate(text: str) -> float:
    """Read `50/s`, `10/m` or a bare number a second; jobs a second. ValueError."""
    number, slash, unit = text.strip().lower().partition("/")
    seconds = {"s": 1, "m": 60, "h": 3600}.get(unit, 0) if slash else 1
    try:
        rate = float(number) / seconds
    except (ValueError, ZeroDivisionError):
        rate = 0.0
    if not 0 < rate <= 1e6:
        raise ValueError(f"{text[:40]!r} is not a rate like 50/s or 10/m")
    return rate


def carefully(
    service: Service, pages: Iterable[Sequence[int]], *, canary: int, rate: float | None, timeout: float | None
) -> Iterator[Sequence[int]]:
    """Give the ids of `pages` again: `canary` of them first, and then no more than `rate` a second.

    What is asked for next is given once what was given before has been changed. CanaryFailed: a canary did
    not succeed, or one of the later ones is dead again. WaitTimeout: canaries had not ended after `timeout`
    seconds.
    """
    ids = chain.from_iterable(pages)
    if canary:
        trial = list(islice(ids, canary))
        yield trial
        _judge(service, trial, timeout)
    size = 1000 if rate is None else max(1, min(1000, int(rate)))
    changed: deque[int] = deque(maxlen=WATCHED)
    due = time.monotonic()
    while page := list(islice(ids, size)):
        if rate is not None:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - 1) + len(page) / rate
        if canary:
            _look_for_relapse(service, changed)
        yield page
        changed += page


def _judge(service: Service, trial: Sequence[int], timeout: float | None) -> None:
    """Wait for the canaries."""
    warn_of_stuck(service, service.get_many(trial))
    bad = [job.id for job in wait(service, trial, timeout=timeout) if job.state is not State.SUCCEEDED]
    if bad:
        raise CanaryFailed(
            f"{len(bad)} of {len(trial)} canaries did not succeed — the other jobs were left alone",
            fix=f"jobsched show {bad[0]}",
        )


def _look_for_relapse(service: Service, changed: Sequence[int]) -> None:
    dead = [job_id for job_id, standing in service.standings(list(changed)).items() if standing[0] is State.DEAD]
    if dead:
        raise CanaryFailed(
            f"job {dead[0]} is dead again — the jobs that had not been retried yet were left alone",
            fix=f"jobsched show {dead[0]}",
        )
