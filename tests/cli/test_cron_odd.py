"""Schedules at the ends of time, schedules that this program cannot read, and pages of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from jobsched.core.cron import Cron
from jobsched.tests.cli.conftest import Outcome

Cli = Callable[..., Outcome]
Terminal = Callable[..., tuple[int, str]]


def change(database_url: str, what: str) -> None:
    """Let every schedule be another one, behind jobsched's back."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"update jobsched.schedule set {what}, revision = revision + 1".encode())


def test_bounds_at_the_ends_of_time_are_bounds(cli: Cli) -> None:
    """The first moment that can be written is a start, and what is asked about it is answered."""
    bounds = ("--start", "0001-01-01T00:00:00Z", "--end", "9999-12-31T23:59:59Z")
    assert cli("cron", "add", "x", "@yearly", "noop", *bounds).code == 0
    assert cli("cron", "ls").lines[0].split("\t")[:2] == ["x", "active"]
    assert cli("cron", "next", "x", "--from", "0001-01-01T00:00:00Z", "-n", "1").code == 0
    assert cli("cron", "backfill", "x", "--from", "0001-01-01T00:00:00Z", "--dry-run", "-q").code == 0
    exported = cli("cron", "export").out
    assert cli("cron", "apply", "-f", "-", stdin=exported).out == "x\tunchanged\t\n"


@pytest.mark.parametrize(
    ("what", "why"),
    [("timezone = 'Mars/Base'", "no time zone 'Mars/Base'"), ("expression = 'now'", "1 field in 'now'")],
    ids=["zone", "expression"],
)
def test_what_cannot_be_read_is_said_everywhere(
    cli: Cli, terminal: Terminal, database_url: str, what: str, why: str
) -> None:
    """It is not over; whoever looks is told why, and how it is mended."""
    cli("cron", "add", "x", "@hourly", "noop")
    change(database_url, what)

    assert cli("cron", "ls").lines[0].split("\t")[:2] == ["x", "unreadable"]
    assert cli("cron", "show", "x", "-o", "json").json["items"][0]["status"] == "unreadable"
    code, shown = terminal("cron", "show", "x", columns=200, NO_COLOR="1")
    assert code == 0
    assert "its ticks cannot be told here" in shown
    assert why in shown
    assert "jobsched cron edit x 'EXPR' --tz ZONE" in shown
    checked = cli("cron", "check", "-o", "jsonl")
    assert (checked.code, checked.rows[0]["problem"]) == (1, "unreadable")
    assert "schedule x cannot be read here" in cli("doctor").out
    assert cli("cron", "edit", "x", "0 4 * * *", "--tz", "UTC").code == 0
    assert cli("cron", "check").code == 0


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("starts_at = '-infinity', ends_at = 'infinity'", "active"),
        ("starts_at = '0044-03-15 00:00Z BC', ends_at = '10000-01-01 00:00Z'", "active"),
        ("starts_at = 'infinity', ends_at = 'infinity'", "over"),
        ("starts_at = '-infinity', ends_at = '-infinity'", "over"),
    ],
)
def test_bounds_that_python_cannot_hold_hide_no_schedule(cli: Cli, database_url: str, what: str, status: str) -> None:
    """Somebody stored them by a statement of his own."""
    cli("cron", "add", "x", "@hourly", "noop")
    change(database_url, what)
    assert cli("cron", "ls").lines[0].split("\t")[:2] == ["x", status]
    assert "1 schedule, and no tick is overdue" in cli("doctor").out


def test_people_hear_that_no_scheduler_runs(cli: Cli, terminal: Terminal, database_url: str) -> None:
    """When they add a schedule, and only then; a script is not told."""
    code, shown = terminal("cron", "add", "x", "@hourly", "noop", columns=120, NO_COLOR="1")
    assert (code, "no scheduler runs at the moment" in shown) == (0, True)
    assert cli("cron", "add", "y", "@hourly", "noop").err == ""
    with psycopg.connect(database_url, application_name="jobsched cron listener host:1"):
        assert "no scheduler" not in terminal("cron", "add", "z", "@hourly", "noop", NO_COLOR="1")[1]


def test_history_of_all_is_read_page_by_page(cli: Cli, database_url: str) -> None:
    """Ticks of one moment that a page cuts through are on the next one."""
    for name in ("a", "b", "c"):
        cli("cron", "add", name, "@yearly", "noop")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into jobsched.tick (schedule_id, scheduled_for, state, reason, by, origin) "
            "select id, at, 'missed', 'why', 'me', 'schedule' from jobsched.schedule, "
            "unnest(array['2026-01-01 00:00Z', '2026-01-01 01:00Z']::timestamptz[]) at"
        )
    found: list[Any] = []
    more: list[str] = []
    while page := cli("cron", "history", "-l", "2", "-o", "json", *more).json:
        found += [(row["scheduled_for"][11:13], row["schedule"]) for row in page["items"]]
        if page.get("next") is None:
            break
        more = ["--before", page["next"]]
    assert found == [(hour, name) for hour in ("01", "00") for name in "abc"]
    assert cli("cron", "history", "--before", "1h/no name").code == 2


def test_a_backfill_that_is_interrupted_says_how_it_goes_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command makes the jobs that it did not come to, and no other one twice."""
    cli("cron", "add", "x", "0 0 * * *", "noop")
    backfill = ("cron", "backfill", "x", "--from", "2026-01-01T00:00Z", "--to", "2026-01-09T00:00Z", "-q", "-y")
    monkeypatch.setattr("jobsched.core.cron.BACKFILL_BATCH", 3)
    decide = Cron._decide
    batches = []

    def interrupted(*args: Any) -> Any:
        batches.append(args)
        if len(batches) == 3:
            raise KeyboardInterrupt
        return decide(*args)

    monkeypatch.setattr(Cron, "_decide", interrupted)
    done = cli(*backfill)
    assert (done.code, done.out) == (130, "")
    assert "the same command again makes the others" in done.err
    assert cli("ls", "--count").out == "6\n"
    assert len(cli(*backfill).lines) == 2
    assert cli("ls", "--count").out == "8\n"


@pytest.mark.parametrize("argv", [("cron", "rm", "-"), ("cancel", "-")], ids=" ".join)
def test_json_that_is_nested_too_deeply_is_no_defect(cli: Cli, argv: tuple[str, ...]) -> None:
    """On stdin, where names and ids come from."""
    assert cli(*argv, stdin='{"id":' + "[" * 100_000).code == 2
