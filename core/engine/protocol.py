"""What keeper and runner say to each other, and how it is framed.

A frame is four bytes of length (big-endian) and a msgpack array whose first item is its kind.
Both directions carry many jobs a frame: one a frame costs ten times as much as a hundred.

keeper → runner
    ["boot", {...}]                 once, first: see `Boot`
    ["jobs", [job, ...]]            jobs to run, each the fields of `Work` in order
    ["cancel", [token, ...]]        ask these to stop
    ["recall"]                      give back what has not been started
    ["stop"]                        nothing more will come: exit when the last job has ended
runner → keeper
    ["hello", [kind, ...]]          jobs may come; the fields of `Kind` in order
    ["ok", tokens, waits, runs, results | None]    column by column; results are JSON texts or None
    ["bad", [report, ...]]          attempts that did not succeed: the fields of `Report` in order
    ["said", [[token, stream, text], ...]]
    ["progress", [[token, fraction, message], ...]]
    ["checkpoint", [[token, json], ...]]
    ["recalled", [token, ...]]
    ["unusable", message, fix]      the handlers do not import
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

HEADER_BYTES = 4
MAX_FRAME_BYTES = 1 << 30
MAX_DELAY_SECONDS = 10 * 365.25 * 86_400
"""A job that is to run again later than this is meant never to; the store's clock has an end, too."""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()


class FrameError(Exception):
    """What was read is no frame: something else than keeper and runner wrote into their pipe."""


class Work(NamedTuple):
    """A job as the runner needs it. waited: seconds from queued to the keeper's claim. scheduled_for: seconds since
    1970."""

    token: int
    job_id: int
    type: str
    queue: str
    attempt: int
    max_attempts: int
    payload: str
    timeout: float | None
    waited: float
    checkpoint: str | None
    schedule: str | None
    scheduled_for: float | None


class Report(NamedTuple):
    """An attempt that did not succeed.

    kind: failed, timeout, cancelled, discard, retry, snooze or unstarted. delay: seconds, for
    retry (None: the job's backoff) and snooze. wait, run: seconds.
    """

    token: int
    kind: str
    wait: float
    run: float
    error_class: str | None = None
    message: str | None = None
    traceback: str | None = None
    fingerprint: str | None = None
    delay: float | None = None
    exit_code: int | None = None


class Boot(NamedTuple):
    """How a runner starts.

    slots: jobs at a time. mark: put into the environment of its children. store_id: tells this
    store's job ids from those of every other store. describe: import every handler at once and say
    in "hello" which there are; otherwise each is imported when its first job comes. lease_seconds:
    a runner whose keeper has not renewed its leases for nearly as long stops itself.
    """

    slots: int
    settings: dict[str, Any]
    home: str
    mark: str
    store_id: str
    describe: bool
    lease_seconds: float


class Kind(NamedTuple):
    """A name that a job's type may be. alone: isolation="process". commands, store: see `Handler`."""

    name: str
    alone: bool
    commands: bool
    store: bool
    schema: dict[str, Any]


def without_store(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of runners: everything but where the store is."""
    return {key: value for key, value in settings.items() if key not in ("database_url", "direct_url")}


def encode(*parts: Any) -> bytes:
    """Return the frame of `parts`."""
    body = _encoder.encode(parts)
    return len(body).to_bytes(HEADER_BYTES, "big") + body


class FrameReader:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[list[Any]]:
        """Take what was read and yield every frame that is now whole. FrameError: it is none."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= HEADER_BYTES:
            size = int.from_bytes(buffer[start : start + HEADER_BYTES], "big")
            if size > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {size:,} bytes")
            end = start + HEADER_BYTES + size
            if len(buffer) < end:
                break
            yield _decode(buffer[start + HEADER_BYTES : end])
            start = end
        if start:
            del buffer[:start]


def _decode(body: bytearray) -> list[Any]:
    try:
        frame = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise FrameError(str(error)) from None
    if not isinstance(frame, list) or not frame:
        raise FrameError("no array")
    return frame


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data` to the blocking descriptor `fd`."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
