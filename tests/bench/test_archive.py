"""How fast jobs are archived, and in how much memory: `pytest -s tests/bench/test_archive.py`.

JOBSCHED_TEST_BENCH_JOBS sets how many jobs; default 1,000,000.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.core.archives.archiving import Archiver, Order
from jobsched.core.archives.reading import Archives
from jobsched.core.config import Settings
from jobsched.core.host import memory_of
from jobsched.core.objects import open_objects
from jobsched.core.store.store import Store
from jobsched.tests.store.old_jobs import leased, many_old_jobs

JOBS = int(os.environ.get("JOBSCHED_TEST_BENCH_JOBS", "1000000"))
GROWTH = 8 << 20
"""Bytes that the process may grow by from the first tenth to the end."""
SAID = """
insert into jobsched.job_output (job_id, token, chunk, attempt, stream, text)
select job_id, token, 0, 1, 'log', repeat(md5(job_id::text), 20) from jobsched.outcome where job_id % 10 = 0
"""


class Watch:
    """Notes the process' memory as files are finished."""

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self.job_id, self.token = leased(db)
        self.memory: list[int] = []

    def check_cancelled(self) -> None:
        """Nobody asks it to stop."""

    def progress(self, fraction: float, message: str = "") -> None:
        """A file is finished."""
        self.memory.append(memory_of(os.getpid()).rss)


@pytest.mark.timeout(3600)
def test_memory_stays_flat_while_a_million_jobs_are_archived(
    database_url: str, store: Store, settings: Settings, tmp_path: Path
) -> None:
    """Within a few megabytes from the first tenth on; a file is restored at the end, for its speed."""
    objects = open_objects(settings, tmp_path)
    with psycopg.connect(database_url, autocommit=True) as db:
        many_old_jobs(db, JOBS)
        db.execute(SAID)
        db.execute("vacuum analyze")
        watch = Watch(db)
        order = Order(30 * 86400.0, ("succeeded", "dead", "cancelled"), window=7 * 86400.0)
        began = time.monotonic()
        moved = Archiver(store, objects, order, watch).run()
        took = time.monotonic() - began
        archives = Archives(store, objects)
        began = time.monotonic()
        restored = archives.restore(moved.files[0], keep=60)
        back = time.monotonic() - began
    early, late = watch.memory[len(watch.memory) // 10], watch.memory[-1]
    size = sum(file.bytes for file in moved.files)
    sys.stdout.write(
        f"\n{JOBS:,} jobs in {took:.1f} s = {JOBS / took:,.0f}/s, {len(moved.files)} files, {size / JOBS:.0f} B a job;"
        f" memory {early / (1 << 20):.1f} MiB at 10%, {late / (1 << 20):.1f} MiB at 100%, most"
        f" {max(watch.memory) / (1 << 20):.1f}; restored {len(restored.restored):,} in {back:.1f} s\n"
    )
    assert sum(file.jobs for file in moved.files) == JOBS
    assert max(watch.memory) - early < GROWTH
