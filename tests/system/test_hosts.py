"""Workers on hosts of their own: other networks, other processes, other clocks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobsched.core import config
from jobsched.core.chaos.actors import faketime_library, skewed
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import schema
from jobsched.tests.faults.fleet import Fleet, Worker, until

from .postgres import Server, make_folder

NETWORK = "10.213.7"
OWN_PROCESSES = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
LEASE = {"JOBSCHED_LEASE": "4s"}


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True)


class Hosts:
    """Three hosts with addresses of their own, and the store's."""

    names = tuple(f"jobsched-{os.getpid()}-{letter}" for letter in "abc")
    bridge = f"js{os.getpid() % 100_000}"
    address = f"{NETWORK}.1"

    def create(self) -> None:
        """Wire them to one bridge."""
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{self.address}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for number, name in enumerate(self.names):
            end = f"{self.bridge}-{number}"
            ip("netns", "add", name)
            ip("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", end, "master", self.bridge, "up")
            ip("-n", name, "addr", "add", f"{NETWORK}.{10 + number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def remove(self) -> None:
        """Leave nothing."""
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", self.bridge], check=False)

    def within(self, number: int) -> tuple[str, ...]:
        """What runs a program on a host."""
        return ("ip", "netns", "exec", self.names[number], *OWN_PROCESSES)

    def firewall(self, number: int, action: str) -> None:
        """Drop (`-A`) every packet of a host, or no longer (`-D`)."""
        for chain in ("INPUT", "OUTPUT"):
            subprocess.run(
                ["ip", "netns", "exec", self.names[number], "iptables", action, chain, "-j", "DROP"], check=True
            )


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = Hosts()
    try:
        made.create()
        yield made
    finally:
        made.remove()


@pytest.fixture
def network_fleet(hosts: Hosts, environ: dict[str, str], tmp_path: Path) -> Iterator[Fleet]:
    """Workers that reach the store over a network."""
    folder = make_folder()
    server = Server(folder, "server", network=f"{NETWORK}.0/24")
    try:
        server.create()
        with server.connect() as admin:
            admin.execute("create database jobsched")
        url = f"postgresql://jobsched@{hosts.address}:{server.port}/jobsched"
        schema.upgrade(url)
        settings = config.load(environ=environ | {"JOBSCHED_DATABASE_URL": url}, cwd=tmp_path)
        with Service(settings, registry=Registry()) as service:
            fleet = Fleet(environ, tmp_path, service)
            try:
                yield fleet
            finally:
                fleet.close()
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_a_host_that_is_cut_off_loses_its_jobs_and_comes_back_without_them(hosts: Hosts, network_fleet: Fleet) -> None:
    """Every packet dropped for longer than the lease: its jobs run elsewhere, its late words are refused."""
    fleet = network_fleet
    cut_off = fleet.start("-c", "4", "--name", "a", within=hosts.within(0), **LEASE)
    puppets = fleet.submit("puppet", 3)
    stale = {told.job_id: told for told in fleet.until_began(3)}
    others = [
        fleet.start("-c", "4", "--name", name, within=hosts.within(number), **LEASE)
        for number, name in ((1, "b"), (2, "c"))
    ]

    hosts.firewall(0, "-A")
    (fleet.folder / f"do-{stale[puppets[0]].token}").write_text("end")
    until(lambda: fleet.told("ended"), "a job ends on the host that nobody hears")
    fresh = {told.job_id: told for told in fleet.until_began(6)[3:]}
    cut_off.until_says("no contact with the store: running jobs are stopped")
    hosts.firewall(0, "-D")
    cut_off.until_says("this worker was declared dead")

    assert fleet.states() == {"running": 3}
    for told in fresh.values():
        assert told.token > stale[told.job_id].token
        (fleet.folder / f"do-{told.token}").write_text("end")
    assert fleet.until_ended(3) == {"succeeded": 3}
    assert dict(fleet.rows("select job_id, token from jobsched.outcome")) == {
        job_id: told.token for job_id, told in fresh.items()
    }
    assert fleet.rows("select distinct kind from jobsched.attempt_log") == [("lost",)]
    for each in others:
        fleet.service.command_worker({1: "b", 2: "c"}[others.index(each) + 1], "stop")
    for each in others:
        each.wait()
    (again,) = fleet.submit("nap", payload={"seconds": 0})
    fleet.until_states(succeeded=4)
    assert fleet.service.get(again).worker == "a"


def test_two_containers_on_one_host_do_not_declare_each_other_dead(fleet: Fleet) -> None:
    """Neither sees the other's processes, and both have the host's boot id: only silence proves anything."""
    workers = [fleet.start("-c", "2", "--name", name, within=OWN_PROCESSES) for name in ("a", "b")]
    identities = fleet.rows("select host, boot_id, pid_namespace, pid from jobsched.worker")
    assert len({boot for _, boot, _, _ in identities}) == 1
    assert len({namespace for _, _, namespace, _ in identities}) == 2
    fleet.submit("gate", 4, {"open": str(fleet.folder / "open")})
    fleet.until_began(4)

    lived = "select min(heartbeat_at - started_at) > interval '6 s' from jobsched.worker"
    until(lambda: fleet.rows(lived) == [(True,)], "both have looked for dead neighbours several times")

    assert fleet.rows("select distinct ended_at from jobsched.worker") == [(None,)]
    (fleet.folder / "open").touch()
    assert fleet.until_ended(4) == {"succeeded": 4}
    assert len(fleet.told()) == 4
    assert [worker.process.poll() for worker in workers] == [None, None]


def test_a_dead_container_s_jobs_wait_for_the_lease_and_then_run(fleet: Fleet) -> None:
    """Nobody outside can prove its death; its silence can."""
    first = fleet.start("-c", "2", "--name", "a", within=OWN_PROCESSES, **LEASE)
    gate = fleet.folder / "open"
    fleet.submit("gate", 2, {"open": str(gate)})
    fleet.until_began(2)
    fleet.start("-c", "2", "--name", "b", within=OWN_PROCESSES, **LEASE)

    first.process.kill()
    fleet.until_began(4)
    gate.touch()

    assert fleet.until_ended(2) == {"succeeded": 2}
    silent = "select ended_at - heartbeat_at >= interval '4 s' from jobsched.worker where end_reason = 'lost'"
    assert fleet.rows(silent) == [(True,)]


@pytest.fixture
def skewed_workers(fleet: Fleet) -> list[Worker]:
    """Two workers whose clocks are eleven hours fast and slow."""
    assert faketime_library(), "libfaketime comes with Debian's package faketime: make test-system installs it"
    workers = []
    for name, skew in (("fast", "+11h"), ("slow", "-11h")):
        environ = skewed(skew, fleet.folder)
        environ["PYTHONPATH"] = f"{environ['PYTHONPATH']}:{fleet.environ['PYTHONPATH']}"
        workers.append(fleet.start("-c", "4", "--name", name, **environ))
    return workers


def test_workers_whose_clocks_are_hours_off_keep_every_promise(fleet: Fleet, skewed_workers: list[Worker]) -> None:
    """Delays, retries, heartbeats and leases go by the database's clock: nothing is late, early or lost."""
    now = datetime.now(UTC)
    off = [datetime.fromisoformat(worker.lines[0]["time"]) - now for worker in skewed_workers]
    assert off[0] > timedelta(hours=10)
    assert off[1] < timedelta(hours=-10)
    quick = Backoff(BackoffKind.FIXED, 0.5, 0.5)
    gate = fleet.folder / "open"
    fleet.submit("gate", 8, {"open": str(gate)})
    fleet.until_began(8)
    gate.touch()
    fleet.submit("nap", 50, {"seconds": 0.02})
    fleet.submit("fail", 5, {"message": "invalid_job", "times": 1}, max_attempts=2, backoff=quick)
    fleet.service.submit_many([NewJob("nap", {"seconds": 0.0}, delay=1.0)] * 5, unchecked=True)

    assert fleet.until_ended(68) == {"succeeded": 68}

    ((waited, longest, workers),) = fleet.rows(
        """select min(o.finished_at - j.created_at) filter (where j.type = 'nap' and o.wait is not null
                  and exists (select from jobsched.job d where d.id = j.id and j.payload = '{"seconds": 0.0}')),
                  max(o.finished_at - j.created_at), count(distinct o.worker_id)
           from jobsched.outcome o join jobsched.job j on j.id = o.job_id"""
    )
    assert waited >= timedelta(seconds=1)
    assert longest < timedelta(seconds=40)
    assert workers == 2
    assert fleet.rows("select distinct kind from jobsched.attempt_log") == [("failed",)]
    assert fleet.rows("select distinct end_reason from jobsched.worker") == [(None,)]
    assert fleet.rows("select count(*) from jobsched.outcome where wait < 0 or wait > 40 or run < 0 or run > 40") == [
        (0,)
    ]
