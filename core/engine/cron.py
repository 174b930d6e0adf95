"""A scheduler: timers for every schedule, and what decides their ticks when they are due.

The timers are APScheduler's, with a trigger of ours around a schedule's timetable: its own loses a day at every
change to summer time (docs/decisions.md). They only tell when to look. What fires is decided by the database and
its clock, so a timer that is early, late or lost costs a moment, never a tick.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from .. import logs
from ..awaiting import happens
from ..clocks import lease_clock
from ..config import Settings
from ..health import HealthServer
from ..host import identify
from ..metrics import SchedulerMetrics
from ..model.errors import JobschedError
from ..store.link import Conn, Link, LinkStopped
from ..store.listen import STARTED, listen
from ..store.store import Store, open_store
from ..store.timings import CHANNEL
from .decider import EARLY, Decider
from .plans import Plan
from .store_clock import StoreClock

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

CHECK_EVERY = 1.0
STUCK_SECONDS = 60.0
"""No statement of a scheduler takes so long."""
SILENT_SECONDS = 10.0
"""Without an answer of the store for so long, it is not ready."""
LAST_WORDS_SECONDS = 10.0
PROBE_SECONDS = 15.0
DRIFT = timedelta(milliseconds=10)
"""Timers are set anew where this host's clock has gone so far off."""
AT_LEAST = timedelta(milliseconds=10)
SKIPPED_AT_ONCE = 100
EXIT_FAILED = 70
"""EX_SOFTWARE of sysexits.h: a loop of the scheduler failed."""


def run_cron(
    settings: Settings, *, name: str | None = None, metrics_port: int | None = None, metrics_host: str = "127.0.0.1"
) -> int:
    """Decide ticks until SIGTERM or SIGINT; return the exit code. Any number of these may run, on any hosts.

    name: written on ticks, default host:pid. metrics_port: None serves no metrics, 0 takes a free port. Call it in
    the main thread. Raises what `open_store` raises, and ConfigError for a metrics port that is taken.
    """
    logs.configure(settings["log.format"], settings["log.level"])
    with open_store(settings) as store:
        scheduler = Scheduler(settings, store, name=name)
        health = None
        if metrics_port is not None:
            health = HealthServer(metrics_host, metrics_port, scheduler.metrics, scheduler.is_ready)
            scheduler.log.info("metrics served", port=health.start())
        try:
            return asyncio.run(scheduler.run(signals=True))
        finally:
            if health is not None:
                health.stop()


class Scheduler:
    """One scheduler. name: default host:pid."""

    def __init__(self, settings: Settings, store: Store, *, name: str | None = None) -> None:
        self.name = name or f"{identify().host}:{os.getpid()}"
        self.log: FilteringBoundLogger = logs.get_logger(scheduler=self.name)
        self._store = store
        self._links: list[Link] = []
        self._links_stop = threading.Event()
        self._failed = False
        self.clock = StoreClock()
        self.metrics = SchedulerMetrics(
            clock_ahead=lambda: self.clock.ahead().total_seconds(),
            silent=lambda: lease_clock() - self.decider.last_ok,
        )
        self.decider = Decider(
            self._link("decider"),
            self.clock,
            name=self.name,
            grace=settings["cron.grace"],
            metrics=self.metrics,
            log=self.log,
        )
        self._listener = _Changes(self._link("listener", direct=True), self.decider)
        self._stop: Callable[[], None] = _nothing

    def _link(self, loop: str, *, direct: bool = False) -> Link:
        link = Link(
            lambda: self._store.connect(f"jobsched cron {loop} {self.name}"[:63], direct=direct),
            self._store.shown_url,
            self._links_stop,
            self._tell_contact if loop == "decider" else lambda _: None,
        )
        self._links.append(link)
        return link

    def stop(self) -> None:
        """End `run`. From any thread."""
        self._stop()

    async def run(self, *, signals: bool = False) -> int:
        """Decide ticks until stopped; return the exit code. signals: whether SIGTERM and SIGINT stop it."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._stop = lambda: _in_loop(loop, stopped.set)
        for number in (signal.SIGTERM, signal.SIGINT) if signals else ():
            loop.add_signal_handler(number, stopped.set)
        self._store.close()  # from here on, each loop has its own connection
        timers = Timers(self.clock, self.decider.due)
        timers.start()
        self.decider.timers = timers
        threads = [self._start("decider", self.decider.run), self._start("listener", self._listener.run)]
        self.log.info("scheduler ready")
        try:
            while not await happens(stopped, CHECK_EVERY):
                for link in self._links:
                    if link.break_if_stuck(STUCK_SECONDS):
                        self.log.warning("the store gives no answer: the connection is made anew")
        finally:
            timers.stop()
            self.decider.stop()
            self._listener.stop()
            await asyncio.to_thread(threads[0].join, LAST_WORDS_SECONDS)
            self._links_stop.set()
            for thread in threads:
                await asyncio.to_thread(thread.join, 1.0)
        self.log.info("scheduler stopped")
        return EXIT_FAILED if self._failed else 0

    def _start(self, name: str, run: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._guard, args=(name, run), name=name, daemon=True)
        thread.start()
        return thread

    def _guard(self, name: str, run: Callable[[], None]) -> None:
        """A loop that fails in a way that nobody foresaw ends the scheduler, which others will notice."""
        try:
            run()
        except Exception:
            self.log.exception("loop failed: the scheduler stops", loop=name)
            self._failed = True
            self._stop()

    def _tell_contact(self, error: JobschedError | None) -> None:
        if error is None:
            self.log.info("the store is back")
        else:
            self.log.warning("the store cannot be reached: trying again", error=error.message)

    def is_ready(self) -> tuple[bool, str]:
        """Whether it decides ticks, and why not."""
        if not self.decider.loaded.is_set():
            return False, "the schedules have not been read yet"
        silent = lease_clock() - self.decider.last_ok
        return silent < SILENT_SECONDS, f"the store has not answered for {silent:.0f} s"


class Timers:
    """APScheduler's timers, which call `due` with the ids of schedules: those that come together, together. Its
    methods may be called from any thread, once `start` was called in the event loop."""

    def __init__(self, clock: StoreClock, due: Callable[[Collection[int]], None]) -> None:
        self._clock = clock
        self._scheduler = AsyncIOScheduler(timezone=UTC, executors={"default": _Collector(due)})
        self._ahead: timedelta | None = None

    def start(self) -> None:
        """Begin to tell."""
        self._scheduler.start()

    def stop(self) -> None:
        """Tell nothing more."""
        self._scheduler.shutdown(wait=False)

    def put(self, plans: Collection[Plan]) -> None:
        """Set the timers of these schedules, each to its next tick."""
        if len(plans) > 1:
            self._scheduler.pause()  # or it would look for due ones after each
        for plan in plans:
            self._scheduler.add_job(
                _nothing,
                _Trigger(plan, self._clock, self._local),
                id=str(plan.id),
                name=plan.name,
                replace_existing=True,
                misfire_grace_time=None,
            )
        if len(plans) > 1:
            self._scheduler.resume()

    def drop(self, schedule_id: int) -> None:
        """Forget a schedule's timer, if there is one: it is gone by itself after the last tick."""
        if self._scheduler.get_job(str(schedule_id)) is not None:
            self._scheduler.remove_job(str(schedule_id))

    def correct(self, plans: Collection[Plan]) -> None:
        """Set all of them anew, if this host's clock and the database's stand otherwise to each other than they did."""
        ahead = self._clock.ahead()
        if self._ahead is None or abs(ahead - self._ahead) <= DRIFT:
            return
        self._ahead = ahead
        self.put([plan for plan in plans if plan.next is not None])

    def _local(self, tick: datetime) -> datetime:
        """What this host's clock shows a little before the database's shows `tick`."""
        if self._ahead is None:
            self._ahead = self._clock.ahead()
        return tick - self._ahead - EARLY


