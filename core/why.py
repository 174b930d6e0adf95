"""Why a job is not running: every reason there is now, each with the command that does away with it.

    for reason in explain(service, service.get(42)):
        print(reason.text, reason.fix)

The reasons are in the order in which they have to go: a queue that is paused matters only once the job's
parents have ended. A job that waits for others has their reasons, too, one level in.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from .model.durations import format_duration, format_rate
from .model.errors import JobschedError
from .model.job import Condition, Job
from .model.results import Dependency, QueueInfo, WorkerInfo
from .model.states import State
from .service import Service
from .store import why

DEEPEST = 5
"""Parents of parents that are looked at."""
MOST_JOBS = 50
"""Other jobs whose reasons are told, each once: a job may have a hundred parents, and each of them as many."""
SHOWN = 5
WORKER = "jobsched worker"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. code: stable, for programs. text: for people, one line. fix: a command; None where only
    time helps. job_id: of the job that it concerns: the one asked about or one that it waits for. depth: 0
    is the job itself."""

    code: str
    text: str
    fix: str | None
    job_id: int
    depth: int = 0


def explain(service: Service, job: Job) -> list[Reason]:
    """Return the reasons why `job` does not run, or what it does instead of waiting; at least one."""
    return list(_Explanation(service).of(job, 0))


def stuck(service: Service, job: Job) -> list[Reason]:
    """Return the reasons why nobody is going to run a job once it is ready, however long it waits; none if
    somebody will."""
    return list(_Explanation(service).stuck(job, 0))


