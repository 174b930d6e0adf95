"""A longer run of chaos, with what Debian's packages add to it."""

from __future__ import annotations

import json
import subprocess

import pytest

from jobsched.tests.faults.fleet import PROGRAM


@pytest.mark.timeout(400)
def test_three_workers_keep_every_promise_for_a_minute_and_a_half_with_skewed_clocks(environ: dict[str, str]) -> None:
    """As in the fault suite, but every kind of fault several times, clocks included."""
    outcome = subprocess.run(
        [*PROGRAM, "-o", "json", "chaos", "--minutes", "1.5", "--workers", "3", "--seed", "system"],
        env=environ, capture_output=True, text=True,
    )  # fmt: skip

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    rows = json.loads(outcome.stdout)["items"]
    faults = {row["name"]: row["count"] for row in rows if row["what"] == "fault"}
    assert faults["skew clock"] >= 1
    assert len([kind for kind, count in faults.items() if count]) == 13
    assert [row["name"] for row in rows if row["what"] == "violation"] == ["none"]
