"""The keeper: holds the leases, gives jobs to runners, and decides what every end means.

It never runs job code. Its loops (claimer, completer, heartbeat, …) are threads; runners are
started by the main thread alone, because their life is tied to the thread that started them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..host import kill_processes_of
from ..metrics import Status, WorkerMetrics
from ..model.errors import ConfigError, HandlerImportError, TryAgain
from ..model.priority import Priority
from ..store.leases import Claimed, Ending
from . import verdict
from .aftermath import HANDED_BACK, End, hand_back, judge_jobs_of
from .board import Running
from .hand import Hand, Held
from .pace import Pace
from .protocol import Boot, Kind, Report, Work, without_store
from .runner_process import JanitorProcess, RunnerProcess, describe_exit
from .tally import count_successes
from .verdict import Crash

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from .completer import Completer

START_TIMEOUT = 60.0
MAX_OWN_PROCESSES, MAX_STARTING = 16, 2 * (os.cpu_count() or 1)
MAX_BACKLOG = 5_000
LAST_SECONDS = 3.0
FIRST_RESPAWN_DELAY, LONGEST_RESPAWN_DELAY = 0.1, 5.0
SILENT_ENDS = 3
"""So many runners in a row that ended with jobs in hand of which none seemed started: the jobs run alone next."""
HOARD_SECONDS = 0.25
"""Jobs that wait behind a full house in which nothing has moved for so long are given back."""
WORK_FIELDS = len(Work._fields)


class Keeper:
    """concurrency: jobs at a time. room_changed is set by the worker: called when a slot became free."""

    def __init__(
        self,
        settings: Settings,
        *,
        concurrency: int,
        home: str,
        mark: str,
        store_id: str,
        metrics: WorkerMetrics,
        log: FilteringBoundLogger,
    ) -> None:
        self.concurrency = concurrency
        self.hand = Hand()
        self.metrics = metrics
        self.log = log
        self.completer: Completer
        self.worker_id = 0
        """Under which jobs are claimed; 0 while the worker has none."""
        self.draining = False
        self.lost_contact = False
        self.failed = False
        self.attention = threading.Event()
        """Set when the main thread has something to do."""
        self._boot = Boot(concurrency, without_store(settings), home, mark, store_id, True, settings["lease"])
        self._settings = settings
        self._crash_limit: int = settings["crash_limit"]
        self._pace = Pace(concurrency)
        self._janitor = JanitorProcess()
        self._lock = threading.RLock()
        self._shared: RunnerProcess | None = None
        self._alone_kinds: set[str] = set()
        self._store_kinds: set[str] = set()
        self._command_kinds: set[str] = set()
        self._alone_waiting: deque[Held] = deque()
        self._unsent: list[Held] = []
        self._hello: list[Any] | None = None
        self._silent_ends = 0
        self._respawn_at = 0.0
        self._respawn_delay = FIRST_RESPAWN_DELAY
        self._greeted = threading.Event()
        self.runners: set[RunnerProcess] = set()
        self.ended_jobs = 0
        self.room_changed: Callable[[], None] = _nothing

    # ---- starting -------------------------------------------------------------------------------

    def start(self) -> list[Kind]:
        """Start the shared runner; return the job types that it knows.

        HandlerImportError: they do not import. ConfigError: it did not start.
        """
        runner = self._shared = self._spawn(alone=False)
        self._greeted.wait(START_TIMEOUT)
        match self._hello:
            case ["hello", kinds]:
                known = [Kind(*kind) for kind in kinds]
                self._alone_kinds = {kind.name for kind in known if kind.alone}
                self._store_kinds = {kind.name for kind in known if kind.store}
                self._command_kinds = {kind.name for kind in known if kind.commands}
                return known
            case ["unusable", message, fix]:
                raise HandlerImportError(message, fix=fix)
            case _ if (runner.exit_code or 0) < 0:
                words = describe_exit(runner.exit_code or 0)[0]
                raise TryAgain(f"the runner process did not start — somebody {words}", fix="start the worker again")
            case _:
                said = runner.last_lines()
                runner.kill("it did not start")
                raise ConfigError(f"the runner process did not start — {said or 'it said nothing'}")

    def _spawn(self, *, alone: bool, store: bool = False) -> RunnerProcess:
        """store: its settings say where the store is."""
        boot = self._boot._replace(slots=1, describe=False) if alone else self._boot
        runner = RunnerProcess(
            boot._replace(settings=dict(self._settings)) if store else boot,
            self._janitor,
            alone=alone,
            heard=self._heard,
            ended=self._runner_ended,
            wrote=self._runner_wrote,
            failed=self._runner_thread_failed,
        )
        with self._lock:
            self.runners.add(runner)
        return runner

    def live_runners(self) -> list[RunnerProcess]:
        """A copy, for whoever looks at each of them."""
        with self._lock:
            return list(self.runners)

    # ---- room and dispatch ----------------------------------------------------------------------

    def room(self) -> int:
        """How many more jobs may be claimed now."""
        if self.draining or self.lost_contact or self.completer.backlog > MAX_BACKLOG:
            return 0
        if self._shared is None and time.monotonic() < self._respawn_at:
            return 0
        limit = self._pace.limit()
        room = limit - len(self.hand)
        # A small top-up costs the store as much as a big one: wait until it is worth a statement.
        return room if room * 2 >= limit or limit <= 2 * self.concurrency else 0

    def room_for_solo(self) -> bool:
        """Whether a job that must run alone would be started soon."""
        return len(self._alone_waiting) < self.concurrency

    def take(self, jobs: list[Claimed], worker_id: int) -> None:
        """Take claimed jobs in hand and send them to where they run.

        worker_id: that they were claimed under. If that worker was declared dead in between, they
        are somebody else's by now.
        """
        with self._lock:
            if worker_id != self.worker_id:
                return
            held = self.hand.add(jobs)
        self.metrics.started(len(jobs))
        if any(job.solo or job.type in self._alone_kinds for job in jobs):
            self._await_own_process([each for each in held if self._runs_alone(each.job)])
            held = [each for each in held if not self._runs_alone(each.job)]
        self._send(held)

    def _await_own_process(self, held: list[Held]) -> None:
        """Keep as many as will be started soon, and give the others back."""
        with self._lock:
            room = max(0, self.concurrency - len(self._alone_waiting))
            self._alone_waiting.extend(held[:room])
        self.attention.set()
        self._hand_back([each for each in self.hand.take([one.job.token for one in held[room:]]) if each])

    def _runs_alone(self, job: Claimed) -> bool:
        return job.solo or job.type in self._alone_kinds

    def _send(self, held: list[Held]) -> None:
        if not held:
            return
        with self._lock:
            runner = self._shared
            if runner is None:
                self._unsent.extend(held)
                self.attention.set()
                return
            for each in held:
                each.runner = runner
            runner.send("jobs", [_work(each.job) for each in held])

    def tend_runners(self) -> None:
        """Main thread: start the runners that are missing, and the janitor if it is."""
        with self._lock:
            if self._janitor.revive(runner.pid for runner in self.runners):
                self.log.warning("the janitor was killed: there is a new one")
            for runner in self.runners:
                if runner.retiring_since is not None and not runner.stopping and not self.hand.of(runner):
                    runner.stopping = True
                    runner.send("stop")
            if self.lost_contact:
                return
            if self._shared is None and not self.draining and time.monotonic() >= self._respawn_at:
                self._shared = self._spawn(alone=False)
                unsent, self._unsent = self._unsent, []
                self._send(unsent)
            own = sum(1 for runner in self.runners if runner.alone)
            starting = sum(1 for runner in self.runners if runner.alone and not runner.greeted)
            shared_running = min(self.concurrency, len(self.hand.of(self._shared)))
            while (
                self._alone_waiting
                and (own < min(self.concurrency, MAX_OWN_PROCESSES) and starting < MAX_STARTING)
                and (own + shared_running < self.concurrency or not own)
            ):
                held = self._alone_waiting.popleft()
                if self.hand.get(held.job.token) is None:
                    continue
                held.runner = self._spawn(alone=True, store=held.job.type in self._store_kinds)
                held.runner.send("jobs", [_work(held.job)])
                held.runner.send("stop")
                own, starting = own + 1, starting + 1

    def return_hoard(self) -> None:
        """Main thread: give back what was claimed ahead of slow jobs: nobody else can run it."""
        runner = self._shared
        if runner is None or len(self.hand) <= self.concurrency:
            return
        running = runner.running()
        if len(running) < runner.board.slots or len(self.hand.of(runner)) <= len(running):
            return
        newest = (time.monotonic_ns() - max(each.started_ns for each in running)) / 1e9
        if newest > HOARD_SECONDS:
            self._pace.stalled(newest)
            runner.send("recall")

    # ---- what runners say -----------------------------------------------------------------------

    def _heard(self, runner: RunnerProcess, frame: list[Any]) -> None:
        match frame:
            case ["ok", tokens, waits, runs, results]:
                self._heard_ok(tokens, waits, runs, results)
            case ["bad", reports]:
                self._heard_bad([Report(*report) for report in reports])
            case ["said", words]:
                self._heard_words(words)
            case ["progress", words]:
                self._heard_progress(words)
            case ["checkpoint", saved]:
                self._heard_checkpoints(saved)
            case ["recalled", tokens]:
                self._hand_back([each for each in self.hand.take(tokens) if each])
            case ["hello" | "unusable", *_]:
                self._heard_greeting(runner, frame)

    def _heard_greeting(self, runner: RunnerProcess, frame: list[Any]) -> None:
        if frame[0] == "hello":
            runner.greeted = True
            self._respawn_delay = FIRST_RESPAWN_DELAY
        elif self._hello is not None:
            self.log.error("the handlers do not import any more", error=frame[1])
        if self._hello is None:
            self._hello = frame
        self._greeted.set()

    def _heard_progress(self, words: list[tuple[int, float, str]]) -> None:
        for token, fraction, message in words:
            if (held := self.hand.get(token)) is not None:
                held.progress = (fraction, message)

    def _heard_checkpoints(self, saved: list[tuple[int, str]]) -> None:
        for token, data in saved:
            if (held := self.hand.get(token)) is not None:
                self.completer.checkpoint(held.job.job_id, token, data)

    def _heard_bad(self, reports: list[Report]) -> None:
        held = self.hand.take([report.token for report in reports])
        self.conclude(
            [
                (each.job, verdict.judge(each.job, report), report.kind)
                for each, report in zip(held, reports, strict=True)
                if each is not None
            ]
        )

    def _heard_ok(
        self, tokens: list[int], waits: list[float], runs: list[float], results: list[str | None] | None
    ) -> None:
        held = self.hand.take(tokens)
        if None in held:
            kept = [i for i, each in enumerate(held) if each is not None]
            waits, runs = [waits[i] for i in kept], [runs[i] for i in kept]
            results = None if results is None else [results[i] for i in kept]
        mine = [each for each in held if each is not None]
        if not mine:
            return
        self._pace.saw(sum(runs), len(runs))
        self.completer.succeeded(mine, waits, runs, results)
        self.ended_jobs += len(mine)
        self.room_changed()
        count_successes(self.metrics, mine, waits, runs)

    def _heard_words(self, words: list[tuple[int, str, str]]) -> None:
        output = []
        for token, stream, text in words:
            held = self.hand.get(token)
            if held is None:
                continue
            job = held.job
            output.append((job.job_id, token, held.chunks, job.attempt, stream, text))
            held.chunks += 1
        if output:
            self.completer.said(output)

    def _runner_thread_failed(self, runner: RunnerProcess) -> None:
        """What a runner said may be lost, so its leases must not go on: the worker stops."""
        self.log.exception("listening to a runner failed: the worker stops", runner=runner.pid)
        self.failed = True
        self.attention.set()

    def _runner_wrote(self, runner: RunnerProcess, line: str) -> None:
        self.log.info("runner wrote", runner=runner.pid, line=line)

    # ---- ends -----------------------------------------------------------------------------------

    def conclude(self, ends: list[End]) -> None:
        """Record ends (job, ending, how the attempt ended) and have them written."""
        retried: Counter[int] = Counter()
        dead: Counter[int] = Counter()
        for job, ending, how in ends:
            status = _STATUS_OF_NEXT.get(ending.next)
            if ending.next == "queued" and ending.kind is not None:
                status = "retry"
            if status is not None:
                attempts = [job.attempt] if ending.next in ("dead", "cancelled") else []
                self.metrics.finished(job.type, status, [ending.run or 0.0], [ending.wait or 0.0], attempts)
                if job.schedule is not None:
                    self.metrics.of_schedule(job.schedule, status, 1)
            if status == "retry":
                retried[job.priority] += 1
            if ending.next == "dead":
                dead[job.priority] += 1
            self._log_end(job, ending, how)
        for priority, n in retried.items():
            self.metrics.retried(Priority(priority).word, n)
        for priority, n in dead.items():
            self.metrics.deadlettered(Priority(priority).word, n)
        self.completer.ended([ending for _, ending, _ in ends])
        self.ended_jobs += sum(1 for _, _, how in ends if how != HANDED_BACK)
        self.room_changed()

    def _log_end(self, job: Claimed, ending: Ending, how: str) -> None:
        if how == HANDED_BACK:
            return
        write = self.log.warning if ending.kind else self.log.info
        write(
            "attempt ended",
            job_id=job.job_id,
            attempt=job.attempt,
            type=job.type,
            how=how,
            next=ending.next,
            error=None if ending.error_class is None else f"{ending.error_class}: {ending.message}",
        )

    def _hand_back(self, held: list[Held]) -> None:
        if held:
            self.conclude(hand_back(held))

    def hand_back_waiting(self) -> None:
        """Give back everything that has not been sent to a runner; runners are asked for the rest."""
        with self._lock:
            waiting = [*self._alone_waiting, *self._unsent]
            self._alone_waiting.clear()
            self._unsent = []
            for runner in self.runners:
                if not runner.alone:
                    runner.send("recall")
        self._hand_back([each for each in self.hand.take([one.job.token for one in waiting]) if each])

    def cancel(self, tokens: list[int]) -> None:
        """Somebody asked for these to stop."""
        now = time.monotonic()
        by_runner: dict[RunnerProcess, list[int]] = defaultdict(list)
        with self._lock:
            wanted = [held for token in tokens if (held := self.hand.get(token)) is not None and not held.cancel_asked]
            for held in wanted:
                held.cancel_asked = now
                if held.runner is not None:
                    by_runner[held.runner].append(held.job.token)
            unsent = self.hand.take([held.job.token for held in wanted if held.runner is None])
        for runner, chosen in by_runner.items():
            runner.send("cancel", chosen)
        ends = [(held.job, verdict.killed_overdue(held.job, timed_out=False, ran=0.0)) for held in unsent if held]
        if ends:
            self.conclude([(job, ending, "cancelled") for job, ending in ends])

    # ---- runners that end -----------------------------------------------------------------------

    def _runner_ended(self, runner: RunnerProcess, code: int) -> None:
        """From the runner's own thread, after everything that it said was heard."""
        started = runner.running()
        with self._lock:
            self.runners.discard(runner)
            if self._shared is runner:
                self._shared = None
            if not runner.alone and not runner.greeted:
                self._respawn_at = time.monotonic() + self._respawn_delay
                self._respawn_delay = min(LONGEST_RESPAWN_DELAY, 2 * self._respawn_delay)
        held = [each for each in self.hand.take([one.job.token for one in self.hand.of(runner)]) if each]
        if held:
            self._settle(runner, code, held, started)
        self._greeted.set()
        self.attention.set()

    def _settle(self, runner: RunnerProcess, code: int, held: list[Held], started: list[Running]) -> None:
        words, signal_number, exit_code = describe_exit(code)
        reason = runner.kill_reason or words
        if not runner.stopping:
            self.log.warning(
                "runner ended", runner=runner.pid, reason=reason, running=len(started), memory_peak=runner.memory_peak
            )
        kill_processes_of(self._boot.mark, [each.job.token for each in held if each.job.type in self._command_kinds])
        crash = Crash(reason, signal_number, exit_code, runner.memory_peak, runner.last_lines(), 0.0)
        silent = runner.greeted and not runner.alone and not started
        self._silent_ends = self._silent_ends + 1 if silent else 0
        apart = self._silent_ends >= SILENT_ENDS
        self.conclude(judge_jobs_of(runner, held, started, crash, self._crash_limit, apart=apart))

    # ---- stopping -------------------------------------------------------------------------------

    def stop_runners(self, *, kill: bool) -> None:
        """Have the runners exit: when their jobs have ended, or now."""
        with self._lock:
            for runner in self.runners:
                if kill:
                    runner.stopping = True
                    runner.kill("the worker stopped")
                else:
                    runner.send("stop")

    def replace(self, runner: RunnerProcess) -> None:
        """Give a runner no more jobs, and take back those it has not started."""
        with self._lock:
            if runner.retiring_since is None:
                runner.retiring_since = time.monotonic()
                runner.send("recall")
            if self._shared is runner:
                self._shared = None
        self.attention.set()

    def abandon(self) -> None:
        """The store has given our jobs to others: forget them, and end what runs them."""
        with self._lock:
            self.worker_id = 0
            self.hand.take_all()
            self._alone_waiting.clear()
            self._unsent = []
        self.stop_runners(kill=True)

    def state(self) -> str:
        """The worker's state for others to see."""
        if self.draining:
            return "draining"
        if self.lost_contact:
            return "unavailable"
        return "busy" if len(self.hand) >= self._pace.limit() else "available"

    def sign_leases(self, last_ok: float) -> None:
        """Show runners when the store last confirmed the leases."""
        with self._lock:
            for runner in self.runners:
                runner.board.lease_sign_ns = int(last_ok * 1e9)

    def close(self) -> None:
        """Wait for killed runners, and let the janitor clear up what is left."""
        deadline = time.monotonic() + LAST_SECONDS
        while self.live_runners() and (left := deadline - time.monotonic()) > 0:
            self.attention.wait(min(0.1, left))
            self.attention.clear()
        self._janitor.close()


_STATUS_OF_NEXT: dict[str, Status] = {"retrying": "retry", "dead": "dead", "cancelled": "cancelled"}


def _work(job: Claimed) -> tuple[Any, ...]:
    """The fields of `Work`, which are the first ones of `Claimed`."""
    return job[:WORK_FIELDS]


def _nothing() -> None:
    """Until the worker says otherwise."""
