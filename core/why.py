"""Why a job is not running: every reason there is now, each with the command that does away with it.

    for reason in explain(service, service.get(42)):
        print(reason.text, reason.fix)

The reasons are in the order in which they have to go: a queue that is paused matters only once the job's
parents have ended. A job that waits for others has their reasons, too, one level in.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .model.durations import format_duration, format_rate
from .model.errors import JobschedError
from .model.job import Job
from .model.results import QueueInfo, WorkerInfo
from .model.states import State
from .service import Service
from .store import why

DEEPEST = 5
"""Parents of parents that are looked at."""
SHOWN = 5


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
    return list(_of(service, job, 0))


def _of(service: Service, job: Job, depth: int) -> Iterator[Reason]:
    def reason(code: str, text: str, fix: str | None = None) -> Reason:
        return Reason(code, text, fix, job.id, depth)

    match job.state:
        case State.BLOCKED:
            yield from _of_blocked(service, job, depth)
        case State.SCHEDULED | State.RETRYING:
            yield _of_delayed(job, depth)
        case State.QUEUED:
            yield from _of_queued(service, job, depth)
        case State.RUNNING:
            yield _of_running(service, job, depth)
        case _:
            error = f": {job.error}" if job.error else ""
            again = None if job.state is State.SUCCEEDED else f"jobsched retry {job.id}"
            yield reason("ended", f"it has ended {job.state.value}{error}", again)


def _of_blocked(service: Service, job: Job, depth: int) -> Iterator[Reason]:
    if job.held_by is not None:
        yield Reason("held", f"{job.held_by} holds it", f"jobsched release {job.id}", job.id, depth)
    for each in service.dependencies(job.id):
        if each.child == job.id and not each.met:
            state = each.parent_state.value if each.parent_state else "not in the store"
            text = f"it is to run after job {each.parent} has ended ({each.condition}), which is {state}"
            if job.schedule is not None:
                text += f": jobs of schedule {job.schedule} are not to overlap"
            yield Reason("dependency", text, None, job.id, depth)
            if depth < DEEPEST and each.parent_state is not None and not each.parent_state.is_final:
                yield from _of(service, service.get(each.parent), depth + 1)
    if job.concurrency_key is not None:
        with service.store.connection() as own:
            turns = why.turns(own, job.id, job.queue, job.concurrency_key, int(job.priority))
        if turns.holders:
            text = (
                f"{turns.key_limit} of concurrency key {job.concurrency_key!r} may run at a time, and "
                f"{_jobs(turns.holders)} had a turn first; {turns.before} more come before this one"
            )
            fix = f"jobsched queue set {shlex.quote(job.queue)} --key-limit {turns.key_limit + 1}"
            yield Reason("key", text, fix, job.id, depth)
    if job.run_at is not None and job.run_at > datetime.now(UTC):
        yield _of_delayed(job, depth)


def _of_delayed(job: Job, depth: int) -> Reason:
    assert job.run_at is not None
    left = (job.run_at - datetime.now(UTC)).total_seconds()
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


def stuck(service: Service, job: Job, depth: int = 0) -> list[Reason]:
    """Return the reasons why nobody is going to run a queued job, however long it waits; none if somebody will."""
    reasons = []
    queue = next((each for each in service.queues() if each.name == job.queue), None)
    if queue is not None and queue.paused:
        reasons.append(_paused(queue, job, depth))
    workers = service.workers()
    serving = _serving(workers, job)
    if not serving:
        fix = f"jobsched worker --queues {shlex.quote(job.queue)}" if workers else "jobsched worker"
        reasons.append(Reason("no-worker", f"no worker serves queue {job.queue}", fix, job.id, depth))
    elif not any(job.type in each.types for each in serving):
        withheld = any(job.type in each.withheld for each in serving) or _runs_programs(service, job.type)
        why_not = ": it runs programs, and none was started with --allow-commands" if withheld else ""
        fix = "jobsched worker --allow-commands" if withheld else "jobsched worker --import MODULE"
        text = f"no worker runs jobs of type {job.type}{why_not}"
        reasons.append(Reason("no-type", text, fix, job.id, depth))
    return reasons


def _of_queued(service: Service, job: Job, depth: int) -> Iterator[Reason]:
    found = stuck(service, job, depth)
    yield from (each for each in found if each.code == "paused")
    yield from _limited(service, job, depth)
    yield from (each for each in found if each.code != "paused")
    able = [each for each in _serving(service.workers(), job) if job.type in each.types]
    if able:
        yield _ranked(service, job, able, depth)


def _serving(workers: list[WorkerInfo], job: Job) -> list[WorkerInfo]:
    return [each for each in workers if each.queues is None or job.queue in each.queues]


def _runs_programs(service: Service, job_type: str) -> bool:
    try:
        return service.submission.runs_programs(job_type)
    except JobschedError:  # a module of handlers that does not import is somebody else's news
        return False


def _paused(queue: QueueInfo, job: Job, depth: int) -> Reason:
    until = f", until {queue.paused_until:%Y-%m-%d %H:%M:%S} UTC" if queue.paused_until else ""
    words = f" ({queue.pause_reason})" if queue.pause_reason else ""
    text = f"queue {queue.name} is paused by {queue.paused_by or 'somebody'}{words}{until}"
    return Reason("paused", text, f"jobsched queue resume {shlex.quote(queue.name)}", job.id, depth)


def _limited(service: Service, job: Job, depth: int) -> Iterator[Reason]:
    with service.store.connection() as own:
        limits = why.limits(own, job.queue)
    if limits is None:
        return
    queue = shlex.quote(job.queue)
    if limits.max_running is not None and limits.used >= limits.max_running:
        text = f"queue {job.queue} runs its {limits.max_running} jobs: {_jobs(limits.holders)}"
        fix = f"jobsched queue set {queue} --max-running {limits.max_running + 1}"
        yield Reason("limit", text, fix, job.id, depth)
    if limits.rate is not None and limits.tokens is not None and limits.tokens < 1:
        wait = format_duration((1 - limits.tokens) / limits.rate)
        text = f"queue {job.queue} starts jobs at a rate, {format_rate(limits.rate)}: the next one in {wait}"
        yield Reason("rate", text, f"jobsched queue set {queue} --rate none", job.id, depth)


def _ranked(service: Service, job: Job, able: list[WorkerInfo], depth: int) -> Reason:
    with service.store.connection() as own:
        rank = why.rank(own, job.id, job.queue, int(job.priority))
    before = f"{rank.before:,}" if rank.before < why.MOST else f"{why.MOST:,} or more"
    busy = sum(each.state == "busy" for each in able)
    parts = [f"{before} jobs of queue {job.queue} start first", f"{busy} of {len(able)} workers for it are busy"]
    if rank.solo:
        parts.append("it must run alone, because a process died while it ran beside others")
    if rank.ended_last_minute and rank.before < why.MOST:
        seconds = rank.before * 60 / rank.ended_last_minute
        parts.append(f"about {format_duration(seconds)} to go, at {rank.ended_last_minute:,} jobs in the last minute")
    fix = "jobsched worker" if busy == len(able) else None
    return Reason("rank", "; ".join(parts), fix, job.id, depth)


def _of_running(service: Service, job: Job, depth: int) -> Reason:
    since = f" for {format_duration((datetime.now(UTC) - job.started_at).total_seconds())}" if job.started_at else ""
    worker = next((each for each in service.workers() if each.name == job.worker), None)
    beat = f", whose last heartbeat was {format_duration(worker.silent)} ago" if worker else ", which has ended"
    asked = "; it was asked to stop" if job.cancel_requested else ""
    text = f"it runs{since} on {job.worker or '?'}{beat}{asked}"
    return Reason("running", text, f"jobsched logs -f {job.id}", job.id, depth)


def _jobs(ids: list[int]) -> str:
    more = " …" if len(ids) == SHOWN else ""
    return f"job {ids[0]}" if len(ids) == 1 else f"jobs {', '.join(map(str, ids))}{more}"
