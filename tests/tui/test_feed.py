"""The feed: fresh while the store answers, honest when it does not, and cheap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jobsched.core import config
from jobsched.core.awaiting import happens
from jobsched.core.config import Settings
from jobsched.core.model.errors import PermissionDenied, StoreUnreachable, TryAgain
from jobsched.core.model.job import NewJob
from jobsched.core.model.watching import WatchedQueue
from jobsched.core.service import Service
from jobsched.core.store import embedded
from jobsched.tui import questions
from jobsched.tui.feed import LONGEST_INTERVAL, Feed
from tests.turns import ends_when_cancelled

PATIENCE = 60.0
Ask = Callable[[], object]


async def until(ask: Ask, what: str) -> None:
    """Let the loop run until the answer is true."""
    async with asyncio.timeout(PATIENCE):
        while not ask():
            await happens(asyncio.Event(), 0.01)
    assert ask(), what


@asynccontextmanager
async def running(feed: Feed, tick: Callable[[], object]) -> AsyncIterator[asyncio.Task[None]]:
    """The feed's loop, for as long as the block lasts."""
    task = asyncio.create_task(feed.run(tick))  # type: ignore[arg-type]
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        feed.close()


async def test_it_looks_again_when_somebody_notifies(settings: Settings) -> None:
    """A long interval is no reason to show what is old, once LISTEN stands."""
    feed = Feed(settings, interval=25.0)
    ticks: list[int] = []

    async def tick() -> None:
        ticks.append(len((await feed.ask(questions.board)).queues))

    await asyncio.to_thread(feed.open)
    async with running(feed, tick):
        await until(lambda: feed.freshness().listening and ticks, "it listens")
        with Service(settings) as service:
            await asyncio.to_thread(service.submit, NewJob("noop", queue="new"))
        await until(lambda: ticks[-1] == 1, "the new queue")
        assert feed.freshness().state == "live"


def test_a_store_in_which_much_goes_on_is_looked_at_once_an_interval(settings: Settings) -> None:
    """The first notification is followed at once; where each look is followed by one, they are a second apart."""
    feed = Feed(settings)
    assert [feed._rest(heard) for heard in (0, 1, 2, 4, 1000)] == [0.0, 0.25, 0.5, 1.0, 1.0]
    feed.change_interval(0.5)
    assert feed._rest(1000) == 0.5
    feed.close()


async def test_whoever_asks_by_hand_does_not_wait_for_a_busy_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it would rest, and however much is notified."""
    feed = Feed(settings)
    monkeypatch.setattr(feed, "_rest", lambda heard: 3600.0 * heard)
    seen: list[int] = []

    async def tick() -> None:
        seen.append(len(seen))

    def notify() -> None:
        feed._nudged.set()
        if len(seen) < 4:
            asyncio.get_running_loop().call_soon(notify)

    await asyncio.to_thread(feed.open)
    async with running(feed, tick):
        notify()
        for _ in range(4):
            looks = len(seen)
            feed.nudge()
            await until(lambda looks=looks: len(seen) > looks, "a look that was asked for")


@pytest.mark.parametrize("event", ["_nudged", "_by_hand"])
@pytest.mark.parametrize("turns", range(6))
async def test_it_ends_when_told_to_also_in_the_moment_of_a_notification(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, event: str, turns: int
) -> None:
    """However many turns of the loop lie between the two."""
    feed = Feed(settings, interval=3600.0)
    monkeypatch.setattr(feed, "_rest", lambda heard: 3600.0 * heard)
    monkeypatch.setattr(feed, "_listen", lambda loop: None)
    looks: list[int] = []

    async def tick() -> None:
        looks.append(len(looks))

    async with running(feed, tick) as task:
        await until(lambda: looks, "the first look")
        if event == "_by_hand":
            feed._nudged.set()
            await until(lambda: feed._by_hand._waiters, "the rest after a notification")  # type: ignore[attr-defined]
        assert await ends_when_cancelled(task, getattr(feed, event), turns)


def test_queues_that_are_dear_to_count_are_counted_more_seldom(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundredth of the time, and every five seconds at the latest; anew whenever somebody asks by hand."""
    now, cost = 1000.0, 0.02
    counted = []

    class Dear(Service):
        def watched_queues(self) -> list[WatchedQueue]:
            nonlocal now
            now += cost
            counted.append(now)
            return super().watched_queues()

    monkeypatch.setattr(questions, "monotonic", lambda: now)
    boards = questions.Boards()
    with Dear(settings) as service:
        service.submit(NewJob("noop"))
        for second, nudges, times in ((0, 0, 1), (1, 0, 1), (2, 0, 2), (2.5, 1, 3), (3, 1, 3), (6, 1, 4)):
            now = 1000.0 + second * 1.05
            board = boards.next(nudges)(service)
            assert ([each.queue.name for each in board.queues], len(counted)) == (["default"], times), second
        cost = 60.0
        boards.next(2)(service)
        now += 5.1
        boards.next(2)(service)
        assert len(counted) == 6


async def test_answers_that_cost_too_much_are_asked_for_more_seldom(settings: Settings) -> None:
    """The interval doubles while they take more than a quarter of it, and it is said; then it comes back."""
    feed = Feed(settings, interval=0.25)
    feed._pace(0.2)
    feed._pace(0.4)
    fresh = feed.freshness()
    assert (fresh.state, fresh.interval) == ("slow", 1.0)
    assert "0.4 s" in fresh.reason
    for _ in range(12):
        feed._pace(100.0)
    assert feed.freshness().interval == LONGEST_INTERVAL
    for _ in range(12):
        feed._pace(0.001)
    assert (feed.freshness().state, feed.freshness().interval) == ("live", 0.25)
    feed.close()


async def test_a_question_that_takes_too_long_is_given_up(settings: Settings) -> None:
    """After the feed's patience, by the server itself."""
    feed = Feed(settings, patience=0.05)

    def slow(service: Service) -> None:
        with service.store.connection() as own:
            own.execute("select pg_sleep(30)")

    with pytest.raises(TryAgain):
        await feed.ask(slow)
    assert await feed.ask(questions.workers) == []
    feed.close()


async def test_a_store_that_is_lost_is_asked_for_until_it_is_back(home: Path, environ: dict[str, str]) -> None:
    """Meanwhile the age of what is shown grows, and nothing else is asked."""
    settings = config.load(environ=environ)
    feed = Feed(settings, interval=0.25)
    seen: list[int] = []

    async def tick() -> None:
        seen.append(len(await feed.ask(questions.workers)))

    await asyncio.to_thread(feed.open)
    async with running(feed, tick):
        await until(lambda: seen, "the first look")
        await asyncio.to_thread(embedded.stop, home)
        await until(lambda: feed.freshness().state == "lost", "it is lost")
        fresh = feed.freshness()
        assert fresh.reason
        with pytest.raises(StoreUnreachable):
            await feed.ask(questions.workers)
        looks = len(seen)
        await asyncio.to_thread(embedded.start, home)
        await until(lambda: feed.freshness().state == "live", "it is back")
        assert len(seen) > looks


def test_whoever_is_at_the_screen_cannot_write_by_reading(settings: Settings) -> None:
    """What the feed asks runs in a transaction that only reads."""
    feed = Feed(settings)

    async def write() -> None:
        def question(service: Service) -> None:
            with service.store.connection() as own:
                own.execute("delete from jobsched.job")

        await feed.ask(question)

    with pytest.raises(PermissionDenied, match="read-only"):
        asyncio.run(write())
    feed.close()
