"""Hears wake-ups. What it misses, polling finds."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from ..store.link import Link, LinkStopped
from ..store.listen import STARTED, listen

BROADCAST = "jobsched"
PROBE_SECONDS = 15.0


class Listener:
    """wake: jobs may be had, called with queue and type of one. rewind: they may be behind the cursor;
    rewind_to: from a place on, in the lanes of a queue.
    blocked: blocked jobs were committed that nobody has looked at.
    beat: a word for this worker is in its row, or a job of its is to be cancelled. worker_id: asked
    for at each connection.
    """

    def __init__(
        self,
        link: Link,
        *,
        worker_id: Callable[[], int],
        wake: Callable[..., None],
        rewind: Callable[[], None],
        rewind_to: Callable[[str, int], None],
        blocked: Callable[[], None],
        beat: Callable[[], None],
    ) -> None:
        self._link = link
        self._worker_id = worker_id
        self._wake = wake
        self._rewind = rewind
        self._rewind_to = rewind_to
        self._blocked = blocked
        self._beat = beat
        self._stop = threading.Event()
        self._renew = threading.Event()

    def stop(self) -> None:
        """End `run` at the next probe."""
        self._stop.set()

    def renew(self) -> None:
        """Listen under the worker's new id."""
        self._renew.set()

    def run(self) -> None:
        """Listen until stopped, over as many connections as that takes."""
        try:
            while not self._stop.is_set():
                self._renew.clear()
                self._link.run(self._listen)
        except LinkStopped:
            return
        finally:
            self._link.close()

    def _listen(self, conn: Any) -> None:
        channels = [BROADCAST, f"jobsched_worker_{self._worker_id()}"]
        words = listen(conn, channels, probe=PROBE_SECONDS, until=self._ends)
        for channel, payload in words:
            if channel == STARTED:  # what was said before can only be looked for
                self._rewind()
                self._beat()
                continue
            if channel == BROADCAST:
                self._hear_broadcast(payload)
            elif payload.startswith("wake"):
                self._wake(*payload.split()[1:3])
            else:
                self._beat()

    def _ends(self) -> bool:
        """Asked again and again while nothing comes."""
        self._link.still_moves()
        return self._stop.is_set() or self._renew.is_set()

    def _hear_broadcast(self, payload: str) -> None:
        try:
            word = json.loads(payload)
        except ValueError:
            return
        match word:
            case {"kind": "late", "queue": str(queue), "seq": int(seq)}:
                self._rewind_to(queue, seq)
            case {"kind": "late" | "queue"}:
                self._rewind()
            case {"kind": "blocked"}:
                self._blocked()
