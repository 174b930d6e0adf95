"""What can be wrong with what is in the store: tables, workers, queues, dead letters."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from ..host import ProcessIdentity, is_stopped, proves_dead
from ..model.durations import format_duration
from ..model.errors import UsageError
from ..model.findings import Finding, Level
from ..version import VERSION
from .doctor_visit import Check, Visit
from .timings import Timing

OK, NOTE, WARN, BAD = Level.OK, Level.NOTE, Level.WARN, Level.BAD
UNSERVED_SECONDS = 600.0
UNDECIDED_SECONDS = 60.0
SCHEDULES = 1000
"""Schedules that are looked at: those whose frontier is the oldest."""
MOST = 5
"""Workers or queues that are told one by one; the others are counted."""


def _tables(visit: Visit) -> Iterator[Finding]:
    rows = visit.ask("tables")
    bloated = [row for row in rows if row[2] > 50_000 and row[2] > 2 * row[1]]
    for name, live, dead, since in bloated:
        when = f"cleared {format_duration(since)} ago" if since is not None else "never cleared"
        yield Finding(
            WARN, "dead rows", f"{name} has {dead:,} dead rows beside {live:,} live ones, {when}",
            "reading it costs more than it should", f"vacuum jobsched.{name} (in vain while an old snapshot is held)",
        )  # fmt: skip
    if not bloated:
        words = ", ".join(
            f"{name} {dead:,}{f' ({format_duration(since)} ago)' if since is not None else ''}"
            for name, _, dead, since in rows[:3]
        )
        yield Finding(OK, "dead rows", f"few dead rows (last cleared): {words}")


class Registered(NamedTuple):
    """A worker that has not ended: a row of doctor_workers.sql."""

    id: int
    name: str
    version: str
    host: str
    boot_id: str
    pid_namespace: int
    pid: int
    pid_start: int
    lease: float
    silent: float
    leases: int

    @property
    def identity(self) -> ProcessIdentity:
        return ProcessIdentity(self.host, self.boot_id, self.pid_namespace, self.pid, self.pid_start)

    @property
    def has(self) -> str:
        """The jobs that it has not given back."""
        return "1 job is its own" if self.leases == 1 else f"{self.leases} jobs are its own"


def _workers(visit: Visit) -> Iterator[Finding]:
    workers = [Registered(*row) for row in visit.ask("workers")]
    gone = [each for each in workers if proves_dead(each.identity)]
    ghosts = [each for each in workers if each.silent > each.lease and each not in gone]
    live = [each for each in workers if each not in gone and each not in ghosts]
    for each in gone[:MOST]:
        yield Finding(
            WARN, "workers",
            f"worker {each.name} ({each.id}) is registered here as pid {each.pid}, which is gone; {each.has}",
            "its jobs wait until another worker takes them back, at the latest when its lease is over",
            "jobsched worker (any worker of this store does it)",
        )  # fmt: skip
    for each in ghosts[:MOST]:
        stopped = is_stopped(each.identity)
        yield Finding(
            BAD if live and each.silent > each.lease + 60 else WARN, "workers",
            f"worker {each.name} ({each.id}, pid {each.pid} on {each.host}) has been silent for "
            f"{format_duration(each.silent)}, longer than its lease of {format_duration(each.lease)}; {each.has}",
            ("somebody stopped its process" if stopped else "it is a ghost")
            + "; a living worker takes its jobs back within seconds"
            + (", but none has" if live else ""),
            f"kill -CONT {each.pid}" if stopped else "jobsched worker",
        )  # fmt: skip
    left = len(gone) + len(ghosts) - len(gone[:MOST]) - len(ghosts[:MOST])
    if left:
        yield Finding(WARN, "workers", f"so it is with {left} more workers", fix="jobsched workers ls")
    versions = Counter(each.version for each in live)
    if set(versions) - {VERSION}:
        words = ", ".join(f"{count} run {version}" for version, count in sorted(versions.items()))
        yield Finding(
            NOTE, "workers", f"not all workers have this program's version {VERSION}: {words}",
            "they may lack job types or mend fewer faults", "upgrade and restart them, host by host",
        )  # fmt: skip
    yield Finding(
        OK if live else NOTE,
        "workers",
        f"{len(live)} live worker{'s' if len(live) != 1 else ''}",
        fix=None if live else "jobsched worker",
    )


class Queue(NamedTuple):
    """A row of doctor_queues.sql; oldest: seconds, None where nothing is queued."""

    name: str
    paused: bool
    paused_by: str | None
    reason: str | None
    paused_for: float | None
    paused_until: datetime | None
    oldest: float | None
    workers: int

    @property
    def waits(self) -> str:
        if self.oldest is None:
            return "nothing is queued in it"
        return f"its oldest queued job has waited for {format_duration(self.oldest)}"


def _queues(visit: Visit) -> Iterator[Finding]:
    queues = [Queue(*row) for row in visit.ask("queues")]
    findings = [found for each in queues if (found := _queue(each)) is not None]
    findings.sort(key=lambda found: list(Level).index(found.level), reverse=True)
    yield from findings[:MOST]
    if len(findings) > MOST:
        yield Finding(WARN, "queues", f"so it is with {len(findings) - MOST} more queues", fix="jobsched queue ls")
    ages = [each.oldest for each in queues if each.oldest is not None]
    longest = f", the oldest queued job has waited for {format_duration(max(ages))}" if ages else ", nothing is queued"
    yield Finding(OK, "queues", f"{len(queues)} queue{'s' if len(queues) != 1 else ''}{longest}")


def _queue(queue: Queue) -> Finding | None:
    word = shlex.quote(queue.name) if queue.name.isprintable() else "QUEUE"
    if queue.paused:
        by = f" by {queue.paused_by}" if queue.paused_by else ""
        reason = f" ({queue.reason})" if queue.reason else ""
        until = f", until {queue.paused_until:%Y-%m-%d %H:%M:%S} UTC" if queue.paused_until else ""
        since = format_duration(queue.paused_for or 0)
        return Finding(
            NOTE if queue.oldest is None else WARN, "queues",
            f"queue {queue.name} was paused{by}{reason} {since} ago{until}; {queue.waits}",
            "none of its jobs starts", f"jobsched queue resume {word}",
        )  # fmt: skip
    if queue.oldest is None:
        return None
    if not queue.workers:
        return Finding(
            BAD if queue.oldest > UNSERVED_SECONDS else WARN, "queues",
            f"no live worker serves queue {queue.name}; {queue.waits}", "its jobs don't start",
            f"jobsched worker --queues {word}",
        )  # fmt: skip
    if queue.oldest > UNSERVED_SECONDS:
        return Finding(
            NOTE, "queues", f"queue {queue.name}: {queue.waits}, with {queue.workers} workers",
            "more comes in than they can do, or they are busy with something else",
            f"jobsched worker --queues {word}, or a higher --concurrency",
        )  # fmt: skip
    return None


def _types(visit: Visit) -> Iterator[Finding]:
    rows = visit.ask("types")
    for queue, job_type, jobs in rows:
        yield Finding(
            WARN, "types", f"no live worker of queue {queue} runs type {job_type}: {jobs} of the next jobs need it",
            "they stay queued until one does",
            "jobsched worker --allow-commands" if job_type == "command" else "jobsched worker --import MODULE",
        )  # fmt: skip
    if not rows:
        yield Finding(OK, "types", "workers run every type that is queued where they serve")


def _overdue(visit: Visit) -> Iterator[Finding]:
    ((late,),) = visit.ask("overdue")
    if late is None or late < 60:
        yield Finding(OK, "delayed", "no delayed job is overdue")
        return
    yield Finding(
        WARN, "delayed", f"a delayed job is overdue by {format_duration(late)}",
        "living workers make due jobs ready within a second, so there is none, or it cannot", "jobsched worker",
    )  # fmt: skip


def _dead(visit: Visit) -> Iterator[Finding]:
    ((day, week, total),) = visit.ask("dead")
    usual = week / 7
    what = f"{day} dead letters in the last day, {usual:.1f} a day in the week before, {total:,} in all"
    if total >= 10_000:
        what = what.replace("in all", "looked at")
    if day >= 10 and day > 2 * usual:
        yield Finding(WARN, "dead letters", what, "they are becoming more", "jobsched dlq ls --by error")
    else:
        yield Finding(OK, "dead letters", what)


def _schedules(visit: Visit) -> Iterator[Finding]:
    rows = visit.ask("schedules", n=SCHEDULES)
    overdue: list[tuple[datetime, str]] = []
    for *values, now in rows:
        timing = Timing._make(values)
        try:
            tick = timing.timetable().next_after(timing.decided_until)
        except UsageError as error:
            yield Finding(
                WARN, "schedules", f"schedule {timing.name} cannot be read here: {error.message}",
                "schedulers on hosts like this one leave it alone", f"jobsched cron edit {shlex.quote(timing.name)}",
            )  # fmt: skip
            continue
        if tick is not None and tick < now - timedelta(seconds=UNDECIDED_SECONDS):
            overdue.append((tick, timing.name))
    if overdue:
        tick, name = min(overdue)
        late = format_duration((rows[0][-1] - tick).total_seconds())
        many = "1 schedule has" if len(overdue) == 1 else f"{len(overdue)} schedules have"
        yield Finding(
            BAD, "schedules", f"{many} ticks that nobody decides: that of {name} has been due for {late}",
            "no scheduler runs, so nothing that is scheduled happens", "jobsched cron run, or jobsched worker --cron",
        )  # fmt: skip
    else:
        number = f"{len(rows)} schedule{'' if len(rows) == 1 else 's'}" if len(rows) < SCHEDULES else "schedules"
        yield Finding(OK, "schedules", f"{number}, and no tick is overdue")


TABLE_CHECKS: tuple[tuple[str, Check], ...] = (
    ("dead rows", _tables),
    ("workers", _workers),
    ("queues", _queues),
    ("types", _types),
    ("delayed", _overdue),
    ("schedules", _schedules),
    ("dead letters", _dead),
)
