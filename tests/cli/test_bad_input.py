"""Bad input ends in one line, the fix, and the right exit code; nothing is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Cli = Callable[..., Any]

USAGE = [
    (["submit", "nop"], "no handler is called 'nop'"),
    (["submit"], "submit needs a TYPE"),
    (["submit", "--"], "there is no program behind --"),
    (["submit", "noop", "--", "ls"], "both the type 'noop' and a program"),
    (["submit", "noop", "word"], "is not a payload field"),
    (["submit", "noop", "--args", "{"], "--args is not JSON"),
    (["submit", "noop", "--args", "[]"], "a job's payload is a JSON object"),
    (["submit", "image_resize", "sizes:=3", "key=x"], "sizes"),
    (["submit", "noop", "--at", "yesterday"], "is not a time"),
    (["submit", "noop", "--in", "5 parsecs"], "is not a duration"),
    (["submit", "noop", "--at", "now", "--in", "5s"], "both a time and a delay"),
    (["submit", "noop", "--timeout", "0"], "must be more than zero"),
    (["submit", "noop", "--max-attempts", "0"], "must be 1 to 100"),
    (["submit", "noop", "--max-attempts", "101"], "must be 1 to 100"),
    (["submit", "noop", "--max-attempts", "many"], "--max-attempts"),
    (["submit", "noop", "--backoff", "sometimes:5s"], "is not one of exponential, linear, fixed"),
    (["submit", "noop", "--priority", "urgent"], "is not one of critical"),
    (["submit", "noop", "--queue", "a b"], "is not a name"),
    (["submit", "noop", "--tag", "a\nb"], "is not a name"),
    (["submit", "noop", "--key", ""], "idempotency key"),
    (["submit", "noop", "--env", "A=1"], "are for a program"),
    (["submit", "--env", "A", "--", "ls"], "is not KEY=VALUE"),
    (["submit", "noop", "--bogus"], "has no flag --bogus"),
    (["submit", "noop", "--quue", "a"], "did you mean --queue"),
    (["submit", "noop", "--queue"], "needs a value"),
    (["submit", "--batch", "/no/such/file"], "cannot be read"),
    (["submit", "--batch", "-", "--wait"], "does not wait"),
    (["submit", "noop", "-o", "xml"], "is not known"),
    (["submt", "noop"], "did you mean submit"),
    (["queue"], "needs a verb"),
    (["queue", "lss"], "did you mean ls"),
    (["queue", "pause"], "needs QUEUE"),
    (["queue", "pause", "default", "--cap", "3"], "has no flag --cap"),
    (["ls", "--state", "runnin"], "did you mean running"),
    (["ls", "--since", "a while"], "neither a duration"),
    (["ls", "--limit", "0"], "--limit"),
    (["ls", "--fields", "id,stat"], "did you mean state"),
    (["ls", "--group-by", "colour"], "there are queue, state"),
    (["ls", "-n"], "has no dry run"),
    (["show"], "nothing selected"),
    (["show", "12a"], "is not a job id"),
    (["show", "-5"], "has no flag"),
    (["show", "@last"], "@last is not known"),
    (["cancel"], "nothing selected"),
    (["cancel", "-"], "nothing selected"),
    (["dlq", "retry", "1", "abcdef0"], "one or the other"),
    (["ls", "-f", "state:ded"], "did you mean dead?"),
    (["cancel", "-f", ""], "the filter is empty"),
    (["wait", "1", "--for", "ever"], "count<10"),
    (["wait", "1", "--for", "state=ded"], "did you mean dead?"),
    (["ls", "--sort", "colour"], "jobs are not sorted by 'colour'"),
    (["ls", "--count", "--sort", "colour"], "there are count"),
    (["ls", "--watch", "--every", "1ms"], "at least 0.1 s"),
    (["ls", "--watch", "--count"], "on a terminal only"),
    (["dlq", "retry", "--all", "--rate", "fast"], "is not a rate"),
    (["retry", "--state", "dead"], "nothing selected"),
    (["wait", "--timeout", "soon", "1"], "is not a duration"),
    (["tail", "--since", "x"], "is not a place in the tail"),
    (["worker", "-c", "0"], "--concurrency"),
    (["worker", "--max-rss", "lots"], "is not a size"),
    (["db", "grant", "me"], "needs --as"),
    (["worker", "--lease", "1ms"], "too short — at least 1s"),
    (["worker", "--queues", ","], "names no queue"),
    (["worker", "--log-format", "xml"], "is not one of console, json"),
    (["handlers", "show", "pdf_invoic"], "did you mean pdf_invoice"),
    (["config", "get", "leas"], "did you mean lease"),
    (["help", "me"], "there is no topic"),
    (["help", "exit-code"], "did you mean exit-codes"),
    (["help", "submit"], "is a command, not a topic"),
]


@pytest.mark.parametrize(("argv", "said"), USAGE, ids=[" ".join(argv) for argv, _ in USAGE])
def test_a_command_line_that_makes_no_sense_is_one_line_and_a_fix(cli: Cli, argv: list[str], said: str) -> None:
    """Exit 2, nothing on stdout, the reason and the fix on stderr, never a traceback."""
    done = cli(*argv)
    assert (done.code, done.out) == (2, "")
    first, *rest = done.err.splitlines()
    assert first.startswith("jobsched: ")
    assert said in first
    assert any(line.startswith("  fix: ") for line in rest)
    assert "Traceback" not in done.err


def test_nothing_of_a_refused_job_is_stored(cli: Cli, database_url: str) -> None:
    """Refused at the door means: not in the store."""
    for argv, _ in USAGE:
        if argv[0] == "submit":
            cli(*argv)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from jobsched.job").fetchone() == (0,)


def test_a_payload_over_one_mebibyte_is_refused(cli: Cli, tmp_path: Path) -> None:
    """The message says how large it may be, the fix where the data belongs."""
    (tmp_path / "big.json").write_text(json.dumps({"a": "x" * (1 << 20)}))
    done = cli("submit", "noop", "--args", f"@{tmp_path / 'big.json'}")
    assert done.code == 2
    assert "the limit is 1,048,576" in done.err
    assert "object store" in done.err


@pytest.mark.parametrize("argv", [["show", "99"], ["wait", "99"], ["logs", "99"], ["show", "9" * 30], ["cancel", "99"]])
def test_an_unknown_job_is_exit_3(cli: Cli, argv: list[str]) -> None:
    """Not found differs from failed."""
    done = cli(*argv)
    assert done.code == 3
    assert "99" in done.err


@pytest.mark.parametrize(
    "argv", [["queue", "pause", "nope"], ["queue", "resume", "nope"], ["workers", "drain", "nope"]]
)
def test_an_unknown_queue_or_worker_is_exit_3(cli: Cli, argv: list[str]) -> None:
    """Pausing a queue that is not there is a typing mistake."""
    done = cli(*argv)
    assert (done.code, done.out) == (3, "")
    assert "'nope'" in done.err


def test_an_unreachable_store_is_exit_69(cli: Cli) -> None:
    """The store's address is shown, its password is not."""
    done = cli("ls", "--database-url", "postgresql://me:hush@127.0.0.1:1/db")
    assert (done.code, done.out) == (69, "")
    assert "127.0.0.1" in done.err
    assert "hush" not in done.err


