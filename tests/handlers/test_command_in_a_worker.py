"""The `command` handler in real workers: live output, ends, and workers that may not run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobsched.core.config import load
from jobsched.core.model.job import NewJob
from jobsched.core.model.states import State
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from tests.faults.fleet import PROGRAM, Fleet, is_alive, until

from .test_command import LEAVERS, ends, leavers  # noqa: TID251 (it is tests.handlers)

OWN = """
import subprocess
from jobsched import Context, handler

@handler("own_command", commands=True)
def own_command(payload: dict, context: Context) -> str:
    '''Run a program, with subprocess.'''
    return subprocess.check_output(payload["argv"], text=True)
"""


@pytest.fixture
def fleet(environ: dict[str, str], database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    """Workers with a handler of the test's own that runs programs; the submitter does not have it."""
    (tmp_path / "own.py").write_text(OWN)
    settings = load(environ=environ | {"JOBSCHED_DATABASE_URL": database_url}, cwd=tmp_path)
    with Service(settings, registry=Registry()) as service:
        workers = Fleet(environ | {"XDG_STATE_HOME": str(tmp_path)}, tmp_path, service)
        workers.environ |= {"PYTHONPATH": str(tmp_path), "JOBSCHED_IMPORTS": "own"}
        try:
            yield workers
        finally:
            workers.close()


def jobsched(fleet: Fleet, *argv: str, **options: Any) -> subprocess.Popen[str]:
    """One command line of somebody who has no handlers of his own."""
    environ = {name: value for name, value in fleet.environ.items() if name != "JOBSCHED_IMPORTS"}
    return subprocess.Popen([*PROGRAM, *argv], env=environ, cwd=fleet.folder, text=True, **options)


def shown(fleet: Fleet, job_id: int) -> str:
    """What a person sees of a job, notes on stderr included."""
    pipe = subprocess.PIPE
    with jobsched(fleet, "show", str(job_id), "-o", "table", stdout=pipe, stderr=subprocess.STDOUT) as process:
        return process.communicate(timeout=60)[0]


def submit(fleet: Fleet, script: str, **options: Any) -> int:
    payload = {"argv": ["sh", "-c", script], "cwd": str(fleet.folder), "env": {"GREETING": "hello"}}
    return fleet.service.submit(NewJob("command", payload, **options)).id


