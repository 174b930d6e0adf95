"""Submitting jobs: the half of `Service` that makes new ones, and what both halves stand on."""

from __future__ import annotations

import builtins
import itertools
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

from .config import Settings
from .model.errors import UsageError
from .model.job import NewJob
from .model.results import Submitted
from .model.states import State
from .named import Names, WorkerNames
from .registry import Registry
from .store import jobs, waiting, workers
from .store.bulk import Loaded, copy_jobs
from .store.enqueue import JobRow, enqueue, ensure_queues, hide_fields, notify_late, run
from .store.single import SingleEnqueue
from .store.store import Store, open_store
from .store.wake import Waker
from .store.within import submit_within
from .submission import Submission, default_submitter

MAX_MANY = 10_000


class Submitting:
    """A store, opened when it is first needed, and what is known of it while jobs are submitted.

    store: used, and not closed, if given. submitter: written on the jobs; default user@host.
    pool_size: most connections at once; more than one for programs with many threads.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        registry: Registry | None = None,
        submitter: str | None = None,
        pool_size: int = 1,
    ) -> None:
        self.settings = settings
        self.registry = Registry(settings["imports"]) if registry is None else registry
        self.submission = Submission(self.registry, self.job_types, Names(settings, self._worker_names))
        self.submitter = words("submitter", submitter, 200) if submitter else default_submitter()
        self.window: float = settings["retention.idempotency"]
        self._store = store
        self._opening = threading.Lock()
        self._owns_store = store is None
        self._pool_size = pool_size
        self._waker = Waker(self._connection)
        self._enqueue_one = SingleEnqueue(self.submitter, self.window)
        self._queues: set[str] = set()
        self._hidden: dict[str, tuple[str, ...]] = {}

    @property
    def store(self) -> Store:
        """The store; the first use opens it. StoreUnreachable, SchemaTooOld, SchemaTooNew, …"""
        store = self._store
        if store is None:
            with self._opening:  # two threads that are the first would open, and start, two stores
                store = self._store
                if store is None:
                    store = self._store = open_store(self.settings, pool_size=self._pool_size)
        return store

    def _connection(self) -> AbstractContextManager[jobs.Connection]:
        return self.store.connection()

    def close(self) -> None:
        """Send wake-ups that are held back and close the store, if it was opened here."""
        if self._store is None:
            return
        self._waker.close()
        if self._owns_store:
            self._store.close()
            self._store = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, new: NewJob, *, unchecked: bool = False, connection: Any = None) -> Submitted:
        """Store one job; once this returns, it is never lost.

        unchecked: neither its type nor its payload need be known here. connection: a psycopg
        Connection, or a SQLAlchemy Session or Connection: then it is stored in that transaction.
        UsageError and its kinds; IdempotencyConflict: nothing was stored.
        """
        row = self.submission.row(new, unchecked=unchecked)
        if connection is not None:
            return submit_within(connection, [row], self.submitter, self.window, self.secrets_of([row]))[0]
        with self.store.connection() as own:
            if row.options.queue not in self._queues:
                self._make_queues(own, [row])
            if self.submission.secrets:
                self._hide_secrets(own, [row])
            if row.blocks is not None:
                return self._enqueue_blocked(own, [row])[0]
            made = self._enqueue_one(own, row)
            if made.created and made.state is State.QUEUED:
                self._waker.ready(own, {row.lane: 1})
        return made

    def submit_many(
        self, new: Sequence[NewJob], *, unchecked: bool = False, connection: Any = None
    ) -> builtins.list[Submitted]:
        """Store all of these jobs or none; the answers are in their order. For very many, `load` is faster."""
        rows = [self.submission.row(each, unchecked=unchecked) for each in new]
        if not rows:
            return []
        if connection is not None:
            return submit_within(connection, rows, self.submitter, self.window, self.secrets_of(rows))
        with self.store.connection() as own:
            self._make_queues(own, rows)
            self._hide_secrets(own, rows)
            if any(row.blocks is not None for row in rows):
                return self._enqueue_blocked(own, rows)
            if len(rows) <= MAX_MANY and not any(row.key for row in rows):
                made = run(own, enqueue(rows, self.submitter, self.window))
            else:  # a conflict must take back what the statement stored
                with own.transaction():
                    pieces = (rows[start : start + MAX_MANY] for start in range(0, len(rows), MAX_MANY))
                    made = [each for piece in pieces for each in run(own, enqueue(piece, self.submitter, self.window))]
            self._waker.ready(own, _ready_lanes(rows, made))
        return made

    def load(self, new: Iterable[NewJob], *, unchecked: bool = False, chunk: int = MAX_MANY) -> int:
        """Store any number of jobs, all or none, by COPY; return how many are new.

        It is one transaction: an endless stream must be cut into pieces by the caller. chunk: jobs
        a COPY; what is not yet sent is all that is held in memory.
        """
        jobs_left = iter(new)
        loaded = Loaded()
        with self.store.connection() as own:
            with own.transaction():
                while batch := list(itertools.islice(jobs_left, chunk)):
                    self._load_batch(own, batch, loaded, unchecked=unchecked)
                # Last, because others who make the same new queue wait for this commit.
                run(own, ensure_queues(sorted(loaded.lowest.keys() - self._queues)))
                secrets = self._not_hidden({job_type for _, job_type in loaded.lanes})
                run(own, hide_fields(secrets))
                run(own, notify_late(list(loaded.lowest.items())))
            self._queues |= loaded.lowest.keys()
            self._hidden |= secrets
            self._waker.ready(own, Counter(loaded.lanes) + waiting.settle_new(own, loaded.blocked).ready)
        return loaded.jobs

    def _load_batch(
        self, own: jobs.Connection, batch: builtins.list[NewJob], loaded: Loaded, *, unchecked: bool
    ) -> None:
        known = self.submission.known({each.type for each in batch}, unchecked=unchecked)
        rows = (self.submission.row(each, unchecked=unchecked, known=known) for each in batch)
        others = copy_jobs(own, rows, len(batch), self.submitter, loaded)
        for row, made in zip(others, run(own, enqueue(others, self.submitter, self.window)), strict=True):
            if made.created:
                loaded.add(row, made.id, waits=made.state is not State.QUEUED)
                if made.state is State.BLOCKED:
                    loaded.blocked.append(made.id)

    def _enqueue_blocked(self, own: jobs.Connection, rows: Sequence[JobRow]) -> builtins.list[Submitted]:
        """Store jobs of which some are blocked, and settle those, which their commit made possible."""
        with own.transaction():
            made = run(own, enqueue(rows, self.submitter, self.window))
        moved = waiting.settle_new(own, [each.id for each in made if each.created and each.state is State.BLOCKED])
        self._waker.ready(own, _ready_lanes(rows, made) + moved.ready)
        return [replace(each, state=moved.states.get(each.id, each.state)) for each in made]

    def _make_queues(self, own: jobs.Connection, rows: Iterable[JobRow]) -> None:
        missing = {row.options.queue for row in rows} - self._queues
        if missing:
            run(own, ensure_queues(sorted(missing)))
            self._queues |= missing

    def wake(self, own: jobs.Connection, lanes: Mapping[tuple[str, str], int]) -> None:
        """Wake workers for jobs that were committed. lanes: (queue, type) → how many."""
        self._waker.ready(own, lanes)

    def secrets_of(self, rows: Iterable[JobRow]) -> dict[str, tuple[str, ...]]:
        """Return the payload fields to hide of these jobs' types, by type."""
        secrets = self.submission.secrets
        return {row.options.type: secrets[row.options.type] for row in rows if row.options.type in secrets}

    def _hide_secrets(self, own: jobs.Connection, rows: Iterable[JobRow]) -> None:
        """Have the store hide fields before it gets the first job of their type: once for each type."""
        missing = self._not_hidden(self.secrets_of(rows))
        run(own, hide_fields(missing))
        self._hidden |= missing

    def _not_hidden(self, types: Collection[str]) -> dict[str, tuple[str, ...]]:
        secrets = self.submission.secrets
        return {each: secrets[each] for each in types if each in secrets and secrets[each] != self._hidden.get(each)}

    def check(self, new: NewJob, *, unchecked: bool = False) -> NewJob:
        """Return the job as `submit` would store it, with every default filled in; store nothing.

        Raises what `submit` would, but for conflicts.
        """
        return self.submission.decided(new, unchecked=unchecked)

    def job_types(self) -> dict[str, dict[str, Any]]:
        """Return the job types that live workers know, with the JSON Schemas of their payloads."""
        with self.store.connection() as own:
            return workers.published_types(own)

    def _worker_names(self, types: Collection[str]) -> WorkerNames:
        with self.store.connection() as own:
            return workers.worker_names(own, types)


def words(what: str, text: str, limit: int) -> str:
    """Refuse what cannot be shown on one line: it is stored, and read by others."""
    if not text.isprintable() or len(text) > limit:
        raise UsageError(f"{what} must be at most {limit} printable characters, on one line")
    return text


def _ready_lanes(rows: Sequence[JobRow], made: Sequence[Submitted]) -> Counter[tuple[str, str]]:
    return Counter(
        row.lane for row, each in zip(rows, made, strict=True) if each.created and each.state is State.QUEUED
    )
