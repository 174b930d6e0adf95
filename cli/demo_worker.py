"""The demo's worker process: `python -m jobsched.cli.demo_worker FOLDER`.

As `jobsched worker --allow-commands`, but on the store in FOLDER whatever is configured, which no
flag or variable can say: a configuration file may name another store or object store.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..core.config import load
from ..core.engine.worker import WorkerOptions, run_worker
from .demo_scene import CONCURRENCY, WORKER_NAME, worker_settings


def main(folder: str) -> int:
    """Work on the store in `folder` until told to stop."""
    options = WorkerOptions(concurrency=CONCURRENCY, name=WORKER_NAME, allow_commands=True)
    return run_worker(worker_settings(load(), Path(folder)), options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
