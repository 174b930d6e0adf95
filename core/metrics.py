"""What a worker counts, and how Prometheus reads it. Nothing else imports prometheus_client.

A worker ends 100,000 no-op jobs a second. prometheus_client's own counters cost 1.4 µs a call and its
histograms 1.8 µs, which would be half of a core; here a batch of 500 ends is booked in one call of
65 µs, and Prometheus' objects are only made when somebody scrapes.

What describes the store as a whole (queue depth, jobs submitted) is not here: exported by every
worker, it would be multiplied by their number in each sum.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Literal

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Status = Literal["success", "failed", "retry", "cancelled", "dead"]
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds of the duration buckets, in seconds."""
ATTEMPT_BUCKETS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
MAX_TYPES = 200
"""Job types, and schedules, that get a label of their own; the ones after them share the label "other"."""
OTHER = "other"
PREFIX = "jobsched_"

_BY_PRIORITY: dict[str, str] = {
    "jobs_retried": "Failed attempts that were given another one, by the job's priority",
    "jobs_deadlettered": "Jobs that this worker moved to the dead-letter queue, by priority",
    "retry_pump_jobs_requeued": "Scheduled and retrying jobs that this worker made ready when their time came",
    "reaper_jobs_recovered": "Jobs of dead or silent workers that this worker took back, by priority",
}
GAUGES: dict[str, str] = {
    "worker_inflight_jobs": "Jobs that this worker is running now",
    "processing_queue_depth": "Jobs that this worker holds: running, or claimed and about to start",
    "worker_concurrency": "Jobs that this worker may run at once",
    "worker_heartbeat_age_seconds": "Seconds since the store last took this worker's heartbeat",
    "worker_scheduler_running": "1 while the scheduler that this worker runs with --cron lives, else 0",
    "worker_runner_memory_bytes": "Resident memory of this worker's runner processes, in bytes",
}
"""Every gauge that a worker may export, without the prefix, and its help."""


