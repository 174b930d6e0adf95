"""A process that submits: `python -m jobsched.core.chaos.submitter FOLDER NUMBER LIFE SEED`.

What was acknowledged is on disk before it goes on, so that kill -9 cannot take it back: lines of
JSON in FOLDER/said-NUMBER.jsonl. It also does what people do: submits twice, cancels, runs again;
what it asks for is noted before it asks. SIGTERM ends it after its current job.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from ..config import load
from ..model.errors import ConfigError, JobschedError, PermissionDenied, StoreUnreachable, TryAgain
from ..model.job import NewJob
from ..service import Service
from .jobs import pick

PAUSE_SECONDS = 0.045
AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
LATER_AGAIN = 40
"""How many keyed jobs are remembered, to be submitted again."""
PASSING = (StoreUnreachable, TryAgain, PermissionDenied, ConfigError)


class Submitter:
    """number: which of the submitters. life: how often it was started before. seed: of everything."""

    def __init__(self, folder: Path, number: int, life: int, seed: str) -> None:
        self._seed = seed
        self._mine = f"{seed}-{number}-{life}"
        self._rng = random.Random(self._mine)
        self._file = (folder / f"said-{number}.jsonl").open("ab")
        self._service = Service(load(cwd=folder), submitter=f"chaos-{number}")
        self._keyed: deque[NewJob] = deque(maxlen=LATER_AGAIN)
        self._ids: deque[int] = deque(maxlen=LATER_AGAIN)
        self._stopping = False

    def run(self) -> None:
        """Submit until SIGTERM."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        serial = 0
        while not self._stopping:
            self._turn(serial)
            serial += 1
            time.sleep(self._rng.uniform(0, 2 * PAUSE_SECONDS))
        self._service.close()

    def _stop(self, *_: Any) -> None:
        self._stopping = True

    def _turn(self, serial: int) -> None:
        match self._rng.random():
            case chance if chance < 0.06 and self._ids:
                self._ask("cancel", self._rng.choice(self._ids))
            case chance if chance < 0.10 and self._ids:
                self._ask("retry", self._rng.choice(self._ids))
            case chance if chance < 0.20 and self._keyed:
                self._submit(self._rng.choice(self._keyed))
            case chance if chance < 0.30:  # every submitter submits this one
                self._submit(pick(random.Random(f"{self._seed}/{serial}"), f"{self._seed}-everybody-{serial}"))
            case chance if chance < 0.70:
                self._submit(pick(self._rng, f"{self._mine}-{serial}"))
            case _:
                self._submit(pick(self._rng, None))

    def _submit(self, job: NewJob) -> None:
        """Until it is acknowledged, if it has a key: without one a second try would be a second job."""
        patience: float | None = None
        while True:
            try:
                made = self._service.submit(job)
            except PASSING:
                if job.idempotency_key is None:
                    return
                if self._stopping:
                    patience = patience or time.monotonic() + PATIENCE_SECONDS
                    if time.monotonic() > patience:
                        return
                time.sleep(AGAIN_SECONDS)
                continue
            break
        self._note(id=made.id, key=job.idempotency_key)
        self._ids.append(made.id)
        if job.idempotency_key is not None:
            self._keyed.append(job)

    def _ask(self, what: str, job_id: int) -> None:
        self._note(asked=what, id=job_id)
        try:
            if what == "cancel":
                self._service.cancel([job_id], by="chaos")
            else:
                self._service.retry([job_id], by="chaos")
        except PASSING:
            return  # whether it was done nobody knows, as in life

    def _note(self, **said: Any) -> None:
        self._file.write(json.dumps(said).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def main(folder: str, number: str, life: str, seed: str) -> int:
    """Submit until told to stop; return the exit code."""
    try:
        Submitter(Path(folder), int(number), int(life), seed).run()
    except JobschedError as error:
        sys.stderr.write(f"submitter {number}: {error.message}\n")
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
