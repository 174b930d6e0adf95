"""Job types that misbehave, for workers under test. They tell a file what they do, line by line, as
`word job token attempt pid seconds`, on the clock that all processes of a host share."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from jobsched.core.engine.board import Board
from jobsched.core.handler import Context, handler

WITNESS = "FAULTS_WITNESS"


def tell(word: str, context: Context) -> None:
    """Write a line; what is appended at once is not torn apart."""
    line = f"{word} {context.job_id} {context.token} {context.attempt} {os.getpid()} {time.monotonic()}\n"
    with Path(os.environ[WITNESS]).open("a") as file:
        file.write(line)


@handler("nap")
async def nap(payload: dict[str, Any], context: Context) -> None:
    """Take `seconds`, waiting."""
    tell("began", context)
    await asyncio.sleep(payload["seconds"])
    tell("ended", context)


@handler("gate")
async def gate(payload: dict[str, Any], context: Context) -> None:
    """Run until the file `open` exists."""
    tell("began", context)
    while not os.path.exists(payload["open"]):
        await asyncio.sleep(0.02)
    tell("ended", context)


@handler("traceless")
async def traceless(payload: dict[str, Any], context: Context) -> None:
    """End this process after wiping from the shared memory that anything runs in it."""
    for board in [each for each in gc.get_objects() if type(each) is Board]:
        for slot in range(board.slots):
            board.clear(slot)
    os._exit(9)


@handler("polite_thread")
def polite_thread(payload: dict[str, Any], context: Context) -> None:
    """Run in a thread until asked to stop."""
    tell("began", context)
    while True:
        context.check_cancelled()
        time.sleep(0.02)


@handler("stubborn_thread")
def stubborn_thread(payload: dict[str, Any], context: Context) -> None:
    """Run in a thread and hear nothing."""
    tell("began", context)
    threading.Event().wait(payload["seconds"])


@handler("alone", isolation="process")
def alone(payload: dict[str, Any], context: Context) -> None:
    """Run in a process of its own and hear nothing."""
    tell("began", context)
    threading.Event().wait(payload["seconds"])


@handler("exits")
async def exits(payload: dict[str, Any], context: Context) -> None:
    """End the runner's process, without a word to anybody."""
    tell("began", context)
    sys.stderr.write("last words of a job\0\n")
    os._exit(9)


@handler("hog")
def hog(payload: dict[str, Any], context: Context) -> None:
    """Take memory until something happens."""
    tell("began", context)
    held = []
    while len(held) < 100:
        held.append(b"x" * (16 << 20))
        time.sleep(0.005)
    threading.Event().wait(60)


@handler("holds_the_gil")
def holds_the_gil(payload: dict[str, Any], context: Context) -> None:
    """Spend `seconds` in C without ever letting another thread of the process run."""
    tell("began", context)
    ctypes.PyDLL(None).sleep(int(payload["seconds"]))


@handler("family")
async def family(payload: dict[str, Any], context: Context) -> None:
    """Start a process with a child of its own, name their group, and wait for ever."""
    process = subprocess.Popen(["sh", "-c", "sleep 1000 & exec sleep 1000"], start_new_session=True)
    context.track_process_group(process.pid)
    tell("began", context)
    await asyncio.Event().wait()


@handler("spiteful")
async def spiteful(payload: dict[str, Any], context: Context) -> None:
    """Answer a cancellation with an error."""
    tell("began", context)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise RuntimeError("not like this") from None


@handler("odd")
async def odd(payload: dict[str, Any], context: Context) -> None:
    """A type that only some workers know."""
    tell("began", context)


@handler("puppet")
async def puppet(payload: dict[str, Any], context: Context) -> None:
    """Do what the file `do-TOKEN` says: talk, fail or end."""
    tell("began", context)
    said = Path(os.environ[WITNESS]).with_name(f"do-{context.token}")
    while not said.exists():
        await asyncio.sleep(0.02)
    match said.read_text():
        case "talk":
            context.log("a word")
            context.output("a line\n")
            context.progress(0.5, "half")
            context.save_checkpoint({"at": context.token})
            tell("talked", context)
            await asyncio.Event().wait()
        case "fail":
            tell("failed", context)
            raise RuntimeError("as it was told")
    tell("ended", context)
