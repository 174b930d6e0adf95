"""The workload: jobs of every kind, each of which says in a tag how it must end, and tells a witness
what it does, line by line: `word job token attempt pid`."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..handler import Context, Snooze, handler
from ..model.backoff import Backoff, BackoffKind
from ..model.job import NewJob
from ..model.priority import Priority
from .limits import KEYED, LIMITED, RATED

WITNESS = "JOBSCHED_CHAOS_WITNESS"
"""Environment variable with the path of the witness' file."""
TOLD = "chaos."
"""How the types begin that tell the witness."""
ENDS_WELL, ENDS_DEAD = "ends:succeeded", "ends:dead"
PURGED = "chaos-purged"
"""The queue in which somebody cancels everything now and then."""
PAUSED = "chaos-too"
"""The queue that somebody pauses for a moment now and then."""
BATCH, BULK = 25, 100
"""Jobs in a transaction, among others and where there is nothing else."""
QUICK = Backoff(BackoffKind.FIXED, 0.1, 0.1)


def tell(word: str, context: Context) -> None:
    """Write a line; what is appended at once is not torn apart."""
    line = f"{word} {context.job_id} {context.token} {context.attempt} {os.getpid()}\n"
    with Path(os.environ[WITNESS]).open("a") as file:
        file.write(line)


@handler("chaos.nap")
async def nap(payload: dict[str, Any], context: Context) -> int:
    """Take `seconds`, waiting."""
    tell("began", context)
    await asyncio.sleep(payload["seconds"])
    tell("ended", context)
    return context.token


@handler("chaos.thread")
def thread(payload: dict[str, Any], context: Context) -> int:
    """Take `seconds` in a thread, and stop when asked."""
    tell("began", context)
    until = time.monotonic() + payload["seconds"]
    while (left := until - time.monotonic()) > 0:
        context.check_cancelled()
        time.sleep(min(0.02, left))
    tell("ended", context)
    return context.token


@handler("chaos.alone", isolation="process")
def alone(payload: dict[str, Any], context: Context) -> int:
    """Take `seconds` in a process of its own, deaf."""
    tell("began", context)
    threading.Event().wait(payload["seconds"])
    tell("ended", context)
    return context.token


@handler("chaos.fails", backoff=QUICK)
async def fails(payload: dict[str, Any], context: Context) -> int:
    """Fail in the first `times` attempts."""
    tell("began", context)
    if context.attempt <= payload["times"]:
        raise RuntimeError(f"attempt {context.attempt} fails, as it should")
    tell("ended", context)
    return context.token


@handler("chaos.snoozes")
async def snoozes(payload: dict[str, Any], context: Context) -> int:
    """Ask `times` to run later; the checkpoint counts."""
    tell("began", context)
    done = context.checkpoint or 0
    if done < payload["times"]:
        context.save_checkpoint(done + 1)
        raise Snooze(0.2)
    tell("ended", context)
    return context.token


@handler("chaos.slower")
async def slower(payload: dict[str, Any], context: Context) -> int:
    """Take `seconds`; in a run after the first one `again` seconds, so that late words of the first come in time."""
    tell("began", context)
    seconds = payload["seconds"] if context.checkpoint is None else payload["again"]
    context.save_checkpoint("begun")
    await asyncio.sleep(seconds)
    tell("ended", context)
    return context.token


@handler("chaos.exits")
async def exits(payload: dict[str, Any], context: Context) -> None:
    """End the runner's process."""
    tell("began", context)
    sys.stderr.write("a job of chaos ends its process\n")
    os._exit(9)


@handler("chaos.talks")
async def talks(payload: dict[str, Any], context: Context) -> int:
    """Take `seconds`, with progress, log, output and checkpoints all the time."""
    tell("began", context)
    steps = 20
    for step in range(steps):
        context.progress(step / steps, f"step {step}")
        context.log("step", number=step)
        context.output(f"{step} of {steps}\n")
        context.save_checkpoint({"step": step})
        await asyncio.sleep(payload["seconds"] / steps)
    tell("ended", context)
    return context.token


def _nap(rng: random.Random) -> NewJob:
    return NewJob("chaos.nap", {"seconds": round(rng.uniform(0, 0.3), 3)})


def _thread(rng: random.Random) -> NewJob:
    return NewJob("chaos.thread", {"seconds": round(rng.uniform(0, 0.3), 3)})


def _slower(rng: random.Random) -> NewJob:
    return NewJob("chaos.slower", {"seconds": round(rng.uniform(0.2, 1.5), 1), "again": 4})


def _later(rng: random.Random) -> NewJob:
    return NewJob("chaos.nap", {"seconds": 0.01}, delay=1.0)


def _fails(rng: random.Random) -> NewJob:
    return NewJob("chaos.fails", {"times": rng.randint(1, 3)}, max_attempts=3)


def _command(rng: random.Random) -> NewJob:
    return NewJob("command", {"argv": ["sh", "-c", "echo begun; sleep 0.1; echo done"]})


MIX: tuple[tuple[int, Callable[[random.Random], NewJob]], ...] = (
    (120, lambda rng: NewJob("noop")),
    (100, _nap),
    (48, _thread),
    (48, _fails),
    (32, _later),
    (60, _slower),
    (20, lambda rng: NewJob("chaos.snoozes", {"times": rng.randint(1, 2)})),
    (16, _command),
    (12, lambda rng: NewJob("chaos.talks", {"seconds": round(rng.uniform(0.5, 3), 1)})),
    (8, lambda rng: NewJob("chaos.alone", {"seconds": 0.1})),
    (1, lambda rng: NewJob("chaos.exits")),
)
"""How often, and what."""


QUEUES: tuple[tuple[int, str], ...] = (
    (30, KEYED.name),
    (30, PAUSED),
    (10, LIMITED.name),
    (5, RATED.name),
    (3, PURGED),
)
"""How often, and which."""


def batch(rng: random.Random, key: str, size: int) -> list[NewJob]:
    """Return many small jobs for one transaction, each with a key of its own."""
    queue, priority = rng.choice((KEYED.name, PAUSED)), rng.choice(list(Priority))
    return [
        NewJob("noop", queue=queue, priority=priority, idempotency_key=f"{key}-{number}", tags=(ENDS_WELL,))
        for number in range(size)
    ]


def pick(rng: random.Random, key: str | None) -> NewJob:
    """Return a job, one of the mix, with the tag that says how it ends.

    One without a key may have a unique key: then it may be answered with another job.
    """
    (make,) = rng.choices([make for _, make in MIX], [weight for weight, _ in MIX])
    job = make(rng)
    dies = job.type == "chaos.exits" or (job.type == "chaos.fails" and job.payload["times"] >= 3)
    (queue,) = rng.choices([name for _, name in QUEUES], [weight for weight, _ in QUEUES])
    turn, unique, held = rng.random() < 0.3, rng.random() < 0.08, rng.random() < 0.03
    return NewJob(
        job.type,
        job.payload,
        queue=queue,
        priority=rng.choice(list(Priority)),
        max_attempts=job.max_attempts,
        delay=job.delay,
        idempotency_key=key,
        tags=(ENDS_DEAD if dies else ENDS_WELL,),
        concurrency_key=f"customer-{rng.randrange(4)}" if turn and queue == KEYED.name else None,
        unique_key=f"report-{rng.randrange(12)}" if unique and key is None else None,
        hold=held,
    )
