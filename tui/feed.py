"""What the screens know of the store: the only door from them to the use cases.

One thread asks, over one connection that only reads; the event loop never waits for the store. `tick` is what
the visible screen wants to know: it is called every second, sooner when somebody notifies, unless that goes on and on,
later when the answers cost too much. A store that is lost is asked for again, for ever; meanwhile everything stays as
it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

from ..core.awaiting import happens
from ..core.model.errors import JobschedError, StoreUnreachable, TryAgain
from ..core.service import Service

if TYPE_CHECKING:
    from ..core.config import Settings

INTERVAL = 1.0
LEAST_PAUSE = 0.25
"""Seconds between two looks, whatever is notified: four repaints a second. Each look after which somebody notifies
again makes it longer by as much, up to the interval: a store in which much goes on is not to be held up."""
LONGEST_INTERVAL = 30.0
SHARE = 0.25
"""Of the interval that answers may take; beyond, the interval is doubled."""
CHEAP = 0.05
PATIENCE = 2.0
FIRST_RETRY, LONGEST_RETRY = 0.5, 5.0
CONNECT_TIMEOUT = 2.0
State = Literal["live", "slow", "lost"]
Answer = TypeVar("Answer")
Tick = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far what is shown can be trusted.

    age: seconds since the store last answered; None before it did. latency: of a round trip, in seconds.
    listening: whether changes are heard of at once. interval: seconds between two looks. retry: seconds
    until it is asked again, where it is lost. reason: why it is lost or slow, in one line. away: nobody is at the
    keyboard, so it is looked at twice a minute.
    """

    state: State
    age: float | None
    latency: float | None
    listening: bool
    interval: float
    paused: bool
    away: bool
    retry: float | None
    reason: str


