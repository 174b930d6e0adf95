"""One grammar for every list, change and wait: what is chosen, what is refused, what is shown."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import PROGRAM

Cli = Callable[..., Any]


def submit(cli: Cli, *lines: dict[str, Any]) -> list[str]:
    """Submit jobs and return their ids."""
    text = "".join(json.dumps({"type": "noop"} | line) + "\n" for line in lines)
    done: list[str] = cli("submit", "--batch", "-", "-q", stdin=text).lines
    return done


@pytest.fixture
def ids(cli: Cli) -> list[str]:
    """Four jobs: two of the queue mail, one of them cancelled, and two others, one of them held."""
    found = submit(
        cli,
        {"queue": "mail", "payload": {"user": 42}, "tags": ["nightly"]},
        {"queue": "mail", "payload": {"user": "ann"}},
        {"queue": "other", "priority": "high"},
        {"queue": "other"},
    )
    assert cli("cancel", found[0]).code == 0
    assert cli("hold", found[3]).code == 0
    return found


def test_lists_take_filters_names_and_both(cli: Cli, ids: list[str]) -> None:
    """-f, several of them, other filters beside them, ids, ranges, @mine and @last: all that is said holds."""

    def found(*argv: str, stdin: str = "") -> list[str]:
        done = cli("ls", "-q", *argv, stdin=stdin)
        assert done.code == 0, done.err
        return done.lines  # type: ignore[no-any-return]

    a, b, c, d = ids
    assert found("-f", "queue:mail") == [b, a]
    assert found("-f", "queue:mail", "-f", "state:queued") == [b]
    assert found("-f", "queue~m*l -state:queued", "--tag", "nightly") == [a]
    assert found("-f", "args.user=42") == [a]
    assert found("-f", "priority>=high") == [c]
    assert found("-f", f"-queue:mail {c}..{d}") == [d, c]
    assert found("-f", "held~*") == [d]
    assert found("-f", "error~cancelled") == [a]
    assert found(a, c) == [c, a]
    assert found(f"{a}..{c}", "-f", "state:queued") == [c, b]
    assert found("@mine") == [d, c, b, a]
    assert found("@last") == [d]
    assert found("-", "-f", "queue:other", stdin=f"{a}\n{d}\n") == [d]
    assert found("--sort", "queue") == [b, a, d, c]
    assert found("--sort", "-priority", "--limit", "2") == [c, d]


def test_an_error_in_a_filter_is_shown_where_it_is(cli: Cli) -> None:
    """The selection, carets below what is wrong, what was probably meant; for programs the position."""
    done = cli("ls", "-f", "queue:mail state:ded age>2h")
    assert done.code == 2
    assert done.err.splitlines() == [
        "jobsched: there is no state 'ded' — did you mean dead?",
        "  queue:mail state:ded age>2h",
        "                   ^^^",
        "  fix: jobsched ls --help",
        "  see: jobsched help selection",
    ]
    error = json.loads(cli("ls", "-f", "queue:mail state:ded", "-o", "json").err.splitlines()[-1])["error"]
    assert (error["code"], error["position"]) == ("SELECTION_INVALID", {"start": 17, "end": 20})
    wide = cli("ls", "-f", "queue:東東 stat:x").err.splitlines()
    assert wide[1:3] == ["  queue:東東 stat:x", "             ^^^^"]
    assert "\x1b" not in cli("ls", "-f", "queue:\x1b[2J stat:x").err


def test_a_change_takes_what_its_verb_is_for(cli: Cli, ids: list[str]) -> None:
    """Without a state, cancel takes what has not ended, hold what waits, release what is held, retry what failed."""
    a, b, c, d = ids
    assert cli("retry", "-f", "queue:mail").code == 2
    assert cli("retry", "-f", "queue:mail state:cancelled", "-q").lines == [a]
    assert cli("hold", "-f", "queue:mail", "-q").lines == [b, a]
    assert cli("release", "-f", "queue~*", "-q").lines == [d, b, a]
    assert cli("cancel", "@mine", "-f", "queue:other", "-q").lines == [d, c]
    assert cli("cancel", f"{a}..{d}", "-q").lines == [b, a]
    assert cli("cancel", "-f", "queue:mail").code == 2
    assert cli("cancel", "-f", "queue:mail", "--allow-empty").code == 0


def test_bulk_changes_go_through_pages_and_ask_once(cli: Cli, terminal: Callable[..., tuple[int, str]]) -> None:
    """More than a page of jobs: asked for by their number, dry runs list them, each has its result."""
    total = 1003
    submit(cli, *[{"queue": "bulk"}] * total)
    assert cli("cancel", "-f", "queue:bulk").code == 2
    dry = cli("cancel", "-f", "queue:bulk", "--dry-run", "-q")
    assert (dry.code, len(set(dry.lines))) == (0, total)
    assert f"would cancel {total} jobs" in dry.err
    code, shown = terminal("cancel", "-f", "queue:bulk", answer="y\n")
    assert (code, f"Type {total} to go on" in shown) == (6, True)
    assert cli("ls", "--count", "-f", "queue:bulk state:queued").out == f"{total}\n"
    done = cli("cancel", "-f", "queue:bulk", "--yes", "-o", "jsonl")
    assert (done.code, len(done.rows), {row["ok"] for row in done.rows}) == (0, total, {True})
    assert cli("ls", "--count", "--group-by", "queue,state").out == f"bulk\tcancelled\t{total}\n"


def test_counts_by_type_and_error(cli: Cli, ids: list[str]) -> None:
    """Sorted by name, or as --sort says; of an error's kind one message stands for all."""
    assert cli("ls", "--group-by", "type,queue").lines == ["noop\tmail\t2", "noop\tother\t2"]
    assert cli("ls", "--group-by", "state", "--sort", "-count").lines[0] == "queued\t2"
    by_error = cli("ls", "--group-by", "error", "-f", "state:cancelled", "-o", "json").json["items"]
    assert [(row["error"].partition(" by ")[0], row["count"]) for row in by_error] == [("cancelled", 1)]