class _Explanation:
    """What was found out so far: each job is told of once, workers and queues are read once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._told: set[int] = set()

    @cached_property
    def _workers(self) -> list[WorkerInfo]:
        return self._service.workers()

    @cached_property
    def _alive(self) -> list[WorkerInfo]:
        return [each for each in self._workers if each.liveness != "lost"]

    @cached_property
    def _queues(self) -> dict[str, QueueInfo]:
        return {each.name: each for each in self._service.queues()}

    @cached_property
    def _now(self) -> datetime:
        with self._service.store.connection() as own:
            return why.now(own)

    @property
    def _any_worker(self) -> str | None:
        """The fix where any worker would do: none if there is one."""
        return None if self._alive else WORKER

    def of(self, job: Job, depth: int) -> Iterator[Reason]:
        """Yield the reasons of one job and of those that it waits for."""
        self._told.add(job.id)
        match job.state:
            case State.BLOCKED:
                yield from self._of_blocked(job, depth)
            case State.SCHEDULED | State.RETRYING:
                yield self._of_delayed(job, depth)
            case State.QUEUED:
                yield from self._of_queued(job, depth)
            case State.RUNNING:
                yield self._of_running(job, depth)
            case _:
                error = f": {job.error}" if job.error else ""
                again = None if job.state is State.SUCCEEDED else f"jobsched retry {job.id}"
                yield Reason("ended", f"it has ended {job.state.value}{error}", again, job.id, depth)
        if depth == 0 and job.state in (State.BLOCKED, State.SCHEDULED, State.RETRYING):
            yield from self.stuck(job, depth)

    def _of_other(self, job_id: int, depth: int) -> Iterator[Reason]:
        """The reasons of a job that another one waits for, unless they were told or lead too far."""
        if depth <= DEEPEST and job_id not in self._told and len(self._told) <= MOST_JOBS:
            yield from self.of(self._service.get(job_id), depth)

    def _of_blocked(self, job: Job, depth: int) -> Iterator[Reason]:
        waits = False
        for reason in self._blocks(job, depth):
            waits = True
            yield reason
        if not waits:
            text = "nothing blocks it any more: a worker makes it ready within seconds"
            yield Reason("unsettled", text, self._any_worker, job.id, depth)

    def _blocks(self, job: Job, depth: int) -> Iterator[Reason]:
        if job.held_by is not None:
            yield Reason("held", f"{job.held_by} holds it", f"jobsched release {job.id}", job.id, depth)
        for each in self._service.dependencies(job.id):
            if each.child == job.id and not each.met:
                yield self._dependency(job, each, depth)
                if each.parent_state is not None and not each.parent_state.is_final:
                    yield from self._of_other(each.parent, depth + 1)
        if job.concurrency_key is not None:
            yield from self._turns(job, job.concurrency_key, depth)
        if job.run_at is not None and job.run_at > self._now:
            yield self._of_delayed(job, depth)

    def _dependency(self, job: Job, each: Dependency, depth: int) -> Reason:
        state = each.parent_state.value if each.parent_state else "not in the store"
        text = f"it is to run after job {each.parent} has ended ({each.condition}), which is {state}"
        if job.schedule is not None:
            text += f": jobs of schedule {job.schedule} are not to overlap"
        fix = None
        if each.parent_state is None or each.parent_state.is_final:
            if _ended_as_asked(each):
                text, fix = f"{text}: a worker notes it within seconds", self._any_worker
            elif job.held_by is not None:
                text = f"{text}: once nobody holds it, it is cancelled"
                fix = f"jobsched retry {each.parent}" if each.parent_state else f"jobsched cancel {job.id}"
            else:
                text, fix = f"{text}: a worker cancels it within seconds", self._any_worker
        return Reason("dependency", text, fix, job.id, depth)

    def _turns(self, job: Job, key: str, depth: int) -> Iterator[Reason]:
        with self._service.store.connection() as own:
            turns = why.turns(own, job.id, job.queue, key, int(job.priority))
        if turns.used < turns.key_limit:
            return
        text = (
            f"{turns.key_limit} of concurrency key {key!r} may run at a time, and {_jobs(turns.holders)} had a turn "
            f"first; {turns.before} more come before this one"
        )
        fix = f"jobsched queue set {shlex.quote(job.queue)} --key-limit {turns.used + turns.before + 1}"
        yield Reason("key", text, fix, job.id, depth)
        for holder in turns.holders:
            yield from self._of_other(holder, depth + 1)

    def _of_delayed(self, job: Job, depth: int) -> Reason:
        assert job.run_at is not None
        left = (job.run_at - self._now).total_seconds()
        due = f"in {format_duration(left)}" if left > 0 else "now: a worker makes it ready within a second"
        if job.attempt:
            text = f"attempt {job.attempt} of {job.max_attempts} failed; the next one is due {due}"
            return Reason("backoff", text, f"jobsched retry {job.id}", job.id, depth)
        fix = f"jobsched retry {job.id}" if job.state is State.SCHEDULED else None
        if job.scheduled_for is not None and job.schedule is not None:
            tick = f"{job.scheduled_for:%Y-%m-%d %H:%M:%S} UTC"
            text = f"it is the job of {tick} of schedule {job.schedule}, whose jitter lets it run {due}"
            return Reason("jitter", text, fix, job.id, depth)
        return Reason("time", f"it is not to run before {job.run_at:%Y-%m-%d %H:%M:%S} UTC, {due}", fix, job.id, depth)

    def stuck(self, job: Job, depth: int) -> Iterator[Reason]:
        """See the function."""
        queue = self._queues.get(job.queue)
        if queue is None:
            fix = f"jobsched queue set {shlex.quote(job.queue)} --key-limit 1"
            text = f"queue {job.queue} is not known any more, so workers of every queue do not look into it"
            yield Reason("unknown-queue", text, fix, job.id, depth)
        elif queue.paused:
            yield _paused(queue, job, depth)
        serving = self._serving(job)
        if not serving:
            fix = f"{WORKER} --queues {shlex.quote(job.queue)}" if self._alive else WORKER
            text = f"no worker serves queue {job.queue}{self._who_does_not(job)}"
            yield Reason("no-worker", text, fix, job.id, depth)
        elif not any(job.type in each.types for each in serving):
            withheld = any(job.type in each.withheld for each in serving) or self._runs_programs(job.type)
            why_not = ": it runs programs, and none was started with --allow-commands" if withheld else ""
            fix = f"{WORKER} --allow-commands" if withheld else f"{WORKER} --import MODULE"
            yield Reason("no-type", f"no worker runs jobs of type {job.type}{why_not}", fix, job.id, depth)

    def _serving(self, job: Job) -> list[WorkerInfo]:
        """Workers that claim from the job's queue."""
        return [each for each in self._alive if _serves(each, job) and not _ends(each)]

    def _who_does_not(self, job: Job) -> str:
        """Workers that serve its queue in name only."""
        said = [
            f"worker {each.name} is told to end"
            if each.liveness != "lost"
            else f"worker {each.name} has been silent for {format_duration(each.silent)}"
            for each in self._workers
            if _serves(each, job)
        ]
        more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        return f": {', '.join(said[:SHOWN])}{more}" if said else ""

    def _runs_programs(self, job_type: str) -> bool:
        try:
            return self._service.submission.runs_programs(job_type)
        except JobschedError:  # a module of handlers that does not import is somebody else's news
            return False

    def _of_queued(self, job: Job, depth: int) -> Iterator[Reason]:
        able = [each for each in self._serving(job) if job.type in each.types]
        rank = self._rank(job, able)
        found = list(self.stuck(job, depth))
        yield from (each for each in found if each.code in ("paused", "unknown-queue"))
        yield from self._limited(job, rank, depth)
        yield from (each for each in found if each.code not in ("paused", "unknown-queue"))
        if able:
            yield _ranked(job, able, rank, depth)

    def _rank(self, job: Job, able: Sequence[WorkerInfo]) -> why.Rank:
        everywhere = any(each.queues is None for each in able)
        queues = None if everywhere else sorted({queue for each in able for queue in each.queues or ()})
        types = sorted({name for each in able for name in each.types}) if able else None
        with self._service.store.connection() as own:
            return why.rank(own, job.id, job.queue, int(job.priority), queues=queues, types=types)

    def _limited(self, job: Job, rank: why.Rank, depth: int) -> Iterator[Reason]:
        with self._service.store.connection() as own:
            limits = why.limits(own, job.queue)
        if limits is None:
            return
        queue = shlex.quote(job.queue)
        if limits.max_running is not None and limits.used >= limits.max_running:
            text = (
                f"queue {job.queue} runs {limits.used} jobs, of which {limits.max_running} may: {_jobs(limits.holders)}"
            )
            enough = limits.used + rank.before + 1 if rank.before < why.MOST else "none"
            yield Reason("limit", text, f"jobsched queue set {queue} --max-running {enough}", job.id, depth)
        if limits.rate is not None and limits.tokens is not None and limits.tokens < 1:
            wait = format_duration((1 - limits.tokens) / limits.rate)
            text = f"queue {job.queue} starts jobs at a rate, {format_rate(limits.rate)}: the next one in {wait}"
            yield Reason("rate", text, f"jobsched queue set {queue} --rate none", job.id, depth)

    def _of_running(self, job: Job, depth: int) -> Reason:
        since = f" for {format_duration((self._now - job.started_at).total_seconds())}" if job.started_at else ""
        worker = next((each for each in self._workers if each.name == job.worker), None)
        fix = None if depth else f"jobsched logs -f {job.id}"
        if worker is not None and worker.liveness != "lost":
            beat = f", whose last heartbeat was {format_duration(worker.silent)} ago"
        else:
            silent = f" has been silent for {format_duration(worker.silent)}" if worker else " has ended"
            beat, fix = f", which{silent}: a living worker takes the job over", self._any_worker
        asked = "; it was asked to stop" if job.cancel_requested else ""
        return Reason("running", f"it runs{since} on {job.worker or '?'}{beat}{asked}", fix, job.id, depth)