class Feed:
    """told: called on the event loop whenever the state is another one."""

    def __init__(self, settings: Settings, *, interval: float = INTERVAL, patience: float = PATIENCE) -> None:
        """interval: seconds between two looks. patience: seconds a statement may take."""
        timeout = min(CONNECT_TIMEOUT, settings["connect_timeout"])
        self._settings = settings.replace(connect_timeout=timeout)
        self._service = Service(self._settings)
        self._patience = patience
        self._base = self._interval = interval
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobsched-feed")
        self._nudged = asyncio.Event()
        self._by_hand = asyncio.Event()
        self._stopping = threading.Event()
        self._state: State = "live"
        self._answered: float | None = None
        self._asked: float | None = None
        self._latency: float | None = None
        self._spent = 0.0
        self._looker: asyncio.Task[object] | None = None
        self._reason = ""
        self._retry_at: float | None = None
        self._listening = False
        self._listener: threading.Thread | None = None
        self._workers: frozenset[int] = frozenset()
        self.nudges = 0
        """How often somebody asked by hand."""
        self.paused = self.away = False
        self.told: Callable[[], None] = lambda: None

    @property
    def where(self) -> str:
        """User, host, port and database; never a password."""
        return self._service.store.shown_url

    def open(self) -> None:
        """Open the store. Raises what `open_store` does: for the start, before there is a screen."""
        _ = self._service.store

    async def ask(self, question: Callable[[Service], Answer]) -> Answer:
        """Return what `question` finds out, in the feed's thread. JobschedError; StoreUnreachable while it is lost."""
        if self._state == "lost" and self._retry_at is not None:
            raise StoreUnreachable(self._reason)
        return await self._ask(question)

    async def run(self, tick: Tick) -> None:
        """Call `tick` again and again until the task is cancelled. What it raises of ours changes the state."""
        self._listener = threading.Thread(
            target=self._listen, args=(asyncio.get_running_loop(),), name="jobsched-listen", daemon=True
        )
        self._listener.start()
        self._looker = asyncio.current_task()
        delay, looked, heard = FIRST_RETRY, 0.0, 0
        while True:
            began = time.monotonic()
            if not self.paused and not (self.away and began - looked < LONGEST_INTERVAL):
                looked, delay = began, await self._look(tick, delay)
            lost = self._retry_at is not None
            pause = max(0.0, (self._retry_at or 0.0) - time.monotonic()) if lost else self._interval
            await happens(self._nudged, pause)
            heard = heard + 1 if self._nudged.is_set() and not self._by_hand.is_set() else 0
            await asyncio.sleep(max(0.0, LEAST_PAUSE - (time.monotonic() - began)))
            await happens(self._by_hand, self._rest(heard) - (time.monotonic() - began))
            self._nudged.clear()
            self._by_hand.clear()

    def _rest(self, heard: int) -> float:
        """Seconds between two looks, where so many of them in a row were followed by a notification."""
        return min(self._interval, LEAST_PAUSE * heard)

    async def _look(self, tick: Tick, delay: float) -> float:
        """One tick; return the delay before the next retry."""
        self._retry_at = None
        before = self._spent
        try:
            await tick()
        except TryAgain as error:
            self._settle("slow", error.message)
            self._interval = min(LONGEST_INTERVAL, self._interval * 2)
        except JobschedError as error:
            self._retry_at = time.monotonic() + random.uniform(delay / 2, delay)
            self._settle("lost", error.message)
            return min(LONGEST_RETRY, delay * 2)
        else:
            self._pace(self._spent - before)
        return FIRST_RETRY

    def _pace(self, cost: float) -> None:
        if cost > SHARE * self._interval:
            self._interval = min(LONGEST_INTERVAL, self._interval * 2)
        elif cost < CHEAP * self._interval:
            self._interval = max(self._base, self._interval / 2)
        dear = self._interval > self._base
        self._settle("slow" if dear else "live", f"answers take {cost:.1f} s" if dear else "")

    def change(self, call: Callable[[Service, str], Answer], by: str) -> Answer:
        """Change something, as `by`, on a connection of its own. Waits: for a thread. Raises what the use case does."""
        with Service(self._settings, submitter=by) as service:
            return call(service, by)

    def nudge(self) -> None:
        """Look now, or as soon as the last look is a quarter of a second ago."""
        self.nudges += 1
        self._by_hand.set()
        self._nudged.set()

    def change_interval(self, factor: float) -> None:
        """Look more seldom or more often: 0.25 to 30 seconds."""
        self._base = self._interval = min(LONGEST_INTERVAL, max(LEAST_PAUSE, self._base * factor))

    def watch_workers(self, ids: Collection[int]) -> None:
        """Hear of the wake-ups of these workers: jobs that come to a store that idles."""
        self._workers = frozenset(ids)

    def freshness(self) -> Freshness:
        """How far what is shown can be trusted, now."""
        now = time.monotonic()
        silent = self._asked is not None and now - self._asked > 2 * self._patience
        return Freshness(
            state="lost" if silent else self._state,
            age=None if self._answered is None else now - self._answered,
            latency=self._latency,
            listening=self._listening,
            interval=self._interval,
            paused=self.paused,
            away=self.away,
            retry=None if self._retry_at is None else max(0.0, self._retry_at - now),
            reason="no answer" if silent else self._reason,
        )

    def close(self) -> None:
        """Stop asking and close the connections."""
        self._stopping.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._listener is not None:
            self._listener.join(5.0)  # it looks twice a second whether it is to end
        self._service.close()

    # In the thread

    async def _ask(self, question: Callable[[Service], Answer]) -> Answer:
        self._asked = time.monotonic()
        try:
            loop, regular = asyncio.get_running_loop(), asyncio.current_task() is self._looker
            answer = await loop.run_in_executor(self._threads, self._answer, question, regular)
        finally:
            self._asked = None
        self._answered = time.monotonic()
        return answer

    def _answer(self, question: Callable[[Service], Answer], regular: bool) -> Answer:
        """regular: whether it is asked again and again, so that its cost is one to hold down."""
        began = time.monotonic()
        try:
            with self._service.reading(self._patience):
                self._latency = (time.monotonic() - began) / 2  # begin and the limit are two round trips
                return question(self._service)
        finally:
            if regular:
                self._spent += time.monotonic() - began

    def _settle(self, state: State, reason: str) -> None:
        changed = state != self._state
        self._state, self._reason = state, reason
        if changed:
            self.told()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear notifications until the end, over as many connections as that takes."""
        delay = FIRST_RETRY
        while not self._stopping.is_set():
            with contextlib.suppress(JobschedError):
                heard = self._workers
                for _ in self._service.notices(heard, partial(self._deaf, heard)):
                    self._listening, delay = True, FIRST_RETRY
                    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                        loop.call_soon_threadsafe(self._nudged.set)
                continue
            self._listening = False
            self._stopping.wait(random.uniform(delay / 2, delay))
            delay = min(LONGEST_RETRY, delay * 2)

    def _deaf(self, heard: frozenset[int]) -> bool:
        """Whether others are to be listened to by now, or nobody."""
        return self._stopping.is_set() or heard != self._workers


class Direct:
    """The same door for whoever waits for each answer: the line mode."""

    def __init__(self, settings: Settings, *, patience: float = PATIENCE) -> None:
        """patience: seconds a statement may take."""
        self._settings = settings.replace(connect_timeout=min(CONNECT_TIMEOUT, settings["connect_timeout"]))
        self._service = Service(self._settings)
        self._patience = patience

    @property
    def where(self) -> str:
        """User, host, port and database; never a password. Raises what opening the store does."""
        return self._service.store.shown_url

    def ask(self, question: Callable[[Service], Answer]) -> Answer:
        """Return what `question` finds out, in a transaction that only reads. JobschedError."""
        with self._service.reading(self._patience):
            return question(self._service)

    def change(self, call: Callable[[Service, str], Answer], by: str) -> Answer:
        """Change something, as `by`. Raises what the use case does."""
        with Service(self._settings, submitter=by) as service:
            return call(service, by)

    def close(self) -> None:
        """Close the connections."""
        self._service.close()
