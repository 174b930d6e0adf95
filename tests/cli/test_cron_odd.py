"""Schedules at the ends of time, schedules that this program cannot read, and pages of all of them."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

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
