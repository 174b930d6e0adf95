"""Completion: what bash offers, from the command tree and from words that commands have left behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.cli import vocabulary
from jobsched.cli.reference.scripts import FILES
from jobsched.tests.cli.shells import Shell, bash_words, plain, script

HOSTILE = [
    "$(touch pwned)", "`touch pwned`", "a;touch pwned", "a\ntouch pwned", "\x1b[2J", "a'b", 'a"b', "a b", "-rf", "a\tb",
    "a\\$(touch pwned)", "${IFS}", "~", "*", "a&touch pwned", "a|b", "x" * 10_000, "\u202egnp", "東京", "", "#1",
]  # fmt: skip


@pytest.fixture
def known(shell_environ: dict[str, str], tmp_path: Path) -> Callable[..., Path]:
    """known("ids", "1\tqueued noop"): words that a command has left behind; returns their file."""

    def write(kind: str, *lines: str, age: float = 0) -> Path:
        place = vocabulary.folder(shell_environ) / vocabulary.store_name(shell_environ)
        place.mkdir(parents=True, exist_ok=True)
        (place / kind).write_text("\n".join([f"#{time.time() - age:.0f}", *lines, ""]))
        return place / kind

    shell_environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return write


def one(line: str, environ: dict[str, str], cwd: Path) -> list[str]:
    (words,) = bash_words([line], environ, cwd)
    return words


STATIC: list[tuple[str, set[str]]] = [
    ("jobsched qu", {"queue"}),
    ("jobsched queue p", {"pause", "purge"}),
    ("jobsched -o json queue p", {"pause", "purge"}),
    ("jobsched ls --sta", {"--state"}),
    ("jobsched ps --sta", {"--state"}),
    ("jobsched ls --state de", {"dead"}),
    ("jobsched ls --state dead,q", {"dead,queued"}),
    ("jobsched ls --state=de", {"dead"}),
    ("jobsched ls -o j", {"json", "jsonl"}),
    ("jobsched --color=al", {"always"}),
    ("jobsched ls --time e", {"epoch"}),
    ("jobsched tail -n 5 --qu", {"--queue", "--quiet"}),
    ("jobsched tail -n ", set()),
    ("jobsched cancel -n --dr", {"--dry-run"}),
    ("jobsched submit pdf", {"pdf_invoice"}),
    ("jobsched submit noop --priority c", {"critical"}),
    ("jobsched submit noop --priority=c", {"critical"}),
    ("jobsched cancel @", {"last"}),
    ("jobsched config explain retention.d", {"retention.dead"}),
    ("jobsched db grant somebody --as v", {"viewer"}),
    ("jobsched help exit", {"exit-codes"}),
    ("jobsched completion z", {"zsh"}),
    ("jobsched nothing ", set()),
    ("jobsched ls -f args.us", set()),
    ("jobsched cancel -f sched", {"schedule:", "schedule~"}),
    ("jobsched submit nothing_known ", set()),
]


def test_verbs_flags_and_choices_are_known_without_a_store(shell_environ: dict[str, str], tmp_path: Path) -> None:
    """They come from the command tree; global flags go before the verb or after it."""
    found = bash_words([line for line, _ in STATIC], shell_environ, tmp_path)

    assert [(line, set(words)) for (line, _), words in zip(STATIC, found, strict=True)] == STATIC


def test_words_of_the_store_come_from_what_commands_left_behind(
    known: Callable[..., Path], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """Ids, queues, workers, tags; nobody asks the store, which need not even be there."""
    known("ids", "41\tqueued noop", "42\tdead noop")
    known("dead", "42\tdead noop")
    known("queues", "default\t", "mail:a\tpaused")
    known("workers", "host-1/0\tlive on host-1")
    known("tags", "nightly\t")
    lines = {
        "jobsched show 4": {"41", "42"},
        "jobsched dlq retry 4": {"42"},
        "jobsched queue pause d": {"default"},
        "jobsched worker --queues default,m": {"default,mail:a"},
        "jobsched workers drain h": {"host-1/0"},
        "jobsched ls --tag n": {"nightly"},
    }

    found = bash_words(list(lines), shell_environ, tmp_path)

    assert {line: set(words) for line, words in zip(lines, found, strict=True)} == lines


def test_what_was_known_a_week_ago_is_not_offered(
    known: Callable[..., Path], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """Ids from then are of no use to anybody."""
    known("ids", "41\tqueued noop", age=6 * 86400)
    assert one("jobsched show 4", shell_environ, tmp_path) == ["41"]
    known("ids", "41\tqueued noop", age=8 * 86400)
    assert one("jobsched show 4", shell_environ, tmp_path) == []


@pytest.mark.parametrize("planted", HOSTILE)
def test_a_cache_that_somebody_has_tampered_with_is_not_offered(
    known: Callable[..., Path], shell_environ: dict[str, str], tmp_path: Path, planted: str
) -> None:
    """Neither word nor description; nothing of it runs, whether in the middle or as the time of writing."""
    known("queues", "default\t", f"{planted}\tx", f"other\t{planted}")
    for line in ("jobsched queue pause ", "jobsched ls -f queue:", "jobsched ls -f queue:default,"):
        offered = one(line, shell_environ, tmp_path)
        assert [word for word in offered if not vocabulary.WORD.fullmatch(word.replace(",", ""))] == []

    known("queues", "default\t").write_text(f"#{planted}\ndefault\t\n")
    one("jobsched queue pause ", shell_environ, tmp_path)
    known("queues", "default\t").write_text(f"#a[$({planted})]\ndefault\t\n")
    one("jobsched queue pause ", shell_environ, tmp_path)
    assert not (tmp_path / "pwned").exists()


def test_names_that_no_shell_should_see_are_not_kept(
    connect: Callable[[], psycopg.Connection[Any]],
    terminal: Callable[..., tuple[int, str]],
    shell_environ: dict[str, str],
    tmp_path: Path,
) -> None:
    """Whoever writes to the store past jobsched's own checks reaches no shell: a person's `ls` leaves plain words."""
    shell_environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    connection = connect()
    for name in [*(name for name in HOSTILE if 0 < len(name) <= 128), "plain"]:
        connection.execute("insert into jobsched.queue (name) values (%s)", (name,))

    code, _ = terminal("submit", "noop", "--tag", "nightly")

    place = vocabulary.folder(shell_environ) / vocabulary.store_name(shell_environ)
    assert code == 0
    assert (place / "queues").read_text().splitlines()[1:] == ["default\t", "plain\t"]
    assert (place / "ids").read_text().splitlines()[1:] == ["1\tqueued noop"]
    assert (place / "tags").read_text().splitlines()[1:] == ["nightly\t"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in place.iterdir()} == {0o600}
    assert one("jobsched show ", shell_environ, tmp_path) == ["@last", "1"]
    assert not (tmp_path / "pwned").exists()


def test_commands_of_scripts_leave_no_words(
    program: Callable[..., Any], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """Where neither stdin nor stderr is a terminal nobody presses tab, and nothing is read or written for it."""
    shell_environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    assert program("submit", "noop").code == 0
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_fails_no_command(
    terminal: Callable[..., tuple[int, str]], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """Suggestions are a courtesy."""
    (tmp_path / "file").write_text("")
    shell_environ["XDG_CACHE_HOME"] = str(tmp_path / "file")
    code, shown = terminal("ls")
    assert (code, shown.strip()) == (0, "no job matches")


URLS = [
    ({"JOBSCHED_DATABASE_URL": "postgresql://me:hush@db.example:5432/jobs"}, "url-db.example_5432_jobs"),
    ({"JOBSCHED_DATABASE_URL": "postgresql://me:hu@sh@db/jobs?sslmode=require"}, "url-db_jobs"),
    ({"JOBSCHED_DATABASE_URL": "postgresql://db/jobs?user=me&password=hu@sh"}, "url"),
    ({"JOBSCHED_DATABASE_URL": "postgresql://me:hu?sh@db/jobs"}, "url"),
    ({"JOBSCHED_DATABASE_URL": "host=db password=hush"}, "url"),
    ({"JOBSCHED_DSN": "postgres://db/$(touch pwned)"}, "url-db___touch_pwned_"),
    ({"JOBSCHED_PROFILE": "prod", "JOBSCHED_HOME": "/srv"}, "profile-prod"),
    ({"JOBSCHED_PROFILE": "prod", "JOBSCHED_DATABASE_URL": "postgresql://db/jobs"}, "url-db_jobs"),
    ({"JOBSCHED_HOME": "/srv/jobs; rm"}, "home-_srv_jobs__rm"),
    ({}, "own"),
]


@pytest.mark.parametrize(("variables", "name"), URLS)
def test_each_store_has_words_of_its_own_and_no_password_is_in_their_names(
    tmp_path: Path, variables: dict[str, str], name: str
) -> None:
    """The program and the shell find the same folder."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables}
    place = vocabulary.folder(environ) / vocabulary.store_name(environ)
    vocabulary.write(place, [("queues", "found", "")])

    assert place.name == name
    assert one("jobsched queue pause ", environ, tmp_path) == ["found"]


