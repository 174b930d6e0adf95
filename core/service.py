"""Every use case once. CLI, TUI and the network's doors call this and nothing below it.

    with Service(load()) as service:
        job = service.submit(NewJob("noop"))
        service.wait([job.id], timeout=10)

Everything raises only errors of core/model/errors.py. Nothing here prints.
"""

from __future__ import annotations

import builtins
import itertools
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from .config import Settings
from .model.errors import UsageError, WaitTimeout
from .model.findings import Checked
from .model.job import Attempt, Job, NewJob, check_name
from .model.results import (
    DeadGroup,
    Dependency,
    Event,
    ItemResult,
    OutputChunk,
    QueueCounts,
    QueueInfo,
    Submitted,
    TailCursor,
    WorkerInfo,
)
from .model.states import State
from .named import Names, WorkerNames
from .registry import Registry
from .store import jobs, output, queues, tail, transitions, waiting, workers
from .store.bulk import Loaded, copy_jobs
from .store.enqueue import JobRow, enqueue, ensure_queues, hide_fields, notify_late, run
from .store.single import SingleEnqueue
from .store.store import Store, open_store
from .store.wake import Waker
from .store.within import submit_within
from .submission import Submission, default_submitter

__all__ = [
    "DeadGroup",
    "Event",
    "ItemResult",
    "OutputChunk",
    "QueueCounts",
    "QueueInfo",
    "Service",
    "Submitted",
    "TailCursor",
    "WorkerInfo",
]

MAX_LIST = 10_000
MAX_MANY = 10_000
MAX_LIMIT = 1_000_000
Standing = tuple[State, int, float | None]
FIRST_POLL, SLOWEST_POLL = 0.005, 0.25


