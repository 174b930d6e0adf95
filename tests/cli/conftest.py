"""Runs the program: in this process where only its answers matter, as a process of its own where the
operating system has a say, on a terminal where a person would sit."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobsched.cli.main import run

Spawn = Callable[..., "subprocess.Popen[bytes]"]
PROGRAM = [sys.executable, "-c", "import sys; from jobsched.cli.main import run; sys.exit(run())"]


@dataclass(frozen=True)
class Outcome:
    """What a run of the program ended with."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The objects of JSONL output."""
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def shell_environ(environ: dict[str, str], tmp_path: Path, database_url: str) -> dict[str, str]:
    """A user's environment whose store is this test's database."""
    return environ | {
        "JOBSCHED_DATABASE_URL": database_url,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "LANG": "C.UTF-8",
    }


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell_environ: dict[str, str], tmp_path: Path
) -> Callable[..., Outcome]:
    """cli("ls", "-q", stdin="…"): one command line, run in this process, piped."""
    for name in [name for name in os.environ if name.startswith(("JOBSCHED_", "XDG_", "LC_", "CLICOLOR", "FORCE_"))]:
        if not name.startswith("JOBSCHED_TEST_"):
            monkeypatch.delenv(name)
    for name, value in shell_environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*argv: str, stdin: str | bytes = "") -> Outcome:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        capsys.readouterr()
        code = run(argv)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call


@pytest.fixture
def program(shell_environ: dict[str, str], tmp_path: Path) -> Callable[..., Outcome]:
    """program("ls", …): one command line as a process of its own."""

    def call(*argv: str, stdin: str = "", **environ: str) -> Outcome:
        done = subprocess.run(
            [*PROGRAM, *argv], input=stdin, capture_output=True, text=True, timeout=60,
            env=shell_environ | environ, cwd=tmp_path,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def terminal(shell_environ: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """terminal("ls", …): exit code and everything shown by a process whose three streams are a terminal."""

    def call(
        *argv: str, answer: str = "", columns: int = 100, program: list[str] = PROGRAM, **environ: str
    ) -> tuple[int, str]:
        mine, its = pty.openpty()
        env = shell_environ | {"TERM": "xterm", "COLUMNS": str(columns), **environ}
        process = subprocess.Popen([*program, *argv], stdin=its, stdout=its, stderr=its, env=env, cwd=tmp_path)
        os.close(its)
        if answer:
            os.write(mine, answer.encode())
        shown = _read_all(mine)
        os.close(mine)
        return process.wait(60), shown

    return call


def _read_all(descriptor: int) -> str:
    data = b""
    while select.select([descriptor], [], [], 60)[0]:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            break
        if not piece:
            break
        data += piece
    return data.decode()


@pytest.fixture
def work(program: Callable[..., Outcome]) -> Callable[..., None]:
    """work(): a real worker runs until nothing is left to do."""

    def call(*flags: str) -> None:
        done = program("worker", "--burst", "--allow-commands", *flags)
        assert done.code == 0, done.err

    return call


@pytest.fixture
def spawn(shell_environ: dict[str, str], tmp_path: Path) -> Iterator[Spawn]:
    """spawn("worker", …): a process that runs beside the test; killed after it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*PROGRAM, *argv], env=shell_environ | {"JOBSCHED_POLL": "100ms", "JOBSCHED_LEASE": "2s"}, cwd=tmp_path,
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
