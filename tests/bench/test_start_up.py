"""How long commands take, beside a Python that imports psycopg: `pytest -s tests/bench/test_start_up.py`.

Whatever opens the store has to import psycopg, which takes 100 ms on a machine on which the budgets are 150 ms for such
a command and 100 ms for --help. Budgets are shares of that import, so that they mean the same on slower machines. The
fastest of several runs of each, taken in turn, so that a machine that is busy for a while slows all of them.
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
BUDGETS = {
    "--version": 0.6,
    "--help": 1.0,
    "submit noop": 1.5,
    "ls": 1.5,
    "ls -o json": 1.5,
    "wait {job}": 1.5,
    "show {job}": 1.5,
    "cancel {job} --allow-empty": 1.5,
    "queue ls": 1.5,
    "completion bash": 1.0,
}
"""Command line → what it may take longer than `python -c pass`, as a share of what importing psycopg takes longer."""


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
    """Besides psycopg's import, what a command does itself takes half as long at most."""
    env = environ | {"JOBSCHED_DATABASE_URL": database_url, "XDG_STATE_HOME": str(tmp_path)}
    submitted = subprocess.run([PROGRAM, "submit", "noop"], env=env, cwd=tmp_path, capture_output=True, text=True)
    job = submitted.stdout.strip()
    subprocess.run([PROGRAM, "cancel", job], env=env, cwd=tmp_path, capture_output=True)
    lines = {line: [PROGRAM, *line.format(job=job).split()] for line in BUDGETS}
    bare, psycopg = [sys.executable, "-c", "pass"], [sys.executable, "-c", "import psycopg"]
    assert submitted.returncode == 0, submitted.stderr
    others = busy()

    times: dict[str, list[float]] = {"": [], "psycopg": [], **{line: [] for line in lines}}
    for _ in range(RUNS):
        times[""].append(once(bare, env, tmp_path))
        times["psycopg"].append(once(psycopg, env, tmp_path))
        for line, argv in lines.items():
            times[line].append(once(argv, env, tmp_path))

    floor = min(times.pop(""))
    unit = min(times.pop("psycopg")) - floor
    sys.stdout.write(f"\npython -c pass: {floor:.0f} ms; importing psycopg: + {unit:.0f} ms\n")
    shares = {line: (min(taken) - floor) / unit for line, taken in times.items()}
    for line, share in shares.items():
        sys.stdout.write(f"jobsched {line}: + {share * unit:.0f} ms, {share:.2f} of that (budget {BUDGETS[line]})\n")
    late = {line: share for line, share in shares.items() if share > BUDGETS[line]}
    assert late == {}, f"late, beside {others:.1f} other processes a processor"
