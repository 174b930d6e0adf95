"""The verb `tui`, where there is no screen, and where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_without_a_terminal_it_says_what_to_use_instead(cli: Callable[..., Any]) -> None:
    """Exit 2, and nothing on stdout: escape codes in a pipe help nobody."""
    outcome = cli("tui")
    assert (outcome.code, outcome.out) == (2, "")
    assert "terminal" in outcome.err
    assert "fix: jobsched tui --plain" in outcome.err


def test_a_dumb_terminal_is_none(terminal: Callable[..., Any]) -> None:
    """It cannot move its cursor."""
    code, shown = terminal("tui", TERM="dumb")
    assert code == 2
    assert "TERM is dumb" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "flags", [["--view", "nowhere"], ["--refresh", "1ms"], ["--refresh", "soon"], ["-f", "stat:x"]], ids=" ".join
)
def test_flags_that_make_no_sense_are_refused(cli: Callable[..., Any], flags: list[str]) -> None:
    """Before anything is drawn."""
    assert cli("tui", *flags).code == 2


def test_a_store_that_is_not_there_is_said_before_the_screen_is_taken(
    terminal: Callable[..., Any],
) -> None:
    """With the exit code that every command has for it."""
    code, shown = terminal("tui", JOBSCHED_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert code == 69
    assert "no connection" in shown
    assert "\x1b[?1049h" not in shown


def test_keys_are_heard_and_the_terminal_is_given_back(terminal: Callable[..., Any]) -> None:
    """q ends it with 0; the alternate screen is left."""
    code, shown = terminal("tui", answer="q", LANG="C.UTF-8")
    assert code == 0
    assert "\x1b[?1049h" in shown
    assert shown.rstrip().rfind("\x1b[?1049l") > shown.rfind("\x1b[?1049h")


def test_keys_are_listed_by_their_names(cli: Callable[..., Any]) -> None:
    """Without a terminal, for whoever writes a [keymap]."""
    outcome = cli("tui", "--keys", "-o", "tsv")
    assert outcome.code == 0
    assert "jobs_cancel\tC\tCancel" in outcome.out.splitlines()


def test_a_profile_says_which_keys_there_are_and_how_careful_one_has_to_be(
    terminal: Callable[..., Any], environ: dict[str, str]
) -> None:
    """Its name is in the header; a key that is none is refused before the screen is taken."""
    file = Path(environ["XDG_CONFIG_HOME"]) / "jobsched" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('[profile.live]\ntui.read_only = true\nkeymap.app_quit = "X"\n[profile.wrong]\nkeymap.quit = "X"\n')
    code, shown = terminal("-p", "live", "tui", answer="X", LANG="C.UTF-8")
    assert code == 0
    assert "live" in shown
    assert "RO" in shown
    code, shown = terminal("-p", "wrong", "tui")
    assert code == 78
    assert "keymap.quit is nothing that has a key" in shown


def test_a_filter_is_where_it_begins(terminal: Callable[..., Any]) -> None:
    """Such as the command line of a list that was copied."""
    code, shown = terminal("tui", "-f", "state:dead", answer="q", LANG="C.UTF-8")
    assert code == 0
    assert "no job matches" in shown


def test_a_dumb_terminal_is_enough_for_lines(terminal: Callable[..., Any], cli: Callable[..., Any]) -> None:
    """A numbered menu, and no escape code; the error of the screens names the flag."""
    cli("submit", "noop", "-q", "--queue", "emails")
    code, shown = terminal("tui", "--plain", answer="3\nq\n", TERM="dumb")
    assert code == 0
    assert "1 overview, 2 queues, 3 jobs" in shown
    assert "queued, noop, queue emails" in shown
    assert "\x1b" not in shown
    assert "jobsched tui --plain" in terminal("tui", TERM="dumb")[1]


def test_lines_begin_where_they_are_asked_to(terminal: Callable[..., Any], program: Callable[..., Any]) -> None:
    """A pipe will do; a store that is not there is said with its exit code."""
    outcome = program("tui", "--plain", "-f", "state:dead", "--read-only", stdin="q\n")
    assert outcome.code == 0
    assert "jobs that fit state:dead" in outcome.out
    assert "read-only" in outcome.out
    code, shown = terminal("tui", "--plain", TERM="dumb", JOBSCHED_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert code == 69
    assert "no connection" in shown
