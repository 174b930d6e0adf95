"""The disk of the store fills up while jobs run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jobsched.core import config
from jobsched.core.model.errors import StoreUnreachable, TryAgain
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import embedded
from jobsched.tests.faults.fleet import Fleet, until

PATIENT = 90.0


@pytest.fixture
def small_disk_fleet(environ: dict[str, str], home: Path, tmp_path: Path) -> Iterator[Fleet]:
    """Workers of an embedded store on a disk of 200 MB."""
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(home)], check=True)
    try:
        with Service(config.load(environ=environ, cwd=tmp_path), registry=Registry()) as service:
            fleet = Fleet(environ, tmp_path, service)
            del fleet.environ["JOBSCHED_DATABASE_URL"]
            try:
                yield fleet
            finally:
                fleet.close()
    finally:
        embedded.stop(home)
        subprocess.run(["umount", str(home)], check=True)


@pytest.mark.timeout(240)
def test_a_full_disk_under_load_loses_no_acknowledged_job(small_disk_fleet: Fleet, home: Path) -> None:
    """What is not stored is not acknowledged; workers wait and go on when there is room, and so do submitters."""
    fleet = small_disk_fleet
    worker = fleet.start("-c", "4", JOBSCHED_LEASE="5s")
    acknowledged = fleet.submit("nap", 200, {"seconds": 0.02})
    fleet.until_began(20)
    fill(home / "filler")

    refused = 0
    big = {"seconds": 0.0, "ballast": "x" * 100_000}
    while refused < 3:
        try:
            acknowledged.append(fleet.service.submit(NewJob("nap", big), unchecked=True).id)
        except (TryAgain, StoreUnreachable):
            refused += 1
            fill(home / "filler-too")
    (home / "filler").unlink()
    (home / "filler-too").unlink()

    def submitted() -> bool:
        with suppress(TryAgain, StoreUnreachable):
            acknowledged.append(fleet.service.submit(NewJob("nap", big), unchecked=True).id)
            return True
        return False

    until(submitted, "submitting works again", PATIENT)
    fleet.reconnect()
    until(
        lambda: fleet.rows("select count(*) from jobsched.lease") == [(0,)] and not waiting(fleet), "all end", PATIENT
    )
    ended = dict(fleet.rows("select job_id, state from jobsched.outcome"))
    assert {job_id: ended.get(job_id) for job_id in acknowledged} == dict.fromkeys(acknowledged, "succeeded")
    assert [checked for checked in fleet.service.verify() if checked.violations] == []
    assert worker.process.poll() is None


def fill(file: Path) -> None:
    """Write until not a byte more goes."""
    with file.open("wb", buffering=0) as out, suppress(OSError):
        while True:
            out.write(b"\0" * 4096)


def waiting(fleet: Fleet) -> bool:
    return fleet.rows("select exists (select from jobsched.ready) or exists (select from jobsched.delayed)") == [
        (True,)
    ]
