"""Processes and their streams: pipes that close, full disks, terminals, and stdout that holds data alone."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobsched.cli.group import verbs

PROGRAM = [sys.executable, "-c", "import sys; from jobsched.cli.main import run; sys.exit(run())"]
Cli = Callable[..., Any]


def shell(line: str, environ: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    program = f"{sys.executable} -c '{PROGRAM[2]}'"
    return subprocess.run(
        ["bash", "-c", line.replace("jobsched", program)], env=environ, cwd=cwd, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


def test_a_reader_that_leaves_is_exit_141_without_a_word(
    cli: Cli, shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """jobsched ls | head -1: as other programs that meet SIGPIPE."""
    cli("submit", "noop", "--batch", "-", "-q", stdin='{"a":1}\n' * 3000)
    done = shell("jobsched ls --limit 3000 -o json | head -c 1; echo ${PIPESTATUS[0]}", shell_environ, tmp_path)
    assert (done.stdout, done.stderr) == ("{141\n", "")


def test_a_full_disk_under_the_output_is_exit_75(program: Cli, shell_environ: dict[str, str], tmp_path: Path) -> None:
    """The result did not arrive: that is said, and it is not a success."""
    if not Path("/dev/full").exists():
        pytest.fail("this test needs /dev/full")
    done = shell("jobsched help exit-codes > /dev/full", shell_environ, tmp_path)
    assert done.returncode == 75
    assert "No space left on device" in done.stderr


def test_a_closed_stdout_is_not_a_crash(shell_environ: dict[str, str], tmp_path: Path) -> None:
    """`>&-` is a wish to see nothing, and cannot be written to."""
    done = shell("jobsched help exit-codes >&-", shell_environ, tmp_path)
    assert done.returncode == 75
    assert "Traceback" not in done.stderr


def test_ctrl_c_is_exit_130_and_says_that_the_job_goes_on(shell_environ: dict[str, str], tmp_path: Path) -> None:
    """Whoever stops waiting has not cancelled anything."""
    process = subprocess.Popen(
        [*PROGRAM, "submit", "--wait", "noop"], env=shell_environ, cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline().startswith("job ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "goes on" in err
    assert "Traceback" not in err


def test_failures_of_our_own_do_not_look_like_the_jobs(cli: Cli) -> None:
    """With --propagate, an unreachable store is 125; a wrong command line stays 2, an unknown job 3."""
    nowhere = "postgresql://me@127.0.0.1:1/db"
    assert cli("wait", "1", "--database-url", nowhere).code == 69
    assert cli("wait", "1", "--propagate", "--database-url", nowhere).code == 125
    assert cli("wait", "one", "--propagate", "--database-url", nowhere).code == 2
    assert cli("wait", "1", "--propagate").code == 3


@pytest.mark.parametrize("topic", ["exit-codes", "output", "times", "schedules", "environment"])
def test_topics_fit_on_a_terminal(cli: Cli, topic: str) -> None:
    """80 columns; a variable with a name of one's own says so."""
    shown = cli("help", topic).lines
    assert [line for line in shown if len(line) > 80] == []
    assert topic != "environment" or any(line.startswith("JOBSCHED_DB_NAME ") for line in shown)


@pytest.mark.parametrize("verb", verbs())
def test_every_command_has_help(cli: Cli, verb: str) -> None:
    """`jobsched VERB --help` says what it does on stdout and is exit 0; the list has its one line."""
    done = cli(verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: jobsched")
    listed = cli("--help")
    assert re.search(rf"^  {verb} +\S", listed.out, re.MULTILINE)


def test_the_version_is_the_packages(cli: Cli) -> None:
    """--version and pyproject.toml agree."""
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    declared = re.search(r'^version = "(.*)"$', pyproject, re.MULTILINE)
    assert declared is not None
    assert cli("--version").out == f"jobsched {declared[1]}\n"


def test_stdout_is_data_alone(program: Cli) -> None:
    """A whole session, its stderr apart: stdout can be parsed throughout."""
    job_id = program("submit", "noop").out
    assert job_id.strip().isdecimal()
    for argv in (["cancel", job_id.strip()], ["retry", job_id.strip()], ["queue", "pause", "default"], ["ls"]):
        done = program(*argv, "-o", "json", "-v")
        assert done.code == 0, done.err
        assert done.json["v"] == 1


def test_a_person_sees_a_table_with_symbols_and_words(cli: Cli, terminal: Cli) -> None:
    """On a terminal: header, colour, a symbol and a word for each state; ids never shortened."""
    job_id = cli("submit", "noop", "-Q", "a-queue-with-quite-a-long-name").out.strip()
    code, shown = terminal("ls", columns=60)
    assert code == 0
    assert job_id in shown
    assert "○ queued" in shown
    assert "\x1b[" in shown
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 60 for line in shown.splitlines())


def test_no_two_columns_have_the_same_heading(cli: Cli, terminal: Cli) -> None:
    """When a job is due and how long it ran are two things."""
    cli("submit", "noop", "--in", "1h")
    headings = terminal("ls", NO_COLOR="1")[1].splitlines()[0].split()
    assert "DUE" in headings
    assert len(set(headings)) == len(headings)


