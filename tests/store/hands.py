"""A worker worked by hand: it registers, claims and ends jobs with the worker's own statements."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from jobsched.core import host
from jobsched.core.store import fleet, leases


class Hands:
    """One registered worker. Every act is one call."""

    def __init__(self, connection: psycopg.Connection[Any], name: str = "hands", **changes: Any) -> None:
        self.connection = connection
        said: dict[str, Any] = {
            "name": name,
            "identity": host.identify(),
            "version": "0",
            "queues": None,
            "types": ("noop", "fail"),
            "schemas": {},
            "concurrency": 1,
            "lease_seconds": 30.0,
            "mark": "mark",
        }
        self.id = fleet.register(connection, fleet.Registration(**(said | changes)))

    def claim(self, n: int = 1, queue: str = "default") -> list[leases.Claimed]:
        """Lease up to `n` jobs of a queue, the most urgent first."""
        return leases.claim(
            self.connection,
            worker_id=self.id,
            queues=[queue] * 4,
            priorities=[0, 1, 2, 3],
            cursors=[0] * 4,
            types=("noop", "fail"),
            solo=False,
            n=n,
        )

    def succeed(self, job: leases.Claimed, result: Any = None) -> bool:
        """End a lease well; False if it was not ours any more."""
        results = None if result is None else [json.dumps(result)]
        success = leases.Success([job.job_id], [job.token], [job.attempt], None, None, [job.waited], [0.1], results)
        return bool(leases.succeed(self.connection, self.id, success))

    def fail(self, job: leases.Claimed, *, dead: bool = False, message: str = "it broke") -> bool:
        """End a lease badly: retrying an hour later, or dead."""
        ending = leases.Ending(
            job.job_id, job.token, "dead" if dead else "retrying", job.queue, job.priority, job.type, job.attempt,
            job.crashes, job.losses, job.solo, delay=3600.0, run=0.1, error=message if dead else None,
            fingerprint="print" if dead else None, kind="failed", ran_attempt=job.attempt, error_class="RuntimeError",
            message=message, traceback="Traceback …",
        )  # fmt: skip
        return bool(leases.end_attempts(self.connection, self.id, [ending]))

    def run(self, *, dead: bool = False, queue: str = "default") -> int:
        """Claim one job and end it; return its id."""
        (job,) = self.claim(queue=queue)
        assert self.fail(job, dead=True) if dead else self.succeed(job)
        return job.job_id
