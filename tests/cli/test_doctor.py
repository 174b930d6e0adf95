"""`jobsched doctor`: what this host tells, the exit codes, and that it says all it can without a store."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from jobsched.cli.text import escape
from jobsched.core import config
from jobsched.core.config import Settings
from jobsched.core.doctor import examine
from jobsched.core.host import process_start
from jobsched.core.model.findings import Finding, Level
from jobsched.core.store import embedded
from jobsched.tests.cli.conftest import Outcome
from jobsched.tests.conftest import end_server
from jobsched.tests.store.hands import Hands

Cli = Callable[..., Outcome]
Program = Callable[..., Outcome]
Usage = namedtuple("Usage", "total used free")


def found(done: Outcome, check: str) -> list[dict[str, str]]:
    return [row for row in done.rows if row["check"] == check]


def test_a_sound_embedded_store_is_exit_0_within_two_seconds(program: Program, home: Path) -> None:
    """One that anybody gets who runs `jobsched` with nothing configured."""
    with_home = {"JOBSCHED_DATABASE_URL": ""}
    assert program("db", "up", **with_home).code == 0
    began = time.monotonic()
    done = program("doctor", "-o", "jsonl", **with_home)
    took = time.monotonic() - began
    assert done.code == 0, done.out
    assert took < 2 + 1  # the interpreter's start on a busy machine
    assert {row["level"] for row in done.rows} <= {"ok", "note"}
    assert {"store", "schema", "embedded", "objects", "disk", "files"} <= {row["check"] for row in done.rows}
    assert str(home) in found(done, "embedded")[0]["what"]


def test_what_is_bad_is_exit_1(cli: Cli) -> None:
    """Here the server of the tests, which would not survive a crash."""
    done = cli("doctor", "-o", "jsonl")
    assert done.code == 1
    assert "fsync is off" in [row["what"] for row in done.rows if row["level"] == "bad"]
    assert " bad" in done.err


def test_a_store_that_was_killed_is_exit_69_with_all_that_its_folder_tells(program: Program, home: Path) -> None:
    """That it does not run, the pid file, the end of its log, the command that starts it; and nothing is started."""
    environ = {"JOBSCHED_DATABASE_URL": ""}
    assert program("db", "up", **environ).code == 0
    there = embedded.status(home)
    assert there.pid
    os.kill(there.pid, signal.SIGKILL)
    while process_start(there.pid) is not None:
        pass
    done = program("doctor", "-o", "jsonl", **environ)
    assert done.code == 69, done.err
    words = " ".join(row["what"] for row in done.rows)
    assert "it does not run" in words
    assert "postmaster.pid was left behind" in words
    assert found(done, "server log")
    assert found(done, "embedded")[0]["fix"] == "jobsched db up"
    assert found(done, "disk")
    assert not embedded.status(home).running
    end_server(home)


def test_a_store_that_was_never_there_or_is_elsewhere_is_exit_69(cli: Cli, program: Program) -> None:
    """The fix says what to do; no password is shown."""
    never = program("doctor", "-o", "jsonl", JOBSCHED_DATABASE_URL="")
    assert never.code == 69
    assert found(never, "embedded")[0]["fix"] == "jobsched db up"
    refused = cli("--database-url", "postgresql://me:sesame@127.0.0.1:1/x", "doctor", "-o", "jsonl")
    assert refused.code == 69
    assert refused.rows[0]["level"] == "bad"
    assert "sesame" not in refused.out + refused.err


def test_a_store_that_does_not_answer_costs_two_seconds(cli: Cli, settings: Settings) -> None:
    """However long commands may wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        done = cli("--database-url", f"postgresql://me@127.0.0.1:{port}/x?sslmode=disable", "doctor", "-o", "jsonl")
    assert done.code == 69
    assert time.monotonic() - began < 4


