"""The context that a runner hands to a job."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..handler import Cancelled
from .json_text import to_json
from .protocol import Boot, Work

if TYPE_CHECKING:
    from ..objects import ObjectStore
    from .outbox import Outbox

MAX_OUTPUT_BYTES = 1 << 20
MAX_CHECKPOINT_BYTES = 64 << 10
MAX_CHUNK_CHARS = 16 << 10
MAX_MESSAGE_CHARS = 500


class Equipment:
    """What all jobs of a runner share: the object store (opened when first asked for), janitor, mark."""

    def __init__(self, settings: Settings, boot: Boot, janitor_fd: int) -> None:
        self.settings = settings
        self.home = Path(boot.home)
        self.mark = boot.mark
        self.store_id = boot.store_id
        self._janitor_fd = janitor_fd
        self._objects: ObjectStore | None = None

    @property
    def objects(self) -> ObjectStore:
        if self._objects is None:
            from ..objects import open_objects

            self._objects = open_objects(self.settings, self.home)
        return self._objects

    def tell_janitor(self, sign: str, pgid: int) -> None:
        """Register (`+`) or forget (`-`) a process group; one atomic write a line."""
        if self._janitor_fd >= 0:
            os.write(self._janitor_fd, f"{sign}{pgid} {os.getpid()}\n".encode())


class RunnerContext:
    """`jobsched.Context` of one running job. Its methods may be called from any thread."""

    def __init__(self, work: Work, outbox: Outbox, equipment: Equipment) -> None:
        self.job_id = work.job_id
        self.type = work.type
        self.queue = work.queue
        self.attempt = work.attempt
        self.max_attempts = work.max_attempts
        self.token = work.token
        self.schedule = work.schedule
        self.stop_requested = False
        self._checkpoint_text = work.checkpoint
        self._scheduled_for = work.scheduled_for
        self._outbox = outbox
        self._equipment = equipment
        self._output_left = MAX_OUTPUT_BYTES

    @property
    def idempotency_key(self) -> str:
        return f"jobsched-{self._equipment.store_id}-{self.job_id}"

    @property
    def scheduled_for(self) -> datetime | None:
        return None if self._scheduled_for is None else datetime.fromtimestamp(self._scheduled_for, UTC)

    @property
    def cancelled(self) -> bool:
        return self.stop_requested

    @property
    def checkpoint(self) -> Any:
        return None if self._checkpoint_text is None else json.loads(self._checkpoint_text)

    @property
    def objects(self) -> ObjectStore:
        return self._equipment.objects

    @property
    def settings(self) -> Settings:
        """The runner's settings, without the store's URL."""
        return self._equipment.settings

    @property
    def lease_mark(self) -> str:
        """What marks this worker's processes, for the environment of children."""
        return self._equipment.mark

    def check_cancelled(self) -> None:
        if self.stop_requested:
            raise Cancelled("the job was asked to stop")

    def log(self, message: str, **fields: Any) -> None:
        tail = "".join(f" {name}={value}" for name, value in fields.items())
        self._say("log", f"{message}{tail}\n")

    def output(self, text: str, stream: str = "stdout") -> None:
        if stream not in ("stdout", "stderr", "log"):
            raise ValueError(f"{stream!r} is not one of stdout, stderr, log")
        self._say(stream, text)

    def progress(self, fraction: float, message: str = "") -> None:
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"progress is {fraction} — it must be 0.0 to 1.0")
        self._outbox.say_progress(self.token, float(fraction), _storable(message[:MAX_MESSAGE_CHARS]).decode())

    def save_checkpoint(self, data: Any) -> None:
        text = to_json(data, "the checkpoint", limit=MAX_CHECKPOINT_BYTES, instead="keep the data in the object store")
        self._checkpoint_text = text
        self._outbox.say_checkpoint(self.token, text)

    def track_process_group(self, pgid: int) -> None:
        self._equipment.tell_janitor("+", pgid)

    def untrack_process_group(self, pgid: int) -> None:
        self._equipment.tell_janitor("-", pgid)

    def _say(self, stream: str, text: str) -> None:
        if self._output_left <= 0 or not text:
            return
        clean = _storable(text)
        kept = clean[: self._output_left].decode(errors="ignore")
        self._output_left -= len(clean)
        for start in range(0, len(kept), MAX_CHUNK_CHARS):
            self._outbox.say(self.token, stream, kept[start : start + MAX_CHUNK_CHARS])
        if self._output_left <= 0:
            self._outbox.say(self.token, "log", f"output stopped: the limit of {MAX_OUTPUT_BYTES:,} bytes is reached\n")


def _storable(text: str) -> bytes:
    """The text as UTF-8, without what Postgres or UTF-8 cannot carry (NUL, lone surrogates)."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace")
