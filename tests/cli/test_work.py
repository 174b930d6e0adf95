"""With a real worker: waiting, following, exit codes passed on, dead letters, hostile output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-c", "import sys; from jobsched.cli.main import run; sys.exit(run())"]
Cli = Callable[..., Any]


@pytest.fixture
def worker(shell_environ: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """A worker that runs during the test, commands included."""
    process = subprocess.Popen(
        [*PROGRAM, "worker", "--allow-commands", "-c", "4", "--name", "w"],
        env=shell_environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        ready = process.stderr.readline()
        assert "ready" in ready
        yield
    finally:
        process.terminate()
        with process.stderr:
            said = process.stderr.read()
        assert process.wait(30) == 0, said


@pytest.mark.usefixtures("worker")
def test_the_programs_own_exit_code_is_passed_on(cli: Cli) -> None:
    """submit --wait --propagate -- sh -c 'exit 3' is exit 3; --wait alone says failed (1)."""
    assert cli("submit", "--wait", "--propagate", "--", "sh", "-c", "exit 3").code == 3
    assert cli("submit", "--propagate", "--", "true").code == 0
    assert cli("submit", "--propagate", "--", "/no/such/program").code == 127
    assert cli("submit", "--propagate", "--", "sh", "-c", "kill -9 $$").code == 137
    assert cli("submit", "--wait", "--max-attempts", "1", "--", "false").code == 1
    job_id = cli("ls", "-q", "--limit", "1").out.strip()
    assert cli("wait", "--propagate", job_id).code == 1
    assert cli("submit", "--propagate", "noop").code == 0


@pytest.mark.usefixtures("worker")
def test_following_streams_the_output_and_nothing_else(cli: Cli) -> None:
    """stdout is the job's output alone; its id and its error go to stderr."""
    done = cli(
        "submit", "--follow", "--propagate", "--", "sh", "-c", "echo one; echo two >&2; sleep 0.2; echo three; exit 4"
    )
    assert done.code == 4
    assert sorted(done.lines) == ["one", "three", "two"]
    assert "exit code 4" in done.err
    job_id = cli("ls", "-q", "--limit", "1").out.strip()
    assert sorted(cli("logs", job_id).lines) == ["one", "three", "two"]
    assert sorted(cli("logs", "--prefix", job_id).lines) == [f"[{job_id}] one", f"[{job_id}] three", f"[{job_id}] two"]
    assert {row["stream"] for row in cli("logs", "-o", "jsonl", job_id).rows} == {"stdout", "stderr"}
    assert cli("logs", "-f", job_id).code == 1


@pytest.mark.usefixtures("worker")
def test_ids_flow_from_submit_into_wait(shell_environ: dict[str, str], tmp_path: Path) -> None:
    """jobsched submit noop | xargs jobsched wait, and a batch into wait -."""
    (tmp_path / "jobsched").write_text(f"#!/bin/sh\nexec {sys.executable} -c '{PROGRAM[2]}' \"$@\"\n")
    (tmp_path / "jobsched").chmod(0o755)
    env = shell_environ | {"PATH": f"{tmp_path}:{shell_environ['PATH']}"}

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    done = shell("set -o pipefail; jobsched submit noop | xargs jobsched wait")
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout
    done = shell(r"""set -o pipefail; printf '{"n":1}\n{"n":2}\n' | jobsched submit noop --batch - | jobsched wait -""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("succeeded") == 2


def test_what_went_wrong_can_be_read_in_80_columns(
    cli: Cli, work: Callable[..., None], terminal: Callable[..., tuple[int, str]]
) -> None:
    """The list of kinds of errors is where `doctor` sends people: the message has the room."""
    cli("submit", "default", "payload=invalid_job: no paper", "--max-attempts", "1")
    work()
    _, shown = terminal("dlq", "ls", "--by", "error", columns=80)
    assert "RuntimeError: invalid_job" in shown


def test_dead_letters_are_shown_grouped_retried_and_discarded(cli: Cli, work: Callable[..., None]) -> None:
    """Seen by error, put back by fingerprint, discarded by id; hostile errors stay one line."""
    hostile = "invalid_job\x1b[31m\u202e[red]\nsecond line"
    ids = [cli("submit", "fail", f"message={hostile}", "--max-attempts", "1").out.strip() for _ in range(2)]
    work()
    assert [row["id"] for row in cli("dlq", "ls", "-o", "jsonl").rows] == [int(ids[1]), int(ids[0])]
    assert len(cli("dlq", "ls").lines) == 2
    assert "\x1b" not in cli("dlq", "ls").out + cli("show", ids[0]).out + cli("show", "-o", "json", ids[0]).out
    (group,) = cli("dlq", "ls", "--by", "error", "-o", "jsonl").rows
    assert (group["count"], group["type"]) == (2, "fail")
    (shown,) = cli("dlq", "show", group["fingerprint"], "-o", "json").json["items"]
    assert shown["state"] == "dead"
    (attempt,) = shown["attempts"]
    assert (attempt["kind"], attempt["error_class"], attempt["message"]) == ("failed", "RuntimeError", hostile)
    assert "Traceback" in attempt["traceback"]
    assert cli("dlq", "discard", ids[0]).code == 0
    assert cli("dlq", "retry", group["fingerprint"]).lines == [f"{ids[1]}\ttrue\tqueued\t"]
    assert cli("dlq", "ls").out == ""


def test_the_tail_tells_each_end_once(shell_environ: dict[str, str], cli: Cli, work: Callable[..., None]) -> None:
    """Every outcome and every failed attempt, as JSONL, live and again from a cursor on."""
    process = subprocess.Popen(
        [*PROGRAM, "tail", "-n", "3", "--since", "0-0-0"],
        env=shell_environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    good = int(cli("submit", "noop").out)
    bad = int(cli("submit", "fail", "message=invalid_job", "--max-attempts", "1").out)
    work()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert sorted((event["id"], event["event"]) for event in events) == sorted(
        [(good, "succeeded"), (bad, "failed"), (bad, "dead")]
    )
    after_first = cli("tail", "-n", "2", "--since", events[0]["cursor"]).rows
    assert after_first == events[1:]
