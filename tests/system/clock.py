"""A Postgres whose clock the test sets: it decides in jobsched, so the test owns time."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

from jobsched.core.chaos.actors import faketime_library


class Clock:
    """Says how far the clocks of the processes are off that were started with `environ`. It only goes forward.

    file: where it says so, readable by all of them.
    """

    def __init__(self, file: Path, instant: datetime) -> None:
        self._file = file
        self.set(instant)

    @property
    def environ(self) -> dict[str, str]:
        """Variables that make a process live by this clock; spans it measures as they are."""
        return {
            "LD_PRELOAD": str(faketime_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, instant: datetime) -> None:
        """From now on it is `instant`, and time goes on from there."""
        written = self._file.with_suffix(".new")
        written.write_text(f"{instant.timestamp() - time.time():+.6f}\n")
        written.chmod(0o644)
        os.replace(written, self._file)  # nobody reads half of it
