"""How much later than its tick a job runs, where many schedules would crowd one second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def jitter(schedule_id: int, scheduled_for: datetime, seconds: float) -> float:
    """Seconds to add to `scheduled_for`: at least 0 and less than `seconds`, evenly spread.

    It follows from the schedule and the tick alone, so every host and every version of Python finds the same.
    """
    microseconds = (scheduled_for - _EPOCH) // timedelta(microseconds=1)
    digest = blake2b(f"{schedule_id} {microseconds}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 12) / 2**52 * seconds
