"""Commands on a host whose clock is hours off: the database's time is what they tell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobsched.core.chaos.actors import faketime_library, skewed
from jobsched.core.config import Settings
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.tests.cli.conftest import PROGRAM

Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture(params=["+11h", "-11h"])
def rows(request: pytest.FixtureRequest, environ: dict[str, str], settings: Settings, tmp_path: Path) -> Rows:
    """rows("why", "1"): the objects that a command gives on such a host."""
    assert faketime_library(), "libfaketime comes with Debian's package faketime: make test-system installs it"
    environ = environ | {"JOBSCHED_DATABASE_URL": settings["database_url"]} | skewed(request.param, tmp_path)

    def run(*words: str) -> list[dict[str, Any]]:
        done = subprocess.run([*PROGRAM, *words, "-o", "jsonl"], env=environ, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_why_tells_when_a_job_is_due_by_the_database_s_clock(rows: Rows, settings: Settings) -> None:
    """In an hour is in an hour, also while the job waits for somebody else as well."""
    with Service(settings, registry=Registry()) as service:
        scheduled = service.submit(NewJob("noop", delay=3600)).id
        held = service.submit(NewJob("noop", delay=3600, hold=True)).id

    for job in (scheduled, held):
        (time,) = [row for row in rows("why", str(job)) if row["reason"] == "time"]
        assert "UTC, in 59m" in time["text"] or time["text"].endswith("UTC, in 1h")


def test_doctor_tells_by_how_much_the_clock_is_off_and_nothing_else_is_wrong_for_it(rows: Rows) -> None:
    """A clock that is wrong makes no worker a ghost and no job overdue."""
    found = {row["check"]: row for row in rows("doctor")}

    assert found["clock"]["level"] == "warn"
    assert "11h" in found["clock"]["what"]
    assert {check for check, row in found.items() if row["level"] == "warn"} <= {"clock", "server"}
