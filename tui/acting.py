"""What the screens change: each change with its words, its command line and its call."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..core.model.errors import JobschedError
from ..core.model.job import Job
from ..core.model.priority import Priority
from ..core.model.results import ItemResult, Operation, QueueInfo, Verb, WorkerInfo

if TYPE_CHECKING:
    from ..core.model.schedule import Schedule
    from ..core.model.selection import Selection
    from ..core.service import Service

SHOWN_IDS = 8
PAGE = 1000
"""Jobs that are changed at a time."""
TYPED = 1000
"""Beyond so many jobs, their number has to be typed."""


@dataclass(slots=True)
class Outcome:
    """What came of a change of jobs. why: the first refusal, or what broke it off. number: by which it is undone."""

    done: int = 0
    refused: int = 0
    why: str = ""
    number: int | None = None

    def add(self, results: Iterable[ItemResult]) -> None:
        """Count a page of it."""
        for each in results:
            if each.ok:
                self.done += 1
            else:
                self.refused += 1
                self.why = self.why or (each.error.message if each.error else "refused")


@dataclass(frozen=True, slots=True)
class Act:
    """A change that somebody may confirm. what: a sentence without its end ("Run 3 jobs again"). about: lines that
    say which. lines: the same as command lines, without the program. call: does it, as who is named; what came of
    it, or a sentence, comes back. count: how many jobs."""

    what: str
    about: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    call: Callable[[Service, str], Outcome | str]
    count: int = 1

    @property
    def command(self) -> str:
        """The command line, to be pasted into a shell."""
        return " && ".join(map(command_line, self.lines))


def command_line(argv: Sequence[str]) -> str:
    """A command line of this program, to be pasted into a shell."""
    return shlex.join(["jobsched", *argv])


@dataclass(frozen=True, slots=True)
class JobVerb:
    """Something that can be done to jobs. said: as in "Run again 3 jobs"; where: what is said after that. line: the
    command. call: the use case."""

    verb: Verb
    said: str
    line: tuple[str, ...]
    call: Callable[[Service, Sequence[int], str], list[ItemResult]]
    where: str = ""


JOB_VERBS = {
    each.verb: each
    for each in (
        JobVerb("retry", "Run again", ("retry",), lambda service, ids, by: service.retry(ids, by=by)),
        JobVerb("cancel", "Cancel", ("cancel",), lambda service, ids, by: service.cancel(ids, by=by)),
        JobVerb("hold", "Hold", ("hold",), lambda service, ids, by: service.hold(ids, by=by)),
        JobVerb("release", "Release", ("release",), lambda service, ids, by: service.release(ids)),
        JobVerb("discard", "Discard", ("dlq", "discard"), lambda service, ids, by: service.discard(ids, by=by)),
    )
}
"""What needs no more words than that."""


def move_to(queue: str | None, priority: Priority | None) -> JobVerb:
    """Moving jobs into a queue, to a priority, or both."""
    line = ["move"]
    where = []
    if queue is not None:
        line += ["--to", queue]
        where.append(f"queue {queue}")
    if priority is not None:
        line += ["--priority", priority.word]
        where.append(f"priority {priority.word}")
    return JobVerb(
        "move",
        "Move",
        tuple(line),
        lambda service, ids, by: service.move(ids, queue=queue, priority=priority, by=by),
        f" to {' and '.join(where)}",
    )


def on_jobs(verb: JobVerb, jobs: Sequence[Job]) -> Act:
    """The change of just these jobs."""
    ids = [job.id for job in jobs]

    def call(service: Service, by: str) -> Outcome:
        pages = (ids[at : at + PAGE] for at in range(0, len(ids), PAGE))
        shown = " ".join(map(str, ids[:20])) + (f" … ({len(ids)} ids)" if len(ids) > 20 else "")
        return _change(service, verb, pages, by, shown)

    line = (*verb.line, *map(str, ids))
    return Act(_said(verb, len(ids)), about(jobs), (line,), call, len(ids))


def on_selections(
    verb: JobVerb,
    chosen: Sequence[Selection],
    count: int,
    lines_about: Sequence[str],
    lines: Sequence[Sequence[str]] = (),
) -> Act:
    """The change of every job that fits one of these selections, at the time it is made. count: how many there are.
    lines: command lines, where there are shorter ones than the selections themselves."""

    def call(service: Service, by: str) -> Outcome:
        pages = (page for each in chosen for page in service.pages_for(verb.verb, each, page=PAGE))
        return _change(service, verb, pages, by, " | ".join(map(str, chosen)))

    own = [(*verb.line, "-f", str(each)) for each in chosen]
    return Act(_said(verb, count), tuple(lines_about), tuple(tuple(line) for line in lines or own), call, count)


def undo_of(operation: Operation) -> Act:
    """Undo a change that somebody made."""

    def call(service: Service, by: str) -> Outcome:
        outcome = Outcome()
        for page in service.undo(operation.id, by=by):
            outcome.add(page)
        return outcome

    return Act(
        f"Undo change {operation.id}",
        (
            f"change {operation.verb} of {operation.jobs:,} jobs, {operation.started_at:%Y-%m-%d %H:%M:%S} UTC",
            f"jobs   {operation.selection}",
            "jobs that have gone on since stay as they are",
        ),
        (("undo", str(operation.id)),),
        call,
        operation.jobs,
    )


def _said(verb: JobVerb, count: int) -> str:
    return f"{verb.said} {count:,} job{'s' if count != 1 else ''}{verb.where}"


def _change(service: Service, verb: JobVerb, pages: Iterable[Sequence[int]], by: str, words: str) -> Outcome:
    """Make the change page by page, to be undone; what breaks it off half-way is told with what was done."""
    outcome = Outcome()
    try:
        found = service.change(verb.verb, pages, lambda ids: verb.call(service, ids, by), by=by, selection=words)
        for number, page in found:
            outcome.number = number
            outcome.add(page)
    except JobschedError as error:
        if not outcome.done:
            raise
        outcome.refused += 1
        outcome.why = f"then it broke off: {error.message}"
    return outcome


def on_queue(queue: QueueInfo) -> Act:
    """Pause a queue; let its jobs start again where it is paused."""
    name = queue.name
    lines = (f"queue  {name}", f"jobs   {queue.queued:,} queued, {queue.running:,} running")
    if queue.paused:
        return Act(
            f"Resume queue {name}", lines, (("queue", "resume", name),), lambda service, by: _resume(service, name)
        )
    return Act(f"Pause queue {name}", lines, (("queue", "pause", name),), lambda service, by: _pause(service, name, by))


def on_worker(worker: WorkerInfo, word: Literal["drain", "stop"]) -> Act:
    """Let a worker end: after what it runs (drain), or at once (stop)."""
    lines = (f"worker {worker.name} on {worker.host}", f"jobs   {worker.running:,} running")
    said = f"{word.capitalize()} worker {worker.name}"
    return Act(said, lines, (("workers", word, str(worker.id)),), lambda service, by: _tell(service, worker.id, word))


def on_schedule(schedule: Schedule) -> Act:
    """Pause a schedule; let it fire again where it is paused."""
    name = schedule.spec.name
    word = "pause" if schedule.paused_at is None else "resume"

    def call(service: Service, by: str) -> str:
        if word == "pause":
            service.cron.pause(name, by=by)
        else:
            service.cron.resume(name, by=by)
        return f"schedule {name}: {word}d"

    return Act(f"{word.capitalize()} schedule {name}", _when(schedule), (("cron", word, name),), call)


def trigger(schedule: Schedule) -> Act:
    """Make a job of a schedule now."""
    name = schedule.spec.name

    def call(service: Service, by: str) -> str:
        return f"job {service.cron.trigger(name, by=by).id}"

    return Act(f"Make a job of schedule {name} now", _when(schedule), (("cron", "trigger", name),), call)


def _when(schedule: Schedule) -> tuple[str, ...]:
    next_at = f"{schedule.next_at:%Y-%m-%d %H:%M:%S} UTC" if schedule.next_at else "never"
    return (f"when   {schedule.spec.expression} ({schedule.spec.timezone})", f"next   {next_at}")


def _pause(service: Service, name: str, by: str) -> str:
    service.pause_queue(name, by=by)
    return f"queue {name} is paused"


def _resume(service: Service, name: str) -> str:
    service.resume_queue(name)
    return f"queue {name} goes on"


def _tell(service: Service, worker_id: int, word: Literal["drain", "stop"]) -> str:
    return f"worker {service.command_worker(worker_id, word).name} was told to {word}"


def about(jobs: Sequence[Job]) -> tuple[str, ...]:
    """Which jobs those are: by state, queue and type, and the first few by number."""
    lines = counted(
        (
            ("state", Counter(job.state.value for job in jobs)),
            ("queue", Counter(job.queue for job in jobs)),
            ("type", Counter(job.type for job in jobs)),
        )
    )
    ids = ", ".join(str(job.id) for job in jobs[:SHOWN_IDS])
    lines.append(f"{'ids':6} {ids}{', …' if len(jobs) > SHOWN_IDS else ''}")
    return tuple(lines)


def told(came: Outcome | str) -> tuple[str, bool]:
    """What came of a change, in a line, and whether all of it was done."""
    if isinstance(came, str):
        return came, True
    undo = " — u undoes it" if came.done and came.number is not None else ""
    if not came.refused:
        return f"{came.done:,} done{undo}", True
    return f"{came.done:,} done{undo}, {came.refused:,} refused — {came.why}", False


def counted(tallies: Sequence[tuple[str, Counter[str]]]) -> list[str]:
    """Lines of counts: `state  3 dead, 1 queued`; the most frequent four of each."""
    lines = []
    for name, counts in tallies:
        shown = ", ".join(f"{count:,} {word}" for word, count in counts.most_common(4))
        more = f", {len(counts) - 4} more" if len(counts) > 4 else ""
        lines.append(f"{name:6} {shown}{more}")
    return lines