def test_a_list_that_is_watched_tells_changes(
    cli: Cli, ids: list[str], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """In a pipe: what is there, then what changes, appears and leaves, one JSON object a line."""
    watching = subprocess.Popen(
        [*PROGRAM, "ls", "--watch", "--every", "0.1s", "-f", "state:queued,running"],
        stdout=subprocess.PIPE, text=True, env=shell_environ, cwd=tmp_path,
    )  # fmt: skip
    assert watching.stdout is not None
    try:
        first = [json.loads(watching.stdout.readline()) for _ in range(2)]
        cli("cancel", ids[1])
        left = json.loads(watching.stdout.readline())
    finally:
        watching.terminate()
        watching.wait(60)
        watching.stdout.close()
    assert [(row["change"], str(row["job"]["id"])) for row in first] == [("appeared", ids[1]), ("appeared", ids[2])]
    assert (left["kind"], left["change"], str(left["job"]["id"])) == ("job.change", "left", ids[1])


def test_waiting_has_goals(cli: Cli, ids: list[str]) -> None:
    """done, ok, running, states, a count; exit 1 as soon as it can no longer be, 124 when the time is over."""
    a, b, c, _ = ids
    assert cli("wait", a).code == 1
    assert cli("wait", a, "--for", "running").code == 0
    assert cli("wait", a, "--for", "state=cancelled").code == 0
    assert cli("wait", a, b, "--for", "state=cancelled,queued").code == 0
    assert cli("wait", a, b, "--for", "ok").lines[0].startswith(a)
    assert cli("wait", a, b, "--for", "ok").code == 1
    assert cli("wait", a, b, "--fail-fast").code == 1
    assert cli("wait", a, b, "--any", "--for", "ok", "--timeout", "10ms").code == 124
    assert cli("wait", b, c, "--for", "running", "--timeout", "10ms").code == 124
    assert cli("wait", "-f", "queue:mail state:cancelled", "--for", "state=cancelled", "-q").lines == [a]
    assert cli("wait", "-f", "state:queued", "--for", "count<3").out == "2\n"
    assert cli("wait", "-f", "state:queued", "--for", "count=0", "--timeout", "10ms").code == 124
    assert cli("wait", "-f", "state:dead").code == 2
    assert cli("wait", "-f", "state:dead", "--allow-empty").code == 0
    assert cli("show", "-f", "queue:mail", "-q").lines == [b, a]


def test_dead_letters_are_retried_with_care(cli: Cli, program: Cli, work: Callable[..., None]) -> None:
    """Canaries first: the others wait for their success; a rate; export; kinds by fingerprint."""
    dead = submit(cli, *[{"type": "fail", "payload": {"message": "invalid_job"}, "max_attempts": 1}] * 5)
    work()
    (kind,) = cli("dlq", "ls", "--by", "error", "-o", "json").json["items"]
    assert kind["count"] == 5
    assert cli("dlq", "show", kind["fingerprint"], "-q").lines == [dead[-1]]
    exported = cli("dlq", "export", kind["fingerprint"][:8]).rows
    assert [str(row["id"]) for row in exported] == dead[::-1]
    assert all(row["attempts"][0]["kind"] == "failed" for row in exported)
    assert cli("dlq", "retry", "feedface").code == 3
    late = cli("dlq", "retry", "--all", "--canary", "2", "--timeout", "10ms")
    assert (late.code, len(late.lines)) == (124, 2)
    assert "2 of 5 jobs were queued again before this" in late.err
    assert cli("ls", "--count", "-f", "state:dead").out == "3\n"
    assert cli("dlq", "retry", "-f", "error~invalid", "--rate", "100/s", "-q").lines == dead[2::-1]
    assert cli("dlq", "discard", "--all").code == 2


def test_changes_are_listed_and_undone(cli: Cli, ids: list[str], terminal: Callable[..., tuple[int, str]]) -> None:
    """The last one, or one by its number; twice is a conflict; a dry run names the jobs."""
    b, c = ids[1], ids[2]
    code, shown = terminal("cancel", b, c)
    assert code == 0
    listed = cli("ops", "ls", "-o", "json").json["items"]
    assert [(row["verb"], row["jobs"], row["selection"]) for row in listed] == [
        ("cancel", 2, f"{b} {c}"), ("hold", 1, ids[3]), ("cancel", 1, ids[0]),
    ]  # fmt: skip
    number = str(listed[0]["id"])
    assert f"to undo it: jobsched undo {number}" in shown
    assert cli("undo", "--dry-run", "-q").lines == [b, c]
    assert cli("undo", "-q").lines == [b, c]
    assert cli("ls", "-q", "-f", "state:queued").lines == [c, b]
    assert cli("undo", number).code == 4
    assert cli("undo", "999999").code == 3
    assert cli("undo", str(listed[1]["id"])).code == 0
    assert cli("ls", "--count", "-f", "state:queued").out == "3\n"
    assert cli("ops", "ls", "--mine", "--fields", "verb,undone_by").lines[0].startswith("cancel\t")


def test_a_list_that_is_watched_on_a_terminal_is_drawn_again_and_leaves_it_as_it_was(
    cli: Cli, ids: list[str], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """Each change is on the screen with the next look; Ctrl-C ends it, quietly, with the terminal's own settings."""
    mine, its = pty.openpty()
    before = termios.tcgetattr(its)
    watching = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *PROGRAM, "ls", "--watch", "--every", "0.1s", "-f", "state:queued,cancelled"],
        stdin=its, stdout=its, stderr=its, env=shell_environ | {"TERM": "xterm", "COLUMNS": "100"}, cwd=tmp_path,
    )  # fmt: skip
    try:
        shown = screen_with(mine, lambda text: text.count("queued") == 2)
        assert "Ctrl-C ends" in shown
        cli("cancel", ids[1])
        screen_with(mine, lambda text: text.count("queued") == 1)
        cli("cancel", ids[2])
        screen_with(mine, lambda text: "queued" not in text and "cancelled" in text)
        os.write(mine, b"\x03")
        last = rest_of(mine, watching)
        assert watching.wait(60) == 130
        assert termios.tcgetattr(its) == before
        assert "Traceback" not in last
        assert re.findall(r"\x1b\[\?\d+[hl]", last) == []  # no mode was set, so that none is left to be taken back
    finally:
        watching.kill()
        watching.wait(60)
        os.close(its)
        os.close(mine)


def screen_with(terminal: int, wanted: Callable[[str], bool]) -> str:
    """Read until a screen is as wanted, from one clearing to the next; return it."""
    text, end = "", time.monotonic() + 30
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
        for screen in text.split("\x1b[2J")[1:-1]:
            if wanted(screen):
                return screen
    raise AssertionError(text)


def rest_of(terminal: int, process: subprocess.Popen[bytes]) -> str:
    """What the terminal shows until the process has ended."""
    text = ""
    while select.select([terminal], [], [], 0.1)[0] or process.poll() is None:
        if select.select([terminal], [], [], 0)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text