def test_a_database_that_is_not_there_is_named(cli: Cli, database_url: str) -> None:
    """One line that names the database."""
    done = cli("ls", "--database-url", database_url.rpartition("/")[0] + "/no_such_db")
    assert done.code in (69, 78)
    assert "no_such_db" in done.err


def test_a_newer_schema_is_exit_78(cli: Cli, database_url: str) -> None:
    """A program never writes to a store that it does not understand."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update jobsched.alembic_version set version_num = '9999'")
    done = cli("submit", "noop")
    assert (done.code, done.out) == (78, "")
    assert "newer" in done.err


def test_a_handler_module_that_does_not_import_is_exit_78(cli: Cli, tmp_path: Path) -> None:
    """Its own error is named."""
    (tmp_path / "broken_handlers.py").write_text("import no_such_module_at_all\n")
    done = cli("--import", "broken_handlers", "submit", "noop")
    assert (done.code, done.out) == (78, "")
    assert "no_such_module_at_all" in done.err


def test_the_help_that_is_named_is_that_of_the_whole_command(cli: Cli) -> None:
    """Of `queue pause`, not of `queue`, which says nothing about its flags."""
    assert "fix: jobsched queue pause --help" in cli("queue", "pause", "q", "--until", "x").err


def test_a_setting_that_cannot_be_read_is_exit_78(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv("JOBSCHED_LEASE", "long")
    done = cli("ls")
    assert done.code == 78
    assert "JOBSCHED_LEASE" in done.err


def test_errors_are_json_too_where_the_output_is(cli: Cli) -> None:
    """The last line of stderr is {"error": …}, also for a command line that could not be parsed."""
    for argv in (["show", "99", "-o", "json"], ["ls", "--bogus", "-ojsonl"], ["--output=json", "lss"]):
        done = cli(*argv)
        error = json.loads(done.err.splitlines()[-1])["error"]
        assert set(error) >= {"code", "message", "fix", "retryable"}
        assert done.out == ""


WORDS = [
    "ls", "show", "cancel", "retry", "queue", "dlq", "handlers", "config", "help", "submit", "noop", "pause", "get",
    "explain", "1", "-1", "0", "@last", "-", "--", "--state", "dead", "--queue", "-Q", "a b", "--fields", "id", "-o",
    "json", "jsonl", "csv", "id", "-q", "-n", "-y", "--limit", "--before", "--since", "1h", "--tag", "--count",
    "--group-by", "state", "--at", "now", "--in", "--key", "--time", "epoch", "--color", "a=1", "a:=1", "a:={", "@x",
    "", "\x1b[2J", "\udcff", "\x00", "東", "--import", "--reason", "--by", "error", "--all", "--allow-empty", "--help",
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=st.sampled_from(WORDS[:10]), rest=st.lists(st.sampled_from(WORDS), max_size=6))
def test_no_command_line_is_a_defect(cli: Cli, verb: str, rest: list[str]) -> None:
    """Whatever is typed, the exit code is one of the contract's and never "a defect"."""
    done = cli(verb, *rest)
    assert done.code in (0, 1, 2, 3, 4, 5, 78), done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err + done.out


def test_a_defect_is_one_line_unless_debugging(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """JOBSCHED_DEBUG=1 adds the traceback to the same line."""
    from jobsched.cli import invocation

    def broken() -> None:
        raise RuntimeError("boom\x1b[2J")

    monkeypatch.setattr(invocation, "open_service", broken)
    done = cli("ls")
    assert done.code == 125
    assert "a defect of jobsched's own — RuntimeError: boom\\e[2J" in done.err
    assert "Traceback" not in done.err
    monkeypatch.setenv("JOBSCHED_DEBUG", "1")
    assert "Traceback" in cli("ls").err
