"""How long commands take, beside a Python that does nothing: `pytest -s tests/bench/test_start_up.py`.

The fastest of several runs of each, taken in turn, so that a machine that is busy for a while slows all of them.
One that is busy all the time makes every command late, and a failure says how busy it was.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUNS = 15
PROGRAM = str(Path(sys.executable).with_name("jobsched"))
BUDGETS_MS = {
    "--version": 60,
    "--help": 100,
    "submit noop": 150,
    "ls": 150,
    "ls -o json": 150,
    "wait {job}": 150,
    "show {job}": 150,
    "cancel {job} --allow-empty": 150,
    "queue ls": 150,
    "completion bash": 100,
}
"""Command line → the milliseconds that it may take longer than `python -c pass`."""


def once(argv: list[str], environ: dict[str, str], cwd: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(argv, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True)
    taken = (time.perf_counter() - start) * 1000
    assert done.returncode in (0, 1, 4), done.stderr  # the job that is waited for and cancelled was cancelled before
    return taken


def busy() -> float:
    """How many processes run or wait to run, for each processor."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


@pytest.mark.timeout(1800)
def test_commands_start_within_their_budgets(environ: dict[str, str], database_url: str, tmp_path: Path) -> None:
    """DESIGN's figures: submit within 150 ms of a bare Python, --help within 100."""
    env = environ | {"JOBSCHED_DATABASE_URL": database_url, "XDG_STATE_HOME": str(tmp_path)}
    submitted = subprocess.run([PROGRAM, "submit", "noop"], env=env, cwd=tmp_path, capture_output=True, text=True)
    job = submitted.stdout.strip()
    subprocess.run([PROGRAM, "cancel", job], env=env, cwd=tmp_path, capture_output=True)
    lines = {line: [PROGRAM, *line.format(job=job).split()] for line in BUDGETS_MS}
    bare = [sys.executable, "-c", "pass"]
    assert submitted.returncode == 0, submitted.stderr
    others = busy()

    times: dict[str, list[float]] = {"": [], **{line: [] for line in lines}}
    for _ in range(RUNS):
        times[""].append(once(bare, env, tmp_path))
        for line, argv in lines.items():
            times[line].append(once(argv, env, tmp_path))

    floor = min(times.pop(""))
    sys.stdout.write(f"\npython -c pass: {floor:.0f} ms\n")
    for line, taken in times.items():
        sys.stdout.write(f"jobsched {line}: + {min(taken) - floor:.0f} ms (budget {BUDGETS_MS[line]})\n")
    late = {line: min(taken) - floor for line, taken in times.items() if min(taken) - floor > BUDGETS_MS[line]}
    assert late == {}, f"late, beside {others:.1f} other processes a processor"
