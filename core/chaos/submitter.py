"""A process that submits: `python -m jobsched.core.chaos.submitter FOLDER NUMBER LIFE SEED MIX`.

What was acknowledged is on disk before it goes on, so that kill -9 cannot take it back: lines of
JSON in FOLDER/said-NUMBER.jsonl. It also does what people do: submits twice, cancels, runs again, lets
jobs wait for others, holds and releases, pauses and purges; what it asks for is noted before it asks.
SIGTERM ends it after its current job. MIX is mixed, or bulk: batches of small jobs alone.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..config import load
from ..model.errors import (
    ConfigError,
    Conflict,
    JobschedError,
    PermissionDenied,
    QueueNotFound,
    StoreUnreachable,
    TryAgain,
    UsageError,
)
from ..model.job import After, Condition, NewJob
from ..model.priority import Priority
from ..service import Service
from .jobs import BATCH, BULK, PAUSED, PURGED, batch, pick

PAUSE_SECONDS = 0.08
AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
LATER_AGAIN = 40
"""How many keyed jobs are remembered, to be submitted again."""
PAUSE_QUEUE_SECONDS = 1.5
PASSING = (StoreUnreachable, TryAgain, PermissionDenied, ConfigError)


class Submitter:
    """number: which of the submitters. life: how often it was started before. seed: of everything.
    bulk: nothing but batches."""

    def __init__(self, folder: Path, number: int, life: int, seed: str, *, bulk: bool) -> None:
        self._seed = seed
        self._bulk = bulk
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
        if self._bulk:
            self._submit(batch(self._rng, f"{self._mine}-{serial}", BULK))
            return
        match self._rng.random():
            case chance if chance < 0.06 and self._ids:
                self._ask("cancel", self._rng.choice(self._ids))
            case chance if chance < 0.10 and self._ids:
                self._ask("retry", self._rng.choice(self._ids))
            case chance if chance < 0.13 and self._ids:
                self._ask(self._rng.choice(("hold", "release", "move", "pause", "purge")), self._rng.choice(self._ids))
            case chance if chance < 0.22 and self._keyed:
                self._submit([self._rng.choice(self._keyed)])
            case chance if chance < 0.30:  # every submitter submits this one
                self._submit([pick(random.Random(f"{self._seed}/{serial}"), f"{self._seed}-everybody-{serial}")])
            case chance if chance < 0.40 and self._ids:
                self._submit([replace(pick(self._rng, f"{self._mine}-{serial}"), after=self._parents())])
            case chance if chance < 0.46:
                self._submit(batch(self._rng, f"{self._mine}-{serial}", BATCH))
            case chance if chance < 0.70:
                self._submit([pick(self._rng, f"{self._mine}-{serial}")])
            case _:
                self._submit([pick(self._rng, None)])

    def _parents(self) -> tuple[After, ...]:
        parents = {self._rng.choice(self._ids) for _ in range(self._rng.randint(1, 3))}
        return tuple(After(parent, self._rng.choice(list(Condition))) for parent in sorted(parents))

    def _submit(self, new: Sequence[NewJob]) -> None:
        """Until they are acknowledged, if they have keys: without one a second try would be a second job."""
        patience: float | None = None
        while True:
            try:
                made = self._service.submit_many(new) if len(new) > 1 else [self._service.submit(new[0])]
            except PASSING:
                if new[0].idempotency_key is None:
                    return
                if self._stopping:
                    patience = patience or time.monotonic() + PATIENCE_SECONDS
                    if time.monotonic() > patience:
                        return
                time.sleep(AGAIN_SECONDS)
                continue
            except Conflict:
                if not new[0].after:
                    raise
                return  # a parent has ended otherwise than the job was to wait for: there is none
            break
        self._note(*(_acknowledged(job, each.id, each.created) for job, each in zip(new, made, strict=True)))
        self._ids.extend(each.id for each in made[-3:])
        self._keyed.extend(job for job in new[-3:] if job.idempotency_key is not None)

    def _ask(self, what: str, job_id: int) -> None:
        self._note({"asked": what, "id": job_id})
        try:
            match what:
                case "cancel":
                    self._service.cancel([job_id], by="chaos")
                case "retry":
                    self._service.retry([job_id], by="chaos")
                case "hold":
                    self._service.hold([job_id], by="chaos")
                case "release":
                    self._service.release([job_id])
                case "move":
                    self._service.move([job_id], priority=self._rng.choice(list(Priority)), by="chaos")
                case "pause":
                    until = datetime.now(UTC) + timedelta(seconds=PAUSE_QUEUE_SECONDS)
                    with suppress(UsageError):  # it took so long that the time has passed
                        self._service.pause_queue(PAUSED, by="chaos", until=until)
                case "purge":
                    self._service.purge(PURGED, by="chaos")
        except (*PASSING, QueueNotFound):
            return  # whether it was done nobody knows, as in life

    def _note(self, *lines: dict[str, Any]) -> None:
        self._file.write(b"".join(json.dumps(said).encode() + b"\n" for said in lines))
        self._file.flush()
        os.fsync(self._file.fileno())


def _acknowledged(job: NewJob, job_id: int, created: bool) -> dict[str, Any]:
    if job.unique_key is not None and not created:
        return {"unique": job.unique_key, "id": job_id}
    return {"id": job_id, "key": job.idempotency_key}


def main(folder: str, number: str, life: str, seed: str, mix: str) -> int:
    """Submit until told to stop; return the exit code."""
    try:
        Submitter(Path(folder), int(number), int(life), seed, bulk=mix == "bulk").run()
    except JobschedError as error:
        sys.stderr.write(f"submitter {number}: {error.message}\n")
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
