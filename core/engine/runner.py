"""The runner: a process that runs jobs and nothing else. Started by a keeper, spoken to over pipes.

`slots` lanes run on one event loop. A lane takes the next job, awaits it if its handler is
`async def`, and otherwise hands it to a thread of its own. A task, a timer or a frame for each job
would cost more than a short job takes, so lanes are fixed tasks, one sweep looks after all
timeouts, and what is to be said travels in batches.

    python -m jobsched.core.engine.runner IN_FD OUT_FD BOARD_FD SLOTS JANITOR_FD KEEPER_PID
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import sys
import threading
import time
import traceback
from collections import deque
from contextvars import Context, copy_context
from typing import Any, NoReturn, cast

from ..clocks import lease_clock
from ..config import Settings, Value
from ..handler import Cancelled, Handler
from ..host import die_with_parent
from ..model.errors import JobschedError
from ..registry import Registry
from .attempt import Asked, describe_end, encode_result, read_payload, silence_interrupts
from .board import Board
from .outbox import Outbox
from .protocol import Boot, FrameReader, Kind, Report, Work
from .runner_context import Equipment, RunnerContext
from .runner_log import capture_logging, current_context

SWEEP_NS = 50_000_000
"""Timeouts are looked at no more often than this, so a job may be asked to stop so much late."""
LONGEST_NS = 1_000_000_000
"""So seldom they are looked at in any case: a loop whose files a job has closed only notices when it wakes up."""
NEVER_NS = 1 << 63
LEASH_SECONDS = 0.5
LEASH_SHARE = 0.8
EXIT_SILENT_KEEPER = 75
EXIT_UNHEARD = 76
MAX_TURN_SECONDS = 0.005
"""How long a lane may go on with jobs that never wait before it lets the others speak."""


class Lane:
    """One slot: the job that is in it, and the thread that serves it when a plain function comes."""

    __slots__ = ("asked", "context", "deadline_ns", "slot", "started_ns", "task", "thread", "waiter", "work")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.work: Work | None = None
        self.context: RunnerContext | None = None
        self.started_ns = 0
        self.deadline_ns = 0
        self.asked: Asked = ""
        self.task: asyncio.Task[None] | None = None
        self.thread: LaneThread | None = None
        self.waiter: asyncio.Future[None] | None = None


class LaneThread(threading.Thread):
    """Runs plain functions for one lane, each as it is handed over."""

    def __init__(self, runner: Runner, lane: Lane) -> None:
        super().__init__(name=f"lane-{lane.slot}", daemon=True)
        self._runner = runner
        self._lane = lane
        self._handed: tuple[Work, Handler, int] | None = None
        self._done: asyncio.Future[None] | None = None
        self._go = threading.Semaphore(0)

    async def serve(self, work: Work, handler: Handler, received_ns: int) -> None:
        """Run the job in this thread, and those plain ones that wait behind it, while the lane waits."""
        self._done = asyncio.get_running_loop().create_future()
        self._handed = (work, handler, received_ns)
        self._go.release()
        while not self._done.done():
            # A cancelled lane must not leave its thread behind: the thread is asked through the
            # context, and the lane goes on waiting for it.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(self._done)

    def run(self) -> None:
        runner = self._runner
        while True:
            self._go.acquire()
            job = self._handed
            while job is not None:
                # In a context of its own: what one job sets, the next one must not find.
                Context().run(runner.run_plain, self._lane, *job)
                job = runner.next_plain()
            done = self._done
            assert done is not None
            runner.loop.call_soon_threadsafe(_finish, done)


def _forget_cancellation(lane: Lane) -> None:
    """Or the next job's task groups would think that they were cancelled."""
    while lane.task is not None and lane.task.cancelling():
        lane.task.uncancel()


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


