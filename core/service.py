"""Every use case once. CLI, TUI and the network's doors call this and nothing below it.

    with Service(load()) as service:
        job = service.submit(NewJob("noop"))
        service.wait([job.id], timeout=10)

Everything raises only errors of core/model/errors.py. Nothing here prints.
"""

from __future__ import annotations

import builtins
import itertools
import shlex
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from .model.errors import UsageError, WaitTimeout
from .model.findings import Checked
from .model.job import Attempt, Job, check_name
from .model.priority import Priority
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
from .model.states import WAITING, State
from .store import jobs, output, queues, tail, transitions, vocabulary, waiting, workers
from .submitting import words
from .undoing import Undoing
from .watching import Watching

if TYPE_CHECKING:
    from .cron import Cron

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
MAX_LIMIT = 1_000_000
Standing = tuple[State, int, float | None]
FIRST_POLL, SLOWEST_POLL = 0.005, 0.25


class Service(Undoing, Watching):
    """The use cases over one store, which is opened when it is first needed. Threads may share it."""

    @property
    def cron(self) -> Cron:
        """Schedules: see core/cron.py."""
        from .cron import Cron

        return Cron(self)

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

    def vocabulary(self) -> builtins.list[tuple[str, str, str]]:
        """Return (kind, word, what it is) of what a command line may name; nothing where the store was not opened."""
        if self._store is None:
            return []
        with self.store.connection() as own:
            return vocabulary.list_vocabulary(own)

    # Changing

    def cancel(self, ids: Sequence[int], *, by: str, reason: str | None = None) -> builtins.list[ItemResult]:
        """Cancel jobs: those that wait at once; those that run are asked to stop, and their workers told."""
        who = words("by", by, 200) + (f": {words('reason', reason, 500)}" if reason else "")
        with self.store.connection() as own:
            results = transitions.cancel(own, ids, by=who)
            self._waker.ready(own, waiting.after_end(own, [each.id for each in results if each.ok]).ready)
        return results

    def retry(self, ids: Sequence[int], *, by: str) -> builtins.list[ItemResult]:
        """Run jobs again: finished ones with their whole budget, those that wait for their time now."""
        words("by", by, 200)
        lanes: Counter[tuple[str, str]] = Counter()
        with self.store.connection() as own:
            results = transitions.requeue(own, ids, queued=lanes.update)
            self._waker.ready(own, lanes)
        return results

    def hold(self, ids: Sequence[int], *, by: str) -> builtins.list[ItemResult]:
        """Keep waiting jobs from running until somebody releases them."""
        words("by", by, 200)
        lanes: Counter[tuple[str, str]] = Counter()
        with self.store.connection() as own:
            results = transitions.hold(own, ids, lanes.update, by=by)
            self._waker.ready(own, lanes)
        return results

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
        words("by", by, 200)
        with self.store.connection() as own:
            return transitions.discard(own, ids)

    def move(
        self, ids: Sequence[int], *, queue: str | None = None, priority: Priority | None = None, by: str
    ) -> builtins.list[ItemResult]:
        """Give waiting jobs another queue, which is made if need be, or priority. UsageError: neither is given."""
        if queue is None and priority is None:
            raise UsageError("it is not said where to — name a queue or a priority")
        holder = f"{words('by', by, 180)}, moving them"
        lanes: Counter[tuple[str, str]] = Counter()
        if queue is not None:
            check_name("queue", queue)
        with self.store.connection() as own:
            results = transitions.move(own, ids, lanes.update, queue=queue, priority=priority, by=holder)
            self._waker.ready(own, lanes)
        return results

    def purge(self, queue: str, *, by: str = "purge") -> int:
        """Cancel everything that waits in a queue now; return how many jobs. It can be undone. QueueNotFound."""
        return sum(each.ok for _, page in self.purging(queue, by=by) for each in page)

    def purging(self, queue: str, *, by: str) -> Iterator[tuple[int, builtins.list[ItemResult]]]:
        """Do the same page by page, and give the change's number with what became of each job.

        What runs by then goes on, and what is submitted meanwhile is not meant.
        """
        from .model.selection import AnyOf, Condition, Selection
        from .model.selection.expression import Compare

        who = words("by", by, 200)
        with self.store.connection() as own:
            last = transitions.last_job(own, queue)
        meant = (("queue", AnyOf((queue,))), ("state", AnyOf(tuple(WAITING))), ("id", Compare("<=", last)))
        chosen = Selection(tuple(Condition(field, test) for field, test in meant))

        def apply(ids: Sequence[int]) -> builtins.list[ItemResult]:
            with self.store.connection() as own:
                results = transitions.cancel(own, ids, by=who, running=False)
                self._waker.ready(own, waiting.after_end(own, [each.id for each in results if each.ok]).ready)
            return results

        return self.change("cancel", self.select_ids(chosen), apply, by=who, selection=str(chosen))

    # Queues and workers

    def queues(self) -> builtins.list[QueueInfo]:
        """Return every queue with what is in it, by name."""
        with self.store.connection() as own:
            return queues.list_queues(own)

    def pause_queue(self, name: str, *, by: str, reason: str | None = None, until: datetime | None = None) -> QueueInfo:
        """Let no job of a queue start, until an aware time or until it is resumed. QueueNotFound."""
        _check_time("until", until)
        reason = words("reason", reason, 500) if reason else None
        with self.store.connection() as own:
            return queues.pause_queue(own, name, by=words("by", by, 200), reason=reason, until=until)

    def wait_for_idle(self, name: str, *, timeout: float | None = None) -> QueueInfo:
        """Wait until no job of a queue runs, as comes about once it is paused. timeout: seconds; WaitTimeout after
        them. QueueNotFound."""
        with self.store.connection() as own:
            queues.get_queue(own, name)
            claiming = queues.claiming(own)
        for pause in itertools.chain(poll_pauses(timeout), [None]):
            with self.store.connection() as own:
                claiming &= queues.claiming(own)  # they may not have seen that it was paused
                running = queues.running_in(own, name)
                if not running and not claiming:
                    return queues.get_queue(own, name)
            if pause is not None:
                time.sleep(pause)
        raise WaitTimeout(
            f"{running or 'new'} job{'s' if running != 1 else ''} of queue {name} still ran after {timeout:g} s",
            fix=f"jobsched ls --queue {shlex.quote(name)} --state running",
        )

    def resume_queue(self, name: str) -> QueueInfo:
        """Let a queue's jobs start again; workers look at once. QueueNotFound."""
        with self.store.connection() as own:
            return queues.resume_queue(own, name)

    def set_queue(self, name: str, changes: Mapping[str, float | None]) -> QueueInfo:
        """Set a queue's limits; it is made if need be. changes: see queues.set_queue. UsageError."""
        check_name("queue", name)
        for limit, value in changes.items():
            if limit not in queues.LIMITS:
                raise UsageError(f"{limit[:40]!r} is no limit of a queue — there are {', '.join(queues.LIMITS)}")
            if value is not None and not 0 < value <= MAX_LIMIT:
                raise UsageError(f"{limit} must be more than 0 and at most {MAX_LIMIT:,}")
            if value is not None and limit != "rate" and value != int(value):
                raise UsageError(f"{limit} is {value:g} — it must be a whole number")
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


def _check_time(what: str, time_: datetime | None) -> None:
    if time_ is not None and time_.tzinfo is None:
        raise UsageError(f"{what} {time_.isoformat()} has no zone — give an aware datetime")