class _Trigger(BaseTrigger):  # type: ignore[misc]
    """The ticks of a schedule, as this host's clock will show them: first the one that its plan waits for, then those
    to come. What lies between is the decider's business."""

    def __init__(self, plan: Plan, clock: StoreClock, local: Callable[[datetime], datetime]) -> None:
        self._timetable = plan.timetable
        self._clock = clock
        self._local = local
        self._next = plan.next
        self._ahead: Iterator[datetime] | None = None

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """APScheduler's question. Its `previous` and `now` are this host's times.

        It asks on and on for what was due until `now`. Where this host's clock has just been set forward, all that
        is to come within hours looks like that: then a moment later will do, when timers are set anew.
        """
        if previous is None:
            return None if self._next is None else self._local(self._next)
        self._advance(self._clock.now() + EARLY)
        return None if self._next is None else max(self._local(self._next), now + AT_LEAST)

    def _advance(self, now: datetime) -> None:
        if self._next is None or self._next > now:
            return
        if self._ahead is None:
            self._ahead = self._timetable.after(self._next)
        for _ in range(SKIPPED_AT_ONCE):
            self._next = next(self._ahead, None)
            if self._next is None or self._next > now:
                return
        self._ahead = self._timetable.after(now)
        self._next = next(self._ahead, None)


class _Collector(BaseExecutor):  # type: ignore[misc]
    """Where APScheduler would run jobs: it only notes which timers went off, until it has looked at all of them."""

    def __init__(self, due: Callable[[Collection[int]], None]) -> None:
        super().__init__()
        self._due = due
        self._ids: list[str] = []

    def _do_submit_job(self, job: Any, _run_times: list[datetime]) -> None:
        if not self._ids:
            asyncio.get_running_loop().call_soon(self._hand_on)
        self._ids.append(job.id)

    def _hand_on(self) -> None:
        ids, self._ids = self._ids, []
        for each in ids:
            self._run_job_success(each, [])
        self._due([int(each) for each in ids])


class _Changes:
    """Hears of changed schedules. What it misses, the decider finds when it looks."""

    def __init__(self, link: Link, decider: Decider) -> None:
        self._link = link
        self._decider = decider
        self._stop = threading.Event()

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()

    def run(self) -> None:
        """Listen until stopped, over as many connections as that takes."""
        try:
            while not self._stop.is_set():
                self._link.run(self._listen)
        except LinkStopped:
            return
        finally:
            self._link.close()

    def _listen(self, conn: Conn) -> None:
        for channel, payload in listen(conn, [CHANNEL], probe=PROBE_SECONDS, until=self._ends):
            if channel == STARTED or not payload.isdecimal():
                self._decider.look()
            else:
                self._decider.changed(int(payload))

    def _ends(self) -> bool:
        self._link.still_moves()
        return self._stop.is_set()


def _in_loop(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(act)


def _nothing() -> None:
    return
