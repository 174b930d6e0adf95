"""What is broken when. The same seed makes the same plan, on every machine and in every Python."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import NamedTuple

KINDS = {
    "kill worker": "kill -9 of a worker's keeper",
    "kill runner": "kill -9 of one of its runners",
    "kill janitor": "kill -9 of the process that clears up after it",
    "kill submitter": "kill -9 of a submitter",
    "kill store": "kill -9 of the postmaster",
    "restart everything": "kill -9 of all workers and of the postmaster at once",
    "drain worker": "SIGTERM, with a second one where the plan says so",
    "stop worker": "SIGSTOP past the lease, then SIGCONT",
    "end connections": "pg_terminate_backend of some of jobsched's connections",
    "use up connections": "all of max_connections held by somebody else",
    "silence network": "connections that fall silent without a word, or give no answers; then they speak, or break",
    "cut network": "every connection of a worker or submitter broken, and each new one",
    "skew clock": "a worker started again with its clock hours off",
    "fill disk": "not a byte left on the store's disk",
}
"""Kind of fault → what it does."""
CONDITIONAL = ("skew clock", "fill disk")
"""Kinds for which a machine must have something."""
QUIET_SECONDS = 1.5
"""Before the first fault and after the last one."""
PACE = 3.0
"""Seconds from one fault to the next, on average, if nobody says otherwise: time enough to get something done."""
SPREAD = 0.7


class Fault(NamedTuple):
    """One entry of a plan. at: seconds from the start. target: of how many there are of its kind, the
    one with this index. seconds: how long it lasts; 0 is a moment. share: 0 to 1, what that means is
    the fault's own: how many, how far, which way."""

    at: float
    kind: str
    target: int
    seconds: float
    share: float


def make_plan(
    seed: str, *, seconds: float, workers: int, lease: float, pace: float = PACE, possible: Collection[str] = ()
) -> list[Fault]:
    """Return the faults of a run that takes so long, in order of time.

    lease: seconds; stops and silences outlast it. pace: seconds between two faults, on average. possible:
    of the conditional kinds those that can be brought about here. Every kind comes before any comes again.
    """
    rng = random.Random(seed)
    kinds = [kind for kind in KINDS if kind in possible or kind not in CONDITIONAL]
    bag: list[str] = []
    plan = []
    at = QUIET_SECONDS
    while at < seconds - QUIET_SECONDS:
        if not bag:
            bag = rng.sample(kinds, len(kinds))
        kind = bag.pop()
        lasts = _lasts(kind, rng, lease)
        plan.append(Fault(round(at, 2), kind, rng.randrange(workers), round(lasts, 2), round(rng.random(), 2)))
        at += rng.uniform((1 - SPREAD) * pace, (1 + SPREAD) * pace)
    return plan


def _lasts(kind: str, rng: random.Random, lease: float) -> float:
    match kind:
        case "stop worker":
            return rng.uniform(1.2, 1.8) * lease
        case "silence network":
            return rng.uniform(0.3, 1.6) * lease
        case "cut network":
            return rng.uniform(0.1, 1.2) * lease
        case "use up connections":
            return rng.uniform(0.5, 1.5)
        case "fill disk":
            return rng.uniform(0.5, 3.0)
        case _:
            return 0.0