class Service:
    """The use cases over one store, which is opened when it is first needed. Threads may share it.

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
        self.submitter = _words("submitter", submitter, 200) if submitter else default_submitter()
        self.window: float = settings["retention.idempotency"]
        self._store = store
        self._owns_store = store is None
        self._pool_size = pool_size
        self._waker = Waker(self._connection)
        self._enqueue_one = SingleEnqueue(self.submitter, self.window)
        self._queues: set[str] = set()
        self._hidden: dict[str, tuple[str, ...]] = {}

    @property
    def store(self) -> Store:
        """The store; the first use opens it. StoreUnreachable, SchemaTooOld, SchemaTooNew, …"""
        if self._store is None:
            self._store = open_store(self.settings, pool_size=self._pool_size)
        return self._store

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

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Submitting

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
            self._waker.ready(own, Counter(loaded.lanes) + waiting.settle(own, loaded.blocked).ready)
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
        moved = waiting.settle(own, [each.id for each in made if each.created and each.state is State.BLOCKED])
        self._waker.ready(own, _ready_lanes(rows, made) + moved.ready)
        return [replace(each, state=moved.states.get(each.id, each.state)) for each in made]

    def _make_queues(self, own: jobs.Connection, rows: Iterable[JobRow]) -> None:
        missing = {row.options.queue for row in rows} - self._queues
        if missing:
            run(own, ensure_queues(sorted(missing)))
            self._queues |= missing

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

    # Reading

    def get(self, job_id: int) -> Job:
        """Return a job as it stands. JobNotFound."""
        return self.get_many([job_id])[0]

    def get_many(self, ids: Sequence[int]) -> builtins.list[Job]:
        """Return jobs in the order of `ids`. JobNotFound: for the first that is not in the store."""
        with self.store.connection() as own:
            found = jobs.get_jobs(own, ids)
        for job_id in ids:
            if job_id not in found:
                raise jobs.not_found(job_id)
        return [found[job_id] for job_id in ids]

    def list(
        self,
        *,
        states: Collection[State] = (),
        queue: str | None = None,
        type: str | None = None,
        tag: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> builtins.list[Job]:
        """Return one page of jobs, newest (largest id) first.

        states: any of these; none is all. since: submitted at this aware time or later. before: the
        smallest id of the page above. limit: 1 to 10,000.
        """
        if not 1 <= limit <= MAX_LIST:
            raise UsageError(f"the limit is {limit} — it must be 1 to {MAX_LIST:,}")
        _check_time("since", since)
        with self.store.connection() as own:
            return jobs.list_jobs(
                own, states=states, queue=queue, type=type, tag=tag, since=since, before=before, limit=limit
            )

    def counts(self, *, finished: bool = True) -> builtins.list[QueueCounts]:
        """Count jobs by queue and state. finished: succeeded and cancelled too, which reads all of them."""
        with self.store.connection() as own:
            return jobs.count_jobs(own, finished=finished)

    def attempts(self, job_id: int) -> builtins.list[Attempt]:
        """Return the attempts of a job that did not succeed, oldest first. JobNotFound."""
        self.get(job_id)
        with self.store.connection() as own:
            return jobs.attempts(own, job_id)

    def output(
        self, job_id: int, *, after: tuple[int, int] | None = None, attempt: int | None = None, limit: int = MAX_LIST
    ) -> builtins.list[OutputChunk]:
        """Return what a job said, in order; those pieces after (token, chunk), at most `limit`. JobNotFound."""
        with self.store.connection() as own:
            found = output.read_output(own, job_id, after=after, attempt=attempt, limit=limit)
        if not found:
            self.get(job_id)
        return found

    def wait(
        self, ids: Sequence[int], *, timeout: float | None = None, on_change: Callable[[Job], None] | None = None
    ) -> builtins.list[Job]:
        """Wait until all of these jobs have ended; return them in the order of `ids`.

        timeout: seconds; WaitTimeout after them. on_change: called at first and whenever a job's
        state, attempt or progress is another one. JobNotFound.
        """
        seen: dict[int, Standing] = {}
        pending = list(dict.fromkeys(ids))
        pauses = poll_pauses(timeout)
        while True:
            standings = self.standings(pending)
            if on_change is not None:
                for job in self.get_many([job_id for job_id in pending if seen.get(job_id) != standings[job_id]]):
                    on_change(job)
                seen.update(standings)
            pending = [job_id for job_id in pending if not standings[job_id][0].is_final]
            if not pending:
                return self.get_many(ids)
            pause = next(pauses, None)
            if pause is None:
                raise too_late(pending, ids, timeout)
            time.sleep(pause)

    def standings(self, ids: Sequence[int]) -> dict[int, Standing]:
        """Return (state, attempt, progress) of jobs, by id: what changes while one waits. JobNotFound."""
        with self.store.connection() as own:
            found = jobs.job_states(own, ids)
        for job_id in ids:
            if job_id not in found:
                raise jobs.not_found(job_id)
        return found

    def tail(self, *, since: TailCursor | None = None, poll: float = SLOWEST_POLL) -> Iterator[builtins.list[Event]]:
        """Give every outcome and every failed attempt exactly once, for ever, as lists in order.

        since: after this event's cursor; default, what commits from the first step on. A list is
        empty when nothing happened for `poll` seconds. Somebody's open transaction delays what
        committed after it began.
        """
        with self.store.connection() as own:
            cursor = tail.tail_start(own) if since is None else since
        while True:
            with self.store.connection() as own:
                events = tail.tail_page(own, cursor)
            yield events
            if events:
                cursor = events[-1].cursor
            else:
                time.sleep(poll)

    # Changing

    def cancel(self, ids: Sequence[int], *, by: str, reason: str | None = None) -> builtins.list[ItemResult]:
        """Cancel jobs: those that wait at once; those that run are asked to stop, and their workers told."""
        who = _words("by", by, 200) + (f": {_words('reason', reason, 500)}" if reason else "")
        with self.store.connection() as own:
            results = transitions.cancel(own, ids, by=who)
            self._waker.ready(own, waiting.after_end(own, [each.id for each in results if each.ok]).ready)
        return results

    def retry(self, ids: Sequence[int], *, by: str) -> builtins.list[ItemResult]:
        """Run jobs again: finished ones with their whole budget, those that wait for their time now."""
        _words("by", by, 200)
        lanes: Counter[tuple[str, str]] = Counter()
        with self.store.connection() as own:
            results = transitions.requeue(own, ids, queued=lanes.update)
            self._waker.ready(own, lanes)
        return results

    def hold(self, ids: Sequence[int], *, by: str) -> builtins.list[ItemResult]:
        """Keep waiting jobs from running until somebody releases them."""
        with self.store.connection() as own:
            return transitions.hold(own, ids, by=_words("by", by, 200))

    def release(self, ids: Sequence[int]) -> builtins.list[ItemResult]:
        """Let go of held jobs: each goes on to wait for what else it waits for, if anything."""
        lanes: Counter[tuple[str, str]] = Counter()
        with self.store.connection() as own:
            results = transitions.release(own, ids, queued=lanes.update)
            self._waker.ready(own, lanes)
        return results

    def dependencies(self, job_id: int) -> builtins.list[Dependency]:
        """Return the jobs that a job waits or waited for, and those that wait for it. JobNotFound."""
        self.get(job_id)
        with self.store.connection() as own:
            return jobs.dependencies(own, job_id)

    def discard(self, ids: Sequence[int], *, by: str) -> builtins.list[ItemResult]:
        """Take dead jobs out of the dead-letter queue: they are cancelled, their error kept."""
        _words("by", by, 200)
        with self.store.connection() as own:
            return transitions.discard(own, ids)

    def purge(self, queue: str, *, by: str = "purge") -> int:
        """Cancel everything that waits in a queue now; return how many jobs. QueueNotFound."""
        with self.store.connection() as own:
            count = transitions.purge(own, queue, by=_words("by", by, 200))
            self._waker.ready(own, waiting.sweep(own, thorough=True).ready)
        return count

    # Queues and workers

    def queues(self) -> builtins.list[QueueInfo]:
        """Return every queue with what is in it, by name."""
        with self.store.connection() as own:
            return queues.list_queues(own)

    def pause_queue(self, name: str, *, by: str, reason: str | None = None, until: datetime | None = None) -> QueueInfo:
        """Let no job of a queue start, until an aware time or until it is resumed. QueueNotFound."""
        _check_time("until", until)
        reason = _words("reason", reason, 500) if reason else None
        with self.store.connection() as own:
            return queues.pause_queue(own, name, by=_words("by", by, 200), reason=reason, until=until)

    def resume_queue(self, name: str) -> QueueInfo:
        """Let a queue's jobs start again; workers look at once. QueueNotFound."""
        with self.store.connection() as own:
            return queues.resume_queue(own, name)

    def set_queue(self, name: str, changes: Mapping[str, float | None]) -> QueueInfo:
        """Set a queue's limits; it is made if need be. changes: see queues.set_queue. UsageError."""
        check_name("queue", name)
        for limit, value in changes.items():
            if value is not None and not 0 < value <= MAX_LIMIT:
                raise UsageError(f"{limit} is {value:g} — it must be more than 0 and at most {MAX_LIMIT:,}")
        with self.store.connection() as own:
            queue = queues.set_queue(own, name, changes)
            self._waker.ready(own, waiting.sweep(own, thorough=True).ready)
        return queue

    def workers(self) -> builtins.list[WorkerInfo]:
        """Return the workers that have not ended, oldest first."""
        with self.store.connection() as own:
            return workers.list_workers(own)

    def command_worker(self, name_or_id: str | int, command: Literal["drain", "stop"]) -> WorkerInfo:
        """Tell a live worker to finish what it has and end (drain) or to end at once (stop). WorkerNotFound."""
        with self.store.connection() as own:
            return workers.command_worker(own, name_or_id, command)

    def job_types(self) -> dict[str, dict[str, Any]]:
        """Return the job types that live workers know, with the JSON Schemas of their payloads."""
        with self.store.connection() as own:
            return workers.published_types(own)

    def _worker_names(self, types: Collection[str]) -> WorkerNames:
        with self.store.connection() as own:
            return workers.worker_names(own, types)

    def verify(self, *, since: datetime | None = None, limit: int = 20) -> Iterator[Checked]:
        """Yield each invariant of the store as soon as it was looked at: see core/store/verify.py."""
        from .store.verify import verify_store

        _check_time("since", since)
        return verify_store(self.store, self.settings, since=since, limit=limit)

    # The dead-letter queue

    def dlq(self, *, limit: int = 50, before: int | None = None) -> builtins.list[Job]:
        """Return one page of dead jobs, newest first."""
        return self.list(states=(State.DEAD,), limit=limit, before=before)

    def dlq_groups(self, *, limit: int = 100) -> builtins.list[DeadGroup]:
        """Return the dead jobs grouped by what went wrong, the most frequent first."""
        with self.store.connection() as own:
            return jobs.dead_groups(own, limit)


