"""A change of a million jobs by one command, and its undo: `pytest -s tests/bench/test_bulk_change.py`.

JOBSCHED_TEST_BENCH_JOBS sets how many jobs; default 1,000,000.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.core.host import memory_of

JOBS = int(os.environ.get("JOBSCHED_TEST_BENCH_JOBS", "1000000"))
GROWTH = 16 << 20
"""Bytes that the process may grow by from the first tenth to the end."""
PROGRAM = str(Path(sys.executable).with_name("jobsched"))
FILL = """
insert into jobsched.queue (name) values ('big'), ('small');
insert into jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                          tags, submitter)
select i, case when i %% 11 = 0 then 'small' else 'big' end, 'noop', '{}', i %% 4, 3, 'fixed', 1, 1, '{}', 'me'
from generate_series(1, %(n)s::bigint * 11 / 10) i;
insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
select queue, priority, id, id, type, 0, 0, 0, false from jobsched.job;
select setval('jobsched.job_seq', (select max(id) from jobsched.job));
"""
STANDING = "select queue, state, count(*) from jobsched.job_now group by 1, 2 order by 1, 2"


@pytest.mark.timeout(3600)
def test_a_million_jobs_are_changed_once_each_in_flat_memory_and_brought_back(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """Jobs of another queue among them are left alone."""
    with psycopg.connect(database_url, autocommit=True) as db:
        psycopg.ClientCursor(db).execute(FILL, {"n": JOBS})
        db.execute("vacuum analyze")
        before = db.execute(STANDING).fetchall()
        wanted = {queue: count for queue, _, count in before}

        cancelled = changed(wanted["big"], environ, database_url, tmp_path, "cancel", "-f", "queue:big")
        now = db.execute(STANDING).fetchall()
        undone = changed(wanted["big"], environ, database_url, tmp_path, "undo")

        assert now == [("big", "cancelled", wanted["big"]), ("small", "queued", wanted["small"])]
        assert db.execute(STANDING).fetchall() == before
    sys.stdout.write(f"\n{wanted['big']:,} jobs: cancelled in {cancelled:.0f} s, brought back in {undone:.0f} s\n")


def changed(number: int, environ: dict[str, str], url: str, cwd: Path, *argv: str) -> float:
    """Run the command over `number` jobs, and return the seconds that it took. Each is said once."""
    env: dict[str, Any] = environ | {"JOBSCHED_DATABASE_URL": url, "XDG_STATE_HOME": str(cwd)}
    seen: set[int] = set()
    memory: list[int] = []
    start = time.monotonic()
    with subprocess.Popen([PROGRAM, *argv, "--yes", "-q"], env=env, cwd=cwd, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for lines, line in enumerate(process.stdout, 1):
            seen.add(int(line))
            if lines % (number // 20) == 0 and lines < number:
                memory.append(memory_of(process.pid).rss)
        assert lines == number
    assert (process.returncode, len(seen)) == (0, number)
    sys.stdout.write(f"\n{argv[0]}: {', '.join(f'{each / (1 << 20):.0f}' for each in memory)} MiB")
    assert max(memory[2:]) - memory[1] < GROWTH
    return time.monotonic() - start
