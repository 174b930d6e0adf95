"""A context for handlers that run without a worker: a real object store in a folder, and a memory
of what was said."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from jobsched.core.config import Settings, load
from jobsched.core.handler import Cancelled
from jobsched.core.objects import ObjectStore, open_objects


class RecordingContext:
    """on_output: called with (text, stream) as output comes, for tests that wait for it."""

    def __init__(self, home: Path, settings: Settings | None = None) -> None:
        self.job_id = 42
        self.type = "test"
        self.queue = "default"
        self.attempt = 1
        self.max_attempts = 3
        self.token = 7
        self.idempotency_key = "jobsched-test-42"
        self.schedule: str | None = None
        self.scheduled_for: datetime | None = None
        self.lease_mark = f"mark-of-the-test-{os.getpid()}"
        self.cancelled = False
        self.checkpoint: Any = None
        self.settings = settings or load(environ={}, cwd=home)
        self.objects: ObjectStore = open_objects(self.settings, home)
        self.logs: list[tuple[str, dict[str, Any]]] = []
        self.outputs: list[tuple[str, str]] = []
        self.fractions: list[float] = []
        self.groups: list[int] = []
        self.ended_groups: list[int] = []
        self.on_output: Callable[[str, str], None] = lambda text, stream: None

    def check_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled("the job was asked to stop")

    def log(self, message: str, **fields: Any) -> None:
        self.logs.append((message, fields))

    def output(self, text: str, stream: str = "stdout") -> None:
        self.outputs.append((stream, text))
        self.on_output(text, stream)

    def progress(self, fraction: float, message: str = "") -> None:
        self.fractions.append(fraction)

    def save_checkpoint(self, data: Any) -> None:
        self.checkpoint = data

    def track_process_group(self, pgid: int) -> None:
        self.groups.append(pgid)

    def untrack_process_group(self, pgid: int) -> None:
        self.ended_groups.append(pgid)

    def text(self, stream: str) -> str:
        """Everything that was captured of `stream`."""
        return "".join(text for name, text in self.outputs if name == stream)
