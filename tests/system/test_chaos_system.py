"""A longer run of chaos, with what Debian's packages and root add to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsched.tests.faults.fleet import PROGRAM


@pytest.fixture
def small_disk(run_folder: Path) -> Iterator[Path]:
    """A file system of 1 GB."""
    disk = run_folder / "small-disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.timeout(400)
def test_three_workers_keep_every_promise_with_skewed_clocks_and_a_disk_that_fills_up(
    environ: dict[str, str], small_disk: Path
) -> None:
    """As in the fault suite, but every kind of fault several times, clocks and the store's disk included."""
    flags = ["--minutes", "1.5", "--pace", "1.4", "--workers", "3", "--seed", "system", "--disk", small_disk]
    outcome = subprocess.run([*PROGRAM, "-o", "json", "chaos", *flags], env=environ, capture_output=True, text=True)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    rows = json.loads(outcome.stdout)["items"]
    faults = {row["name"]: row["count"] for row in rows if row["what"] == "fault"}
    assert faults["skew clock"] >= 1
    assert faults["fill disk"] >= 1
    assert len([kind for kind, count in faults.items() if count]) == 14
    assert [row["name"] for row in rows if row["what"] == "violation"] == ["none"]
    assert list(small_disk.iterdir()) == []
