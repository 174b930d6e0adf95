"""What is told beside the result, on stderr: once, and to whoever waits for what nobody does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobsched import Client, UsageError

PROGRAM = [sys.executable, "-c", "import sys; from jobsched.cli.main import run; sys.exit(run())"]
Cli = Callable[..., Any]


def test_a_batch_that_is_not_there_is_told_once(cli: Cli, tmp_path: Path) -> None:
    """As JSON too for who asked for JSON, and only for him."""
    done = cli("submit", "--batch", str(tmp_path / "nowhere"))
    assert (done.code, done.out, done.err.count("cannot be read")) == (2, "", 1)
    asked = cli("submit", "--batch", str(tmp_path / "nowhere"), "-o", "jsonl")
    assert asked.err.count("cannot be read") == 2


def test_a_pipe_of_results_is_jsonl_without_being_asked(cli: Cli) -> None:
    """As before; -q still gives bare ids."""
    assert cli("submit", "--batch", "-", stdin='{"type":"noop"}\n').rows[0]["created"]
    assert cli("submit", "--batch", "-", "-q", stdin='{"type":"noop"}\n').out.strip().isdecimal()


def test_whoever_waits_is_told_that_nobody_works(cli: Cli) -> None:
    """Once a queue and type, with the command that would help; stdout stays as it was."""
    first, second = (cli("submit", "noop").out.strip() for _ in range(2))
    done = cli("wait", "--timeout", "1ms", first, second)
    assert done.err.count("no worker serves queue default") == 1
    assert done.err.count("fix: jobsched worker") == 1
    assert (done.code, done.out) == (124, "")
    cli("queue", "pause", "default")
    said = cli("wait", "--timeout", "1ms", first).err
    assert "queue default is paused" in said
    assert "no worker serves queue default" in said
    cli("cancel", first)
    ended = cli("wait", first)
    assert (ended.code, ended.err) == (1, "")


def test_whoever_follows_is_told_while_he_waits(cli: Cli, shell_environ: dict[str, str], tmp_path: Path) -> None:
    """Before the first line of output; a look that does not wait says nothing."""
    job_id = cli("submit", "noop").out.strip()
    assert cli("logs", job_id).err == ""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*PROGRAM, "logs", "-f", job_id], env=shell_environ, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
    ) as follower:
        assert follower.stderr is not None
        assert "no worker serves queue default" in follower.stderr.readline()
        cli("cancel", job_id)
        out, err = follower.communicate(timeout=60)
    assert (follower.returncode, out) == (1, "")
    assert "no worker" not in err


@pytest.mark.parametrize("priority", ["bad", "", 7, -1, object(), 1.5])
def test_a_priority_that_is_none_is_a_usage_error(settings: Any, priority: Any) -> None:
    """For programs as for the command line; a word or a number that is one will do."""
    with Client(settings["database_url"], home=settings["home"]) as client:
        with pytest.raises(UsageError, match="critical, high, default") as caught:
            client.submit("noop", priority=priority)
        assert caught.value.fix
        for good in ("high", "HIGH", 1):
            assert client.get(client.submit("noop", priority=good).id).priority.word == "high"
