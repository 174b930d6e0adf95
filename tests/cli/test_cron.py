"""`cron add`, `edit`, `ls`, `show`, `rm`, `pause`, `resume`, `trigger`: schedules by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from jobsched.tests.cli.conftest import Outcome

Cli = Callable[..., Outcome]
Terminal = Callable[..., tuple[int, str]]


def schedule(cli: Cli, name: str) -> dict[str, Any]:
    """The schedule as `cron show -o json` tells it."""
    found: dict[str, Any] = cli("cron", "show", name, "-o", "json").json["items"][0]
    return found


def names(cli: Cli) -> list[str]:
    return cli("cron", "ls", "-q").lines


def test_every_option_reaches_the_schedule(cli: Cli) -> None:
    """Timing, rules and every option that `submit` has for a job that is made again and again."""
    done = cli(
        "cron", "add", "report", "*/5 8-17 * * mon-fri", "noop", "a=1", "b:=[2]", "--tz", "Europe/Athens",
        "--jitter", "30s", "--start", "2026-01-01 00:00", "--end", "2040-01-01T00:00:00Z", "--catchup", "last",
        "--overlap", "skip", "--queue", "reports", "--priority", "high", "--max-attempts", "7", "--backoff",
        "fixed:30s", "--timeout", "2m", "--unique", "u", "--concurrency-key", "c", "--tag", "x", "--tag", "y",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    stored = schedule(cli, "report")
    expected = {
        "expression": "*/5 8-17 * * mon-fri", "timezone": "Europe/Athens", "type": "noop", "jitter": 30.0,
        "start": "2025-12-31T22:00:00.000Z", "end": "2040-01-01T00:00:00.000Z", "catchup": "last", "overlap": "skip",
        "queue": "reports", "priority": "high", "max_attempts": 7, "backoff": "fixed:30s", "timeout": 120.0,
        "unique_key": "u", "concurrency_key": "c", "tags": ["x", "y"], "payload": {"a": "1", "b": [2]},
        "status": "active", "revision": 1,
    }  # fmt: skip
    assert {key: stored[key] for key in expected} == expected
    assert stored["created_by"] == stored["updated_by"]
    assert stored["next_at"] > "2026"


def test_what_nobody_named_is_the_types_own(cli: Cli) -> None:
    """As with `submit`; UTC, no catch-up, every overlap allowed."""
    cli("cron", "add", "mail", "@daily", "email", "to=a@example.com", "message=hi")
    stored = schedule(cli, "mail")
    assert (stored["queue"], stored["max_attempts"], stored["backoff"]) == ("default", 5, "exponential:1m..1h")
    assert (stored["timezone"], stored["catchup"], stored["overlap"]) == ("UTC", "none", "allow")


def test_a_program_behind_two_dashes_is_a_command(cli: Cli) -> None:
    """Nothing behind -- is read as ours."""
    done = cli("cron", "add", "sh", "@hourly", "--cwd", "/tmp", "--", "sh", "-c", "echo $A", "--", "--queue", "x")
    assert done.code == 0, done.err
    stored = schedule(cli, "sh")
    assert (stored["type"], stored["queue"]) == ("command", "default")
    assert stored["payload"] == {"argv": ["sh", "-c", "echo $A", "--", "--queue", "x"], "cwd": "/tmp"}


def test_seed_002s_example_is_one_line(cli: Cli) -> None:
    """Its type, schedule and payload: a mail every ten minutes."""
    done = cli(
        "cron", "add", "notification", "*/10 * * * *", "email_notification", "recipient=user@example.com",
        "message=Your scheduled email notification!",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert schedule(cli, "notification")["payload"] == {
        "recipient": "user@example.com",
        "message": "Your scheduled email notification!",
    }
    ticks = [row["scheduled_for"] for row in cli("cron", "next", "notification", "-n", "4", "-o", "jsonl").rows]
    assert [tick[15:] for tick in ticks] == ["0:00.000Z"] * 4
    job_id = cli("cron", "trigger", "notification").out.strip()
    (job,) = cli("show", job_id, "-o", "json").json["items"]
    assert (job["type"], job["schedule"]) == ("email_notification", "notification")


def test_a_one_time_schedule_fires_once(cli: Cli) -> None:
    """--at instead of EXPR; read in --tz, where that is given."""
    assert cli("cron", "add", "launch", "--at", "2035-07-01 09:00", "--tz", "Europe/Athens", "noop").code == 0
    assert schedule(cli, "launch")["expression"] == "@at 2035-07-01T06:00:00Z"
    assert [row["local"] for row in cli("cron", "next", "launch", "-o", "jsonl").rows] == ["2035-07-01T09:00:00+03:00"]


def test_a_dry_run_shows_the_schedule_and_stores_nothing(cli: Cli) -> None:
    """Defaults are filled in, what is wrong is found, also with what would be changed."""
    done = cli("cron", "add", "x", "@hourly", "noop", "a=1", "-n", "-o", "json")
    (item,) = done.json["items"]
    assert (done.code, item["queue"], item["max_attempts"], item["payload"]) == (0, "default", 3, {"a": "1"})
    assert "nothing was changed" in done.err
    assert cli("cron", "add", "x", "@hourly", "image_resize", "-n").code == 2
    assert names(cli) == []
    cli("cron", "add", "x", "@hourly", "noop")
    (item,) = cli("cron", "edit", "x", "@daily", "-n", "-o", "json").json["items"]
    assert (item["expression"], schedule(cli, "x")["expression"]) == ("@daily", "@hourly")


def test_an_edit_changes_what_is_given_and_nothing_else(cli: Cli) -> None:
    """Expression, fields of the payload, options; the rest stays."""
    cli("cron", "add", "x", "0 3 * * *", "noop", "a=1", "b=2", "--queue", "q", "--timeout", "1m", "--jitter", "5s")
    before = schedule(cli, "x")
    assert cli("cron", "edit", "x", "0 4 * * *", "b:=3", "c=4", "--overlap", "skip").code == 0
    after = schedule(cli, "x")
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {"expression", "payload", "overlap", "next_at", "updated_at", "revision", "decided_until"}
    assert (after["expression"], after["payload"]) == ("0 4 * * *", {"a": "1", "b": 3, "c": "4"})
    cli("cron", "edit", "x", "--unset", "timeout,jitter,payload.a", "--unset", "queue", "--rename", "y")
    renamed = schedule(cli, "y")
    assert (renamed["timeout"], renamed["jitter"], renamed["queue"]) == (None, 0.0, "default")
    assert renamed["payload"] == {"b": 3, "c": "4"}
    cli("cron", "edit", "y", "--args", '{"message": "new"}', "--type", "fail")
    assert (schedule(cli, "y")["payload"], schedule(cli, "y")["type"]) == ({"message": "new"}, "fail")
    assert cli("cron", "edit", "y", "--at", "2035-01-01T00:00:00Z").code == 0
    assert schedule(cli, "y")["expression"] == "@at 2035-01-01T00:00:00Z"


def test_what_is_hidden_is_not_shown_and_survives_an_edit(cli: Cli, database_url: str) -> None:
    """A program's environment may hold passwords: no door shows it, and what is not named stays."""
    cli("cron", "add", "x", "@hourly", "--env", "PASSWORD=sesame", "--", "true")
    assert cli("cron", "edit", "x", "--timeout", "1m", "--", "false").code == 0
    shown = [cli("cron", verb, *argv, "-o", form).out for verb, argv in (("show", ["x"]), ("ls", []), ("export", []))
             for form in ("json", "tsv", "csv")]  # fmt: skip
    shown += [cli("cron", "export").out, cli("cron", "add", "z", "@daily", "--env", "P=sesame", "-n", "--", "true").out]
    assert "sesame" not in "".join(shown)
    assert schedule(cli, "x")["payload"] == {"argv": ["false"], "env": "(hidden)"}
    with psycopg.connect(database_url) as connection:
        (payload,) = connection.execute("select payload from jobsched.schedule where name = 'x'").fetchone() or ((),)
    assert payload == {"argv": ["false"], "env": {"PASSWORD": "sesame"}}


