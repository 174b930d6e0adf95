"""What is asked for (`NewJob`) and what became of it (`Job`, `Attempt`).

Times are aware datetimes in UTC, taken from the database's clock; durations are seconds.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .backoff import Backoff
from .durations import MAX_SECONDS
from .errors import UsageError
from .priority import Priority
from .states import State

DEFAULT_QUEUE = "default"
DEFAULT_MAX_ATTEMPTS = 3
MAX_ATTEMPTS_LIMIT = 100
MAX_PARENTS = 100
MAX_ID = (1 << 63) - 1
"""Of a job: what Postgres' bigint holds."""
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
"""Queue, job type and tag names: what every shell, URL and metric label can carry unquoted."""


class Condition(enum.StrEnum):
    """How a job that others wait for has to end: succeeded, dead or cancelled, or in any way."""

    OK = "ok"
    FAIL = "fail"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class After:
    """A job to wait for. If it ends otherwise, the one that waits is cancelled."""

    id: int
    condition: Condition = Condition.OK


def parse_after(text: str) -> After:
    """Read `12`, `12:ok`, `12:fail` or `12:any`. UsageError."""
    number, colon, word = text.partition(":")
    if not (number.isascii() and number.isdecimal() and len(number) <= 20) or (colon and word not in set(Condition)):
        raise UsageError(f"{text[:80]!r} does not name a job to run after — write ID, ID:ok, ID:fail or ID:any")
    return After(int(number), Condition(word) if colon else Condition.OK)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to submit. None means: what the handler declares, else jobsched's default.

    queue: default "default". priority: default `default`. max_attempts: 1 to 100, default 3.
    timeout: seconds an attempt may run, default none. run_at: not before this aware time.
    delay: seconds from now by the database's clock; not with run_at.
    idempotency_key: at most 255 characters; the same key makes one job (a week after it ended,
    the key is free again). tags: at most 20. after: jobs whose ends this one waits for, at most 100.
    unique_key: while a job with it has not ended, submitting another one gives that job.
    concurrency_key: of the jobs of a queue that share it, only so many run at a time as the queue's
    key_limit says (default 1). hold: it waits until somebody releases it.
    """

    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    queue: str | None = None
    priority: Priority | None = None
    max_attempts: int | None = None
    backoff: Backoff | None = None
    timeout: float | None = None
    run_at: datetime | None = None
    delay: float | None = None
    idempotency_key: str | None = None
    tags: tuple[str, ...] = ()
    after: tuple[After, ...] = ()
    unique_key: str | None = None
    concurrency_key: str | None = None
    hold: bool = False

    @property
    def is_blocked(self) -> bool:
        """Whether it waits for more than its time, at least until somebody has looked."""
        return bool(self.after or self.unique_key or self.concurrency_key or self.hold)

    def check(self) -> None:
        """Raise UsageError for the first option that is out of range."""
        check_name("type", self.type)
        if self.queue is not None:
            check_name("queue", self.queue)
        if self.max_attempts is not None and not 1 <= self.max_attempts <= MAX_ATTEMPTS_LIMIT:
            raise UsageError(f"max attempts is {self.max_attempts} — it must be 1 to {MAX_ATTEMPTS_LIMIT}")
        if self.timeout is not None and not 0.001 <= self.timeout <= MAX_SECONDS:
            raise UsageError(f"the timeout is {self.timeout:g} s — it must be more than zero, and at most 100 years")
        if self.backoff is not None and not (self.backoff.base >= 0.001 and self.backoff.cap <= MAX_SECONDS):
            raise UsageError(f"the backoff is {self.backoff} — it must be at least 1 ms, and at most 100 years")
        if self.run_at is not None and self.delay is not None:
            raise UsageError("both a time and a delay were given — a job runs at one time")
        if self.run_at is not None and self.run_at.tzinfo is None:
            raise UsageError(f"the time {self.run_at.isoformat()} has no zone — give an aware datetime")
        if self.delay is not None and not 0 <= self.delay <= MAX_SECONDS:
            raise UsageError(f"the delay is {self.delay:g} s — it cannot be negative, or more than 100 years")
        self._check_words()

    def _check_words(self) -> None:
        if len(self.tags) > 20:
            raise UsageError(f"{len(self.tags)} tags were given — at most 20")
        for tag in self.tags:
            check_name("tag", tag)
        if self.after != ():
            _check_after(self.after)
        keys = (
            ("idempotency", self.idempotency_key),
            ("unique", self.unique_key),
            ("concurrency", self.concurrency_key),
        )
        for what, key in keys:
            if key is not None:
                check_key(key, what)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands, read in one statement. payload: with "(hidden)" in the place of what is secret.

    attempt: attempts used so far, the running one included. crashes, losses: how often it killed
    its runner while alone, and how often its worker vanished; neither uses up an attempt.
    run_at: when it may run (scheduled, retrying). held_by: who holds it (blocked). parked: only its
    concurrency key's turn is missing (blocked). schedule, scheduled_for: the schedule whose tick made it, by the
    name that it had then, and which tick (UTC). wait, run: seconds from queued to started, and
    the last attempt's running time. worker: name of the worker that has it or had it last.
    """

    id: int
    type: str
    state: State
    queue: str
    priority: Priority
    payload: dict[str, Any]
    attempt: int
    max_attempts: int
    crashes: int
    losses: int
    backoff: Backoff
    timeout: float | None
    tags: tuple[str, ...]
    idempotency_key: str | None
    submitter: str
    created_at: datetime
    run_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wait: float | None = None
    run: float | None = None
    worker: str | None = None
    progress: float | None = None
    progress_message: str | None = None
    cancel_requested: bool = False
    result: Any = None
    error: str | None = None
    fingerprint: str | None = None
    unique_key: str | None = None
    concurrency_key: str | None = None
    held_by: str | None = None
    parked: bool = False
    schedule: str | None = None
    scheduled_for: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that did not succeed.

    kind: failed, timeout, crashed (killed its runner while alone) or lost (its worker vanished).
    duration: seconds. signal, exit_code: of the runner, for a crash. memory_peak: bytes.
    """

    job_id: int
    token: int
    attempt: int
    kind: str
    error_class: str | None
    message: str | None
    traceback: str | None
    fingerprint: str | None
    worker: str | None
    duration: float | None
    signal: int | None
    exit_code: int | None
    memory_peak: int | None
    finished_at: datetime


def check_name(what: str, name: str) -> None:
    """Raise UsageError unless `name` is made of what shells, URLs and metric labels carry unquoted."""
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"{what} {name[:80]!r} is not a name — letters, digits and . _ : / @ + - only, "
            "a letter or digit first, at most 128 characters"
        )


def _check_after(after: Any) -> None:
    """Programs may give anything."""
    if not isinstance(after, tuple | list) or not all(
        isinstance(each, After) and isinstance(each.id, int) and each.condition in set(Condition) for each in after
    ):
        raise UsageError("the jobs to run after must be given as After(ID) or After(ID, Condition.…), in a tuple")
    if len(after) > MAX_PARENTS:
        raise UsageError(f"{len(after)} jobs were given to run after — at most {MAX_PARENTS}")


def check_key(key: str, what: str) -> None:
    """Raise UsageError unless `key` is 1 to 255 printable characters. what: kind of key."""
    if not isinstance(key, str) or not 1 <= len(key) <= 255 or not key.isprintable():
        raise UsageError(f"the {what} key must be 1 to 255 printable characters")
