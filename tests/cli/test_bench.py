"""`jobsched bench`: small runs of each kind. What they find is never judged here; that they measure is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def measured(cli: Cli, database_url: str) -> Callable[..., dict[str, dict[str, Any]]]:
    """Runs a benchmark in this test's database; figures by name."""

    def run(*arguments: str) -> dict[str, dict[str, Any]]:
        outcome = cli("-o", "jsonl", "--yes", "bench", *arguments, "--store", database_url)
        assert outcome.code == 0, outcome.err
        return {row["name"]: row for row in outcome.rows}

    return run


def test_drain_says_where_the_time_goes(measured: Callable[..., dict[str, dict[str, Any]]]) -> None:
    """Each figure carries its ratio to the raw limit of the same run, and what it was measured with."""
    figures = measured("drain", "--jobs", "2000", "--workers", "1,2", "--history", "1000")
    for workers in (1, 2):
        figure = figures[f"drain, {workers} worker(s)"]
        assert figure["value"] > 0
        assert figure["ratio"] > 0
        assert figure["against"] == "raw COPY"
        assert "keeper_us=" in figure["more"]
        assert figure["setting"] == {"jobs": 2000, "workers": workers, "concurrency": 10}
        assert figure["server"]["synchronous_commit"]


def test_enqueue_stands_beside_raw_postgres(measured: Callable[..., dict[str, dict[str, Any]]]) -> None:
    """One at a time beside INSERT and commit, in bulk beside COPY."""
    figures = measured("enqueue", "--jobs", "2000", "--seconds", "0.5")
    assert figures["submit, one at a time"]["against"] == "raw INSERT + commit"
    assert figures["load"]["against"] == "raw COPY"
    assert all(figure["value"] > 0 for figure in figures.values())


def test_latency_tells_percentiles(measured: Callable[..., dict[str, dict[str, Any]]]) -> None:
    """From the row's insert to the handler's start, in ms."""
    figures = measured("latency", "--jobs", "20")
    p50, p95, p99 = (figure for name, figure in figures.items() if name.startswith("enqueue to start"))
    assert 0 < p50["value"] <= p95["value"] <= p99["value"]


def test_a_store_that_is_named_is_only_filled_with_yes(cli: Cli, database_url: str) -> None:
    """A benchmark leaves its jobs behind."""
    outcome = cli("bench", "drain", "--store", database_url)
    assert outcome.code == 78
    assert "--yes" in outcome.err
