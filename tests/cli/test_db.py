"""`jobsched db`: the store seen from the terminal. Each run is a process, as a user has it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsched.core.host import identify
from jobsched.core.store import embedded, schema
from jobsched.core.store.connect import connect
from jobsched.core.store.fleet import Registration, register
from jobsched.core.store.verify import INVARIANTS

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path) -> Run:
    """Runs `jobsched db ARGUMENTS` with the isolated environment."""

    def run_db(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        program = "import sys; from jobsched.cli.main import run; sys.exit(run())"
        return subprocess.run(
            [sys.executable, "-P", "-c", program, "db", *arguments],
            env=environ | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run_db


def status(run: Run, **variables: str) -> dict[str, object]:
    done = run("status", "-o", "jsonl", **variables)
    return dict(json.loads(done.stdout))


def test_up_status_down(run: Run, home: Path) -> None:
    """The life of an embedded store: data on stdout, words on stderr, exit codes that scripts can use."""
    down = run("status")
    assert down.returncode == 1
    up = run("up")
    assert up.returncode == 0, up.stderr
    assert up.stdout.startswith("postgresql://jobsched@127.0.0.1:")
    assert up.stderr.startswith("creating the embedded store")
    shown = status(run)
    assert shown["url"] == up.stdout.strip()
    assert shown["running"] is True
    assert shown["schema"] == schema.HEAD
    assert shown["pid"] == embedded.status(home).pid
    stopped = run("down")
    assert stopped.returncode == 0
    assert stopped.stdout == ""
    assert "stopped the embedded store" in stopped.stderr
    assert status(run)["running"] is False
    assert "no embedded store runs" in run("down").stderr


def test_the_password_is_shown_only_on_request(run: Run, home: Path) -> None:
    """Nothing but `up --show-password` prints what connects."""
    plain = run("up")
    shown = run("up", "--show-password")
    password = (home / "embedded" / "password").read_text()
    assert password not in plain.stdout + plain.stderr + run("status", "-o", "json").stdout
    assert shown.stdout.strip() == embedded.recorded_url(home)


def test_a_configured_store_is_used_and_never_stopped(run: Run, database_url: str, home: Path) -> None:
    """`down` refuses (exit 6); `up` has nothing to start; no embedded one appears beside it."""
    up = run("up", JOBSCHED_DATABASE_URL=database_url)
    assert up.returncode == 0, up.stderr
    assert "nothing to start" in up.stderr
    refused = run("down", JOBSCHED_DATABASE_URL=database_url)
    assert refused.returncode == 6
    assert "JOBSCHED_DATABASE_URL" in refused.stderr
    shown = status(run, JOBSCHED_DATABASE_URL=database_url)
    assert shown["origin"] == "configured by JOBSCHED_DATABASE_URL"
    assert not home.exists()


def test_upgrade_says_what_it_did(run: Run, make_database: Callable[..., str]) -> None:
    """The version goes to stdout; doing it twice does nothing."""
    url = make_database(empty=True)
    first = run("upgrade", JOBSCHED_DATABASE_URL=url)
    assert (first.returncode, first.stdout) == (0, f"{schema.HEAD}\n")
    assert f"from none to {schema.HEAD}" in first.stderr
    second = run("upgrade", JOBSCHED_DATABASE_URL=url)
    assert (second.returncode, second.stdout) == (0, f"{schema.HEAD}\n")
    assert "already" in second.stderr


def test_check_is_silent_about_a_sound_store(run: Run, database_url: str) -> None:
    """Exit 0 and no record."""
    done = run("check", JOBSCHED_DATABASE_URL=database_url)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"{len(INVARIANTS)} of {len(INVARIANTS)} rules hold" in done.stderr


def test_check_names_rule_and_job_where_one_is_broken(run: Run, database_url: str) -> None:
    """Exit 1, with one line for each broken rule."""
    with connect(database_url) as connection:
        connection.execute(
            "insert into jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base,"
            " backoff_cap, submitter, idempotency_key)"
            " values (7, 'default', 'noop', '{}', 2, 3, 'fixed', 1, 1, 'test', 'lost')"
        )
        connection.execute(
            "insert into jobsched.delayed (job_id, state, run_at, attempt, crashes, losses, solo)"
            " values (8, 'scheduled', now(), 0, 0, 0, false)"
        )
    done = run("check", JOBSCHED_DATABASE_URL=database_url)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "every job is in exactly one place\t1\t7",
        "every row belongs to a job\t1\t8",
        "no id and no token is above its sequence\t1\t7",
        "idempotency keys and their jobs lead to each other\t1\t7",
    ]
    assert f"{len(INVARIANTS) - 4} of {len(INVARIANTS)} rules hold" in done.stderr


def test_check_refuses_a_newer_schema(run: Run, database_url: str) -> None:
    """Exit 78, and nothing is read that this program might misunderstand."""
    with connect(database_url) as connection:
        connection.execute("update jobsched.alembic_version set version_num = '9999'")
    done = run("check", JOBSCHED_DATABASE_URL=database_url)
    assert done.returncode == 78
    assert "upgrade jobsched" in done.stderr


def test_an_unreachable_store_is_exit_69(run: Run) -> None:
    """One line with the fix, no traceback, no password."""
    done = run("status", JOBSCHED_DATABASE_URL="postgresql://me:secret@127.0.0.1:1/db")
    assert done.returncode == 69
    assert len(done.stderr.splitlines()) == 2
    assert "secret" not in done.stderr


def test_down_warns_about_workers(run: Run, home: Path) -> None:
    """Whoever runs jobs on this store will have to stop them."""
    run("up")
    url = embedded.recorded_url(home)
    assert url
    with connect(url) as connection:
        register(
            connection,
            Registration(
                name="w",
                identity=identify(),
                version="1",
                queues=None,
                types=["noop"],
                schemas={},
                concurrency=1,
                lease_seconds=30,
                mark="m",
            ),
        )
    done = run("down")
    assert done.returncode == 0
    assert "1 worker is using this store" in done.stderr


def test_grant_lets_a_role_look_and_nothing_else(run: Run, database_url: str) -> None:
    """The words say what it may; a role or an access that does not exist is told with what to do."""
    role = f"reporting_{os.getpid()}"
    with connect(database_url) as connection:
        connection.execute(f"create role {role} login password 'sesame'".encode())
    url = re.sub("//.*@", f"//{role}:sesame@", database_url)
    try:
        before = run("check", JOBSCHED_DATABASE_URL=url)
        granted = run("grant", role, "--as", "viewer", JOBSCHED_DATABASE_URL=database_url)
        after = run("check", JOBSCHED_DATABASE_URL=url)
        itself = run("grant", role, "--as", "submitter", JOBSCHED_DATABASE_URL=url)
    finally:
        with connect(database_url) as connection:
            connection.execute(f"drop owned by {role}; drop role {role}".encode())
    assert (before.returncode, after.returncode) == (77, 0)
    assert (granted.returncode, granted.stdout) == (0, "")
    assert granted.stderr.startswith(f"{role} may look in postgresql://")
    assert itself.returncode == 77, itself.stderr
    unknown = run("grant", "nobody-here", "--as", "viewer", JOBSCHED_DATABASE_URL=database_url)
    assert unknown.returncode == 3
    assert "create role" in unknown.stderr
    wrong = run("grant", role, "--as", "king", JOBSCHED_DATABASE_URL=database_url)
    assert wrong.returncode == 2
    assert "viewer, submitter, none" in wrong.stderr
