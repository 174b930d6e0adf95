"""A store that always looks the same, for pictures: fixed answers to what the screens ask, and no clock but its own.

StillFeed stands for the feed and Scene for the use cases; nothing here knows what a real store would answer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from jobsched.core.model.backoff import Backoff
from jobsched.core.model.errors import JobNotFound
from jobsched.core.model.job import Attempt, Job, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.results import (
    DeadGroup,
    Dependency,
    Event,
    OutputChunk,
    QueueInfo,
    TailCursor,
    Tally,
    WorkerInfo,
)
from jobsched.core.model.schedule import Catchup, NewSchedule, Overlap, Schedule
from jobsched.core.model.states import State
from jobsched.core.model.watching import DeadKind, Ends, Flow, Totals, WatchedQueue
from jobsched.tui.feed import Feed, Freshness

NOW = datetime(2026, 3, 2, 9, 41, 7, tzinfo=UTC)
LOOKS = 30
"""So often the store is looked at before its picture is taken: the bars are drawn of these."""
NEWEST = 184_212
TIMED_OUT = "ConnectTimeout: smtp.example.com:587 did not answer within 10 s"
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/mail.py", line 41, in send
    with connect(host, port, timeout=10) as smtp:
         ~~~~~~~^^^^^^^^^^^^^^^^^^^^^^^^
ConnectTimeout: smtp.example.com:587 did not answer within 10 s
"""


def before(seconds: float) -> datetime:
    """So long before now."""
    return NOW - timedelta(seconds=seconds)


