"""How long a tab takes, in each shell, with the store down: `pytest -s tests/bench/test_completion.py`.

The shell times itself, over a hundred completions of a job id among two hundred known ones; what a tab costs
besides, in the shell's own line editor, is not jobsched's. Needs zsh and fish.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobsched.cli import vocabulary
from jobsched.tests.cli.shells import Shell, script

IDS = 200
TABS = 100
MOST_MS = 10.0
BASH = """
source {script}
COMP_WORDS=(jobsched show ''); COMP_CWORD=2; COMP_LINE='jobsched show '; COMP_POINT=14; COMP_TYPE=9
for ((n = 0; n < 5; n++)); do
    start=${{EPOCHREALTIME/./}}
    for ((i = 0; i < {tabs}; i++)); do _jobsched; done
    echo $((${{EPOCHREALTIME/./}} - start)) ${{#COMPREPLY[@]}}
done
"""
FISH = """
source {script}
for n in (seq 5)
    set start (date +%s%N)
    for i in (seq {tabs}); set found (complete -C 'jobsched show '); end
    echo (math "("(date +%s%N)" - $start) / 1000") (count $found)
end
"""
ZSH = """
zmodload zsh/datetime
compadd() {{ builtin compadd -O thrown_away "$@" }}
_timed() {{
    local -i n i
    local -F start
    for n in {{1..5}}; do
        start=$EPOCHREALTIME
        for i in {{1..{tabs}}}; do _jobsched; done
        printf '%d %d\n' $(( (EPOCHREALTIME - start) * 1000000 )) $#thrown_away >>times
    done
}}
compdef _timed jobsched
"""


@pytest.fixture
def user(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A user who has seen IDS jobs of a store that is down now."""
    env = environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "JOBSCHED_DATABASE_URL": "postgresql://127.0.0.1:1/db"}
    place = vocabulary.folder(env) / vocabulary.store_name(env)
    vocabulary.write(place, [("ids", str(10_000_000 - n), "queued pdf_invoice") for n in range(IDS)])
    return env


def measured(printed: str) -> float:
    """The fastest of the rounds, as milliseconds a tab; each of them offered every id."""
    rounds = [line.split() for line in printed.splitlines()]
    assert len(rounds) >= 5, printed
    assert all(int(count) >= IDS for _, count in rounds), printed
    return min(float(microseconds) for microseconds, _ in rounds) / TABS / 1000


def report(shell: str, milliseconds: float) -> None:
    sys.stdout.write(f"\n{shell}: {milliseconds:.2f} ms a tab, {IDS} ids, store down\n")
    assert milliseconds < MOST_MS


def test_bash(user: dict[str, str], tmp_path: Path) -> None:
    """The function, called as readline calls it."""
    program = BASH.format(script=script("bash"), tabs=TABS)
    done = subprocess.run(["bash", "--norc", "-c", program], env=user, cwd=tmp_path, capture_output=True, text=True)
    report("bash", measured(done.stdout))


def test_zsh(user: dict[str, str], tmp_path: Path) -> None:
    """The function, inside a completion of zsh's own, which keeps the matches to itself."""
    with Shell("zsh", user, tmp_path) as zsh:
        zsh.type(ZSH.format(tabs=TABS))
        zsh.tab("jobsched show ")
    report("zsh", measured((tmp_path / "times").read_text()))


def test_fish(user: dict[str, str], tmp_path: Path) -> None:
    """A whole completion of fish's own, sorting included."""
    program = FISH.format(script=script("fish"), tabs=TABS)
    done = subprocess.run(
        ["fish", "--no-config", "-c", program], env=user, cwd=tmp_path, capture_output=True, text=True
    )
    report("fish", measured(done.stdout))