FLAGS = [
    ("--database-url", "postgresql://elsewhere/jobs", "url-elsewhere_jobs"),
    ("--profile", "prod", "profile-prod"),
    ("-p", "prod", "profile-prod"),
]


@pytest.mark.parametrize(("flag", "value", "name"), FLAGS)
def test_the_store_of_a_flag_is_the_one_whose_words_are_offered(
    known: Callable[..., Path], shell_environ: dict[str, str], tmp_path: Path, flag: str, value: str, name: str
) -> None:
    """It stands on the line before the word does, and is stronger than any variable."""
    known("queues", "here\t")
    vocabulary.write(tmp_path / "cache/jobsched/words" / name, [("queues", "there", "")])
    lines = [f"jobsched queue pause {flag}{sign}{value} " for sign in (" ", "=")]

    expected = [["there"], ["there"]] if flag.startswith("--") else [["there"], ["here"]]
    assert bash_words(lines, shell_environ, tmp_path) == expected


def test_profiles_are_offered(
    terminal: Callable[..., tuple[int, str]], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """Those of the files that a command has read, whatever store is in use."""
    shell_environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    (tmp_path / ".jobsched.toml").write_text("[profile.prod]\npoll = '2s'\n[profile.test]\npoll = '2s'\n")
    assert terminal("submit", "noop", "-p", "test")[0] == 0
    lines = ["jobsched -p ", "jobsched ls --profile=p"]
    assert bash_words(lines, shell_environ | {"JOBSCHED_DATABASE_URL": ""}, tmp_path) == [["prod", "test"], ["prod"]]
    assert (tmp_path / "cache/jobsched/words/profile-test/ids").exists()


def test_stores_that_nobody_visits_are_forgotten(tmp_path: Path) -> None:
    """A month after the last command that used them."""
    vocabulary.write(tmp_path / "old", [("queues", "a", "")])
    os.utime(tmp_path / "old", (0, 0))
    vocabulary.write(tmp_path / "new", [("queues", "a", "")])
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_bash_completes_at_its_prompt(
    known: Callable[..., Path], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """A real bash on a terminal: one tab inserts, two list with what the words are; `:` and `=` break nothing."""
    known("ids", "41\tqueued noop", "42\tdead noop")
    known("queues", "mail:a\t", "mail:b\tpaused", "$(touch pwned)\t")
    with Shell("bash", shell_environ, tmp_path) as bash:
        assert "jobsched queue" in bash.tab("jobsched que")
        assert "41  (queued noop)" in bash.tab("jobsched show 4")
        assert "--state=dead" in bash.tab("jobsched ls --state=de")
        assert "mail" not in bash.tab("jobsched queue pause ").replace("pause", "")
        known("queues", "mail:a\t", "mail:b\tpaused")
        assert " b  (paused)" in bash.tab("jobsched queue pause mail:")
    assert not (tmp_path / "pwned").exists()


FILTERS = [
    ("-f 'state:dead queue:ma", "-f 'state:dead queue:mail:"),
    ("-f 'state:dead -tag:nightly,we", "-f 'state:dead -tag:nightly,weekly' "),
    ('-f "worker:ho', '-f "worker:host-1/0" '),
    ("-f 'type:pdf", "-f 'type:pdf_invoice' "),
    ("-f schedule=ba", "-f schedule=backup "),
    ("-f 'ag", "-f 'age"),
    ("--filter=priority:cr", "--filter=priority:critical "),
    ("-f -state:dead,q", "-f -state:dead,queued "),
    ("-f state:dead\\ queue:ma", "-f state:dead\\ queue:mail:"),
]
"""What is typed after `jobsched ls`, and what two tabs make of it."""
WORDS_OF_FILTERS = {
    "queues": ["mail:a\t", "mail:b\tpaused"], "tags": ["nightly\t", "weekly\t"], "workers": ["host-1/0\t"],
    "schedules": ["backup\t"],
}  # fmt: skip


def test_bash_completes_filters_and_payloads(
    known: Callable[..., Path], shell_environ: dict[str, str], tmp_path: Path
) -> None:
    """The last term, in quotes of either kind and without; the quote stays open until a value is whole."""
    for kind, lines in WORDS_OF_FILTERS.items():
        known(kind, *lines)
    with Shell("bash", shell_environ, tmp_path) as bash:
        for typed, expected in FILTERS:
            assert expected in plain(bash.tab(f"jobsched ls {typed}"))
        assert "id>  (its number" in bash.tab("jobsched ls -f 'id")
        assert "age>" not in bash.tab("jobsched ls -f ag")  # where it would redirect
        assert "--filter='state:dead' " in plain(bash.tab("jobsched ls --filter='state:de"))
        assert "submit pdf_invoice currency=" in bash.tab("jobsched submit pdf_invoice cur")
        assert "argv:=" in bash.tab("jobsched submit command ")
        assert "-f 'state:dead args'" not in plain(bash.tab("jobsched ls -f 'state:dead ar"))


@pytest.mark.parametrize("shell", FILES)
def test_the_script_is_printed(cli: Callable[..., Any], shell: str) -> None:
    """For whoever installs it by other means, Homebrew for one."""
    done = cli("completion", shell)
    assert (done.code, done.out) == (0, script(shell).read_text())


PLACES = {
    "bash": ".local/share/bash-completion/completions/jobsched",
    "zsh": ".local/share/zsh/site-functions/_jobsched",
    "fish": "config/fish/completions/jobsched.fish",
}


@pytest.mark.parametrize(("shell", "place"), PLACES.items())
def test_installing_writes_one_file_and_says_what_is_left_to_do(
    cli: Callable[..., Any], shell_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    shell: str, place: str,
) -> None:  # fmt: skip
    """Start-up files are the user's own: they are never touched. Installing again replaces what is ours."""
    monkeypatch.delenv("XDG_DATA_HOME")
    for name in (".bashrc", ".zshrc", ".profile"):
        (tmp_path / name).write_text("mine\n")
    before = {file for file in tmp_path.rglob("*") if file.is_file()}

    done = cli("completion", shell, "--install")
    again = cli("completion", shell, "--install")

    assert (done.code, again.code) == (0, 0), done.err
    assert {file for file in tmp_path.rglob("*") if file.is_file()} - before == {tmp_path / place}
    assert (tmp_path / place).read_text() == script(shell).read_text()
    assert all((tmp_path / name).read_text() == "mine\n" for name in (".bashrc", ".zshrc", ".profile"))
    assert place in done.out
    assert shell in done.err


def test_a_completion_that_is_not_ours_is_kept(cli: Callable[..., Any], tmp_path: Path) -> None:
    """Conflict, and what does away with it."""
    own = tmp_path / PLACES["fish"]
    own.parent.mkdir(parents=True)
    own.write_text("complete -c jobsched -a mine\n")
    done = cli("completion", "fish", "--install")
    assert (done.code, own.read_text()) == (4, "complete -c jobsched -a mine\n")
    assert f"fix: rm {own}" in done.err


def test_an_installed_completion_is_found_by_bash_itself(
    cli: Callable[..., Any], shell_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file that a plain `source` loads: what the line for ~/.bashrc says."""
    monkeypatch.delenv("XDG_DATA_HOME")
    line = next(line for line in cli("completion", "bash", "--install").err.splitlines() if "source " in line)
    source = line[line.index("source ") :]
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{source}; complete -p jobsched"],
        env=shell_environ, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert "-F _jobsched jobsched" in done.stdout


def test_printing_a_script_reads_neither_store_nor_settings(shell_environ: dict[str, str], tmp_path: Path) -> None:
    """`eval "$(jobsched completion bash)"` in a start-up file must not wait for anything."""
    run = "from jobsched.cli.main import run; run(['completion', 'bash'])"
    report = f"import sys; {run}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", report], env=shell_environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"psycopg", "rich", "pydantic", "jobsched.core.config", "jobsched.cli.reference.tree"}