class _Histogram:
    """Counts per bucket (the last one is +Inf) and a sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = BUCKETS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, values: Sequence[float]) -> None:
        """Book a batch. Sorting 500 floats costs 15 µs; a bisection for each would cost 50."""
        ordered = sorted(values)
        if not ordered:
            return
        self.total += sum(ordered)
        bounds = self.bounds
        first, last = bisect_left(bounds, ordered[0]), bisect_left(bounds, ordered[-1])
        below = 0
        for bucket in range(first, last):
            upto = bisect_right(ordered, bounds[bucket])
            self.counts[bucket] += upto - below
            below = upto
        self.counts[last] += len(ordered) - below

    def cumulated(self) -> list[tuple[str, float]]:
        """Return (upper bound, jobs at or below it), as Prometheus counts."""
        bounds = [*map(str, self.bounds), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))

    def add(self, other: _Histogram) -> None:
        """Book what `other` holds."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class WorkerMetrics(Collector):
    """The counts of one worker, fed by the batch and safe to read from another thread.

    gauges: name in GAUGES → a function that returns its value now; what is not given is not
    exported. process: whether to add this process's CPU, memory and file descriptors (`process_*`).
    """

    def __init__(self, gauges: Mapping[str, Callable[[], float]] | None = None, *, process: bool = True) -> None:
        self._gauges = dict(gauges or {})
        unknown = self._gauges.keys() - GAUGES.keys()
        if unknown:
            raise KeyError(f"no such gauge: {', '.join(sorted(unknown))}")
        self._lock = threading.Lock()
        self._started = self._completed = self._failed = self._lease_timeouts = 0
        self._processed: dict[tuple[str, str], int] = {}
        self._by_priority: dict[str, dict[str, int]] = {name: {} for name in _BY_PRIORITY}
        self._runs: dict[str, _Histogram] = {}
        self._waits: dict[str, _Histogram] = {}
        self._attempts = _Histogram(ATTEMPT_BUCKETS)
        self._schedules: set[str] = set()
        self._by_schedule: dict[tuple[str, str], int] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        if process:
            ProcessCollector(registry=self._registry)

    def started(self, n: int) -> None:
        """`n` attempts were started."""
        with self._lock:
            self._started += n

    def finished(
        self,
        type: str,
        status: Status,
        runs: Sequence[float],
        waits: Sequence[float],
        attempts: Sequence[int] = (),
    ) -> None:
        """A batch of attempts of one type ended in one way.

        runs: seconds that each one ran. waits: seconds that each one had been ready before it
        started. status: "retry" and "dead" are failures with and without another attempt,
        "failed" one whose job's fate the caller does not know. attempts: how many each job had
        used when it ended for good; not given where it did not.
        """
        with self._lock:
            label = self._label(type)
            key = (label, status)
            self._processed[key] = self._processed.get(key, 0) + len(runs)
            self._runs[label].observe(runs)
            self._waits[label].observe(waits)
            self._attempts.observe(attempts)
            if status == "success":
                self._completed += len(runs)
            elif status != "cancelled":
                self._failed += len(runs)

    def of_schedule(self, schedule: str, status: Status, n: int) -> None:
        """`n` attempts of jobs that this schedule made ended in this way."""
        with self._lock:
            key = (_label_among(self._schedules, schedule), status)
            self._by_schedule[key] = self._by_schedule.get(key, 0) + n

    def retried(self, priority: str, n: int) -> None:
        """`n` failed attempts got another one."""
        self._count("jobs_retried", priority, n)

    def deadlettered(self, priority: str, n: int) -> None:
        """`n` jobs went to the dead-letter queue."""
        self._count("jobs_deadlettered", priority, n)

    def recovered(self, priority: str, n: int) -> None:
        """`n` jobs were taken back from dead or silent workers."""
        self._count("reaper_jobs_recovered", priority, n)

    def promoted(self, priority: str, n: int) -> None:
        """`n` delayed jobs became ready."""
        self._count("retry_pump_jobs_requeued", priority, n)

    def lease_timeouts(self, n: int) -> None:
        """`n` workers were found dead or silent, and lost their leases."""
        with self._lock:
            self._lease_timeouts += n

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page for /metrics and its content type, in the format that `accept` asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterable[Metric]:
        """Make Prometheus' objects of the counts, for one scrape."""
        gauges = [(name, float(read())) for name, read in self._gauges.items()]
        with self._lock:
            return [*self._totals(), *self._histograms(), *(_gauge(name, value) for name, value in gauges)]

    def _label(self, type: str) -> str:
        if type in self._runs:
            return type
        label = type if len(self._runs) < MAX_TYPES else OTHER
        self._runs.setdefault(label, _Histogram())
        self._waits.setdefault(label, _Histogram())
        return label

    def _count(self, name: str, priority: str, n: int) -> None:
        with self._lock:
            counts = self._by_priority[name]
            counts[priority] = counts.get(priority, 0) + n

    def _totals(self) -> Iterable[Metric]:
        yield _counter("jobs_started", "Attempts that this worker started", self._started)
        yield _counter("jobs_completed", "Jobs that succeeded on this worker", self._completed)
        yield _counter("jobs_failed", "Attempts that failed on this worker, retried or not", self._failed)
        yield _counter(
            "lease_timeouts", "Workers found dead or silent, whose leases this one ended", self._lease_timeouts
        )
        processed = CounterMetricFamily(
            PREFIX + "jobs_processed", "Attempts that ended, by job type and how", labels=("type", "status")
        )
        for key, count in self._processed.items():
            processed.add_metric(key, count)
        yield processed
        of_schedules = CounterMetricFamily(
            PREFIX + "schedule_jobs_processed",
            "Attempts of jobs that schedules made, by schedule and how they ended",
            labels=("schedule", "status"),
        )
        for key, count in self._by_schedule.items():
            of_schedules.add_metric(key, count)
        yield of_schedules
        for name, help in _BY_PRIORITY.items():
            family = CounterMetricFamily(PREFIX + name, help, labels=("priority",))
            for priority, count in self._by_priority[name].items():
                family.add_metric((priority,), count)
            yield family

    def _histograms(self) -> Iterable[Metric]:
        every = _Histogram()
        for each in self._runs.values():
            every.add(each)
        whole = HistogramMetricFamily(PREFIX + "job_duration_seconds", "Seconds that attempts ran, all types together")
        whole.add_metric((), every.cumulated(), every.total)
        yield whole
        attempts = HistogramMetricFamily(PREFIX + "job_retry_attempts", "Attempts that a job had used when it ended")
        attempts.add_metric((), self._attempts.cumulated(), self._attempts.total)
        yield attempts
        for name, help, by_type in (
            ("job_processing_duration_seconds", "Seconds that attempts ran, by job type", self._runs),
            ("job_wait_seconds", "Seconds from ready to started, by job type", self._waits),
        ):
            family = HistogramMetricFamily(PREFIX + name, help, labels=("type",))
            for label, histogram in by_type.items():
                family.add_metric((label,), histogram.cumulated(), histogram.total)
            yield family


