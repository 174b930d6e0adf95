"""The `command` handler, on real processes."""

from __future__ import annotations

import asyncio
import os
import select
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jobsched.core.handler import Discard
from jobsched.handlers.command import Command, CommandFailed, CommandNotStarted, command

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)


async def run(context: RecordingContext, *argv: str, **fields: Any) -> dict[str, int]:
    return await command(Command(argv=list(argv), **fields), context)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def ends(pid: int) -> bool:
    """Whether the process ends within ten seconds: SIGKILL has been sent before it has been obeyed."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(process, "rb"):
        return bool(select.select([process], [], [], 10)[0])


def open_the_gate_after_output(context: RecordingContext, gate: Path) -> None:
    """Make `gate` a pipe that can be read once some output was seen."""
    os.mkfifo(gate)

    def opener(text: str, stream: str) -> None:
        context.on_output = lambda text, stream: None
        gate.write_text("go\n")

    context.on_output = opener


async def test_output_of_both_streams_is_captured(context: RecordingContext) -> None:
    """Each under its own name, and exit code 0 is the result."""
    assert await run(context, "sh", "-c", "echo out; echo err >&2") == {"exit_code": 0}
    assert (context.text("stdout"), context.text("stderr")) == ("out\n", "err\n")


async def test_output_comes_while_the_program_runs_and_characters_stay_whole(
    context: RecordingContext, tmp_path: Path
) -> None:
    """The program goes on only when its first output was seen, which ended within a character."""
    gate = tmp_path / "gate"
    open_the_gate_after_output(context, gate)
    await run(context, "sh", "-c", r"printf 'a\303'; read _ < gate; printf '\244 \377\n'", cwd=str(tmp_path))
    assert context.outputs[0] == ("stdout", "a")
    assert context.text("stdout") == "aä \N{REPLACEMENT CHARACTER}\n"


async def test_stdin_is_fed_and_else_empty(context: RecordingContext) -> None:
    """A program that does not read it all is no error."""
    await run(context, "cat", stdin="grüße\n")
    assert context.text("stdout") == "grüße\n"
    await run(context, "cat")
    await run(context, "true", stdin="x" * 1_000_000)


async def test_the_working_directory_and_the_environment_can_be_given(
    context: RecordingContext, tmp_path: Path
) -> None:
    """On top of the clean environment, and PATH decides where the program is looked for."""
    (tmp_path / "tool").write_text("#!/bin/sh\npwd; echo $GREETING\n")
    (tmp_path / "tool").chmod(0o755)
    await run(context, "tool", cwd="/", env={"PATH": f"{tmp_path}:/usr/bin:/bin", "GREETING": "hi"})
    assert context.text("stdout") == "/\nhi\n"


async def test_the_environment_holds_no_secret_of_the_worker(
    context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is named is passed on, whatever else the worker was started with."""
    for name in ("JOBSCHED_DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "ANYTHING"):
        monkeypatch.setenv(name, "s3cret")
    await run(context, "env", env={"MINE": "1", "JOBSCHED_JOB_ID": "forged"})
    seen = dict(line.split("=", 1) for line in context.text("stdout").splitlines())
    assert seen.keys() <= {
        *("PATH", "HOME", "LANG", "TZ", "TERM", "MINE"),
        *("JOBSCHED_JOB_ID", "JOBSCHED_ATTEMPT", "JOBSCHED_LEASE_MARK", "JOBSCHED_LEASE_TOKEN"),
    }
    assert (seen["TERM"], seen["MINE"]) == ("dumb", "1")
    assert (seen["JOBSCHED_JOB_ID"], seen["JOBSCHED_ATTEMPT"]) == ("42", "1")
    assert seen["JOBSCHED_LEASE_MARK"] == context.lease_mark


@pytest.mark.parametrize(
    ("script", "message", "code"),
    [("exit 3", "exit code 3", 3), ("kill -9 $$", "ended by SIGKILL", 137), ("exit 255", "exit code 255", 255)],
)
async def test_another_exit_code_than_zero_fails_the_attempt(
    context: RecordingContext, script: str, message: str, code: int
) -> None:
    """It may be retried; the code is kept."""
    with pytest.raises(CommandFailed) as failed:
        await run(context, "sh", "-c", script)
    assert (str(failed.value), failed.value.exit_code) == (message, code)


async def test_a_program_that_cannot_be_run_goes_to_the_dead_letter_queue(
    context: RecordingContext, tmp_path: Path
) -> None:
    """No attempt could succeed: 127 not found, 126 not executable, as a shell says it."""
    (tmp_path / "data").write_text("no program")
    for argv, fields, code in (
        ("no-such-program", {}, 127),
        (str(tmp_path / "data"), {}, 126),
        ("true", {"cwd": str(tmp_path / "gone")}, 127),
        ("true\0", {}, 126),
    ):
        with pytest.raises(CommandNotStarted) as failed:
            await run(context, argv, **fields)
        assert isinstance(failed.value, Discard)
        assert failed.value.exit_code == code
    assert context.groups == []


async def test_a_shell_never_reads_the_arguments(context: RecordingContext) -> None:
    """Each is one argument, whatever it holds."""
    await run(context, "printf", "%s|", "$(id)", "; rm -rf x", "a b", "*")
    assert context.text("stdout") == "$(id)|; rm -rf x|a b|*|"


async def test_cancelling_asks_first_and_hears_the_last_words(context: RecordingContext) -> None:
    """SIGTERM goes to the whole group, and what it prints then is kept."""
    started = asyncio.Event()
    context.on_output = lambda text, stream: started.set()
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    job = asyncio.create_task(run(context, "sh", "-c", script))
    await started.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert context.text("stdout") == "ready\nbye\n"
    assert context.groups == context.ended_groups != []


async def test_a_program_that_ignores_the_request_is_killed(context: RecordingContext) -> None:
    """After two seconds, with its children."""
    pids: list[int] = []
    started = asyncio.Event()

    def note(text: str, stream: str) -> None:
        pids.extend(int(word) for word in text.split())
        if len(pids) == 2:
            started.set()

    context.on_output = note
    script = (
        "trap '' TERM; echo $$; (trap '' TERM; echo $(sh -c 'echo $PPID'); while :; do sleep 1; done) & wait; sleep 60"
    )
    job = asyncio.create_task(run(context, "sh", "-c", script))
    await started.wait()
    before = time.monotonic()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert 1.9 < time.monotonic() - before < 10
    assert all(ends(pid) for pid in pids)


async def test_what_a_program_leaves_behind_in_its_group_is_killed(context: RecordingContext) -> None:
    """It would hold the pipes open and keep the job running."""
    await run(context, "sh", "-c", "sleep 600 & echo $!")
    assert ends(int(context.text("stdout")))


async def test_a_daemon_that_left_the_group_does_not_keep_the_job_running(
    context: RecordingContext, tmp_path: Path
) -> None:
    """Its end is not waited for although it holds the pipes; the worker's mark is on it."""
    open_the_gate_after_output(context, tmp_path / "gate")
    script = "setsid sh -c 'echo $$; exec sleep 600' & read _ < gate"
    await run(context, "sh", "-c", script, cwd=str(tmp_path))
    pid = int(context.text("stdout"))
    try:
        assert is_alive(pid)
        assert f"JOBSCHED_LEASE_MARK={context.lease_mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        os.kill(pid, 9)


LEAVERS = (
    "setsid sh -c 'echo $$ > left; exec sleep 600' & "
    "(setsid sh -c '(exec sh -c \"echo \\$\\$ > forked; exec sleep 600\") & exit 0' &) ; "
    "while [ ! -s left ] || [ ! -s forked ]; do sleep 0.02; done; echo both; "
)
"""Starts a process in a session of its own, and one whose parents are gone; they write down their ids."""


def leavers(folder: Path) -> list[int]:
    return [int((folder / name).read_text()) for name in ("left", "forked")]


@pytest.mark.parametrize("ending", ["cancelled", "trapped", "failed"])
async def test_processes_that_left_the_group_end_with_a_job_that_did_not_succeed(
    context: RecordingContext, tmp_path: Path, ending: str
) -> None:
    """They are found by their environment; what another job of the same worker has started is not hit."""
    other = RecordingContext(tmp_path)
    other.token = context.token + 1
    await run(other, "sh", "-c", LEAVERS, cwd=str(tmp_path))
    spared = leavers(tmp_path)
    for name in ("left", "forked"):
        (tmp_path / name).unlink()
    started = asyncio.Event()
    context.on_output = lambda text, stream: started.set()
    script = {
        "cancelled": "sleep 60",
        "trapped": "trap 'exit 0' TERM; while :; do sleep 0.05; done",
        "failed": "exit 3",
    }[ending]
    try:
        job = asyncio.create_task(run(context, "sh", "-c", LEAVERS + script, cwd=str(tmp_path)))
        await started.wait()
        if ending != "failed":
            job.cancel()
        with pytest.raises(CommandFailed if ending == "failed" else asyncio.CancelledError):
            await job
        assert all(ends(pid) for pid in leavers(tmp_path))
        assert all(is_alive(pid) for pid in spared)
    finally:
        for pid in spared:
            os.kill(pid, 9)


async def test_the_names_of_variables_are_checked_without_being_repeated() -> None:
    """Who wrote NAME=SECRET in the place of a name reads no secret in the complaint."""
    for name in ("", "PASSWORD=hunter2"):
        with pytest.raises(ValidationError) as caught:
            Command(argv=["true"], env={name: "x"})
        (problem,) = caught.value.errors(include_input=False)
        assert "not that of a variable" in problem["msg"]
        assert "hunter2" not in problem["msg"]


async def test_many_megabytes_of_output_pass_through(context: RecordingContext) -> None:
    """Nothing is lost here; the worker's context keeps the first mebibyte."""
    await run(context, "head", "-c", "20000000", "/dev/zero")
    assert len(context.text("stdout")) == 20_000_000