def test_a_list_is_what_its_format_says(cli: Cli) -> None:
    """One line each, by name; ids are names; JSON has every field."""
    for name in ("b", "a"):
        cli("cron", "add", name, "@hourly", "noop")
    assert names(cli) == ["a", "b"]
    first = cli("cron", "ls").lines[0].split("\t")
    assert first[:5] == ["a", "active", "@hourly", "UTC", "noop"]
    listed = cli("cron", "ls", "-o", "json").json
    assert listed["kind"] == "schedule.list"
    assert [item["name"] for item in listed["items"]] == ["a", "b"]
    fields = cli("cron", "ls", "--fields").lines
    assert set(listed["items"][0]) == set(fields)
    assert cli("cron", "ls", "-o", "csv").lines[0].startswith("name,status,expression,timezone,type,next_at")
    assert cli("cron", "ls", "--fields", "name,next").code == 2


def test_paused_schedules_say_by_whom_and_why(cli: Cli, terminal: Terminal) -> None:
    """And have no next tick; ticks meanwhile are nobody's."""
    cli("cron", "add", "x", "@hourly", "noop")
    assert cli("cron", "pause", "x", "--reason", "the printer burns").lines == ["x\ttrue\tpaused\t"]
    stored = schedule(cli, "x")
    assert (stored["status"], stored["next_at"], stored["pause_reason"]) == ("paused", None, "the printer burns")
    assert "the printer burns" in terminal("cron", "show", "x", NO_COLOR="1")[1]
    assert "is paused" in cli("cron", "next", "x").err
    assert cli("cron", "resume", "x").lines == ["x\ttrue\tactive\t"]
    assert schedule(cli, "x")["paused_by"] is None