class Runner:
    """See the module's docstring. All methods but `run_plain` and `next_plain` belong to the loop's thread."""

    def __init__(self, boot: Boot, registry: Registry, board: Board, outbox: Outbox, equipment: Equipment) -> None:
        self.loop = asyncio.get_running_loop()
        self._registry = registry
        self._board = board
        self._outbox = outbox
        self._equipment = equipment
        self._handlers: dict[str, Handler] = {}
        self._clean = copy_context()
        self._coroutines: deque[tuple[Work, Handler, int]] = deque()
        self._plain: deque[tuple[Work, Handler, int]] = deque()
        self._lanes = [Lane(slot) for slot in range(boot.slots)]
        self._idle: list[Lane] = []
        self._unmet: set[int] = set()
        self._stopping = False
        self._forked = False
        self._sweep_ns = NEVER_NS
        self._sweep: asyncio.TimerHandle | None = None
        self.stopped = asyncio.Event()
        for lane in self._lanes:
            self._start_lane(lane)
        self._plan_sweep(NEVER_NS)

    # ---- frames from the keeper -----------------------------------------------------------------

    def obey(self, frame: list[Any]) -> None:
        """Do what a frame says."""
        match frame:
            case ["jobs", works]:
                self._take(works)
            case ["cancel", tokens]:
                self._cancel(set(tokens))
            case ["recall"]:
                self._recall()
            case ["stop"]:
                self._stopping = True
                self._check_stopped()

    def _take(self, works: list[list[Any]]) -> None:
        now = time.monotonic_ns()
        for fields in works:
            work = Work._make(fields)
            handler = self._handlers.get(work.type) or self._find(work)
            if handler is None:
                continue
            if handler.is_async:
                self._coroutines.append((work, handler, now))
            else:
                self._plain.append((work, handler, now))
        for _ in range(min(len(self._idle), len(works))):
            waiter = self._idle.pop().waiter
            assert waiter is not None
            waiter.set_result(None)

    def _find(self, work: Work) -> Handler | None:
        """Return the job's handler, or None after saying what became of a job that has none here."""
        try:
            handler = self._registry.find(work.type)
        except JobschedError as error:
            self._outbox.ended(describe_end(work, error, asked="", wait=work.waited, run=0.0))
            return None
        if handler is None:
            self._outbox.ended(Report(work.token, "unstarted", 0.0, 0.0))
        else:
            self._handlers[work.type] = handler
        return handler

    def _cancel(self, tokens: set[int]) -> None:
        # A thread may hold a job that it has taken and not begun: it looks here when it begins.
        self._unmet = set(tokens)
        for lane in self._lanes:
            if lane.work is not None and lane.work.token in tokens:
                self._stop_lane(lane, "cancel")
        for waiting in (self._coroutines, self._plain):
            for _ in range(len(waiting)):
                job = waiting.popleft()
                if job[0].token in tokens:
                    self._outbox.ended(Report(job[0].token, "cancelled", 0.0, 0.0))
                else:
                    waiting.append(job)

    def _stop_lane(self, lane: Lane, why: Asked) -> None:
        """Ask the lane's job to stop: by its context, and an `async def` by cancelling what it awaits."""
        lane.asked = lane.asked or why
        if lane.context is not None:
            lane.context.stop_requested = True
        work, task = lane.work, lane.task
        if work is not None and task is not None and self._handlers[work.type].is_async:
            task.cancel()

    def _recall(self) -> None:
        tokens = []
        for waiting in (self._coroutines, self._plain):
            while waiting:
                tokens.append(waiting.popleft()[0].token)
        self._outbox.send("recalled", tokens)

    def _check_stopped(self) -> None:
        if self._stopping and not self._coroutines and not self._plain and len(self._idle) == len(self._lanes):
            self._outbox.flush()
            self.stopped.set()

    # ---- lanes ----------------------------------------------------------------------------------

    def _start_lane(self, lane: Lane) -> None:
        context = self._clean.copy()
        lane.task = self.loop.create_task(self._serve_lane(lane, self._clean), context=context)

    async def _serve_lane(self, lane: Lane, clean: Context) -> None:
        turn_ends = 0.0
        while True:
            if self._coroutines:
                if (now := time.monotonic()) >= turn_ends:
                    await asyncio.sleep(0)
                    turn_ends = now + MAX_TURN_SECONDS
                    continue
                await self._run_coroutine(lane, *self._coroutines.popleft())
                if copy_context() != clean:
                    self._start_lane(lane)  # what one job sets, the next one must not find
                    return
            elif (job := self.next_plain()) is not None:
                if lane.thread is not None or self._start_thread(lane, job):
                    await cast("LaneThread", lane.thread).serve(*job)
            else:
                lane.waiter = self.loop.create_future()
                self._idle.append(lane)
                self._check_stopped()
                await lane.waiter

    def _start_thread(self, lane: Lane, job: tuple[Work, Handler, int]) -> bool:
        """Give the lane its thread. False: the system gave none, and the job has failed for that."""
        thread = LaneThread(self, lane)
        try:
            thread.start()
        except RuntimeError as error:
            self._outbox.ended(describe_end(job[0], error, asked="", wait=job[0].waited, run=0.0))
            return False
        lane.thread = thread
        return True

    async def _run_coroutine(self, lane: Lane, work: Work, handler: Handler, received_ns: int) -> None:
        started = self._begin(lane, work, handler, received_ns)
        wait = work.waited + (started - received_ns) / 1e9
        try:
            payload = read_payload(handler, work.payload)
            value = await (
                handler.function(payload, lane.context) if handler.wants_context else handler.function(payload)
            )
            result = None if value is None else encode_result(value)
        except BaseException as error:  # noqa: BLE001 - a job may raise anything
            self._end_badly(lane, error, wait)
            _forget_cancellation(lane)
        else:
            self._outbox.succeeded(work.token, wait, (time.monotonic_ns() - started) / 1e9, result)
            self._clear(lane)
            if lane.asked:
                _forget_cancellation(lane)

    def run_plain(self, lane: Lane, work: Work, handler: Handler, received_ns: int) -> None:
        """Run a plain function's job, in the calling thread."""
        started = self._begin(lane, work, handler, received_ns)
        wait = work.waited + (started - received_ns) / 1e9
        try:
            if lane.asked:
                raise Cancelled("the job was asked to stop before it began")
            payload = read_payload(handler, work.payload)
            value = handler.function(payload, lane.context) if handler.wants_context else handler.function(payload)
            result = None if value is None else encode_result(value)
        except BaseException as error:  # noqa: BLE001 - a job may raise anything
            self._end_badly(lane, error, wait)
        else:
            self._outbox.succeeded(work.token, wait, (time.monotonic_ns() - started) / 1e9, result)
            self._clear(lane)

    def next_plain(self) -> tuple[Work, Handler, int] | None:
        """Take the next plain function's job, from any thread."""
        try:
            return self._plain.popleft()
        except IndexError:
            return None

    def _begin(self, lane: Lane, work: Work, handler: Handler, received_ns: int) -> int:
        now = time.monotonic_ns()
        lane.asked = ""
        lane.started_ns = now
        if handler.wants_context:
            lane.context = RunnerContext(work, self._outbox, self._equipment)
            current_context.set(lane.context)
        lane.work = work  # from here on the loop's thread may ask it to stop
        if work.timeout:
            lane.deadline_ns = now + int(work.timeout * 1e9)
            if max(lane.deadline_ns, now + SWEEP_NS) < self._sweep_ns:
                self.loop.call_soon_threadsafe(self._plan_sweep, lane.deadline_ns)
        self._board.start(lane.slot, work.token, now)
        if self._unmet and work.token in self._unmet:
            self._stop_lane(lane, "cancel")
        return now

    def _end_badly(self, lane: Lane, error: BaseException, wait: float) -> None:
        work = lane.work
        assert work is not None
        run = (time.monotonic_ns() - lane.started_ns) / 1e9
        self._outbox.ended(describe_end(work, error, asked=lane.asked, wait=wait, run=run))
        self._clear(lane)

    def forked(self) -> None:
        """In the child of a job that forked: what it does from now on is not this runner's."""
        self._forked = True
        self._board.leave()
        self.loop.call_soon(self._sweep_lanes)

    def _clear(self, lane: Lane) -> None:
        if self._forked:
            os._exit(0)  # the child has returned from the job: only the parent goes on
        self._board.clear(lane.slot)
        lane.work = None
        lane.deadline_ns = 0
        if lane.context is not None:
            lane.context = None
            current_context.set(None)

    def _plan_sweep(self, deadline_ns: int) -> None:
        """See to it that lanes are looked at when this deadline is over, or in a second."""
        now = time.monotonic_ns()
        due = min(max(deadline_ns, now + SWEEP_NS), now + LONGEST_NS)
        if due < self._sweep_ns:
            self._sweep_ns = due
            if self._sweep is not None:
                self._sweep.cancel()
            self._sweep = self.loop.call_later((due - now) / 1e9, self._sweep_lanes)

    def _sweep_lanes(self) -> None:
        """Ask jobs to stop whose time is over."""
        if self._forked:
            os._exit(0)
        # First: a thread that begins a job from here on, with a deadline that is not seen below, asks for a sweep.
        self._sweep_ns = NEVER_NS
        now = time.monotonic_ns()
        for lane in self._lanes:
            if (deadline := lane.deadline_ns) and now >= deadline:
                lane.deadline_ns = 0
                self._stop_lane(lane, "timeout")
        self._plan_sweep(min((lane.deadline_ns or NEVER_NS for lane in self._lanes), default=NEVER_NS))


