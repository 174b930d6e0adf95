"""Compares what everybody noted with what the store holds, and says which promises were broken."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..model.states import State
from ..store.chaos import Change, Left, Turn
from .jobs import ENDS_DEAD, PURGED, TOLD
from .limits import check_limits

LOST = "every acknowledged job is in the store"
OPEN = "every job ends"
ONE_KEY = "one idempotency key makes one job"
RIGHT_KEY = "a key is answered with the job that it made"
RIGHT_UNIQUE = "a unique key is answered with a job that has it"
RIGHT_END = "a job ends as it must, or is cancelled because somebody asked"
ONE_OWNER = "a job has one owner at a time"
ONE_OUTCOME = "a job has one outcome"
OWNERS_WORD = "only the owner of a lease ends it"
TOKENS = "tokens only grow"
ASKED_AGAIN = "an outcome is taken away only when somebody asks for another run"
TOLD_OUTCOME = "a job that succeeded was run by the owner of its last lease"
LEASED = "a job runs under a lease only"


class Violation(NamedTuple):
    """A broken promise, how often, and one example in words."""

    rule: str
    times: int
    example: str


@dataclass(slots=True)
class Said:
    """What submitters noted. ids: key (or None) of each acknowledged job, as often as it was
    acknowledged; unique: jobs that a unique key was answered with; cancelled, retried: how often
    somebody asked for it, by job; purged: whether somebody purged the queue for it."""

    ids: list[tuple[int, str | None]] = field(default_factory=list)
    cancelled: Counter[int] = field(default_factory=Counter)
    retried: Counter[int] = field(default_factory=Counter)
    unique: list[tuple[int, str]] = field(default_factory=list)
    purged: bool = False


class Told(NamedTuple):
    """A line of the witness."""

    word: str
    job_id: int
    token: int


class Broken:
    """Collects violations."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = defaultdict(list)

    def add(self, rule: str, example: str) -> None:
        """One more case."""
        self._found[rule].append(example)

    def violations(self) -> list[Violation]:
        """One a rule."""
        return [Violation(rule, len(cases), cases[0]) for rule, cases in self._found.items()]


def read_said(paths: Iterable[Path]) -> Said:
    """Read the submitters' files. A line that kill -9 tore apart was never acted upon."""
    said = Said()
    for path in paths:
        for line in path.read_text().splitlines():
            try:
                word = json.loads(line)
            except ValueError:
                continue
            match word:
                case {"asked": "cancel", "id": int(job_id)}:
                    said.cancelled[job_id] += 1
                case {"asked": "retry", "id": int(job_id)}:
                    said.retried[job_id] += 1
                case {"asked": "purge"}:
                    said.purged = True
                case {"id": int(job_id), "unique": str(key)}:
                    said.unique.append((job_id, key))
                case {"id": int(job_id), "key": key}:
                    said.ids.append((job_id, key))
    return said


def read_told(path: Path) -> list[Told]:
    """Read the witness' file."""
    lines = path.read_text().splitlines() if path.exists() else []
    words = (line.split() for line in lines)
    return [Told(word, int(job), int(token)) for word, job, token, *_ in words]


def judge(
    *,
    said: Said,
    told: Sequence[Told],
    left: Sequence[Left],
    history: Iterable[Change],
    turns: Iterable[Turn] = (),
    crash_limit: int,
) -> list[Violation]:
    """Return the broken promises; empty if all were kept."""
    broken = Broken()
    jobs = {job.id: job for job in left}
    _check_acknowledged(said, jobs, broken.add)
    for job in left:
        _check_end(job, said, crash_limit, broken.add)
    leases: set[tuple[int, int]] = set()
    for job_id, changes in itertools.groupby(history, key=lambda change: change.job_id):
        leases |= check_history(job_id, list(changes), said.retried[job_id], broken.add)
    _check_told(told, left, leases, broken.add)
    check_limits(turns, broken.add)
    return broken.violations()