class StillFeed(Feed):
    """Asks a scene, on the event loop: LOOKS times when it is nudged first, then once a nudge."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.nudges = 0
        self.paused = self.away = False
        self.told = lambda: None
        self.looked = 0
        self._nudged = asyncio.Event()
        self._by_hand = asyncio.Event()

    @property
    def where(self) -> str:
        return "jobsched@db.example.com:5432/jobs"

    async def ask(self, question: Callable[[Any], Any]) -> Any:
        return question(self.scene)

    async def run(self, tick: Callable[[], Any]) -> None:
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            for _ in range(1 if self.looked else LOOKS):
                await tick()
                self.scene.pass_a_second()
            self.looked += 1

    def watch_workers(self, ids: Collection[int]) -> None:
        pass

    def freshness(self) -> Freshness:
        return Freshness(
            state="live", age=0.3, latency=0.0021, listening=True, interval=1.0, paused=False, away=False, retry=None,
            reason="",
        )  # fmt: skip

    def close(self) -> None:
        pass


class Scene:
    """A shop's jobs on a Monday morning, when its mail server does not answer."""

    def __init__(self) -> None:
        self._second = 0
        self._jobs = {job.id: job for job in jobs()}
        self.cron = SimpleNamespace(list=schedules)

    def pass_a_second(self) -> None:
        """More has come and gone, until the bars are full."""
        self._second = min(LOOKS - 1, self._second + 1)

    def totals(self) -> Totals:
        seen = range(self._second + 1)
        submitted = round(sum(320 + 140 * math.sin(n / 3) + 25 * math.cos(n * 1.7) for n in seen))
        ended = round(sum(300 + 110 * math.sin((n - 2) / 3) + 30 * math.cos(n * 2.3) for n in seen))
        failed = sum(9 if n % 11 in (3, 4) else 2 if n % 3 == 0 else 0 for n in seen)
        return Totals(before(LOOKS - 1 - self._second), submitted, ended, ended, failed, 1_482_903, 5_190)

    def flow(self) -> Flow:
        slow = 0.9 + 0.8 * math.sin(self._second / 4)
        return Flow(
            {"default": 212.4, "emails": 31.0, "invoices": 8.2, "images": 61.7, "reports": 0.05},
            {
                "default": Ends(500, 0, 0.012, 0.09, 0.034, 0.21, 2.3),
                "emails": Ends(410, 57, 2.1, 9.4, 0.31, 10.0, 60.0),
                "invoices": Ends(492, 1, 0.02, 0.11, 0.42, 1.3, 60.0),
                "images": Ends(500, 4, 0.3, 1.9, 1.1, 4.8, 7.4),
                "reports": Ends(3, 0, 0.02, 0.05, 41.0, 68.0, 60.0),
            },
            Ends(1905, 62, 0.018, slow, 0.041, 0.4 + 2 * slow, 60.0),
        )

    def watched_queues(self) -> list[WatchedQueue]:
        return [
            WatchedQueue(_queue("default", queued=212, running=24, scheduled=40, retrying=2, oldest_queued=1.4)),
            WatchedQueue(_queue("emails", queued=4_812, running=6, retrying=388, oldest_queued=184.0)),
            WatchedQueue(_queue("exports", queued=17, oldest_queued=5_400.0)),
            WatchedQueue(_queue("images", queued=149, running=12, blocked=61, oldest_queued=2.2, max_running=12)),
            WatchedQueue(_queue("invoices", running=4, scheduled=1_204)),
            WatchedQueue(
                _queue(
                    "newsletter", paused=True, paused_at=before(2_900), paused_by="eva@desk",
                    pause_reason="text is not final", scheduled=18_000,
                )
            ),
            WatchedQueue(_queue("reports", running=1, scheduled=3)),
        ]  # fmt: skip

    def workers(self) -> list[WorkerInfo]:
        return [
            _worker(11, "web-1", 16, 16, 212 << 20),
            _worker(12, "web-2", 16, 14, 198 << 20),
            _worker(13, "web-3", 16, 3, 187 << 20, liveness="lost", silent=47.0),
            _worker(14, "media-1", 12, 12, 1_402 << 20, queues=("images",), types=("image_resize",)),
            _worker(15, "night-1", 4, 5, 96 << 20, queues=("invoices", "reports"), command="drain"),
        ]

    def dead_kinds(self) -> list[DeadKind]:
        group = DeadGroup
        return [
            DeadKind(group("9f31c2ab77d0", "emails", "email", 1_206, before(8_100), before(3), TIMED_OUT, 184_190), 57),
            DeadKind(
                group(
                    "c07d1e4490aa", "images", "image_resize", 48, before(259_000), before(610),
                    "ImageTooLarge: 212000000 pixels are more than images.max_pixels (100000000)", 183_877,
                ),
                4,
            ),
            DeadKind(
                group(
                    "51b8e6f02c19", "default", "http_call", 17, before(590_000), before(86_500),
                    "HTTPStatusError: 410 Gone from https://hooks.example.com/orders", 171_204,
                ),
                0,
            ),
            DeadKind(
                group(
                    "e2a94d7735b1", "invoices", "pdf_invoice", 2, before(5_000), before(4_700),
                    "KeyError: 'vat_rate'", 183_410,
                ),
                0,
            ),
        ]  # fmt: skip

    def newest_events(self) -> list[Event]:
        found = []
        for number, job in enumerate(self._jobs.values()):
            if job.finished_at is None and job.state is not State.RETRYING:
                continue
            kind = job.state.value if job.finished_at is not None else "failed"
            found.append(
                Event(
                    TailCursor(900_000 - number, int(job.finished_at is not None), job.id), kind, job.id, job.type,
                    job.queue, job.attempt, job.finished_at or job.created_at + timedelta(seconds=2), job.error,
                    job.run, job.worker,
                )
            )  # fmt: skip
        return sorted(found, key=lambda event: event.at, reverse=True)

    def select(self, wanted: Any, *, before: int | None, limit: int, sort: Any, patience: float) -> Sequence[Job]:
        return [job for job in self._fitting(wanted) if before is None or job.id < before][:limit]

    def look(self, ids: Sequence[int]) -> Sequence[Job]:
        return [self._jobs[each] for each in ids if each in self._jobs]

    def count(self, wanted: Any, by: Sequence[str] = (), *, patience: float) -> list[Tally]:
        """What it says in bulk is more than what is listed."""
        if not by:
            return [Tally({}, 1_273)]
        return [
            Tally({"state": "dead", "queue": "emails"}, 1_206),
            Tally({"state": "dead", "queue": "images"}, 48),
            Tally({"state": "dead", "queue": "default"}, 17),
            Tally({"state": "dead", "queue": "invoices"}, 2),
        ]

    def get(self, job_id: int) -> Job:
        if job_id not in self._jobs:
            raise JobNotFound(job_id)
        return self._jobs[job_id]

    def attempts(self, job_id: int) -> list[Attempt]:
        tries = ((1, 912.0), (2, 431.0), (3, 9.0))
        return [
            Attempt(
                job_id, n, n, "failed", "ConnectTimeout", TIMED_OUT.partition(": ")[2], TRACEBACK, "9f31c2ab77d0",
                f"web-{n % 2 + 1}", 10.0, None, None, None, before(ago),
            )
            for n, ago in tries
        ]  # fmt: skip

    def dependencies(self, job_id: int) -> list[Dependency]:
        return [Dependency(job_id, NEWEST - 30, "ok", True, State.SUCCEEDED)]

    def output(self, job_id: int, *, after: Any, limit: int) -> list[OutputChunk]:
        if after is not None:
            return []
        said = [
            (n, ago + 10 - each * 3, text)
            for n, ago in ((1, 912.0), (2, 431.0), (3, 9.0))
            for each, text in enumerate(
                ("order-shipped.en.txt for order 77120\n", "smtp.example.com:587 …\n", f"{TIMED_OUT}\n")
            )
        ]
        return [OutputChunk(n, at, n, "log", before(ago), text) for at, (n, ago, text) in enumerate(said)]

    def _fitting(self, wanted: Any) -> list[Job]:
        """The only filter that pictures know is one for dead jobs."""
        dead = wanted is not None and "state:dead" in str(wanted)
        return [job for job in self._jobs.values() if not dead or job.state is State.DEAD]