async def _main(in_fd: int, outbox: Outbox, board: Board, janitor_fd: int) -> None:
    loop = asyncio.get_running_loop()
    reader = FrameReader()
    boot, early = await _read_boot(loop, in_fd, reader)
    settings = Settings({key: Value(_retuple(value), "keeper") for key, value in boot.settings.items()})
    registry = Registry(settings["imports"])
    try:
        kinds = _describe(registry, settings) if boot.describe else []
    except JobschedError as error:
        outbox.send("unusable", error.message, error.fix)
        return
    capture_logging()
    runner = Runner(boot, registry, board, outbox, Equipment(settings, boot, janitor_fd))
    os.register_at_fork(after_in_child=runner.forked)
    outbox.send("hello", kinds)
    for frame in early:
        runner.obey(frame)

    def read() -> None:
        data = os.read(in_fd, 1 << 20)
        if not data:
            os._exit(0)  # the keeper is gone: nobody may run these jobs but their next owner
        for frame in reader.feed(data):
            runner.obey(frame)

    loop.add_reader(in_fd, read)
    threading.Thread(target=_keep_leash, args=(board, boot.lease_seconds), name="leash", daemon=True).start()
    await runner.stopped.wait()


def _keep_leash(board: Board, lease_seconds: float) -> None:
    """End this process when the keeper falls silent, before somebody else may own its jobs."""
    silence = LEASH_SHARE * lease_seconds
    while lease_clock() - board.lease_sign_ns / 1e9 < silence:
        time.sleep(min(LEASH_SECONDS, silence / 10))
    os._exit(EXIT_SILENT_KEEPER)