def test_a_line_is_read_while_the_program_waits_for_the_reader(fleet: Fleet) -> None:
    """`logs -f` has the first line before the program is given the word to print the second."""
    fleet.start("--allow-commands")
    gate = fleet.folder / "gate"
    os.mkfifo(gate)
    job_id = submit(fleet, "echo $GREETING from $PWD; read word < gate; echo the word is $word")
    with jobsched(fleet, "logs", "-f", str(job_id), stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == f"hello from {fleet.folder}\n"
        assert fleet.service.get(job_id).state is State.RUNNING
        gate.write_text("sesame\n")
        assert reader.stdout.readline() == "the word is sesame\n"
        assert reader.stdout.read() == ""
        assert reader.wait(60) == 0


def test_of_endless_output_the_beginning_is_kept(fleet: Fleet) -> None:
    """A mebibyte, and a line that says so; the job goes on."""
    fleet.start("--allow-commands")
    job_id = submit(fleet, "head -c 3000000 /dev/zero | tr '\\0' x; exit 0")
    (job,) = fleet.service.wait([job_id], timeout=60)
    chunks = fleet.service.output(job_id)
    assert job.state is State.SUCCEEDED
    assert sum(len(each.text) for each in chunks if each.stream == "stdout") == 1 << 20
    assert [each.text for each in chunks if each.stream == "log"] == [
        "output stopped: the limit of 1,048,576 bytes is reached\n"
    ]


@pytest.mark.parametrize("ending", ["cancel", "timeout", "kill"])
def test_nothing_of_a_job_outlives_its_forced_end(fleet: Fleet, ending: str) -> None:
    """Not the program, not what left its group: after a cancel, a timeout, the death of the runner."""
    worker = fleet.start("--allow-commands")
    timeout = 5.0 if ending == "timeout" else None
    job_id = submit(fleet, f"echo $$ > program; {LEAVERS} sleep 600", timeout=timeout, max_attempts=1)
    until(lambda: fleet.service.output(job_id), "the program says that all are there")
    pids = [int((fleet.folder / "program").read_text()), *leavers(fleet.folder)]
    assert all(is_alive(pid) for pid in pids)
    if ending == "cancel":
        fleet.service.cancel([job_id], by="test")
    elif ending == "kill":
        (runner,) = worker.runners()
        os.kill(runner, signal.SIGKILL)
        until(lambda: not any(is_alive(pid) for pid in pids), "all of the first attempt have ended")
        fleet.service.cancel([job_id], by="test")
    (job,) = fleet.service.wait([job_id], timeout=60)
    assert job.state is (State.DEAD if ending == "timeout" else State.CANCELLED)
    assert all(ends(pid) for pid in pids)


@pytest.mark.parametrize("job_type", ["command", "own_command"])
def test_a_program_waits_for_a_worker_that_may_run_it(fleet: Fleet, job_type: str) -> None:
    """`show` says what is missing while others are idle; then one comes that has it."""
    idle = fleet.start("--name", "idle")
    job_id = fleet.service.submit(NewJob(job_type, {"argv": ["echo", "hello"]})).id
    (one,) = fleet.submit("noop")
    fleet.service.wait([one], timeout=60)  # the idle worker works, and has passed the other job over

    assert fleet.service.get(job_id).state is State.QUEUED
    assert fleet.service.workers()[0].withheld == ("command", "own_command")
    said = shown(fleet, job_id)
    assert f"no worker runs jobs of type {job_type}: it runs programs" in said
    assert "jobsched worker --allow-commands" in said

    fleet.start("--allow-commands")
    (job,) = fleet.service.wait([job_id], timeout=60)
    assert job.state is State.SUCCEEDED
    assert job.worker != "idle"
    assert "--allow-commands" not in shown(fleet, job_id)
    assert idle.process.poll() is None


def test_nothing_secret_of_a_program_is_seen_anywhere(fleet: Fleet) -> None:
    """Environment and input reach the program, and no list, log of the worker, or dry run."""
    worker = fleet.start("--allow-commands", "--log-level", "debug")
    payload = {
        "argv": ["sh", "-c", "test ${#PIN} = 7 && grep -q ses"],
        "env": {"PIN": "hunter2"},
        "stdin": "sesame",
    }
    wrong = {"argv": ["true"], "env": {"PIN": ["hunter2"]}, "stdin": {"x": "sesame"}}
    good = fleet.service.submit(NewJob("command", payload)).id
    bad = fleet.service.submit(NewJob("command", wrong), unchecked=True).id
    ended = fleet.service.wait([good, bad], timeout=60)
    assert [job.state for job in ended] == [State.SUCCEEDED, State.DEAD]
    both, the_payload, the_wrong_one = (str(good), str(bad)), json.dumps(payload), json.dumps(wrong)
    asked = [
        ("show", "-v", *both), ("show", "-o", "json", *both), ("ls", "-o", "json"), ("ls", "--fields", "id,payload"),
        ("wait", "-o", "json", *both), ("dlq", "show", "-v", both[1]), ("dlq", "ls", "-o", "json"),
        ("dlq", "ls", "--by", "error", "-o", "json"), ("tail", "--since", "0", "-n", "2"),
        ("submit", "command", "--args", the_payload, "-n"), ("submit", "command", "--args", the_wrong_one),
    ]  # fmt: skip
    said = [json.dumps(worker.lines)]
    for argv in asked:
        with jobsched(fleet, *argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            said.append(process.communicate(timeout=60)[0])
    assert all(said)
    assert "(hidden)" in said[2]
    assert [each for each in said if "hunter2" in each or "sesame" in each] == []
