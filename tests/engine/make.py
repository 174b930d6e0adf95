"""Jobs as a keeper has them, for tests that need no store."""

from __future__ import annotations

from typing import Any

from jobsched.core.engine.hand import Held
from jobsched.core.engine.protocol import Report
from jobsched.core.store.leases import Claimed


def claimed(token: int = 1, **fields: Any) -> Claimed:
    """A claimed no-op in its first of three attempts, unless `fields` say otherwise."""
    values: dict[str, Any] = {
        "token": token, "job_id": token, "type": "noop", "queue": "default", "priority": 2, "seq": token,
        "attempt": 1, "crashes": 0, "losses": 0, "solo": False, "waited": 0.25, "payload": "{}", "timeout": None,
        "max_attempts": 3, "backoff_kind": "fixed", "backoff_base": 7.0, "backoff_cap": 7.0, "checkpoint": None,
        "schedule": None, "scheduled_for": None,
    }  # fmt: skip
    return Claimed(**(values | fields))


def held(token: int = 1, **fields: Any) -> Held:
    """The same, in hand."""
    return Held(claimed(token, **fields))


def report(kind: str, token: int = 1, **fields: Any) -> Report:
    """What a runner says of an attempt that did not succeed."""
    values: dict[str, Any] = {"wait": 0.5, "run": 1.5}
    if kind not in ("cancelled", "snooze", "unstarted"):
        values |= {"error_class": "E", "message": "broken", "traceback": "t", "fingerprint": "f"}
    return Report(token=token, kind=kind, **(values | fields))
