"""Completion in zsh and fish, as Debian has them, and what the wheel installs for all three shells."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobsched.cli import vocabulary
from jobsched.cli.reference.scripts import FILES
from jobsched.tests.cli.shells import Shell, fish_words, plain
from jobsched.tests.cli.test_completion import FILTERS, HOSTILE, STATIC, WORDS_OF_FILTERS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def user(tmp_path: Path, environ: dict[str, str]) -> dict[str, str]:
    """The environment of a user whose store nobody can reach."""
    return environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "JOBSCHED_DATABASE_URL": "postgresql://127.0.0.1:1/db"}


def plant(environ: dict[str, str], kind: str, *lines: str, age: float = 0) -> None:
    """Write words as a command leaves them behind, or as somebody else would who can write there."""
    place = vocabulary.folder(environ) / vocabulary.store_name(environ)
    place.mkdir(parents=True, exist_ok=True)
    (place / kind).write_text("\n".join([f"#{time.time() - age:.0f}", *lines, ""]))


def test_fish_offers_what_bash_does(user: dict[str, str], tmp_path: Path) -> None:
    """The same words for the same lines: fish keeps what is before `=`, and bash what is before `@`."""
    found = fish_words([line for line, _ in STATIC], user, tmp_path)

    for (line, expected), words in zip(STATIC, found, strict=True):
        assert {word.removeprefix("@").rpartition("=")[2] for word in words} == expected, line


def test_fish_offers_words_of_a_store_that_is_down(user: dict[str, str], tmp_path: Path) -> None:
    """From what commands left behind; lists go on after their comma."""
    plant(user, "ids", "41\tqueued noop", "42\tdead noop")
    plant(user, "queues", "default\t", "mail:a\tpaused")
    lines = ["jobsched show 4", "jobsched queue pause m", "jobsched worker --queues default,m"]

    assert fish_words(lines, user, tmp_path) == [["41", "42"], ["mail:a"], ["default,mail:a"]]


def test_zsh_completes_at_its_prompt(user: dict[str, str], tmp_path: Path) -> None:
    """Verbs, flags, choices and words of a store that is down, with what they are; found in $fpath by compinit."""
    plant(user, "ids", "41\tqueued noop", "42\tdead noop")
    plant(user, "queues", "default\t", "mail:a\tpaused")
    with Shell("zsh", user, tmp_path) as zsh:
        assert "purge   -- Cancel every waiting job" in zsh.tab("jobsched queue ")
        assert "--state" in zsh.tab("jobsched ls --sta")
        assert "dead,queued" in zsh.tab("jobsched ls --state dead,q")
        assert "--state=dead" in zsh.tab("jobsched ls --state=de")
        assert "--quiet" in zsh.tab("jobsched tail -n 5 --qu")
        assert "pdf_invoice" in zsh.tab("jobsched submit pdf")
        assert re.search("42 +-- dead noop", zsh.tab("jobsched show 4"))
        assert "default,mail:a" in zsh.tab("jobsched worker --queues default,m")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_filters_and_payloads_are_completed(shell: str, user: dict[str, str], tmp_path: Path) -> None:
    """As in bash: in quotes of either kind and without. What only begins a term closes no quote."""
    for kind, lines in WORDS_OF_FILTERS.items():
        plant(user, kind, *lines)
    with Shell(shell, user, tmp_path) as opened:
        for typed, expected in FILTERS:
            assert expected in plain(opened.tab(f"jobsched ls {typed}"))
        assert re.search("id> .*its number", opened.tab("jobsched ls -f 'id"))
        assert "currency=" in opened.tab("jobsched submit pdf_invoice cur")
        assert "argv:=" in opened.tab("jobsched submit command ")
        assert "args.' " not in plain(opened.tab("jobsched ls -f 'state:dead ar"))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize("flag", ["-p prod", "--profile prod", "--profile=prod"])
def test_the_profile_of_a_flag_is_the_one_whose_words_are_offered(
    shell: str, flag: str, user: dict[str, str], tmp_path: Path
) -> None:
    """It stands on the line before the word does, and is stronger than the environment."""
    plant(user, "queues", "here\t")
    vocabulary.write(tmp_path / "cache/jobsched/words/profile-prod", [("queues", "there", "")])
    with Shell(shell, user, tmp_path) as opened:
        for line in (f"jobsched queue pause {flag} ", f"jobsched ls {flag} -f 'queue:"):
            shown = plain(opened.tab(line))
            assert "there" in shown
            assert "here" not in shown.replace("there", "")


@pytest.mark.parametrize("shell", FILES)
def test_nothing_that_was_planted_is_executed_or_breaks_the_listing(
    shell: str, user: dict[str, str], tmp_path: Path
) -> None:
    """Words, descriptions and the time of writing, in every shell, listed and inserted."""
    lines = [line for planted in HOSTILE for line in (f"{planted}\tx", f"fit\t{planted}", f"{planted}{planted}")]
    with Shell(shell, user, tmp_path) as opened:
        for stamp in (f"{time.time():.0f}", *HOSTILE, "a[$(touch pwned)]"):
            plant(user, "queues", *lines)
            place = vocabulary.folder(user) / vocabulary.store_name(user) / "queues"
            place.write_text(f"#{stamp}\n" + "\n".join([*lines, ""]))
            shown = opened.tab("jobsched queue pause ")
            assert "touch" not in shown
            assert "\x1b[2J" not in shown
            assert "xxxxxxxxxx" not in shown
            opened.tab("jobsched ls -f 'state:dead queue:")
            opened.tab("jobsched ls -f 'queue:$(touch pwned) `touch pwned` queue:")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_what_was_known_a_week_ago_is_not_offered(shell: str, user: dict[str, str], tmp_path: Path) -> None:
    """As in bash: by the time of writing, fish by the file's own."""
    plant(user, "ids", "4711\tqueued noop", age=8 * 86400)
    place = vocabulary.folder(user) / vocabulary.store_name(user) / "ids"
    os.utime(place, (time.time() - 8 * 86400,) * 2)
    with Shell(shell, user, tmp_path) as opened:
        assert "4711" not in opened.tab("jobsched show 47")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    (wheel,) = folder.glob("*.whl")
    pip = [folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True)
    return folder / "venv"


