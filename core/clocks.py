"""The clocks that a worker measures with. What time it is, the database alone decides."""

from __future__ import annotations

import time


def lease_clock() -> float:
    """Seconds on a clock that also counts while the machine sleeps, where there is one: a laptop that
    slept for longer than its leases has lost them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
