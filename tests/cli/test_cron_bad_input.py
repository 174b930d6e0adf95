"""Schedules that make no sense: one line that says which part and why, a fix, exit 2, and nothing stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobsched.tests.cli.conftest import Outcome

Cli = Callable[..., Outcome]

USAGE = [
    (["add"], "needs NAME"),
    (["add", "x"], "needs an EXPR"),
    (["add", "x", "noop"], "needs an EXPR"),
    (["add", "x", "*/5", "*", "*", "*", "*", "noop"], "'*/5' is one field of five"),
    (["add", "x", "5", "4", "*", "*", "*", "noop"], "'5' is one field of five"),
    (["add", "x", "* * * * *"], "needs a TYPE"),
    (["add", "x", "* * * * *", "--"], "there is no program behind --"),
    (["add", "x", "* * * * *", "noop", "--", "ls"], "both the type 'noop' and a program"),
    (["add", "x", "* * * * *", "noop", "word"], "is not a payload field"),
    (["add", "a b", "* * * * *", "noop"], "is not a name"),
    (["add", "x", "* * * *", "noop"], "4 fields in '* * * *'"),
    (["add", "x", "* * * * * *", "noop"], "6 fields"),
    (["add", "x", "61 * * * *", "noop"], "minute 61: 0 to 59"),
    (["add", "x", "* 24 * * *", "noop"], "hour 24: 0 to 23"),
    (["add", "x", "* * 0 * *", "noop"], "day of month 0"),
    (["add", "x", "* * * 13 *", "noop"], "month 13"),
    (["add", "x", "* * * * fry", "noop"], "day of week fry"),
    (["add", "x", "*/0 * * * *", "noop"], "minute */0: a step is 1 or more"),
    (["add", "x", "@every 0", "noop"], "an interval is at least a second"),
    (["add", "x", "@every -5s", "noop"], "is not a duration"),
    (["add", "x", "@reboot", "noop"], "@reboot"),
    (["add", "x", "@daly", "noop"], "@daly is not known"),
    (["add", "x", "@at soon", "noop"], "no ISO 8601 time"),
    (["add", "x", "@daily", "noop", "--tz", "Europe/Athen"], "there is no time zone 'Europe/Athen'"),
    (["add", "x", "@daily", "noop", "--tz", "../../etc/passwd"], "there is no time zone"),
    (["add", "x", "--at", "2035-01-01", "--tz", "Mars", "noop"], "there is no time zone"),
    (["add", "x", "--at", "soon", "noop"], "--at: 'soon' is not a time"),
    (["add", "x", "--at", "2020-01-01", "noop"], "has passed"),
    (["add", "x", "--at", "now", "noop"], "has passed"),
    (["add", "x", "@daily", "--at", "2035-01-01", "noop"], "both '@daily' and --at"),
    (["add", "x", "@daily", "noop", "--start", "2030-01-01", "--end", "2029-01-01"], "comes before the start"),
    (["add", "x", "@daily", "noop", "--start", "soon"], "--start: 'soon' is not a time"),
    (["add", "x", "@daily", "noop", "--jitter", "much"], "--jitter: 'much' is not a duration"),
    (["add", "x", "@daily", "noop", "--catchup", "some"], "--catchup: 'some' is not one of none, last, all"),
    (["add", "x", "@daily", "noop", "--overlap", "no"], "is not one of allow, skip, buffer-one, cancel-other"),
    (["add", "x", "@daily", "nop"], "no handler is called 'nop'"),
    (["add", "x", "@daily", "email", "to=nobody"], "the payload does not fit email — to"),
    (["add", "x", "@daily", "pdf_invoice"], "the payload does not fit pdf_invoice"),
    (["add", "x", "@daily", "noop", "--max-attempts", "0"], "must be 1 to 100"),
    (["add", "x", "@daily", "noop", "--timeout", "0"], "must be more than zero"),
    (["add", "x", "@daily", "noop", "--queue", "a b"], "is not a name"),
    (["add", "x", "@daily", "noop", "--env", "A=1"], "are for a program"),
    (["add", "x", "@daily", "noop", "--key", "k"], "has no flag --key"),
    (["add", "x", "@daily", "noop", "--after", "1"], "has no flag --after"),
    (["edit", "there"], "nothing to change was given"),
    (["edit", "there", "61 * * * *"], "minute 61"),
    (["edit", "there", "--unset", "payload.nope"], "there is no 'payload.nope'"),
    (["edit", "there", "--unset", "name"], "there is no 'name'"),
    (["edit", "there", "--type", "nop"], "no handler is called 'nop'"),
    (["edit", "there", "--rename", "a b"], "is not a name"),
    (["edit", "there", "--cwd", "/tmp"], "are for programs"),
    (["edit", "there", "a=1", "--", "ls"], "both payload fields and a program"),
    (["rm"], "nothing selected"),
    (["pause", "-"], "nothing selected"),
    (["rm", "-"], "nothing selected"),
    (["next"], "needs NAME|'EXPR'"),
    (["next", "61 * * * *"], "minute 61"),
    (["next", "@daily", "--tz", "Mars"], "there is no time zone"),
    (["next", "@daily", "-n", "0"], "--number"),
    (["next", "@daily", "--from", "soon"], "--from: 'soon' is not a time"),
    (["history", "--state", "lost"], "--state: 'lost' is not one of fired, skipped, missed"),
    (["history", "--before", "x y"], "--before"),
    (["history", "--limit", "0"], "--limit"),
    (["backfill", "there"], "needs --from"),
    (["backfill", "there", "--from", "1h", "--to", "2h"], "--to comes before --from"),
    (["backfill", "there", "--from", "soon"], "--from"),
    (["apply"], "needs --file"),
    (["apply", "-f", "/no/such/file"], "cannot be read"),
    (["import", "/no/such/file"], "cannot be read"),
    (["import", "-", "--user", "root"], "are for files with a user field"),
    (["import", "-", "--tz", "Mars"], "there is no time zone"),
    (["run", "--name", "a b"], "is not a name"),
    (["run", "--log-format", "xml"], "is not one of console, json"),
    (["ls", "-n"], "has no dry run"),
    (["lss"], "did you mean ls"),
    ([], "needs a verb"),
]


@pytest.mark.parametrize(("argv", "said"), USAGE, ids=[" ".join(argv) for argv, _ in USAGE])
def test_what_makes_no_sense_is_one_line_and_a_fix(cli: Cli, argv: list[str], said: str, database_url: str) -> None:
    """Exit 2, nothing on stdout, the reason and the fix on stderr, and the store as it was."""
    cli("cron", "add", "there", "@daily", "noop")
    done = cli("cron", *argv)
    assert (done.code, done.out) == (2, ""), done.err
    first, *rest = done.err.splitlines()
    assert first.startswith("jobsched: ")
    assert said in first
    assert any(line.startswith("  fix: ") for line in rest)
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("select name, expression, payload, revision from jobsched.schedule").fetchall()
    assert stored == [("there", "@daily", {}, 1)]


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "nope"], ["edit", "nope", "@daily"], ["trigger", "nope"], ["next", "nope"], ["history", "nope"],
        ["rm", "nope"], ["pause", "nope"], ["resume", "nope"], ["backfill", "nope", "--from", "1h"], ["export", "nope"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_unknown_schedule_is_exit_3(cli: Cli, argv: list[str]) -> None:
    """Not found; and the name that is like it."""
    cli("cron", "add", "nape", "@daily", "noop")
    done = cli("cron", *argv)
    assert done.code == 3
    assert "there is no schedule called 'nope'" in done.err
    assert "'nape'" in done.err


def test_a_name_that_is_taken_is_exit_4(cli: Cli) -> None:
    """By adding and by renaming; what is there stays as it is."""
    cli("cron", "add", "a", "@daily", "noop")
    cli("cron", "add", "b", "@daily", "noop")
    for argv in (["add", "a", "@hourly", "noop"], ["edit", "b", "--rename", "a"]):
        done = cli("cron", *argv)
        assert (done.code, done.out) == (4, "")
        assert "'a'" in done.err
    assert [line.split("\t")[2] for line in cli("cron", "ls").lines] == ["@daily", "@daily"]


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_date_that_never_comes_is_stored_and_pointed_out(cli: Cli, expression: str) -> None:
    """It may be on purpose; whoever adds it is told, and so is whoever looks."""
    done = cli("cron", "add", "x", expression, "noop")
    assert done.code == 0
    assert "schedule x never fires" in done.err
    assert cli("cron", "ls").lines[0].split("\t")[:2] == ["x", "over"]
    assert "never fires" in cli("cron", "next", "x").err
    assert "never fires" in cli("cron", "next", expression).err
    assert "schedule x never fires" in cli("cron", "edit", "x", "--queue", "q").err
    checked = cli("cron", "check", "-o", "jsonl")
    assert (checked.code, checked.rows[0]["problem"]) == (1, "never")
    text = f'[schedules.y]\nexpression = "{expression}"\ntype = "noop"\n'
    assert "schedule y never fires" in cli("cron", "apply", "-f", "-", stdin=text).err


def test_what_is_over_is_pointed_out(cli: Cli) -> None:
    """An end that has passed, a single time behind us."""
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for name, *argv in (("a", "@hourly", "--end", past), ("b", f"@at {past}")):
        done = cli("cron", "add", name, *argv, "noop")
        assert done.code == 0
        assert f"schedule {name} has no tick to come" in done.err


def test_a_type_that_nobody_knows_yet_needs_unchecked(cli: Cli) -> None:
    """As with submit."""
    assert cli("cron", "add", "x", "@daily", "later_type").code == 2
    assert cli("cron", "add", "x", "@daily", "later_type", "--unchecked").code == 0
    assert cli("cron", "edit", "x", "@hourly").code == 2
    assert cli("cron", "edit", "x", "@hourly", "--unchecked").code == 0


def test_payload_problems_are_told_field_by_field(cli: Cli) -> None:
    """Each on a line of its own."""
    done = cli("cron", "add", "x", "@daily", "image_resize", "sizes:=3", "colour=red")
    assert done.code == 2
    assert sum(line.startswith("  - ") for line in done.err.splitlines()) >= 2


WORDS = [
    "x", "y", "@daily", "* * * * *", "61 * * * *", "@every 1s", "noop", "a=1", "a:=1", "a:={", "--at", "2035-01-01",
    "--tz", "UTC", "Mars", "--start", "--end", "--jitter", "5s", "--catchup", "last", "--overlap", "skip", "--", "ls",
    "--args", "{}", "-n", "-o", "json", "-q", "--fields", "name", "--unset", "payload.a", "--rename", "--type", "-f",
    "-", "--prune", "--from", "1h", "--to", "--state", "fired", "--before", "--limit", "3", "--user", "root", "-y",
    "--system", "--partial", "", "\x1b[2J", "\udcff", "\x00", "東", "--help", "--unchecked", "--reason",
]  # fmt: skip
VERBS = [
    "add", "ls", "show", "edit", "rm", "pause", "resume", "trigger", "next", "history", "check", "backfill", "apply",
    "export", "import",
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=st.sampled_from(VERBS), rest=st.lists(st.sampled_from(WORDS), max_size=6))
def test_no_command_line_is_a_defect(cli: Cli, verb: str, rest: list[str]) -> None:
    """Whatever is typed, the exit code is one of the contract's and never "a defect"."""
    done = cli("cron", verb, *rest, stdin='[schedules.x]\nexpression = "@daily"\ntype = "noop"\n')
    assert done.code in (0, 1, 2, 3, 4, 5), done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err + done.out
