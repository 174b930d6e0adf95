"""Postgres fails over to its replica under load, and jobsched follows."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsched.core import config
from jobsched.core.model.errors import ConfigError, PermissionDenied, StoreUnreachable, TryAgain
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import schema
from jobsched.tests.faults.fleet import Fleet, until

from .postgres import Server, make_folder

PASSING = (StoreUnreachable, TryAgain, PermissionDenied, ConfigError)


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary and its replica, which confirms every commit before the client hears of it."""
    folder = make_folder()
    primary, replica = Server(folder, "primary"), Server(folder, "replica")
    try:
        primary.create()
        with primary.connect() as admin:
            admin.execute("create database jobsched")
            replica.follow(primary)
            admin.execute("alter system set synchronous_standby_names = '*'")
            admin.execute("select pg_reload_conf()")
            until(
                lambda: admin.execute("select 1 from pg_stat_replication where sync_state = 'sync'").fetchone(),
                "the replica confirms",
            )
        yield primary, replica
    finally:
        primary.stop()
        replica.stop()
        shutil.rmtree(folder)


class Submitter(threading.Thread):
    """Submits jobs with keys, each until it is acknowledged, and remembers the ids."""

    def __init__(self, service: Service) -> None:
        super().__init__(daemon=True)
        self.service = service
        self.acknowledged: list[int] = []
        self.failures = 0
        self.enough = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.enough.is_set():
            job = NewJob("nap", {"seconds": 0.01}, idempotency_key=f"job-{number}")
            try:
                self.acknowledged.append(self.service.submit(job, unchecked=True).id)
                number += 1
            except PASSING:
                self.failures += 1
                self.enough.wait(0.05)


def test_no_acknowledged_job_is_lost_when_the_replica_takes_over(
    pair: tuple[Server, Server], environ: dict[str, str], tmp_path: Path
) -> None:
    """kill -9 of the whole primary, pg_promote of the replica: submitters and workers find it by themselves."""
    primary, replica = pair
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{replica.port}"
    url = f"postgresql://jobsched@{hosts}/jobsched?target_session_attrs=read-write"
    schema.upgrade(url)
    settings = config.load(environ=environ | {"JOBSCHED_DATABASE_URL": url}, cwd=tmp_path)
    with Service(settings, registry=Registry()) as service, Service(settings, registry=Registry()) as submitting:
        fleet = Fleet(environ, tmp_path, service)
        try:
            workers = [fleet.start("-c", "4", "--name", name) for name in ("a", "b")]
            submitter = Submitter(submitting)
            submitter.start()
            until(lambda: len(submitter.acknowledged) > 200, "jobs come in")

            primary.kill()
            until(lambda: submitter.failures > 2, "the submitter has noticed")
            replica.promote()
            before = len(submitter.acknowledged)
            until(lambda: len(submitter.acknowledged) > before + 200, "jobs come in again")
            submitter.enough.set()
            submitter.join(30)

            fleet.reconnect()
            fleet.until_ended(len(submitter.acknowledged))
            assert fleet.states() == {"succeeded": len(submitter.acknowledged)}
            ids = {job_id for (job_id,) in fleet.rows("select job_id from jobsched.outcome")}
            assert set(submitter.acknowledged) == ids
            assert [checked for checked in service.verify() if checked.violations] == []
            assert [worker.process.poll() for worker in workers] == [None, None]
        finally:
            fleet.close()
