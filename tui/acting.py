"""What the screens change: each change with its words, its command line and its call."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..core.model.job import Job
from ..core.model.results import ItemResult, QueueInfo, WorkerInfo

if TYPE_CHECKING:
    from ..core.model.schedule import Schedule
    from ..core.service import Service

SHOWN_IDS = 8
TYPED = 1000
"""Beyond so many jobs, their number has to be typed."""


@dataclass(frozen=True, slots=True)
class Act:
    """A change that somebody may confirm. what: a sentence without its end ("Run 3 jobs again"). about: lines that
    say which. argv: the same on the command line, without the program. call: does it, as who is named; a list of
    ItemResult or a sentence comes back. count: how many jobs."""

    what: str
    about: tuple[str, ...]
    argv: tuple[str, ...]
    call: Callable[[Service, str], Sequence[ItemResult] | str]
    count: int = 1

    @property
    def command(self) -> str:
        """The command line, to be pasted into a shell."""
        return command_line(self.argv)


def command_line(argv: Sequence[str]) -> str:
    """A command line of this program, to be pasted into a shell."""
    return shlex.join(["jobsched", *argv])


JobCall = Callable[["Service", list[int], str], Sequence[ItemResult]]
JOB_VERBS: dict[str, tuple[str, tuple[str, ...], JobCall]] = {
    "retry": ("Run again", ("retry",), lambda service, ids, by: service.retry(ids, by=by)),
    "cancel": ("Cancel", ("cancel",), lambda service, ids, by: service.cancel(ids, by=by)),
    "hold": ("Hold", ("hold",), lambda service, ids, by: service.hold(ids, by=by)),
    "release": ("Release", ("release",), lambda service, ids, by: service.release(ids)),
    "discard": ("Discard", ("dlq", "discard"), lambda service, ids, by: service.discard(ids, by=by)),
}
"""What can be done to jobs: its words, the command, the use case."""


def on_jobs(verb: str, jobs: Sequence[Job], argv: Sequence[str] = ()) -> Act:
    """The change of these jobs. verb: one of JOB_VERBS. argv: a shorter command line than one with every id."""
    said, words, call = JOB_VERBS[verb]
    ids = [job.id for job in jobs]
    return Act(
        f"{said} {len(ids):,} job{'s' if len(ids) != 1 else ''}",
        about(jobs),
        tuple(argv) or (*words, *map(str, ids)),
        lambda service, by: call(service, ids, by),
        len(ids),
    )


def on_queue(queue: QueueInfo) -> Act:
    """Pause a queue; let its jobs start again where it is paused."""
    name = queue.name
    lines = (f"queue  {name}", f"jobs   {queue.queued:,} queued, {queue.running:,} running")
    if queue.paused:
        return Act(f"Resume queue {name}", lines, ("queue", "resume", name), lambda service, by: _resume(service, name))
    return Act(f"Pause queue {name}", lines, ("queue", "pause", name), lambda service, by: _pause(service, name, by))


def on_worker(worker: WorkerInfo, word: Literal["drain", "stop"]) -> Act:
    """Let a worker end: after what it runs (drain), or at once (stop)."""
    lines = (f"worker {worker.name} on {worker.host}", f"jobs   {worker.running:,} running")
    said = f"{word.capitalize()} worker {worker.name}"
    return Act(said, lines, ("workers", word, str(worker.id)), lambda service, by: _tell(service, worker.id, word))


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

    return Act(f"{word.capitalize()} schedule {name}", _when(schedule), ("cron", word, name), call)


def trigger(schedule: Schedule) -> Act:
    """Make a job of a schedule now."""
    name = schedule.spec.name

    def call(service: Service, by: str) -> str:
        return f"job {service.cron.trigger(name, by=by).id}"

    return Act(f"Make a job of schedule {name} now", _when(schedule), ("cron", "trigger", name), call)


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
    lines = []
    for name, counts in (
        ("state", Counter(job.state.value for job in jobs)),
        ("queue", Counter(job.queue for job in jobs)),
        ("type", Counter(job.type for job in jobs)),
    ):
        shown = ", ".join(f"{count:,} {word}" for word, count in counts.most_common(4))
        more = f", {len(counts) - 4} more" if len(counts) > 4 else ""
        lines.append(f"{name:6} {shown}{more}")
    ids = ", ".join(str(job.id) for job in jobs[:SHOWN_IDS])
    lines.append(f"{'ids':6} {ids}{', …' if len(jobs) > SHOWN_IDS else ''}")
    return tuple(lines)


def outcome(results: Sequence[ItemResult] | str) -> tuple[str, bool]:
    """What came of a change, in a line, and whether all of it was done."""
    if isinstance(results, str):
        return results, True
    refused = [each for each in results if not each.ok]
    done = len(results) - len(refused)
    if not refused:
        return f"{done:,} done", True
    first = refused[0]
    why = first.error.message if first.error else "refused"
    return f"{done:,} done, {len(refused):,} refused — {why}", False
