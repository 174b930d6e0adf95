"""What the hot commands load: start-up time is mostly imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAVY = {
    "sqlalchemy", "alembic", "textual", "pydantic", "rich", "apscheduler", "minio", "fpdf", "PIL", "httpx", "structlog",
    "prometheus_client", "msgspec", "jsonschema", "psycopg_pool", "filelock", "multiprocessing", "yaml",
}  # fmt: skip
REPORT = """
import sys
from jobsched.cli.main import run
code = run(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def loaded(environ: dict[str, str], cwd: Path, *argv: str, stdin: str = "") -> tuple[set[str], str]:
    """The modules that a command line loads when its stdout is a pipe, and what it wrote there."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *argv], env=environ, cwd=cwd, input=stdin, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return set(done.stderr.splitlines()[-1].split()), done.stdout


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


THIRD_PARTY = {
    "typer", "psycopg", "psycopg_binary", "typing_extensions", "annotated_doc", "cython_runtime", "shellingham",
    "jobsched",
}  # fmt: skip
SCRIPTED = [
    "submit noop",
    "submit noop a=1 --in 5s --key k",
    "submit noop --hold --tag nightly -o json",
    "submit --batch -",
    "submit noop -n",
    "ls",
    "ls -o json",
    "ls -o jsonl --state queued --since 1h",
    "ls --count",
    "ls --group-by queue,state",
    "ls --fail-if-any",
    "ls --fields id,state",
    "show {job}",
    "show {job} -o json",
    "logs {job}",
    "why {job}",
    "wait {done}",
    "wait {done} --propagate",
    "cancel {job}",
    "retry {done}",
    "hold {job}",
    "release {held}",
    "move {job} --to other",
    "dlq ls",
    "dlq ls --by error -o json",
    "dlq retry --all --allow-empty",
    "queue ls",
    "queue pause default",
    "queue resume default",
    "queue set default --max-running 5",
    "workers ls",
    "workers ls -o json",
]


@pytest.mark.parametrize("line", SCRIPTED)
def test_commands_of_scripts_load_the_standard_library_typer_and_psycopg(
    cli: Callable[..., Any], shell_environ: dict[str, str], tmp_path: Path, line: str
) -> None:
    """Nothing heavy, and nothing of ours that somebody who submits, looks and changes has no use for."""
    job, done = cli("submit", "noop").out.strip(), cli("submit", "noop").out.strip()
    held = cli("submit", "noop", "--hold").out.strip()
    cli("cancel", done)
    argv = line.format(job=job, done=done, held=held).split()
    modules, _ = loaded(shell_environ, tmp_path, *argv, stdin='{"type": "noop"}\n')
    assert not packages(modules) & HEAVY
    ours = packages(modules) - THIRD_PARTY - set(sys.stdlib_module_names)
    assert {name for name in ours if not name.startswith(("_", "sitecustomize"))} == set()
    assert "jobsched.core.engine" not in modules
    assert "jobsched.core.store.embedded.postmaster" not in modules
    assert "jobsched.cli.vocabulary" not in modules
    assert not {name for name in modules if name.startswith("jobsched.cli.reference")}


@pytest.mark.parametrize(
    "argv",
    [
        ["cron", "ls"], ["cron", "show", "x"], ["cron", "edit", "x", "a=2"], ["cron", "pause", "x"],
        ["cron", "trigger", "x"], ["cron", "next", "x"], ["cron", "history"], ["cron", "check"], ["cron", "export"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_schedules_are_read_and_changed_without_what_runs_them(
    cli: Callable[..., Any], shell_environ: dict[str, str], tmp_path: Path, argv: list[str]
) -> None:
    """APScheduler and the engine are `cron run`'s alone; what reads cron fields is small."""
    cli("cron", "add", "x", "@daily", "noop", "a=1")
    modules, _ = loaded(shell_environ, tmp_path, *argv)
    assert not packages(modules) & HEAVY
    assert "jobsched.core.engine" not in modules


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"], ["submit", "--help"], ["cron", "add", "--help"], ["config", "list"], ["help", "exit-codes"],
        ["completion", "bash"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_help_does_not_load_the_store(shell_environ: dict[str, str], tmp_path: Path, argv: list[str]) -> None:
    """No psycopg, no rich, and of the verbs only the one that was called."""
    modules, _ = loaded(shell_environ, tmp_path, *argv)
    assert not packages(modules) & (HEAVY | {"psycopg"})
    commands = {name for name in modules if name.startswith("jobsched.cli.commands.")}
    assert commands <= {f"jobsched.cli.commands.{argv[0]}"}


def test_the_version_loads_not_even_typer(shell_environ: dict[str, str], tmp_path: Path) -> None:
    """Scripts ask for it often."""
    modules, out = loaded(shell_environ, tmp_path, "--version")
    assert out.startswith("jobsched ")
    assert not packages(modules) & (HEAVY | {"psycopg", "typer"})
