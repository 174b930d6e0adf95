"""What `@last` means: the job that this user submitted last, remembered per store.

One small file under $XDG_STATE_HOME/jobsched. Losing it loses nothing but the word `@last`.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from ..core.model.errors import UsageError


def remember(store: str, job_id: int) -> None:
    """Keep `job_id` as the last one submitted to `store` (its URL without password)."""
    path = _path(store)
    with suppress(OSError):  # a read-only home must not fail a job that has been submitted
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(f"{job_id}\n")
        scratch.replace(path)


def recall(store: str) -> int:
    """Return the id that was remembered. UsageError: none was."""
    try:
        return int(_path(store).read_text())
    except (OSError, ValueError):
        raise UsageError(
            "@last is not known — no job was submitted to this store from here", fix="jobsched ls --limit 1"
        ) from None


def _path(store: str) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(base) / "jobsched" / f"last-{hashlib.sha256(store.encode()).hexdigest()[:16]}"