@pytest.mark.parametrize("verb", ["rm", "pause", "resume"])
def test_several_are_changed_one_by_one(cli: Cli, verb: str) -> None:
    """A line each; 0 if all went well, 5 if some did, their own code if none did."""
    for name in ("a", "b", "c"):
        cli("cron", "add", name, "@hourly", "noop")
    done = cli("cron", verb, "a", "nope", "b", "a", "-o", "jsonl")
    assert done.code == 5
    assert [(row["name"], row["ok"], row["code"]) for row in done.rows] == [
        ("a", True, None), ("nope", False, "SCHEDULE_NOT_FOUND"), ("b", True, None)
    ]  # fmt: skip
    assert "'nope'" in done.err
    assert cli("cron", verb, "nope", "neither").code == 3
    assert cli("cron", verb, "-", stdin='c\tactive\n{"name": "nope"}\n\n').code == 5
    assert names(cli) == ([] if verb == "rm" else ["a", "b", "c"])


def test_a_dry_run_of_several_changes_none(cli: Cli) -> None:
    """The names, and how many there are."""
    cli("cron", "add", "a", "@hourly", "noop")
    for verb in ("rm", "pause", "resume"):
        done = cli("cron", verb, "a", "-n")
        assert (done.code, done.lines) == (0, ["a"])
    assert schedule(cli, "a")["status"] == "active"


def test_many_are_asked_about(cli: Cli, terminal: Terminal) -> None:
    """More than twenty, as with jobs; no is exit 6."""
    text = "".join(f'[schedules.s{number}]\nexpression = "@daily"\ntype = "noop"\n' for number in range(21))
    cli("cron", "apply", "-f", "-", stdin=text)
    everything = names(cli)
    refused = cli("cron", "rm", *everything)  # nobody sits at a terminal
    assert (refused.code, len(names(cli))) == (2, 21)
    assert "add --yes" in refused.err
    assert terminal("cron", "rm", *everything, answer="n\n")[0] == 6
    assert cli("cron", "rm", "-y", *everything).code == 0
    assert names(cli) == []