def test_text_of_the_store_cannot_reach_the_terminal(
    cli: Cli, terminal: Callable[..., tuple[int, str]], database_url: str
) -> None:
    """A worker's name is anything that some program wrote."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        Hands(connection, "\x1b[2J[red]evil\x07")
        connection.execute("update jobsched.worker set heartbeat_at = now() - interval '1 h'")
    for flags in ((), ("-o", "jsonl"), ("-o", "csv")):
        done = cli("doctor", *flags)
        assert "\x1b" not in done.out + done.err
        assert "\x07" not in done.out
    code, shown = terminal("doctor", NO_COLOR="1")
    assert code == 1
    assert escape("\x1b[2J[red]evil\x07") in shown
    assert "\x1b[2J" not in shown


def test_write_puts_and_deletes_an_object(cli: Cli, home: Path) -> None:
    """Without it nothing is written, not even the folder."""
    cli("doctor")
    assert not (home / "objects").exists()
    done = cli("doctor", "--write", "-o", "jsonl")
    assert "put, read back and deleted" in found(done, "objects")[0]["what"]
    assert not [path for path in (home / "objects").rglob("*") if path.is_file()]


def test_an_object_store_that_cannot_be_used_is_bad(cli: Cli, shell_environ: dict[str, str], tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A folder that is a file; an endpoint where nobody is."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JOBSCHED_OBJECTS_DIR", str(tmp_path / "file"))
    assert found(cli("doctor", "-o", "jsonl"), "objects")[0]["level"] == "bad"
    for name, value in (("ENDPOINT", "http://127.0.0.1:1"), ("ACCESS_KEY", "a"), ("SECRET_KEY", "sesame")):
        monkeypatch.setenv(f"JOBSCHED_S3_{name}", value)
    done = cli("doctor", "-o", "jsonl")
    assert found(done, "objects")[0]["level"] == "bad"
    assert "sesame" not in done.out


def by(findings: list[Finding], check: str) -> list[Finding]:
    return [each for each in findings if each.check == check]


@pytest.fixture
def look(environ: dict[str, str], settings: Settings, tmp_path: Path) -> Callable[..., list[Finding]]:
    """look("disk"): what is found by one check of this host."""

    def findings(check: str, **options: object) -> list[Finding]:
        return by(examine(settings, environ=environ, cwd=tmp_path, **options).findings, check)  # type: ignore[arg-type]

    return findings


@pytest.mark.parametrize(
    ("free", "level"),
    [(100 << 20, Level.BAD), (900 << 20, Level.WARN), (3 << 30, Level.WARN), (30 << 30, Level.OK)],
)
def test_a_disk_that_fills_up_is_told_before_it_is_full(
    look: Callable[..., list[Finding]], free: int, level: Level
) -> None:
    """By what is free, and by its share; home and objects on one file system are one finding."""
    (disk,) = look("disk", usage=lambda path: Usage(100 << 30, (100 << 30) - free, free))
    assert disk.level is level
    assert "home, objects" in disk.what


def test_a_file_with_secrets_that_others_can_read_is_bad(
    look: Callable[..., list[Finding]], environ: dict[str, str]
) -> None:
    """It is named with the secrets' names, never their values; without secrets it may be open."""
    path = config.user_config_file(environ)
    path.parent.mkdir(parents=True)
    path.write_text('poll = "2s"\n')
    path.chmod(0o644)
    assert [each.level for each in look("files")] == [Level.OK]
    path.write_text('database_url = "postgresql://me:sesame@db/x"\n[databases]\napp = "postgresql://u:p@db/y"\n')
    (opened, _) = look("files")
    assert opened.level is Level.BAD
    assert "database_url, databases.app" in opened.what
    assert "sesame" not in opened.what
    assert opened.fix == f"chmod 600 {path}"
    path.chmod(0o640)
    assert look("files")[0].level is Level.NOTE
    path.chmod(0o600)
    assert [each.level for each in look("files")] == [Level.OK]