def _label_among(known: set[str], name: str) -> str:
    """The label of a name: itself, while there are not too many of them."""
    if name not in known:
        if len(known) >= MAX_TYPES:
            return OTHER
        known.add(name)
    return name


def _counter(name: str, help: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, help, value=value)


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, GAUGES[name], value=value)


class SchedulerMetrics(Collector):
    """What a scheduler counts. clock_ahead: seconds by which the database's clock is ahead of this host's. silent:
    seconds since the store last answered."""

    def __init__(self, *, clock_ahead: Callable[[], float], silent: Callable[[], float], process: bool = True) -> None:
        self.schedules = 0
        self._clock_ahead = clock_ahead
        self._silent = silent
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._ticks: dict[tuple[str, str], int] = {}
        self._lateness = _Histogram()
        self._refused = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        if process:
            ProcessCollector(registry=self._registry)

    def decided(self, ticks: Sequence[tuple[str, str, float]], refused: int) -> None:
        """Ticks were written down: (schedule, state, seconds from its time until then) of each. refused: schedules
        that others had decided."""
        with self._lock:
            self._refused += refused
            for schedule, state, _ in ticks:
                key = (_label_among(self._names, schedule), state)
                self._ticks[key] = self._ticks.get(key, 0) + 1
            self._lateness.observe([late for _, state, late in ticks if state == "fired"])

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page for /metrics and its content type, in the format that `accept` asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterable[Metric]:
        """Make Prometheus' objects of the counts, for one scrape."""
        ahead, silent = self._clock_ahead(), self._silent()
        with self._lock:
            ticks = CounterMetricFamily(
                PREFIX + "cron_ticks",
                "Ticks that this scheduler decided, by schedule and what became of them",
                labels=("schedule", "state"),
            )
            for key, count in self._ticks.items():
                ticks.add_metric(key, count)
            lateness = HistogramMetricFamily(
                PREFIX + "cron_tick_lateness_seconds", "Seconds from a tick's time until its job was made"
            )
            lateness.add_metric((), self._lateness.cumulated(), self._lateness.total)
            return [
                ticks,
                lateness,
                _counter("cron_refusals", "Times that another scheduler had decided a schedule's ticks", self._refused),
                GaugeMetricFamily(PREFIX + "cron_schedules", "Schedules that this scheduler knows", self.schedules),
                GaugeMetricFamily(
                    PREFIX + "cron_clock_ahead_seconds", "By how much the store's clock is ahead of this host's", ahead
                ),
                GaugeMetricFamily(
                    PREFIX + "cron_store_silent_seconds", "Seconds since the store last answered this scheduler", silent
                ),
            ]
