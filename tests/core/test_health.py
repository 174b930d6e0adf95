"""The health server: probes get answers, and nobody can use it up."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from jobsched.core import health
from jobsched.core.health import HealthServer
from jobsched.core.metrics import WorkerMetrics
from jobsched.core.model.errors import ConfigError


class Worker:
    """What the checks of a worker say, to be changed by a test."""

    def __init__(self) -> None:
        self.answer: tuple[bool, str] | Exception = (True, "")

    def ready(self) -> tuple[bool, str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Door:
    """A started server and a way to ask it."""

    def __init__(self, server: HealthServer, worker: Worker, port: int) -> None:
        self.server = server
        self.worker = worker
        self.port = port

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()


@pytest.fixture
def door() -> Iterator[Door]:
    worker = Worker()
    server = HealthServer("127.0.0.1", 0, WorkerMetrics(process=False), worker.ready)
    yield Door(server, worker, server.start())
    server.stop()


def test_metrics_are_served_in_prometheus_format(door: Door) -> None:
    """/metrics has the text format's content type and our names."""
    status, headers, body = door.ask("/metrics")

    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert b"# TYPE jobsched_jobs_started_total counter" in body


def test_a_ready_worker_says_so(door: Door) -> None:
    """/ready is 200 while the worker can work."""
    status, _, body = door.ask("/ready")

    assert (status, json.loads(body)) == (200, {"status": "ready"})


def test_a_worker_without_its_store_is_alive_but_not_ready(door: Door) -> None:
    """/ready is 503 with the reason, escaped; /health stays 200, or Kubernetes would restart it for nothing."""
    door.worker.answer = (False, "no connection\x1b[2J")

    ready, _, body = door.ask("/ready")

    assert (ready, json.loads(body)["reason"]) == (503, "no connection\\x1b[2J")
    assert door.ask("/health")[0] == 200


def test_a_check_that_fails_is_not_ready(door: Door) -> None:
    """An exception in the check is a reason, not a hung probe."""
    door.worker.answer = RuntimeError("broken")

    status, _, body = door.ask("/ready")

    assert (status, json.loads(body)["reason"]) == (503, "RuntimeError: broken")


def test_a_gauge_that_fails_is_told_to_the_scraper() -> None:
    """/metrics is 500 with the error, and the server lives on."""
    metrics = WorkerMetrics({"worker_inflight_jobs": lambda: 1 / 0}, process=False)
    server = HealthServer("127.0.0.1", 0, metrics, Worker().ready)
    door = Door(server, Worker(), server.start())

    status, _, body = door.ask("/metrics")
    alive, _, _ = door.ask("/health")
    server.stop()

    assert (status, alive) == (500, 200)
    assert b"ZeroDivisionError" in body


def test_head_answers_without_a_body(door: Door) -> None:
    """HEAD has GET's headers and nothing else."""
    status, headers, body = door.ask("/health", "HEAD")

    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(method: str, door: Door) -> None:
    """Everything but GET and HEAD is refused."""
    status, headers, _ = door.ask("/health", method)

    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_an_unknown_path_names_the_known_ones(door: Door) -> None:
    """404 says what there is."""
    status, _, body = door.ask("/")

    assert (status, json.loads(body)["paths"]) == (404, ["/health", "/metrics", "/ready"])


@pytest.mark.parametrize(("host", "status"), [("evil.example", 403), ("evil.example:9100", 403), ("[::1]:80", 200)])
def test_a_web_page_cannot_read_a_loopback_server(host: str, status: int, door: Door) -> None:
    """On loopback a Host header with another name (DNS rebinding) is refused."""
    assert door.ask("/metrics", Host=host)[0] == status


def test_idle_connections_cannot_keep_a_probe_out(door: Door) -> None:
    """At MAX_CONNECTIONS the oldest connection makes room."""
    idle = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(health.MAX_CONNECTIONS * 2)]

    status, _, _ = door.ask("/health")
    oldest_says = idle[0].recv(1)
    for each in idle:
        each.close()

    assert (status, oldest_says) == (200, b"")


def test_a_port_in_use_is_a_configuration_error_with_its_fix(door: Door) -> None:
    """The message names address, port and reason; the fix names the flag."""
    with pytest.raises(ConfigError) as refused:
        HealthServer("127.0.0.1", door.port, WorkerMetrics(process=False), door.worker.ready).start()

    assert f"port {door.port} — Address already in use" in refused.value.message
    assert "--metrics-port" in str(refused.value.fix)


@pytest.mark.parametrize(("host", "port"), [("no-such-host.invalid", 0), ("127.0.0.1", 70000), ("192.0.2.1", 0)])
def test_an_address_that_is_not_ours_is_a_configuration_error(host: str, port: int) -> None:
    """Unknown names, impossible ports and other hosts' addresses are refused at the start."""
    with pytest.raises(ConfigError):
        HealthServer(host, port, WorkerMetrics(process=False), Worker().ready).start()


def test_stopping_frees_the_port(door: Door) -> None:
    """A stopped server's port can be bound again at once, and stopping twice is harmless."""
    door.server.stop()
    door.server.stop()
    again = HealthServer("127.0.0.1", door.port, WorkerMetrics(process=False), door.worker.ready)

    assert again.start() == door.port
    again.stop()