def jobs() -> list[Job]:
    """The newest jobs, newest first."""
    made = []
    for n in range(60):
        type_, queue, payload = KINDS[n % len(KINDS)]
        state = STATES[(n * 7 + n // 13) % len(STATES)] if n > 4 else State.QUEUED
        if type_ == "email":
            state = (State.DEAD, State.RETRYING, State.SUCCEEDED)[n // 6 % 3]
        made.append(_job(NEWEST - n, state, type_, queue, payload, 1.5 + n * n * 0.9))
    return made


KINDS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("http_call", "default", {"url": "https://hooks.example.com/orders", "method": "POST"}),
    ("image_resize", "images", {"source": "uploads/2026/03/77120.jpg", "sizes": [1200, 640, 320]}),
    ("command", "default", {"argv": ["./rebuild-index", "--shard", "3"]}),
    ("email", "emails", {"to": "kim@example.com", "template": "order-shipped", "order": 77120}),
    ("pdf_invoice", "invoices", {"number": "2026-004711", "currency": "EUR"}),
    ("db_tx", "default", {"query": "stock-levels", "parameters": {"warehouse": 3}}),
)
STATES = (
    State.SUCCEEDED, State.RUNNING, State.SUCCEEDED, State.SUCCEEDED, State.SCHEDULED, State.SUCCEEDED,
    State.BLOCKED, State.SUCCEEDED, State.RUNNING, State.CANCELLED, State.SUCCEEDED,
)  # fmt: skip


def _job(job_id: int, state: State, type_: str, queue: str, payload: Mapping[str, Any], age: float) -> Job:
    job = Job(
        job_id, type_, state, queue, Priority.HIGH if type_ == "pdf_invoice" else Priority.DEFAULT, dict(payload),
        attempt=0, max_attempts=3, crashes=0, losses=0, backoff=Backoff(), timeout=60.0, tags=("shop",),
        idempotency_key=None, submitter="shop@web-1", created_at=before(age),
    )  # fmt: skip
    worker = {"images": "media-1", "invoices": "night-1"}.get(queue, f"web-{job_id % 2 + 1}")
    begun = before(age * 0.8)
    if state is State.RUNNING:
        done = {"progress": 0.62, "progress_message": "2 of 3 sizes"} if type_ == "image_resize" else {}
        return replace(job, attempt=1, started_at=begun, wait=age * 0.2, worker=worker, **done)
    if state in (State.SUCCEEDED, State.CANCELLED):
        run = min(age * 0.3, 0.041 + job_id % 7 * 0.3)
        return replace(
            job, attempt=1, started_at=begun, finished_at=begun + timedelta(seconds=run), wait=0.02, run=run,
            worker=worker,
        )  # fmt: skip
    if state is State.DEAD:
        return replace(
            job, attempt=3, created_at=before(age + 910), started_at=before(age + 10), finished_at=before(age),
            wait=0.4, run=10.0, worker=worker, error=TIMED_OUT, fingerprint="9f31c2ab77d0",
            tags=("shop", "order-77120"),
        )  # fmt: skip
    if state is State.RETRYING:
        return replace(job, attempt=1, run_at=before(-42), run=10.0, worker=worker, error=TIMED_OUT)
    if state is State.SCHEDULED:
        return replace(job, run_at=before(-3_600 + age))
    return replace(job, held_by="eva@desk") if state is State.BLOCKED else job


def schedules() -> list[Schedule]:
    """Some that run, one that is paused."""
    weekly = _schedule(
        4, "weekly-report", "0 8 * * mon", "America/New_York", "export_user_data", "reports", None, 592_867
    )
    return [
        _schedule(1, "invoice-run", "30 6 1 * *", "Europe/Athens", "pdf_invoice", "invoices", -2_569_733, 105_067),
        _schedule(2, "nightly-backup", "0 3 * * *", "Europe/Athens", "command", "default", -55_133, 31_267),
        _schedule(3, "stock-levels", "*/5 * * * *", "UTC", "db_tx", "default", -233, 67),
        replace(weekly, paused_at=before(88_000), paused_by="eva@desk", pause_reason="numbers are being checked"),
    ]  # fmt: skip


def _schedule(
    number: int, name: str, expression: str, zone: str, type_: str, queue: str, next_in: float | None, ago: float
) -> Schedule:
    job = NewJob(type_, queue=queue)
    spec = NewSchedule(name, expression, job, zone, catchup=Catchup.LAST, overlap=Overlap.SKIP)
    return Schedule(
        number, spec, job, before(8_000_000), "ann@desk", before(600_000), "ann@desk", 2, NOW,
        next_at=None if next_in is None else before(next_in), last_at=before(ago), last_job=NEWEST - 6 * number,
    )  # fmt: skip


def _queue(name: str, **facts: Any) -> QueueInfo:
    plain: dict[str, Any] = {
        "paused": False, "paused_at": None, "paused_by": None, "pause_reason": None, "paused_until": None,
        "queued": 0, "scheduled": 0, "retrying": 0, "running": 0, "oldest_queued": None,
    }  # fmt: skip
    return QueueInfo(name, before(9_000_000), **(plain | facts))


def _worker(number: int, name: str, slots: int, running: int, memory: int, **facts: Any) -> WorkerInfo:
    silent = facts.get("silent", 1.0 + number % 5)
    plain: dict[str, Any] = {
        "queues": ("default", "emails"), "types": ("command", "db_tx", "email", "http_call"), "withheld": (),
        "liveness": "live", "command": None, "silent": silent,
    }  # fmt: skip
    state = "draining" if "command" in facts else "busy" if running >= slots else "available"
    return WorkerInfo(
        number, name, f"{name}.example.com", 4_000 + number, "0.1.0", concurrency=slots, state=state,
        running=min(running, slots), rss_bytes=memory, lease_seconds=30.0, started_at=before(93_000 + number * 1_800),
        heartbeat_at=before(silent), idle_since=before(silent), **(plain | facts),
    )  # fmt: skip
