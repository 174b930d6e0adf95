"""The work that the workload simulators do: real, of a stated size, and soon stopped. Not a handler."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from typing import IO, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..core.handler import Context

MEGABYTE = 1 << 20
SYNC_BYTES = 8 * MEGABYTE
"""How much is written between two calls of fsync, which nothing can interrupt."""
PIECE_BYTES = 64 << 10
TELL_SECONDS = 0.2
"""How often progress is told."""
FAILING_TEXT = "invalid_job"

Seconds = Annotated[float, Field(le=3600, allow_inf_nan=False)]
Megabytes = Annotated[int, Field(le=1024)]
Requests = Annotated[int, Field(le=100_000)]
Kilobytes = Annotated[int, Field(ge=1, le=102_400, description="sent there and back by each request")]


class Workload(BaseModel):
    """What every simulator takes: a text that means nothing, unless it contains invalid_job."""

    model_config = ConfigDict(extra="forbid")

    payload: str | None = Field(None, description="any text; if it contains invalid_job, the attempt fails")

    def fail_if_asked(self) -> None:
        """RuntimeError: the text contains the words that are for trying out retries and the DLQ."""
        if self.payload and FAILING_TEXT in self.payload:
            raise RuntimeError(FAILING_TEXT)


class Meter:
    """Tells how far a job is, and stops it when it was asked to. start, share: which part of the whole."""

    def __init__(self, context: Context, start: float = 0.0, share: float = 1.0) -> None:
        self._context = context
        self._start = start
        self._share = share
        self._told = time.monotonic()

    def part(self, number: int, count: int) -> Meter:
        """The meter of part `number` (from 0) of `count` equal ones."""
        return Meter(self._context, self._start + self._share * number / count, self._share / count)

    def at(self, fraction: float, doing: str) -> None:
        """Say that `fraction` of this part is done. Cancelled: the job was asked to stop."""
        self._context.check_cancelled()
        now = time.monotonic()
        if fraction >= 1.0 or now - self._told >= TELL_SECONDS:
            self._told = now
            self._context.progress(min(1.0, self._start + self._share * min(1.0, fraction)), doing)


def burn(meter: Meter, *, seconds: float | None = None, rounds: int | None = None, text: str = "") -> dict[str, Any]:
    """Hash: for `seconds` of this thread's CPU time, or `rounds` megabytes of which the hash is then known.

    hashlib lets go of the interpreter's lock while it hashes, so threads that do this use a core each.
    """
    block = b"jobsched" * (MEGABYTE // 8)
    digest = hashlib.sha256(text.encode())
    wall, cpu = time.monotonic(), time.thread_time()
    done = 0
    used = 0.0
    while done < rounds if rounds is not None else used < (seconds or 0.0):
        digest.update(block)
        done += 1
        used = time.thread_time() - cpu
        meter.at(done / rounds if rounds is not None else used / (seconds or 1.0), "hashing")
    return {
        "cpu_seconds": round(used, 3),
        "seconds": round(time.monotonic() - wall, 3),
        "megabytes": done,
        "megabytes_per_second": _rate(done, used),
        "sha256": digest.hexdigest(),
    }


def churn(meter: Meter, *, megabytes: int, rounds: int = 1) -> dict[str, Any]:
    """Write a file, force it to the disk, read it back and compare; `rounds` times over the same file.

    The file has no name, so it is gone with its process, however that ends. RuntimeError: what was
    read is not what was written. OSError: the disk is full or fails.
    """
    writing = reading = 0.0
    written = ""
    with tempfile.TemporaryFile(prefix="jobsched-") as file:
        block = bytearray(random.Random(megabytes).randbytes(MEGABYTE))
        for number in range(rounds):
            began = time.monotonic()
            written = _write(file, block, megabytes, meter.part(2 * number, 2 * rounds))
            turned = time.monotonic()
            read = _read(file, megabytes, meter.part(2 * number + 1, 2 * rounds))
            writing += turned - began
            reading += time.monotonic() - turned
            if read != written:
                raise RuntimeError("what was read from the disk is not what was written")
    total = megabytes * rounds
    return {
        "megabytes": total,
        "write_seconds": round(writing, 3),
        "read_seconds": round(reading, 3),
        "write_megabytes_per_second": _rate(total, writing),
        "read_megabytes_per_second": _rate(total, reading),
        "sha256": written,
    }


def _write(file: IO[bytes], block: bytearray, megabytes: int, meter: Meter) -> str:
    """Write `megabytes` different blocks, on to the disk; return the hash of them all."""
    digest = hashlib.sha256()
    file.seek(0)
    for number in range(1, megabytes + 1):
        block[:8] = number.to_bytes(8, "big")
        file.write(block)
        digest.update(block)
        if number * MEGABYTE % SYNC_BYTES == 0 or number == megabytes:
            file.flush()
            os.fsync(file.fileno())
        meter.at(number / megabytes, "writing")
    return digest.hexdigest()


def _read(file: IO[bytes], megabytes: int, meter: Meter) -> str:
    """Return the hash of the file, read from the disk where the system lets go of what it holds in memory."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    digest = hashlib.sha256()
    file.seek(0)
    done = 0
    while block := file.read(MEGABYTE):
        digest.update(block)
        done += 1
        meter.at(done / megabytes, "reading")
    return digest.hexdigest()