def test_a_trigger_is_a_job_and_a_tick(cli: Cli, work: Callable[..., None]) -> None:
    """The bare id in a pipe; the job knows its schedule in every list."""
    cli("cron", "add", "x", "@yearly", "noop", "a=1")
    job_id = cli("cron", "trigger", "x").out
    assert job_id.strip().isdecimal()
    work()
    (tick,) = cli("cron", "history", "x", "-o", "jsonl").rows
    assert (tick["job_id"], tick["job_state"], tick["origin"]) == (int(job_id), "succeeded", "trigger")
    (job,) = cli("show", "@last", "-o", "json").json["items"]
    assert (job["schedule"], job["scheduled_for"], job["payload"]) == ("x", tick["scheduled_for"], {"a": "1"})
    assert cli("ls", "--fields", "id,schedule").out == f"{job_id.strip()}\tx\n"
    (event,) = cli("tail", "-n", "1", "--since", "0-0-0").rows
    assert (event["schedule"], event["scheduled_for"]) == ("x", tick["scheduled_for"])
    assert cli("cron", "trigger", "x", "--wait-timeout", "50ms").code == 124


def test_jobs_outlive_their_schedule(cli: Cli) -> None:
    """`rm` forgets the ticks and leaves the jobs."""
    cli("cron", "add", "x", "@yearly", "noop")
    job_id = cli("cron", "trigger", "x").out.strip()
    assert cli("cron", "rm", "x").code == 0
    assert cli("show", job_id).code == 0
    assert cli("cron", "history").out == ""
    assert cli("cron", "history", "x").code == 3


def test_people_are_told_when_it_fires_and_what_became_of_it(cli: Cli, terminal: Terminal) -> None:
    """What it does, its ticks, and what can be done."""
    code, shown = terminal("cron", "add", "x", "0 3 * * *", "noop", "--tz", "Europe/Athens", columns=80, NO_COLOR="1")
    assert code == 0
    assert re.search(r"✔ x added: 0 3 \* \* \*, next in .*, \w{3} \d{4}-\d\d-\d\d 03:00:00 EES?T", shown)
    cli("cron", "trigger", "x")
    _, shown = terminal("cron", "show", "x", columns=80, NO_COLOR="1")
    assert re.search(r"triggered by \S+: job \d+ ○ queued", shown)
    assert "jobsched cron trigger x" in shown


def test_people_see_whose_tick_a_job_is(cli: Cli, terminal: Terminal) -> None:
    """In the list, in full, and when it ends."""
    cli("cron", "add", "x", "@yearly", "noop")
    cli("cron", "trigger", "x")
    assert re.search(r"^  schedule +x, due (now|.* ago)\r?$", terminal("show", "@last", NO_COLOR="1")[1], re.MULTILINE)
    assert "SCHEDULE" in terminal("ls", NO_COLOR="1")[1].splitlines()[0]
    cli("cancel", "@last")
    shown = terminal("tail", "-n", "1", "--since", "0-0-0", NO_COLOR="1")[1]
    assert "noop (default) of x  ⊘ cancelled" in shown


@pytest.mark.parametrize(
    "argv", [["ls"], ["next", "x"], ["history"], ["check"], ["pause", "x"], ["resume", "x"], ["rm", "x"]], ids=" ".join
)
def test_every_verb_has_words_for_people(cli: Cli, terminal: Terminal, argv: list[str]) -> None:
    """On a terminal of 80 columns, it ends well and fits."""
    cli("cron", "add", "x", "0 3 * * *", "noop", "--tz", "Europe/Athens")
    cli("cron", "trigger", "x")
    code, shown = terminal("cron", *argv, columns=80, NO_COLOR="1")
    assert code == 0, shown
    assert all(len(line) <= 80 for line in shown.splitlines()), shown


def test_hostile_text_cannot_repaint_the_screen(cli: Cli, terminal: Terminal) -> None:
    """Payloads, reasons: in tables, in words, in TOML, on stderr."""
    hostile = "\x1b[2J\x1b]0;x\x07\u202e[bold]b[/bold]\nline two"
    cli("cron", "add", "x", "@hourly", "noop", f"text={hostile}")
    assert cli("cron", "pause", "x", "--reason", hostile).code == 2
    for argv in (["show", "x"], ["ls", "--fields", "name,payload"], ["export"], ["next", hostile]):
        _, shown = terminal("cron", *argv, NO_COLOR="1")
        assert not set(shown) & set("\x1b\x07\u202e")
    assert cli("cron", "export").out.count("[bold]b[/bold]") == 1
