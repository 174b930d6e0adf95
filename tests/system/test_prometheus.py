"""Metrics as Debian's Prometheus reads them: promtool's rules hold and a real server scrapes them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobsched.core.health import HealthServer
from jobsched.core.metrics import GAUGES, WorkerMetrics

CONFIG = """
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: jobsched
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class Worker:
    """A worker's metrics behind a real server; `scrapes` counts how often somebody read them."""

    def __init__(self) -> None:
        self._scraped = threading.Semaphore(0)
        self.metrics = WorkerMetrics({name: self._gauge(name) for name in GAUGES})
        self.server = HealthServer("127.0.0.1", 0, self.metrics, lambda: (True, ""))
        self.port = self.server.start()

    def _gauge(self, name: str) -> Callable[[], float]:
        return self._scrape if name == "worker_inflight_jobs" else lambda: 1.0

    def _scrape(self) -> float:
        self._scraped.release()
        return 3.0

    def wait_for_scrapes(self, n: int) -> None:
        """Return after `n` more scrapes: the ones before the last are in Prometheus' store by then."""
        for _ in range(n):
            assert self._scraped.acquire(timeout=30)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    worker.metrics.started(4)
    worker.metrics.finished("noop", "success", [0.001, 0.2], [0.01, 0.02], [1, 2])
    worker.metrics.finished("email", "retry", [0.5], [0.1])
    worker.metrics.finished("email", "dead", [0.5], [0.1], [3])
    worker.metrics.retried("high", 1)
    worker.metrics.deadlettered("high", 1)
    worker.metrics.recovered("low", 1)
    worker.metrics.promoted("default", 2)
    worker.metrics.lease_timeouts(1)
    yield worker
    worker.server.stop()


@pytest.fixture
def real_worker(environ: dict[str, str], database_url: str, tmp_path: Path) -> Iterator[tuple[int, Callable[..., int]]]:
    """A worker process over a store of its own: the port of its metrics, and `jobsched …` (its exit code)."""
    program = str(Path(sys.executable).with_name("jobsched"))
    there: dict[str, Any] = {"env": environ | {"JOBSCHED_DATABASE_URL": database_url}, "cwd": tmp_path, "text": True}
    process = subprocess.Popen(
        [program, "worker", "--metrics-port", "0", "--log-format", "json"], stderr=subprocess.PIPE, **there
    )
    assert process.stderr
    records = map(json.loads, process.stderr)
    port = next(record["port"] for record in records if record["event"] == "metrics served")
    assert any(record["event"] == "worker ready" for record in records)
    yield port, lambda *words: subprocess.run([program, *words], capture_output=True, **there).returncode
    process.terminate()
    said = [record["event"] for record in records]
    assert (process.wait(30), said[-1]) == (0, "worker stopped")
    process.stderr.close()


class Prometheus:
    """A Prometheus server that scrapes one port every second."""

    def __init__(self, folder: Path, target: int) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(port=target))
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self._address}",
            ],
            stderr=subprocess.DEVNULL,
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an instant query finds."""
        url = f"http://{self._address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return list(json.load(response)["data"]["result"])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture
def prometheus(worker: Worker, tmp_path: Path) -> Iterator[Prometheus]:
    server = Prometheus(tmp_path, worker.port)
    yield server
    server.stop()


def promtool_check(page: bytes) -> None:
    """Fail unless `promtool check metrics` finds nothing to say."""
    tool = shutil.which("promtool")
    assert tool, "promtool comes with Debian's package prometheus: make test-system installs it"
    result = subprocess.run([tool, "check", "metrics"], input=page, capture_output=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_promtool_has_nothing_to_say_about_the_metrics(worker: Worker) -> None:
    """Names, units, help texts and types follow Prometheus' conventions."""
    with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/metrics", timeout=10) as response:
        promtool_check(response.read())


def test_prometheus_scrapes_a_worker(worker: Worker, prometheus: Prometheus) -> None:
    """Counters, gauges and histograms arrive with their labels and can be asked for."""
    worker.wait_for_scrapes(3)

    assert prometheus.query("up")[0]["value"][1] == "1"
    assert prometheus.query('jobsched_jobs_processed_total{type="email",status="dead"}')[0]["value"][1] == "1"
    assert prometheus.query("jobsched_worker_inflight_jobs")[0]["value"][1] == "3"
    (median,) = prometheus.query(
        "histogram_quantile(0.5, sum by (le) (jobsched_job_processing_duration_seconds_bucket{type='noop'}))"
    )
    assert float(median["value"][1]) == pytest.approx(0.001)


def test_a_real_workers_metrics_hold_to_the_conventions(real_worker: tuple[int, Callable[..., int]]) -> None:
    """What a worker process serves after real jobs passes promtool, counts them, and says that it is ready."""
    port, jobsched = real_worker
    succeeded = jobsched("submit", "noop", "--wait")
    failed = jobsched("submit", "fail", "message=invalid_job", "--max-attempts", "1", "--wait")

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        page = response.read()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as response:
        ready = json.load(response)

    promtool_check(page)
    assert (succeeded, failed, ready) == (0, 1, {"status": "ready"})
    assert b'jobsched_jobs_processed_total{status="success",type="noop"} 1.0' in page
    assert b'jobsched_jobs_processed_total{status="dead",type="fail"} 1.0' in page
    assert b'jobsched_jobs_deadlettered_total{priority="default"} 1.0' in page
    assert b'jobsched_job_retry_attempts_bucket{le="1.0"} 2.0' in page
