"""The schemas of JSON outputs: a promise that only grows, kept by what the commands really write."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from jsonschema import Draft202012Validator

from jobsched.cli.reference import json_schema
from jobsched.cli.reference.kinds import KINDS
from jobsched.tests.cli.conftest import Spawn
from jobsched.tests.cli.schemas import validate
from jobsched.tests.faults.fleet import until
from jobsched.tests.store.old_jobs import old_job

Cli = Callable[..., Any]
CLI = Path(__file__).parents[2] / "cli"
GOLDEN = Path(__file__).with_name("golden")
WRITE = "JOBSCHED_TEST_WRITE_GENERATED"
"""Set, what is new is added to the golden files; what was promised stays: `make generated`."""


def broken_promises(before: Any, after: Any, where: str = "") -> list[str]:
    """What a reader who relies on the schema `before` would miss in `after`."""
    if not isinstance(before, dict):
        return [] if before == after else [f"{where} was {before} and is {after}"]
    found: list[str] = []
    for key, value in before.items():
        if key in ("$schema", "title", "description"):
            continue
        if not isinstance(after, dict) or key not in after:
            found.append(f"{where}/{key} is gone")
        elif key == "required":
            found += [f"{where}/{name} need not be there any more" for name in set(value) - set(after[key])]
        else:
            found += broken_promises(value, after[key], f"{where}/{key}")
    return found


@pytest.mark.parametrize("name", json_schema.names())
def test_generated_schemas_keep_what_was_promised(name: str) -> None:
    """No field is gone, none has another type, none that was always there is optional now."""
    file = GOLDEN / f"{name}.json"
    schema = json_schema.schema(name)
    Draft202012Validator.check_schema(schema)
    if file.exists():
        assert broken_promises(json.loads(file.read_text()), schema) == []
    if os.environ.get(WRITE):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(json.dumps(schema, indent=1) + "\n")
    assert json.loads(file.read_text()) == schema, "make generated"


def test_no_promise_is_withdrawn_with_its_kind() -> None:
    """Each golden file is of a kind that there is."""
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(json_schema.names())


def test_a_broken_promise_is_found() -> None:
    """A removed field, another type, a field that became optional; a new field breaks nothing."""
    before = json_schema.schema("job")
    after: dict[str, Any] = json.loads(json.dumps(before))
    after["properties"]["new"] = {"type": "string"}
    assert broken_promises(before, after) == []
    del after["properties"]["error"]
    after["properties"]["attempt"] = {"type": "string"}
    after["required"].remove("state")
    assert len(broken_promises(before, after)) == 3


def test_every_kind_that_is_written_has_a_schema() -> None:
    """Each call that writes records names a kind of the list."""
    written = {
        node.args[0].value
        for file in CLI.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("emit", "writer")
        and isinstance(node.func.value, ast.Name) and node.func.value.id == "output"
        and node.args and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip
    assert written == set(KINDS)


def test_no_field_hides_the_envelope() -> None:
    """`v` and `kind` say what a line is."""
    for name, kind in KINDS.items():
        assert {"v", "kind"} & {column.name for column in kind.columns()} == set(), name


@pytest.fixture
def busy(
    cli: Cli, work: Callable[..., None], shell_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch,
    database_url: str,
) -> dict[str, str]:  # fmt: skip
    """A store in which everything has happened once: names of what may be asked about."""
    for name in ("JOBSCHED_RETENTION_SUCCEEDED", "JOBSCHED_RETENTION_DEAD"):
        shell_environ[name] = "0"
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("JOBSCHED_DB_DEFAULT", database_url)
    Path(".jobsched.toml").write_text("[profile.test]\npoll = '2s'\n")
    with psycopg.connect(database_url, autocommit=True) as db:
        old_job(db, 1, payload="{}", days=50)
    dead = cli("submit", "fail", "message=invalid_job", "--max-attempts", "1").out.strip()
    said = cli("submit", "--", "echo", "hello").out.strip()
    cli("submit", "data_archival")
    cli("db-tx", "init", "default")
    work()
    cli("cron", "add", "nightly", "@daily", "noop")
    cli("cron", "trigger", "nightly")
    cli("cron", "add", "broken", "0 0 30 2 *", "noop")
    Path("schedules.toml").write_text('[schedules.new]\nexpression = "@daily"\ntype = "noop"\n')
    waiting = cli("submit", "noop", "--tag", "a", "--in", "1h").out.strip()
    child = cli("submit", "noop", "--after", waiting).out.strip()
    return {"dead": dead, "said": said, "waiting": waiting, "child": child}


COMMANDS: list[tuple[str, str]] = [
    ("job", "ls"),
    ("job", "show {dead}"),
    ("job", "show {said} {child}"),
    ("job", "wait {dead} {said}"),
    ("job", "dlq ls"),
    ("job", "dlq show {dead}"),
    ("count", "ls --count"),
    ("count", "ls --group-by queue,state"),
    ("dlq.group", "dlq ls --by error"),
    ("job.output", "logs {said}"),
    ("reason", "why {child} {dead}"),
    ("event", "tail -n 2 --since 0-0-0"),
    ("job.submitted", "submit noop"),
    ("job.submitted", "submit noop --key k"),
    ("job.preview", "submit noop --in 5s --after {dead}:any --timeout 3s -n"),
    ("submit.result", "submit --batch -"),
    ("job.selected", "cancel {waiting} -n"),
    ("job.result", "cancel {waiting} {dead}"),
    ("job.result", "dlq discard {dead}"),
    ("operation", "ops ls"),
    ("queue", "queue ls"),
    ("queue", "queue pause default --reason why --until 1h"),
    ("queue", "queue set default --rate 5/s"),
    ("queue.purged", "queue purge default -y"),
    ("handler", "handlers ls"),
    ("handler", "handlers show db_tx"),
    ("setting", "config list"),
    ("setting", "config get lease"),
    ("setting", "config explain lease"),
    ("profile", "config profiles"),
    ("tui.key", "tui --keys"),
    ("store", "db status"),
    ("finding", "doctor"),
    ("invariant", "verify"),
    ("database", "db-tx ls"),
    ("database.pruned", "db-tx prune default"),
    ("archive", "archive ls"),
    ("archive.job", "archive show 1 --jobs"),
    ("archive.verified", "archive verify"),
    ("archive.restored", "archive restore 1"),
    ("chaos.plan", "chaos --plan --seed 1"),
    ("schedule", "cron ls"),
    ("schedule", "cron show nightly"),
    ("schedule.preview", "cron add other @daily noop -n"),
    ("schedule.result", "cron pause nightly other"),
    ("schedule.selected", "cron rm nightly -n"),
    ("schedule.change", "cron apply --file schedules.toml -n"),
    ("tick.next", "cron next nightly"),
    ("tick", "cron history"),
    ("schedule.trouble", "cron check"),
    ("schema", "schema"),
    ("bench", "bench enqueue --jobs 1000 --seconds 0.5 -y --store {url}"),
]


@pytest.mark.timeout(300)
def test_what_commands_write_is_what_their_schemas_say(cli: Cli, busy: dict[str, str], database_url: str) -> None:
    """Every field is declared, has its type, and is there; as one document and line by line."""
    batch = '{"type": "noop"}\n{"type": "no_such_type"}\nno JSON\n'
    for kind, line in COMMANDS:
        argv = line.format(**busy, url=database_url).split()
        lines = cli(*argv, "-o", "jsonl", stdin=batch)
        assert lines.rows, (line, lines.err)
        assert {validate(row) for row in lines.rows} <= {kind}, line
        whole = cli(*argv, "-o", "json", stdin=batch)
        assert validate(whole.json) == f"{kind}.list", line


def test_a_live_worker_and_broken_rules_are_described(cli: Cli, database_url: str, spawn: Spawn) -> None:
    """What needs a worker that lives, and a store that somebody has tampered with."""
    spawn("worker", "--name", "one")
    workers = until(lambda: cli("workers", "ls", "-o", "json").json["items"], "the worker is there")
    assert validate(cli("workers", "ls", "-o", "json").json) == "worker.list"
    assert validate(cli("workers", "drain", workers[0]["name"], "-o", "jsonl").json) == "worker"

    cli("queue", "pause", "default")
    cli("submit", "noop", "--in", "1h")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from jobsched.delayed")
    assert validate(cli("verify", "--violations", "-o", "json").json) == "violation.list"
    assert validate(cli("db", "check", "-o", "json").json) == "breach.list"
    assert validate(cli("verify", "-o", "json").json) == "invariant.list"


ELSEWHERE = {"demo", "chaos"}
"""Kinds that take minutes to write: the tests of these commands look at them."""


def test_every_kind_is_looked_at() -> None:
    """A new kind is written by a command of this file."""
    seen = {kind for kind, _ in COMMANDS} | {"worker", "violation", "breach"} | ELSEWHERE
    assert seen == set(KINDS)


@pytest.mark.parametrize("line", ["show 99", "submit no_such_type", "ls --bogus", "submit image_resize sizes:=3 a=1"])
def test_errors_are_what_their_schema_says(cli: Cli, line: str) -> None:
    """The last line of stderr, with all problems of a payload."""
    done = cli(*line.split(), "-o", "json")
    assert validate(json.loads(done.err.splitlines()[-1])) == "error"


def test_a_schema_is_printed(cli: Cli) -> None:
    """Of a line, of a document; a kind that there is not is exit 3, with what was meant."""
    assert cli("schema", "job").json == json_schema.schema("job")
    assert cli("schema", "queue.list").json == json_schema.schema("queue.list")
    done = cli("schema", "jbo")
    assert (done.code, done.out) == (3, "")
    assert "did you mean job?" in done.err