async def talk(meter: Meter, *, requests: int, kilobytes: int) -> dict[str, Any]:
    """Send `kilobytes` to a server of its own on loopback and get them back, `requests` times, each over a
    connection of its own. RuntimeError: what came back is not what was sent."""
    began = time.monotonic()
    data = random.Random(kilobytes).randbytes(PIECE_BYTES)
    size = kilobytes << 10
    async with _echo_server() as port:
        for number in range(requests):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                for start in range(0, size, PIECE_BYTES):
                    piece = data[: size - start]
                    writer.write(piece)
                    await writer.drain()
                    if await reader.readexactly(len(piece)) != piece:
                        raise RuntimeError("what came back is not what was sent")
                    meter.at((number + (start + len(piece)) / size) / requests, "talking")
            finally:
                writer.transport.abort()  # nothing is on its way that anybody waits for
    return talked(requests, 2 * requests * size, time.monotonic() - began)


def talked(requests: int, size: int, seconds: float) -> dict[str, Any]:
    """The figures of `requests` that moved `size` bytes."""
    return {
        "requests": requests,
        "bytes": size,
        "seconds": round(seconds, 3),
        "requests_per_second": _rate(requests, seconds),
        "megabytes_per_second": _rate(size / MEGABYTE, seconds),
    }


def mix(context: Context, *, seconds: float, megabytes: int, requests: int, kilobytes: int) -> dict[str, Any]:
    """Do each part that is not 0, one after the other, in a thread; return the figures of each."""
    parts: dict[str, Callable[[Meter], dict[str, Any]]] = {}
    if seconds:
        parts["cpu"] = lambda meter: burn(meter, seconds=seconds)
    if megabytes:
        parts["io"] = lambda meter: churn(meter, megabytes=megabytes)
    if requests:
        parts["network"] = lambda meter: asyncio.run(talk(meter, requests=requests, kilobytes=kilobytes))
    whole = Meter(context)
    return {name: work(whole.part(number, len(parts))) for number, (name, work) in enumerate(parts.items())}


@contextlib.asynccontextmanager
async def _echo_server() -> AsyncIterator[int]:
    """The port of a server on loopback that sends back what it gets."""

    tasks: set[asyncio.Task[Any]] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while piece := await reader.read(PIECE_BYTES):
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass  # the client has left
        finally:
            writer.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if tasks:  # a loop that closes before they have noticed would complain
            await asyncio.wait(tasks, timeout=1)


def _rate(amount: float, seconds: float) -> float:
    return round(amount / max(seconds, 1e-6), 1)