PLACES = {
    "bash": "share/bash-completion/completions/jobsched.bash",
    "zsh": "share/zsh/site-functions/_jobsched",
    "fish": "share/fish/vendor_completions.d/jobsched.fish",
}
UNDATED = 'WARNING: missing date, using "": TH'
"""A date would differ from day to day; everything else that mandoc may say is a defect."""


@pytest.mark.parametrize(("shell", "place"), PLACES.items())
def test_the_wheel_installs_completions_where_shells_look(installed: Path, shell: str, place: str) -> None:
    """Under the environment's share/: /usr/share for a system, the same folders below a virtual environment."""
    assert (installed / place).read_text() == (ROOT / "completions" / FILES[shell]).read_text()


def test_bash_completion_loads_what_is_installed(installed: Path, user: dict[str, str], tmp_path: Path) -> None:
    """Debian's bash-completion finds the file by the program's name, when it is first completed."""
    data = f"{installed}/share:/usr/share"
    program = "source /usr/share/bash-completion/bash_completion; _completion_loader jobsched; complete -p jobsched"
    done = subprocess.run(
        ["bash", "--norc", "-c", program], env=user | {"XDG_DATA_DIRS": data}, cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "-F _jobsched jobsched" in done.stdout, done.stderr


def test_fish_loads_what_is_installed(installed: Path, user: dict[str, str], tmp_path: Path) -> None:
    """From the vendor's folder of any $XDG_DATA_DIRS."""
    path = {"XDG_DATA_DIRS": f"{installed}/share:/usr/share", "PATH": f"{installed}/bin:{user['PATH']}"}
    done = subprocess.run(
        ["fish", "-c", "complete -C 'jobsched que'"], env=user | path, cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("queue\t"), done.stderr


def test_man_pages_are_installed_and_flawless(installed: Path) -> None:
    """Below share/man, where `man` looks when bin/ beside it is on the path; every page passes mandoc's lint."""
    pages = sorted((installed / "share/man/man1").glob("*.1"))
    linted = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True)
    shown = subprocess.run(
        ["mandoc", "-T", "utf8", installed / "share/man/man1/jobsched-submit.1"], capture_output=True
    )

    assert [page.name for page in pages] == sorted(page.name for page in (ROOT / "docs/man").glob("*.1"))
    assert [line for line in linted.stdout.splitlines() if UNDATED not in line] == []
    assert re.sub("(.)\x08", "", shown.stdout.decode()).count("--concurrency-key KEY") == 1