def test_a_required_field_has_no_default(terminal: Cli) -> None:
    """`handlers show` says which fields must be there, which may be left out, and what is then taken."""
    shown = terminal("handlers", "show", "command", NO_COLOR="1")[1]
    assert re.search(r"^  argv +list of strings, required, 1 to 10,000 items — the program", shown, re.MULTILINE)
    assert re.search(r"^  cwd +string, optional, at least 1 character — working", shown, re.MULTILINE)
    assert 'string, default "images"' in terminal("handlers", "show", "image_resize", NO_COLOR="1")[1]


def test_colour_and_symbols_can_be_done_without(cli: Cli, terminal: Cli) -> None:
    """NO_COLOR, TERM=dumb, --color never; ASCII where the locale is."""
    cli("submit", "noop")
    assert "\x1b" not in terminal("ls", NO_COLOR="1")[1]
    assert "\x1b" not in terminal("ls", TERM="dumb")[1]
    assert "\x1b" not in terminal("ls", "--color", "never")[1]
    shown = terminal("ls", NO_COLOR="1", LC_ALL="C")[1]
    assert ". queued" in shown
    assert shown.isascii()


def test_a_terminal_is_told_what_will_not_happen(terminal: Cli) -> None:
    """A job that nobody will run is pointed out, with the command that changes it."""
    code, shown = terminal("submit", "noop", NO_COLOR="1")
    assert code == 0
    assert re.search(r"✔ \d+ queued in default", shown)
    assert "no worker serves queue default" in shown
    assert "fix: jobsched worker" in shown
    assert "no worker serves queue default" in terminal("show", "@last", NO_COLOR="1")[1]
    code, shown = terminal("submit", "noop", "--wait-timeout", "100ms", NO_COLOR="1")
    assert code == 124
    assert "no worker serves queue default" in shown


def test_a_table_is_written_where_there_is_only_ascii_and_not_onto_a_full_disk(
    cli: Cli, shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """What the encoding has not is spelled out, as in other formats."""
    cli("submit", "noop", "text=é日")
    environ = shell_environ | {"PYTHONIOENCODING": "ascii"}
    done = shell("jobsched ls -o wide; jobsched ls -o wide > /dev/full; echo $?", environ, tmp_path)
    assert r"\xe9\u65e5" in done.stdout
    assert done.stdout.splitlines()[-1] == "75"
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ["queue", "ls"], ["workers", "ls"], ["dlq", "ls"], ["handlers", "ls"], ["handlers", "show", "image_resize"],
        ["config", "list"], ["config", "explain", "lease"], ["ls", "--count"], ["ls", "--state", "dead"], ["help"],
        ["queue", "pause", "default"], ["queue", "resume", "default"], ["queue", "purge", "default", "-y"],
        ["retry", "@last", "-n"], ["show", "@last"], ["logs", "@last"], ["cancel", "@last"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_has_words_for_people(cli: Cli, terminal: Cli, argv: list[str]) -> None:
    """On a terminal of 80 columns, every verb ends well and fits."""
    cli("submit", "noop")
    code, shown = terminal(*argv, columns=80, NO_COLOR="1")
    assert code == 0, shown
    tables = [line for line in shown.splitlines() if "jobsched submit" not in line and not line.startswith("  {")]
    assert all(len(line) <= 110 for line in tables)


def test_hostile_text_cannot_repaint_the_screen(cli: Cli, terminal: Cli) -> None:
    """In tables and in `show`: no escape sequence, no markup, no second line."""
    hostile = "\x1b[2J\x1b]0;x\x07\u202e[bold]b[/bold]\nline two" + "z" * 500
    job_id = cli("submit", "noop", f"text={hostile}").out.strip()
    for argv in (["show", job_id], ["ls", "--fields", "id,payload"]):
        code, shown = terminal(*argv, NO_COLOR="1")
        assert code == 0
        assert not set(shown) & set("\x1b\x07\u202e")
        assert "[bold]b[/bold]" in shown


def test_big_changes_are_asked_about_and_no_means_no(cli: Cli, terminal: Cli) -> None:
    """More than twenty: y or n; n is exit 6 and changes nothing."""
    cli("submit", "noop", "--batch", "-", "-q", stdin='{"a":1}\n' * 25)
    code, shown = terminal("cancel", "--queue", "default", answer="n\n")
    assert code == 6
    assert "This cancels 25 jobs." in shown
    assert cli("ls", "--state", "queued", "--count").out == "25\n"
    assert terminal("cancel", "--queue", "default", answer="y\n")[0] == 0
    assert cli("ls", "--state", "queued", "--count").out == "0\n"


def test_huge_changes_want_their_number_typed(cli: Cli, terminal: Cli) -> None:
    """More than a thousand: y is not enough."""
    cli("submit", "noop", "--batch", "-", "-q", stdin='{"a":1}\n' * 1001)
    assert terminal("cancel", "--queue", "default", answer="y\n")[0] == 6
    assert terminal("cancel", "--queue", "default", answer="1001\n")[0] == 0


def test_json_on_a_terminal_never_asks(cli: Cli, terminal: Cli) -> None:
    """A machine reads it: exit 2 and --yes."""
    cli("submit", "noop", "--batch", "-", "-q", stdin='{"a":1}\n' * 25)
    code, shown = terminal("cancel", "--queue", "default", "-o", "json")
    assert code == 2
    assert "add --yes" in shown
