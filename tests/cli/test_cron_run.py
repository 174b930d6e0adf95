"""`cron run` and `worker --cron`: schedules fire, and history, check and backfill tell of it."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.tests.cli.conftest import PROGRAM, Outcome

Cli = Callable[..., Outcome]


class Log:
    """What a program says on stderr, line by line as it comes."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def seek(self, event: str) -> dict[str, Any]:
        """The next line that tells of `event`."""
        return next(line for line in map(json.loads, self._lines) if line["event"] == event)


@pytest.fixture
def running(shell_environ: dict[str, str], tmp_path: Path) -> Callable[..., Any]:
    """with running("cron", "run") as log: a program that is stopped at the end, and must exit 0 then."""

    @contextmanager
    def run(*argv: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[Log]:
        process = subprocess.Popen(
            [*PROGRAM, *argv, "--log-format", "json"],
            env=shell_environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            yield Log(iter(process.stderr.readline, ""))
        finally:
            process.send_signal(stop)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, ""), err

    return run


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_schedule_fires_while_a_scheduler_runs(cli: Cli, running: Callable[..., Any], stop: signal.Signals) -> None:
    """Added to a running one, it fires; history has each tick with its job; SIGTERM and Ctrl-C end it with 0."""
    with running("cron", "run", "--name", "clock", stop=stop) as log:
        log.seek("scheduler ready")
        assert cli("cron", "add", "beat", "@every 1s", "noop", "a=1").code == 0
        fired = [log.seek("tick fired") for _ in range(2)]
    ticks = cli("cron", "history", "beat", "-o", "jsonl").rows[::-1]
    assert [tick["job_id"] for tick in ticks[:2]] == [line["job"] for line in fired]
    assert {(tick["state"], tick["by"], tick["origin"]) for tick in ticks} == {("fired", "clock", "schedule")}
    assert len({tick["scheduled_for"] for tick in ticks}) == len(ticks)
    (job,) = cli("show", str(ticks[0]["job_id"]), "-o", "json").json["items"]
    assert (job["schedule"], job["scheduled_for"], job["payload"]) == ("beat", ticks[0]["scheduled_for"], {"a": "1"})
    assert cli("verify").code == 0


def test_a_worker_with_cron_needs_nobody_else(cli: Cli, program: Cli, running: Callable[..., Any]) -> None:
    """It fires the ticks and runs their jobs."""
    cli("cron", "add", "beat", "@every 1s", "noop")
    with running("worker", "--cron", "-c", "1") as log:
        log.seek("worker ready")
        events = program("tail", "-n", "2", "--since", "0-0-0").rows
    assert [(event["event"], event["schedule"]) for event in events] == [("succeeded", "beat")] * 2
    states = {row["job_id"]: row["job_state"] for row in cli("cron", "history", "beat", "-o", "jsonl").rows}
    assert [states[event["id"]] for event in events] == ["succeeded"] * 2


def test_a_one_time_schedule_fires_at_its_time(cli: Cli, running: Callable[..., Any]) -> None:
    """Once, and is over."""
    with running("cron", "run") as log:
        log.seek("scheduler ready")
        when = datetime.now(UTC) + timedelta(seconds=5)
        assert cli("cron", "add", "launch", "--at", when.isoformat(), "noop").code == 0
        job_id = log.seek("tick fired")["job"]
    (tick,) = cli("cron", "history", "launch", "-o", "jsonl").rows
    assert (tick["job_id"], datetime.fromisoformat(tick["scheduled_for"])) == (
        job_id,
        when.replace(microsecond=when.microsecond // 1000 * 1000),
    )
    assert cli("cron", "ls").lines[0].split("\t")[:2] == ["launch", "over"]


def test_a_running_scheduler_serves_metrics_and_health(running: Callable[..., Any], cli: Cli) -> None:
    """On the port that is asked for, as a worker does; with the ticks that it fired."""
    cli("cron", "add", "beat", "@every 1s", "noop")
    with running("cron", "run", "--metrics-port", "0") as log:
        port = log.seek("metrics served")["port"]
        log.seek("tick fired")
        answers = [urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") for path in ("health", "ready", "metrics")]
        assert [answer.status for answer in answers] == [200, 200, 200]
        metrics = answers[2].read().decode()
        for answer in answers:
            answer.close()
    assert 'state="fired"' in metrics


def age(database_url: str, name: str, seconds: int) -> None:
    """Let a schedule be one that was made, and last decided, so long ago."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "update jobsched.schedule set created_at = created_at - make_interval(secs => %(seconds)s),"
            " decided_until = decided_until - make_interval(secs => %(seconds)s), revision = revision + 1"
            " where name = %(name)s",
            {"seconds": seconds, "name": name},
        )


def test_what_was_missed_is_told_and_can_be_made_up(cli: Cli, running: Callable[..., Any], database_url: str) -> None:
    """Nobody ran for hours: history says which ticks and why, check is exit 1, backfill makes each job once."""
    cli("cron", "add", "hourly", "@every 1h", "noop")
    age(database_url, "hourly", 4 * 3600 - 600)
    with running("cron", "run") as log:
        log.seek("tick missed")
    missed = cli("cron", "history", "hourly", "--state", "missed", "-o", "jsonl").rows
    assert len(missed) == 3
    assert {tick["reason"] for tick in missed} == {"no scheduler ran, and its catch-up is none"}
    assert all(tick["late"] > 600 for tick in missed)
    checked = cli("cron", "check", "-o", "jsonl")
    assert (checked.code, checked.rows[0]["problem"]) == (1, "missed")
    assert len(cli(*checked.rows[0]["fix"].split()[1:], "-n").lines) == 1
    span = ("--from", "1d", "--to", "1h30m")
    planned = cli("cron", "backfill", "hourly", *span, "-n", "-o", "jsonl")
    assert [row["scheduled_for"] for row in planned.rows] == [tick["scheduled_for"] for tick in missed[::-1]][:2]
    assert cli("ls", "--count").out == "0\n"
    made = cli("cron", "backfill", "hourly", *span, "-q")
    assert made.lines == cli("ls", "-q").lines[::-1]
    assert len(made.lines) == 2
    assert cli("cron", "backfill", "hourly", *span, "-q").lines == []
    assert len(cli("cron", "history", "--state", "missed").lines) == 1
    assert cli("verify").code == 0


def test_what_was_skipped_says_why(cli: Cli, running: Callable[..., Any]) -> None:
    """While its job waits for a worker, a schedule that must not overlap makes no other one."""
    cli("cron", "add", "beat", "@every 1s", "noop", "--overlap", "skip")
    with running("cron", "run") as log:
        job_id = log.seek("tick fired")["job"]
        reason = f"job {job_id} of an earlier tick has not ended"
        while log.seek("tick skipped")["reason"] != reason:
            pass
    rows = cli("cron", "history", "beat", "--state", "skipped", "-o", "jsonl").rows
    assert reason in {row["reason"] for row in rows}
    assert {row["job_id"] for row in rows} == {None}
    assert cli("cron", "history", "beat", "-q").lines == [str(job_id)]
    older = cli("cron", "history", "beat", "-l", "1", "-o", "json").json
    assert cli("cron", "history", "beat", "--before", older["next"], "-q").lines == [str(job_id)]


def test_many_are_made_up_only_when_somebody_says_so(cli: Cli, database_url: str) -> None:
    """More than twenty jobs are asked about."""
    cli("cron", "add", "beat", "@every 1m", "noop")
    age(database_url, "beat", 3600)
    refused = cli("cron", "backfill", "beat", "--from", "2h")
    assert refused.code == 2
    assert "nobody can be asked here" in refused.err
    assert cli("cron", "backfill", "beat", "--from", "2h", "-y").code == 0
    assert int(cli("ls", "--count").out) in (58, 59, 60)
