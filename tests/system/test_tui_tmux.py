"""`jobsched tui` as a person has it: in a terminal (tmux), over a store of its own, with a worker running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobsched.core.store import embedded
from jobsched.tests.faults.fleet import until

pytestmark = pytest.mark.timeout(600)
PROGRAM = [sys.executable, "-c", "import sys; from jobsched.cli.main import run; sys.exit(run())"]
SHELL = f"{sys.executable} -c 'import sys; from jobsched.cli.main import run; sys.exit(run())'"


class Terminal:
    """A terminal with the program in it."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._socket = str(folder / "tmux")
        self._environ = environ | {"TERM": "xterm-256color"}

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *words], env=self._environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def open(self, *argv: str, columns: int, lines: int) -> None:
        """Start the program; when it has ended, its exit code is to be seen below what it left."""
        line = f"{SHELL} {' '.join(argv)}; echo ended with $?; read line"  # tmux itself does not always learn the code
        self.tmux("new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(lines), line)

    def press(self, *keys: str) -> None:
        """Keys as tmux names them."""
        self.tmux("send-keys", "-t", "t", *keys)

    def write(self, text: str) -> None:
        self.tmux("send-keys", "-t", "t", "-l", text)

    def shown(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "t")

    def until_shown(self, *texts: str, without: str | None = None) -> str:
        """Wait until all of it is on the screen."""

        def ask() -> str | None:
            now = self.shown()
            return now if all(text in now for text in texts) and (without is None or without not in now) else None

        try:
            return str(until(ask, f"{texts}", 60))
        except AssertionError:
            raise AssertionError(f"no {texts} on\n{self.shown()}") from None

    def resize(self, columns: int, lines: int) -> None:
        self.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(lines))

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True)


@pytest.fixture
def own_environ(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return environ | {"LANG": "C.UTF-8", "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "xterm-256color"}


@pytest.fixture
def jobsched(own_environ: dict[str, str], home: Path, tmp_path: Path) -> Callable[..., str]:
    """jobsched("ls", …): stdout of one command line, over the store of the test."""
    home.mkdir(parents=True, exist_ok=True)
    os.chmod(home.parent, 0o755)

    def call(*argv: str, stdin: str = "") -> str:
        done = subprocess.run(
            [*PROGRAM, *argv], env=own_environ, cwd=tmp_path, input=stdin, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture
def worker(own_environ: dict[str, str], jobsched: Callable[..., str], tmp_path: Path) -> Iterator[None]:
    """A worker that runs programs too."""
    jobsched("submit", "noop")
    process = subprocess.Popen(
        [*PROGRAM, "worker", "--allow-commands", "--concurrency", "4"], env=own_environ, cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield
    process.terminate()
    process.wait(60)


@pytest.fixture
def terminal(tmp_path: Path, own_environ: dict[str, str]) -> Iterator[Terminal]:
    """A terminal of 120 columns and 40 lines; closed after the test."""
    opened = Terminal(tmp_path, own_environ)
    yield opened
    opened.close()


def retry_from_the_dead_letters(terminal: Terminal) -> None:
    """First not, then indeed."""
    terminal.press("5")
    terminal.until_shown("3 dead jobs of 1 kinds")
    terminal.press("R")
    terminal.until_shown("Run again 3 jobs?", "$ jobsched dlq retry", "Do it")
    terminal.press("Enter")
    terminal.until_shown("3 dead jobs of 1 kinds", without="Do it")
    terminal.press("R")
    terminal.until_shown("Do it")
    terminal.press("Right", "Enter")
    terminal.until_shown("3 done")


def lose_the_store(terminal: Terminal, home: Path) -> None:
    """The store goes while a log is shown, and comes back."""
    embedded.stop(home)
    terminal.until_shown("store unreachable", "● lost", "last word")
    terminal.press("Escape")
    terminal.until_shown("● lost", without="last word")
    terminal.press("2")
    terminal.until_shown("RUN/SLOTS", "● lost")
    embedded.start(home)
    terminal.until_shown("● live", without="store unreachable")


@pytest.mark.usefixtures("worker")
def test_a_person_finds_and_mends_what_failed(
    terminal: Terminal, jobsched: Callable[..., str], home: Path, tmp_path: Path
) -> None:
    """Every screen, filter, mark, retry from the dead letters, a log as it comes, a lost store, small windows."""
    failing = {"type": "fail", "payload": {"message": "invalid_job smtp"}, "queue": "emails", "max_attempts": 1}
    jobsched("submit", "--batch", "-", stdin="".join(json.dumps(failing) + "\n" for _ in range(3)))
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    talker = jobsched("submit", "-q", "--", "sh", "-c", f"echo first word; read line < {gate}; echo $line").strip()
    terminal.open("tui", columns=120, lines=40)
    terminal.until_shown("throughput", "emails", "● live")
    for key, text in {"2": "RUN/SLOTS", "3": "✖ dead", "4": "HEARD OF", "5": "invalid_job", "6": "no schedule"}.items():
        terminal.press(key)
        terminal.until_shown(text)
    # Filter and mark
    terminal.press("3")
    terminal.until_shown("loaded")
    terminal.press("/")
    terminal.until_shown("error~timeout")
    terminal.write("state:dead queue:emails")
    terminal.press("Enter")
    terminal.until_shown("3 loaded", "filter: state:dead queue:emails", without="succeeded")
    terminal.press("Space", "Space")
    terminal.until_shown("2 marked")
    retry_from_the_dead_letters(terminal)
    # A log as it comes
    terminal.press(":")
    terminal.until_shown("ls --state dead")
    terminal.write("show -v " + talker)
    terminal.press("Enter")
    terminal.until_shown("exit code 0", "first word")
    terminal.press("Escape")  # with another key right behind it, it would be Alt and that key
    terminal.until_shown("3 Jobs", without="exit code 0")
    terminal.press("3")
    terminal.until_shown("loaded")
    terminal.press("/")
    terminal.until_shown("queue:emails", without="loaded")
    terminal.press("C-u")
    terminal.until_shown("error~timeout")
    terminal.write("state:running")
    terminal.press("Enter")
    terminal.until_shown("1 loaded", "● running")
    terminal.press("Enter")
    terminal.until_shown("● running  attempt 1/3")
    terminal.press("4")
    terminal.until_shown("first word", "LIVE")
    gate.write_text("last word\n")
    terminal.until_shown("last word", "END")
    lose_the_store(terminal, home)
    # Small windows
    for columns, lines in ((80, 24), (60, 20)):
        terminal.resize(columns, lines)
        shown = terminal.until_shown("QUEUED", "emails")
        assert all(len(line) <= columns for line in shown.splitlines())
    terminal.press("q")
    terminal.until_shown("ended with 0", without="QUEUED")
