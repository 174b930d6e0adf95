"""Job types for a runner under test."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import sys
import threading
from typing import Any

from pydantic import BaseModel

from jobsched.core.handler import Cancelled, Context, Discard, Retry, Snooze, handler

setting: contextvars.ContextVar[str] = contextvars.ContextVar("setting", default="clean")


class Sum(BaseModel):
    """Two numbers."""

    a: int
    b: int


class Odd(BaseException):
    """Not an Exception."""


class Mute(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no")


class Tricky(Exception):
    """Has no attribute, and says so in a way that nobody expects."""

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


class Unspeakable(Exception):
    """Ends whoever asks what it is."""

    def __str__(self) -> str:
        raise SystemExit(3)


@handler("add")
async def add(payload: Sum) -> int:
    return payload.a + payload.b


@handler("add_in_thread")
def add_in_thread(payload: Sum) -> dict[str, Any]:
    return {"sum": payload.a + payload.b, "thread": threading.current_thread().name}


@handler("who")
async def who(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    return {
        "job_id": context.job_id, "type": context.type, "queue": context.queue, "attempt": context.attempt,
        "max_attempts": context.max_attempts, "token": context.token, "key": context.idempotency_key,
        "checkpoint": context.checkpoint,
    }  # fmt: skip


@handler("raises")
async def raises(payload: dict[str, Any], context: Context) -> None:
    raise make_error(payload["what"])


@handler("raises_in_thread")
def raises_in_thread(payload: dict[str, Any], context: Context) -> None:
    raise make_error(payload["what"])


def make_error(what: str) -> BaseException:
    errors: dict[str, BaseException] = {
        "error": RuntimeError("broken\0\ud800 \x1b[31m"),
        "exit": SystemExit(3),
        "odd": Odd("odd"),
        "mute": Mute(),
        "tricky": Tricky("tricky"),
        "unspeakable": Unspeakable(),
        "interrupt": KeyboardInterrupt(),
        "cancel": asyncio.CancelledError(),
        "cancelled": Cancelled("by itself"),
        "retry": Retry("later", delay=5.0),
        "retry for ever": Retry("later", delay=float("inf")),
        "retry nonsense": Retry("later", delay="soon"),  # type: ignore[arg-type]
        "snooze": Snooze(9.0),
        "snooze nan": Snooze(float("nan")),
        "snooze huge": Snooze(10**400),
        "discard": Discard("never"),
    }
    return errors[what]


@handler("returns")
async def returns(payload: dict[str, Any]) -> Any:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    values = {
        "set": {1}, "nan": float("nan"), "nul": "a\0b", "surrogate": "\ud800", "big": "x" * (1 << 20), "deep": deep,
        "backslash": "\\u0000", "fine": {"ü": [1, None]},
    }  # fmt: skip
    return values[payload["what"]]


@handler("waits")
async def waits(payload: dict[str, Any]) -> None:
    await asyncio.sleep(payload.get("seconds", 1000))


@handler("shields")
async def shields(payload: dict[str, Any]) -> str:
    """Swallow the first request to stop."""
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        return "finished anyway"
    return "?"


@handler("polls")
def polls(payload: dict[str, Any], context: Context) -> str:
    pause = threading.Event()
    while not context.cancelled:
        pause.wait(0.01)
    context.check_cancelled()
    return "?"


@handler("groups")
async def groups(payload: dict[str, Any]) -> str:
    """A task group whose child fails: only for a task that nobody has cancelled is that a failure of the group."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
    except ExceptionGroup as error:
        return type(error.exceptions[0]).__name__
    return "?"


async def fail() -> None:
    raise ValueError


@handler("remembers")
async def remembers(payload: dict[str, Any]) -> str:
    before = setting.get()
    setting.set("dirty")
    return before


@handler("remembers_in_thread")
def remembers_in_thread(payload: dict[str, Any]) -> str:
    before = setting.get()
    setting.set("dirty")
    return before


@handler("talks")
async def talks(payload: dict[str, Any], context: Context) -> None:
    context.log("reading", month="\ud800\0")
    context.output("out\n")
    context.output("err\n", "stderr")
    logging.getLogger("mine").warning("from %s", "logging")
    logging.getLogger("mine").warning("%d apples", "no")
    await asyncio.to_thread(logging.getLogger("mine").warning, "from a thread")
    context.progress(0.25, "a quarter\0\ud800")
    context.save_checkpoint({"at": 7})


@handler("floods")
async def floods(payload: dict[str, Any], context: Context) -> None:
    for _ in range(40):
        context.output("ü" * 20_000)


@handler("bad_words")
async def bad_words(payload: dict[str, Any], context: Context) -> list[str]:
    """Words that cannot be stored are refused where they are said."""
    refused = []
    for say in (
        lambda: context.progress(float("nan")),
        lambda: context.progress(2.0),
        lambda: context.output("x", "nowhere"),
        lambda: context.save_checkpoint("a\0b"),
        lambda: context.save_checkpoint("\ud800"),
        lambda: context.save_checkpoint(float("nan")),
        lambda: context.save_checkpoint("x" * 70_000),
    ):
        try:
            say()
        except ValueError as error:
            refused.append(str(error))
    return refused


@handler("scribbles")
async def scribbles(payload: dict[str, Any]) -> None:
    """Write into every pipe that this process has: one of them is the keeper's."""
    for fd in range(3, 30):
        try:
            os.write(fd, b"\xff" * 8)
        except OSError:
            continue


@handler("closes_everything")
async def closes_everything(payload: dict[str, Any]) -> None:
    os.closerange(0, 256)


@handler("closes_everything_in_thread")
def closes_everything_in_thread(payload: dict[str, Any]) -> None:
    os.closerange(0, 256)


@handler("closes_the_pipe_and_goes_on")
def closes_the_pipe_and_goes_on(payload: dict[str, Any]) -> None:
    os.close(int(sys.argv[2]))
    threading.Event().wait()


@handler("forks")
async def forks(payload: dict[str, Any]) -> int:
    """Return in the child too."""
    return os.fork()


@handler("forks_in_thread")
def forks_in_thread(payload: dict[str, Any]) -> int:
    return os.fork()