def _ready_lanes(rows: Sequence[JobRow], made: Sequence[Submitted]) -> Counter[tuple[str, str]]:
    return Counter(
        row.lane for row, each in zip(rows, made, strict=True) if each.created and each.state is State.QUEUED
    )


def poll_pauses(timeout: float | None) -> Iterator[float]:
    """Give the seconds to pause between looks, growing, until `timeout` seconds are over."""
    end = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_POLL
    while end is None or time.monotonic() < end:
        yield pause if end is None else max(0.0, min(pause, end - time.monotonic()))
        pause = min(pause * 1.5, SLOWEST_POLL)


def too_late(pending: Sequence[int], ids: Sequence[int], timeout: float | None) -> WaitTimeout:
    """The error for jobs that are still `pending` when a wait's time is over."""
    return WaitTimeout(
        f"{len(pending)} of {len(ids)} jobs had not ended after {timeout or 0:g} s", fix=f"jobsched show {pending[0]}"
    )


def _words(what: str, text: str, limit: int) -> str:
    """Refuse what cannot be shown on one line: it is stored, and read by others."""
    if not text.isprintable() or len(text) > limit:
        raise UsageError(f"{what} must be at most {limit} printable characters, on one line")
    return text


def _check_time(what: str, time_: datetime | None) -> None:
    if time_ is not None and time_.tzinfo is None:
        raise UsageError(f"{what} {time_.isoformat()} has no zone — give an aware datetime")