async def _read_boot(loop: asyncio.AbstractEventLoop, in_fd: int, reader: FrameReader) -> tuple[Boot, list[Any]]:
    while True:
        data = await loop.run_in_executor(None, os.read, in_fd, 1 << 16)
        if not data:
            os._exit(0)
        frames = list(reader.feed(data))
        if frames:
            return Boot(*frames[0][1]), frames[1:]


def _describe(registry: Registry, settings: Settings) -> list[Kind]:
    """Every name and alias that this runner can run."""
    return [
        Kind(name, handler.isolation == "process", handler.commands, handler.store, handler.published(settings))
        for handler in registry.all()
        for name in (handler.name, *handler.aliases)
    ]


def _retuple(value: Any) -> Any:
    """msgpack turns tuples into lists; settings hold tuples."""
    return tuple(value) if isinstance(value, list) else value


def main() -> None:
    """Entry point of the process."""
    in_fd, out_fd, board_fd, slots, janitor_fd, keeper_pid = (int(argument) for argument in sys.argv[1:7])
    for fd in (in_fd, out_fd, board_fd, janitor_fd):
        if fd >= 0:
            os.set_inheritable(fd, False)  # a child that a job forks must not hold the pipes open
    current_context.set(None)
    silence_interrupts()
    die_with_parent(keeper_pid)
    faulthandler.enable()
    board = Board(board_fd, slots)
    loops = asyncio.Runner()
    outbox = Outbox(loops.get_loop(), out_fd, lambda tokens: _end_unheard(board, tokens))
    try:
        loops.run(_main(in_fd, outbox, board, janitor_fd))
        loops.close()
    except BaseException:  # noqa: BLE001 - a job can break the loop: close its files, stop it, cancel its tasks
        with contextlib.suppress(OSError, ValueError):  # standard error may be among what was closed
            traceback.print_exc()
        _end_unheard(board, outbox.ended_tokens())
    sys.stdout.flush()
    os._exit(0)  # threads of jobs that would not stop must not keep the process


def _end_unheard(board: Board, tokens: list[int]) -> NoReturn:
    """Exit with jobs whose ends cannot be told any more: the board tells the keeper that they were started,
    or one that breaks its runner would be handed back, and do it again, for ever."""
    board.start_again(tokens, time.monotonic_ns())
    os._exit(EXIT_UNHEARD)


if __name__ == "__main__":
    main()