def _check_acknowledged(said: Said, jobs: dict[int, Left], add: Callable[[str, str], None]) -> None:
    answers: dict[str, set[int]] = defaultdict(set)
    for job_id, key in said.ids:
        if job_id not in jobs:
            add(LOST, f"job {job_id} was acknowledged and is not there")
        elif jobs[job_id].key != key:
            add(RIGHT_KEY, f"key {key} was answered with job {job_id}, which has key {jobs[job_id].key}")
        if key is not None:
            answers[key].add(job_id)
    for job_id, unique_key in said.unique:
        if job_id not in jobs:
            add(LOST, f"job {job_id} was the answer to unique key {unique_key} and is not there")
        elif jobs[job_id].unique_key != unique_key:
            add(RIGHT_UNIQUE, f"unique key {unique_key} was answered with job {job_id}, which has not got it")
    for key, ids in answers.items():
        if len(ids) > 1:
            add(ONE_KEY, f"key {key} was answered with jobs {sorted(ids)}")
    for key, times in Counter(job.key for job in jobs.values() if job.key is not None).items():
        if times > 1:
            add(ONE_KEY, f"{times} jobs have key {key}")


def _check_end(job: Left, said: Said, crash_limit: int, add: Callable[[str, str], None]) -> None:
    must = State.DEAD if ENDS_DEAD in job.tags else State.SUCCEEDED
    if not State(job.state).is_final:
        add(OPEN, f"job {job.id} is {job.state}")
    elif job.state == State.CANCELLED:
        purged = said.purged and job.queue == PURGED
        if not said.cancelled[job.id] and not job.unmet and not purged:
            add(RIGHT_END, f"job {job.id} is cancelled, and nobody asked for it")
    elif job.state != must and not (job.state == State.DEAD and job.crashes >= crash_limit):
        add(RIGHT_END, f"job {job.id} ({job.type}) is {job.state} instead of {must}")


def check_history(
    job_id: int, changes: Sequence[Change], retries: int, add: Callable[[str, str], None]
) -> set[tuple[int, int]]:
    """Follow one job through its leases and outcomes; return (job, token) of each lease that it had."""
    owner: int | None = None
    newest = 0
    ended = False
    leases = set()
    # What one transaction did happened at once.
    for _, together in itertools.groupby(changes, key=lambda change: change.xid):
        done = {what: list(each) for what, each in _by_what(together)}
        released = [change.token for change in done.get("released", ())]
        if any(token != owner for token in released):
            add(ONE_OWNER, f"job {job_id}: lease {released} was given up, and {owner} was the owner")
        if released:
            owner = None
        for _ in done.get("reopened", ()):
            ended = False
            retries -= 1
        for change in done.get("leased", ()):
            if owner is not None or ended:
                add(ONE_OWNER if owner else ONE_OUTCOME, f"job {job_id} was leased again ({owner=}, {ended=})")
            if (change.token or 0) <= newest:
                add(TOKENS, f"job {job_id} got token {change.token} after {newest}")
            owner = newest = change.token or 0
            leases.add((job_id, owner))
        for change in done.get("ended", ()):
            if ended:
                add(ONE_OUTCOME, f"job {job_id} ended twice")
            if owner is not None or (change.token is not None and change.token not in released):
                add(OWNERS_WORD, f"job {job_id} was ended under token {change.token}, and {owner} was the owner")
            ended = True
    if retries < 0:
        add(ASKED_AGAIN, f"job {job_id} ran again {-retries} times more often than somebody asked")
    return leases


def _by_what(changes: Iterable[Change]) -> Iterable[tuple[str, Iterable[Change]]]:
    return itertools.groupby(sorted(changes, key=lambda change: change.what), key=lambda change: change.what)


def _check_told(
    told: Sequence[Told], left: Sequence[Left], leases: set[tuple[int, int]], add: Callable[[str, str], None]
) -> None:
    ended = {(each.job_id, each.token) for each in told if each.word == "ended"}
    for each in told:
        if (each.job_id, each.token) not in leases:
            add(LEASED, f"job {each.job_id} ran under token {each.token}, which it never had")
    for job in left:
        if job.state == State.SUCCEEDED and job.type.startswith(TOLD) and (job.id, job.token) not in ended:
            add(
                TOLD_OUTCOME,
                f"job {job.id} succeeded under token {job.token}, and no run of that token came to its end",
            )