def _serves(worker: WorkerInfo, job: Job) -> bool:
    return worker.queues is None or job.queue in worker.queues


def _ends(worker: WorkerInfo) -> bool:
    return worker.command is not None or worker.state in ("draining", "unavailable")


def _ended_as_asked(each: Dependency) -> bool:
    match each.condition:
        case Condition.OK:
            return each.parent_state is State.SUCCEEDED
        case Condition.FAIL:
            return each.parent_state in (State.DEAD, State.CANCELLED)
        case _:
            return True


def _paused(queue: QueueInfo, job: Job, depth: int) -> Reason:
    until = f", until {queue.paused_until:%Y-%m-%d %H:%M:%S} UTC" if queue.paused_until else ""
    words = f" ({queue.pause_reason})" if queue.pause_reason else ""
    text = f"queue {queue.name} is paused by {queue.paused_by or 'somebody'}{words}{until}"
    return Reason("paused", text, f"jobsched queue resume {shlex.quote(queue.name)}", job.id, depth)


def _ranked(job: Job, able: Sequence[WorkerInfo], rank: why.Rank, depth: int) -> Reason:
    busy = sum(each.state == "busy" for each in able)
    parts = [f"{_count(rank.before)} jobs of queue {job.queue} start first"]
    if rank.urgent:
        parts.append(f"{_count(rank.urgent)} more urgent ones of other queues do, too")
    parts.append(f"{busy} of {len(able)} workers for it are busy")
    if rank.solo:
        parts.append("it must run alone, because a process died while it ran beside others")
    if rank.ended_last_minute and not rank.urgent and 0 < rank.before < why.MOST:
        seconds = rank.before * 60 / rank.ended_last_minute
        parts.append(f"about {format_duration(seconds)} to go, at {rank.ended_last_minute:,} jobs in the last minute")
    return Reason("rank", "; ".join(parts), WORKER if busy == len(able) else None, job.id, depth)


def _count(jobs: int) -> str:
    return f"{jobs:,}" if jobs < why.MOST else f"{why.MOST:,} or more"


def _jobs(ids: Sequence[int]) -> str:
    more = " …" if len(ids) == SHOWN else ""
    return f"job {ids[0]}" if len(ids) == 1 else f"jobs {', '.join(map(str, ids))}{more}"
