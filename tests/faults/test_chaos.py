"""Everything at once: whatever breaks in whatever order, every promise is kept, and chaos leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.tests.cli.schemas import validate

from .fleet import PATIENCE, PROGRAM, until

SEED = os.environ.get("JOBSCHED_TEST_SEED", "one")
MINUTES = "0.4"


def chaos(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `jobsched … chaos …` to its end."""
    return subprocess.run([*PROGRAM, *arguments], env=environ, capture_output=True, text=True)


def processes_with(text: str) -> dict[int, str]:
    """Living processes in whose environment or command line `text` occurs."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            if text.encode() in command + (entry / "environ").read_bytes():
                found[int(entry.name)] = command.decode(errors="replace")
        except OSError:
            continue
    return found


@pytest.mark.timeout(400)
def test_after_any_series_of_faults_every_promise_was_kept(environ: dict[str, str], database_url: str) -> None:
    """Workers, submitters, connections and the server killed, stopped, cut off and started again for a while."""
    outcome = chaos(
        environ | {"JOBSCHED_DATABASE_URL": database_url},
        "-o", "json", "chaos", "--minutes", MINUTES, "--seed", SEED, "--pace", "1.4",
    )  # fmt: skip

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    found: dict[str, dict[str, Any]] = {}
    assert validate(json.loads(outcome.stdout)) == "chaos.list"
    for row in json.loads(outcome.stdout)["items"]:
        found.setdefault(row["what"], {})[row["name"]] = row["count"]
    assert found["violation"] == {"none": 0}
    assert sum(1 for count in found["fault"].values() if count) >= 8
    assert found["jobs"]["acknowledged"] >= 50
    assert found["jobs"]["succeeded"] > found["jobs"]["dead"] > 0
    with psycopg.connect(database_url) as configured:
        assert configured.execute("select count(*) from jobsched.job").fetchone() == (0,)


def test_the_same_seed_makes_the_same_plan(environ: dict[str, str]) -> None:
    """And another one another; every kind of fault comes before any comes again."""
    plans = [
        chaos(environ, "-o", "jsonl", "chaos", "--plan", "--minutes", "1", "--pace", "2", "--seed", seed).stdout
        for seed in ("a", "a", "b")
    ]

    assert plans[0] == plans[1] != plans[2]
    kinds = [json.loads(line)["fault"] for line in plans[0].splitlines()]
    assert len(set(kinds[:12])) == 12


def test_chaos_that_is_ended_in_the_middle_leaves_nothing_running(environ: dict[str, str], run_folder: Path) -> None:
    """SIGTERM as well as Ctrl-C: no worker, runner, command, submitter or server is left."""
    folder = run_folder / f"chaos-{os.getpid()}"
    process = subprocess.Popen(
        [*PROGRAM, "chaos", "--store", str(folder), "--seed", SEED, "--pace", "1"],
        env=environ,
        stderr=subprocess.DEVNULL,
    )
    witness = folder / "witness"
    until(lambda: witness.exists() and len(witness.read_text().splitlines()) > 20, "jobs run")
    assert len(processes_with(str(folder))) > 5

    process.send_signal(signal.SIGTERM)

    assert process.wait(PATIENCE) not in (0, 1)
    assert processes_with(str(folder)) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("chaos", "--store", "FOLDER"),
        ("chaos", "--disk", "FOLDER"),
        ("chaos", "--disk", "/proc"),
        ("--database-url", "postgresql://x", "chaos"),
    ],
)
def test_chaos_takes_no_store_but_one_of_its_own(
    environ: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Neither a folder or file system that holds anything nor a database that somebody else has."""
    (tmp_path / "something").touch()

    outcome = chaos(environ, *(word.replace("FOLDER", str(tmp_path)) for word in arguments))

    assert outcome.returncode == 2, outcome.stderr
