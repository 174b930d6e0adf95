"""Metrics: what is booked by the batch is what Prometheus reads."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from jobsched.core.metrics import BUCKETS, GAUGES, MAX_TYPES, SchedulerMetrics, WorkerMetrics

PER_WORKER_NAMES = {
    "jobs_started_total",
    "jobs_processed_total",
    "jobs_completed_total",
    "jobs_failed_total",
    "jobs_retried_total",
    "jobs_deadlettered_total",
    "job_duration_seconds_bucket",
    "job_processing_duration_seconds_bucket",
    "job_wait_seconds_bucket",
    "job_retry_attempts_bucket",
    "worker_inflight_jobs",
    "processing_queue_depth",
    "lease_timeouts_total",
    "reaper_jobs_recovered_total",
    "retry_pump_jobs_requeued_total",
}


def samples(metrics: WorkerMetrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Name → label values (the type first) → value, as a scrape would read them."""
    found: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items(), key=lambda pair: pair[0] != "type"))
            found[sample.name.removeprefix("jobsched_")][labels] = sample.value
    return found


def busy_worker(**gauges: Any) -> WorkerMetrics:
    """A worker that has used every counter."""
    metrics = WorkerMetrics(gauges or {name: lambda: 7.0 for name in GAUGES}, process=False)
    metrics.started(5)
    metrics.finished("noop", "success", [0.0001, 0.002], [0.2, 0.3], [1, 2])
    metrics.finished("email", "retry", [1.5], [0.1])
    metrics.finished("email", "dead", [2.0], [0.1], [3])
    metrics.finished("email", "cancelled", [3.0], [0.1], [1])
    metrics.retried("high", 1)
    metrics.deadlettered("high", 1)
    metrics.recovered("low", 3)
    metrics.promoted("default", 4)
    metrics.lease_timeouts(3)
    return metrics


def test_a_worker_exports_every_name_that_describes_one_worker() -> None:
    """The names are a contract with dashboards and alerts."""
    assert set(samples(busy_worker())) >= PER_WORKER_NAMES


def test_ends_are_counted_by_type_and_status() -> None:
    """Retried and dead attempts are failures; cancelled ones are neither failed nor completed."""
    found = samples(busy_worker())

    assert found["jobs_processed_total"] == {
        ("noop", "success"): 2,
        ("email", "retry"): 1,
        ("email", "dead"): 1,
        ("email", "cancelled"): 1,
    }
    assert found["jobs_started_total"] == {(): 5}
    assert found["jobs_completed_total"] == {(): 2}
    assert found["jobs_failed_total"] == {(): 2}
    assert found["lease_timeouts_total"] == {(): 3}


def test_counts_by_priority_carry_its_word() -> None:
    """Priorities are labels, spelled as people write them."""
    found = samples(busy_worker())

    assert found["jobs_retried_total"] == {("high",): 1}
    assert found["jobs_deadlettered_total"] == {("high",): 1}
    assert found["reaper_jobs_recovered_total"] == {("low",): 3}
    assert found["retry_pump_jobs_requeued_total"] == {("default",): 4}


@given(st.lists(st.lists(st.one_of(st.floats(0, 4000), st.sampled_from(BUCKETS)), max_size=40), max_size=5))
def test_a_histogram_fed_in_batches_counts_as_one_fed_one_by_one(batches: list[list[float]]) -> None:
    """Every bucket holds the values at or below its bound, whatever the batches were."""
    metrics = WorkerMetrics(process=False)
    for batch in batches:
        metrics.finished("t", "success", batch, batch)
    values = [value for batch in batches for value in batch]

    found = samples(metrics)

    buckets = found["job_processing_duration_seconds_bucket"]
    for bound in BUCKETS if batches else ():
        assert buckets[("t", str(bound))] == sum(value <= bound for value in values)
    assert found["job_duration_seconds_bucket"][("+Inf",)] == len(values)
    assert found["job_duration_seconds_sum"][()] == pytest.approx(sum(values))


def test_label_values_are_bounded() -> None:
    """After MAX_TYPES types the others share one label, so a store full of types cannot flood Prometheus."""
    metrics = WorkerMetrics(process=False)
    for number in range(MAX_TYPES + 50):
        metrics.finished(f"type-{number}", "success", [0.1], [0.1])
        metrics.finished("type-0", "success", [0.1], [0.1])

    found = samples(metrics)["jobs_processed_total"]

    assert len(found) == MAX_TYPES + 1
    assert found["other", "success"] == 50
    assert found["type-0", "success"] == MAX_TYPES + 51


def test_a_type_called_other_is_not_a_special_case() -> None:
    """Somebody's own type "other" keeps its count."""
    metrics = WorkerMetrics(process=False)
    metrics.finished("other", "success", [0.1], [0.1])

    assert samples(metrics)["jobs_processed_total"] == {("other", "success"): 1}


def test_gauges_are_read_when_prometheus_asks() -> None:
    """A gauge is a function: it has no value of its own to go stale."""
    now = [1.0]
    metrics = busy_worker(worker_inflight_jobs=lambda: now[0])
    now[0] = 9.0

    assert samples(metrics)["worker_inflight_jobs"] == {(): 9.0}


def test_an_undeclared_gauge_is_refused() -> None:
    """Names are declared once, in GAUGES."""
    with pytest.raises(KeyError):
        WorkerMetrics({"surprise": lambda: 1.0})


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    """The Accept header decides the format, and the page parses as what it claims to be."""
    page, content_type = busy_worker().render("application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert len(list(parse_openmetrics(page.decode()))) > 10


def test_every_help_text_and_prefix_is_there() -> None:
    """Each family says what it counts; durations and sizes are in base units."""
    for family in text_string_to_metric_families(busy_worker().render()[0].decode()):
        assert family.name.startswith("jobsched_")
        assert len(family.documentation) > 15


def test_jobs_of_schedules_are_counted_by_schedule() -> None:
    """Up to MAX_TYPES of them have a label each."""
    metrics = WorkerMetrics(process=False)
    for number in range(MAX_TYPES + 3):
        metrics.of_schedule(f"s{number}", "success", 2)
    metrics.of_schedule("s0", "dead", 1)

    found = samples(metrics)["schedule_jobs_processed_total"]

    assert (found["s0", "success"], found["s0", "dead"], found["other", "success"]) == (2, 1, 6)
    assert len(found) == MAX_TYPES + 2


def test_a_scheduler_counts_ticks_and_how_late_they_were() -> None:
    """Of those that fired; what others decided is counted apart."""
    metrics = SchedulerMetrics(clock_ahead=lambda: -2.5, silent=lambda: 0.5, process=False)
    metrics.schedules = 3
    metrics.decided([("a", "fired", 0.02), ("a", "fired", 0.2), ("b", "missed", 3600.0)], 2)

    page = metrics.render()[0].decode()

    assert 'jobsched_cron_ticks_total{schedule="a",state="fired"} 2.0' in page
    assert 'jobsched_cron_ticks_total{schedule="b",state="missed"} 1.0' in page
    assert "jobsched_cron_tick_lateness_seconds_count 2.0" in page
    assert 'jobsched_cron_tick_lateness_seconds_bucket{le="0.05"} 1.0' in page
    assert "jobsched_cron_refusals_total 2.0" in page
    assert "jobsched_cron_schedules 3.0" in page
    assert "jobsched_cron_clock_ahead_seconds -2.5" in page
    assert "jobsched_cron_store_silent_seconds 0.5" in page
