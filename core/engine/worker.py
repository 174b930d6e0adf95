"""A worker: puts keeper, loops and runners together, and takes them apart again in order."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FrameType
from typing import TYPE_CHECKING

from .. import logs
from ..clocks import lease_clock
from ..config import Settings
from ..health import HealthServer
from ..host import ProcessIdentity, identify, make_mark
from ..metrics import WorkerMetrics
from ..model.errors import JobschedError
from ..store import fleet
from ..store.fleet import Registration
from ..store.link import Conn, Link
from ..store.store import Store, open_store
from .claimer import Claimer
from .completer import Completer
from .cron_process import CronProcess
from .keeper import Keeper
from .listener import Listener
from .maintenance import Maintenance
from .protocol import Kind
from .pulse import Pulse
from .watchdog import Watchdog

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

BUSY_TICK = 0.1
IDLE_TICK = 0.5
LAST_WORDS_SECONDS = 10.0
CONTACT_SHARE = 0.5
STUCK_SECONDS = 60.0
"""No statement of a worker takes so long. Where heartbeats do not get through either, less has to do."""
WAKE_EVERY = 0.05
EXIT_FAILED = 70
"""EX_SOFTWARE of sysexits.h: a loop of the worker failed."""


@dataclass(frozen=True)
class WorkerOptions:
    """How one worker runs.

    concurrency: jobs at a time. queues: None serves every queue. name: default host:pid.
    allow_commands: whether it runs job types that start programs of the submitter's choice.
    max_rss: bytes a runner process may use; None is no limit. drain_timeout: seconds that running
    jobs get when it is stopped; None takes the setting. metrics_port: None serves no metrics, 0
    takes a free port. burst: stop when there is nothing left to do. max_jobs: stop after so many.
    cron: decide schedules' ticks, too, in a process beside it.
    """

    concurrency: int = 10
    queues: tuple[str, ...] | None = None
    name: str | None = None
    allow_commands: bool = False
    max_rss: int | None = None
    drain_timeout: float | None = None
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    burst: bool = False
    max_jobs: int | None = None
    cron: bool = False


def run_worker(settings: Settings, options: WorkerOptions) -> int:
    """Work until told to stop; return the exit code.

    Call it in the main thread: it takes SIGTERM and SIGINT. The first one finishes what runs and
    hands the rest back, the second one hands everything back at once. Raises what `open_store`
    raises, HandlerImportError, and ConfigError for a metrics port that is taken.
    """
    logs.configure(settings["log.format"], settings["log.level"])
    with open_store(settings) as store:
        return Worker(settings, options, store).run()


class Worker:
    """One worker process."""

    def __init__(self, settings: Settings, options: WorkerOptions, store: Store) -> None:
        self._settings = settings
        self._options = options
        self._store = store
        self._identity: ProcessIdentity = identify()
        self.name = options.name or f"{self._identity.host}:{os.getpid()}"
        self._log: FilteringBoundLogger = logs.get_logger(worker=self.name)
        self._mark = make_mark()
        self._worker_id = 0
        self._links: list[Link] = []
        self._links_stop = threading.Event()
        self._claims_stop = threading.Event()
        self._signals = 0
        self._drain_until: float | None = None
        self._looked_idle = False
        self._next_wake = 0.0
        self._left_behind: Counter[tuple[str, str]] = Counter()
        """Jobs of each (queue, type) that were handed back while this worker stopped."""
        self._rss = 0
        self._threads: list[threading.Thread] = []
        self._cron = cron = CronProcess(settings, name=self.name, log=self._log) if options.cron else None
        self.metrics = WorkerMetrics(
            {
                "worker_inflight_jobs": lambda: sum(len(each.running()) for each in self._keeper.live_runners()),
                "processing_queue_depth": lambda: len(self._keeper.hand),
                "worker_concurrency": lambda: options.concurrency,
                "worker_heartbeat_age_seconds": lambda: lease_clock() - self._pulse.last_ok,
                "worker_runner_memory_bytes": lambda: self._rss,
                **({"worker_scheduler_running": lambda: float(cron.runs)} if cron is not None else {}),
            }
        )
        with store.connection() as conn:
            store_id = fleet.store_id(conn)
        self._keeper = Keeper(
            settings,
            concurrency=options.concurrency,
            home=str(store.home),
            mark=self._mark,
            store_id=store_id,
            metrics=self.metrics,
            log=self._log,
        )

    # ---- life -----------------------------------------------------------------------------------

    def run(self) -> int:
        """See `run_worker`."""
        with _Signals(self._on_signal) as signals:
            try:
                self._start(self._keeper.start())
                signals.take()
                self._log.info("worker ready", concurrency=self._options.concurrency, types=len(self._types))
                self._live()
                self._finish()
            finally:
                self._claims_stop.set()
                self._links_stop.set()
                self._keeper.stop_runners(kill=True)
                self._keeper.close()
                if self._cron is not None:
                    self._cron.close()
        return EXIT_FAILED if self._keeper.failed else 0

    def _start(self, kinds: list[Kind]) -> None:
        usable = [kind for kind in kinds if self._options.allow_commands or not kind.commands]
        self._types = [kind.name for kind in usable]
        self._schemas = {kind.name: kind.schema for kind in kinds}
        self._make_loops()
        self._health: HealthServer | None = None
        if self._options.metrics_port is not None:
            self._health = HealthServer(
                self._options.metrics_host, self._options.metrics_port, self.metrics, self._is_ready
            )
            self._log.info("metrics served", port=self._health.start())
        with self._store.connection() as conn:
            self._register(conn)
        self._store.close()
        for name, run in (
            ("completer", self._completer.run),
            ("pulse", self._pulse.run),
            ("listener", self._listener.run),
            ("maintenance", self._maintenance.run),
            ("claimer", self._claimer.run),
        ):
            thread = threading.Thread(target=self._guard, args=(name, run), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _make_loops(self) -> None:
        keeper, settings, options = self._keeper, self._settings, self._options
        keeper.completer = self._completer = Completer(
            self._link("completer"),
            lambda: self._worker_id,
            self._refused,
            self._words_lost,
            self._others_ready,
            self._given_back,
        )
        self._claimer = Claimer(
            self._link("claimer", stop=self._claims_stop),
            worker_id=lambda: self._worker_id,
            queues=options.queues,
            types=self._types,
            room=keeper.room,
            room_for_solo=keeper.room_for_solo,
            take=keeper.take,
            more=self._wake_another,
            full=self._say_busy,
            poll=settings["poll"],
            aging=settings["aging"],
        )
        self._pulse = Pulse(
            self._link("pulse"),
            worker_id=lambda: self._worker_id,
            hand=keeper.hand,
            lease_seconds=settings["lease"],
            state=keeper.state,
            rss=lambda: self._rss,
            buried=self._buried,
            available=self._claimer.wake,
            cancel=keeper.cancel,
            command=self._obey,
        )
        self._maintenance = Maintenance(
            self._link("maintenance"),
            settings,
            worker_id=lambda: self._worker_id,
            identity=self._identity,
            metrics=self.metrics,
            wake=self._claimer.wake,
            log=self._log.warning,
        )
        self._listener = Listener(
            self._link("listener", direct=True),
            worker_id=lambda: self._worker_id,
            wake=self._claimer.wake,
            rewind=self._claimer.rewind,
            rewind_to=self._claimer.rewind_to,
            blocked=self._maintenance.sweep_now,
            beat=self._pulse.beat_now,
        )
        self._wake_link = self._link("wake")
        self._watchdog = Watchdog(keeper.hand, max_rss=options.max_rss, replace=keeper.replace)
        keeper.room_changed = self._room_changed

    def _link(self, loop: str, *, direct: bool = False, stop: threading.Event | None = None) -> Link:
        link = Link(
            lambda: self._store.connect(f"jobsched {loop} {self.name}"[:63], direct=direct),
            self._store.shown_url,
            stop or self._links_stop,
            self._tell_contact if loop == "pulse" else lambda _: None,
        )
        self._links.append(link)
        return link

    def _guard(self, name: str, run: Callable[[], None]) -> None:
        """A loop that fails in a way that nobody foresaw ends the worker, which others will notice."""
        try:
            run()
        except Exception:  # noqa: BLE001 - it is told, and ends the worker
            self._log.exception("loop failed: the worker stops", loop=name)
            self._keeper.failed = True
            self._keeper.attention.set()

    def _register(self, conn: Conn) -> None:
        self._keeper.worker_id = self._worker_id = fleet.register(
            conn,
            Registration(
                name=self.name,
                identity=self._identity,
                version=_version(),
                queues=self._options.queues,
                types=self._types,
                schemas=self._schemas,
                concurrency=self._options.concurrency,
                lease_seconds=self._settings["lease"],
                mark=self._mark,
            ),
        )

    # ---- the main thread ------------------------------------------------------------------------

    def _live(self) -> None:
        keeper = self._keeper
        while True:
            keeper.attention.wait(BUSY_TICK if len(keeper.hand) or self._drain_until else IDLE_TICK)
            keeper.attention.clear()
            keeper.sign_leases(self._pulse.last_ok)
            self._check_contact()
            keeper.tend_runners()
            keeper.return_hoard()
            self._rss = self._watchdog.look(keeper.live_runners())
            if self._cron is not None:
                self._cron.tend()
            self._decide_to_stop()
            if self._drain_until is not None and self._is_drained():
                return

    def _decide_to_stop(self) -> None:
        options = self._options
        enough = options.max_jobs is not None and self._keeper.ended_jobs >= options.max_jobs
        wanted = self._signals or self._keeper.failed or enough
        if self._drain_until is None and (wanted or (options.burst and self._nothing_left())):
            timeout = self._settings["drain_timeout"] if options.drain_timeout is None else options.drain_timeout
            self._begin_drain(timeout)
        if self._signals > 1:
            self._drain_until = 0.0

    def _nothing_left(self) -> bool:
        """Whether a look from the start of every lane, begun with empty hands, found nothing."""
        if not self._keeper.hand.empty.is_set() or self._completer.backlog:
            self._looked_idle = False
        elif not self._looked_idle:
            self._looked_idle = True
            self._claimer.found_nothing.clear()
            self._claimer.rewind()
        return self._looked_idle and self._claimer.found_nothing.is_set()

    def _begin_drain(self, timeout: float) -> None:
        patience = "as long as they need" if timeout == float("inf") else f"{timeout:g} s"
        self._log.info("worker stops: running jobs may finish", patience=patience, jobs=len(self._keeper.hand))
        self._drain_until = time.monotonic() + timeout
        self._keeper.draining = True
        if self._cron is not None:
            self._cron.stop()
        self._claimer.stop()
        self._claims_stop.set()  # it may be waiting for a store that is gone
        self._threads[-1].join(LAST_WORDS_SECONDS)
        self._keeper.hand_back_waiting()
        self._pulse.beat_now()

    def _is_drained(self) -> bool:
        if self._keeper.hand.empty.is_set():
            return True
        if self._drain_until is not None and time.monotonic() >= self._drain_until:
            self._log.warning("time is over: jobs are handed back", jobs=len(self._keeper.hand))
            self._keeper.stop_runners(kill=True)
            self._keeper.hand.empty.wait(LAST_WORDS_SECONDS)
            return True
        return False

    def _finish(self) -> None:
        self._keeper.stop_runners(kill=False)
        self._completer.close()
        self._threads[0].join(LAST_WORDS_SECONDS)
        if self._completer.backlog:
            self._log.error("the store cannot be reached: leases will run out", jobs=self._completer.backlog)
        self._maintenance.stop()
        self._listener.stop()
        self._pulse.stop()
        self._threads[1].join(1.0)
        if not self._completer.backlog:
            self._say_goodbye()
        self._links_stop.set()
        for thread in self._threads:
            thread.join(1.0)
        self._wake_link.close()
        if self._health is not None:
            self._health.stop()
        self._log.info("worker stopped", jobs=self._keeper.ended_jobs)

    def _say_goodbye(self) -> None:
        try:
            with self._wake_link.once() as conn:
                fleet.end(conn, self._worker_id)
                for queue, job_type in self._left_behind:
                    fleet.wake_another(conn, self._worker_id, queue, job_type)
        except JobschedError as error:
            self._log.warning("the worker's end could not be written", error=error.message)

    # ---- what loops report ----------------------------------------------------------------------

    def _on_signal(self) -> None:
        self._signals += 1
        self._keeper.attention.set()

    def _obey(self, command: str) -> None:
        if command == "drain" and self._drain_until is None:
            self._log.info("told to drain")
            self._options = _with_drain_timeout(self._options, float("inf"))
            self._signals = max(self._signals, 1)
        elif command == "stop":
            self._signals = max(self._signals, 1)
        self._keeper.attention.set()

    def _room_changed(self) -> None:
        self._claimer.room_freed()
        if self._pulse.announced == "busy":
            self._pulse.beat_now()

    def _say_busy(self) -> None:
        if self._pulse.announced != "busy":
            self._pulse.beat_now()

    def _wake_another(self, queue: str, job_type: str) -> None:
        """From the claimer or the listener: somebody idle may want what this worker leaves."""
        now = time.monotonic()
        if now < self._next_wake:
            return
        self._next_wake = now + WAKE_EVERY
        self._maintenance.pass_on(queue, job_type)

    def _refused(self, tokens: list[int]) -> None:
        self._log.warning("the lease was no longer ours: nothing was written", jobs=len(tokens), first_token=tokens[0])

    def _others_ready(self, lanes: Counter[tuple[str, str]]) -> None:
        """From the completer: jobs are ready that waited for those that ended."""
        self._claimer.wake()
        for (queue, job_type), jobs in lanes.items():
            if jobs > 1:
                self._wake_another(queue, job_type)

    def _given_back(self, lanes: Counter[tuple[str, str]]) -> None:
        """From the completer: somebody else may want what this worker could not start."""
        if self._keeper.draining:
            self._left_behind += lanes
            return
        for queue, job_type in lanes:
            self._wake_another(queue, job_type)

    def _words_lost(self, error: JobschedError) -> None:
        self._log.error("what jobs said could not be stored", error=error.message)

    def _tell_contact(self, error: JobschedError | None) -> None:
        if error is None:
            self._log.info("the store is back")
        else:
            self._log.warning("the store cannot be reached: trying again", error=error.message)

    def _check_contact(self) -> None:
        """Stop our jobs before somebody else may own them, and do not wait for ever for answers."""
        silent = lease_clock() - self._pulse.last_ok
        limit = CONTACT_SHARE * self._settings["lease"]
        lost = silent > limit
        for link in self._links:
            if link.break_if_stuck(limit if lost else STUCK_SECONDS):
                self._log.warning("the store gives no answer: the connection is made anew")
        if lost and not self._keeper.lost_contact:
            self._log.error("no contact with the store: running jobs are stopped", silent_seconds=round(silent, 1))
            self._keeper.lost_contact = True
            self._keeper.stop_runners(kill=True)
            for link in self._links:
                link.break_off()  # those that nobody uses at the moment may be as dead
        elif not lost and self._keeper.lost_contact:
            self._keeper.lost_contact = False
            self._claimer.rewind()

    def _buried(self, conn: Conn) -> None:
        """From the pulse: we were declared dead. Our jobs are others' now; begin anew under a new id."""
        self._log.error("this worker was declared dead: its jobs are dropped, and it registers anew")
        self._keeper.abandon()
        self._register(conn)
        self._pulse.last_ok = lease_clock()
        self._listener.renew()
        self._keeper.attention.set()

    def _is_ready(self) -> tuple[bool, str]:
        if self._keeper.draining:
            return False, "draining"
        age = lease_clock() - self._pulse.last_ok
        if age > CONTACT_SHARE * self._settings["lease"]:
            return False, f"no heartbeat reached the store for {age:.0f} s"
        return True, ""


class _Signals:
    """SIGTERM and SIGINT call `act`, from `take` to the end of the with block."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._before: dict[int, object] = {}

    def __enter__(self) -> _Signals:
        return self

    def take(self) -> None:
        """From now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._act()


def _with_drain_timeout(options: WorkerOptions, seconds: float) -> WorkerOptions:
    return replace(options, drain_timeout=seconds)


def _version() -> str:
    from importlib.metadata import version

    return version("jobsched")
