"""The janitor leaves nothing running: a real one, with real process groups."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsched.core.engine.runner_process import JanitorProcess

PATIENCE = 30.0


class Group:
    """A shell and its child, in a process group of their own, holding one end of a pipe."""

    def __init__(self) -> None:
        self.held, end = os.pipe()
        self.process = subprocess.Popen(
            ["sh", "-c", "sleep 1000 & echo; wait"], stdout=end, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(end)
        assert os.read(self.held, 1) == b"\n"

    @property
    def pid(self) -> int:
        return self.process.pid

    def assert_is_killed(self) -> None:
        """Wait until every member is gone: only then does the pipe end."""
        assert self.process.wait(PATIENCE) == -signal.SIGKILL
        assert os.read(self.held, 1) == b""

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.held)


@pytest.fixture
def groups() -> Iterator[list[Group]]:
    """Three groups."""
    made = [Group() for _ in range(3)]
    yield made
    for each in made:
        each.close()


def tell(janitor: JanitorProcess, *words: str) -> None:
    os.write(janitor.words_fd, "".join(f"{word}\n" for word in words).encode())


def test_when_the_keeper_is_gone_runners_and_their_groups_are_killed(groups: list[Group]) -> None:
    """Its pipe closes, however it died; a group that was taken off the list is left alone."""
    runner, job, finished = groups
    janitor = JanitorProcess()
    janitor.say("r", runner.pid)
    tell(janitor, f"+{job.pid} {runner.pid}", f"+{finished.pid} {runner.pid}", f"-{finished.pid} {runner.pid}")

    janitor.close()

    job.assert_is_killed()
    assert runner.process.wait(PATIENCE) == -signal.SIGKILL
    assert finished.process.poll() is None


def test_when_a_runner_ends_its_groups_are_killed_and_no_others(groups: list[Group]) -> None:
    """The keeper says that it ended; neighbours' groups live on."""
    orphan, other, _ = groups
    janitor = JanitorProcess()
    for runner, job in ((1_000_001, orphan), (1_000_002, other)):
        janitor.say("r", runner)
        tell(janitor, f"+{job.pid} {runner}")

    janitor.say("!", 1_000_001)

    orphan.assert_is_killed()
    assert other.process.poll() is None
    janitor.close()
    other.assert_is_killed()


def test_words_that_arrive_in_pieces_are_understood(groups: list[Group]) -> None:
    """A pipe does not keep lines together."""
    janitor = JanitorProcess()
    for piece in ("r 1000", f"001\n+{groups[0].pid} 10", "00001\n! 1000001\n"):
        os.write(janitor.words_fd, piece.encode())
    groups[0].assert_is_killed()
    janitor.close()


def test_noise_in_the_pipe_is_passed_over(groups: list[Group]) -> None:
    """Job code can reach it; whoever scribbles does not take the janitor along."""
    janitor = JanitorProcess()
    os.write(janitor.words_fd, b"\xff\xff\n+\n+x y\n\n-7\nr 1 2\n! x\n+0 1000001\n+-1 1000001\n")
    tell(janitor, "r 1000001", f"+{groups[0].pid} 1000001", "! 1000001")
    groups[0].assert_is_killed()
    janitor.close()


def test_the_terminals_signals_do_not_reach_it(groups: list[Group]) -> None:
    """It has a session of its own, and ignores what would end it before its keeper."""
    janitor = JanitorProcess()
    pid = janitor._process.pid
    assert os.getsid(pid) == pid
    tell(janitor, "r 1000001", f"+{groups[0].pid} 1000001")
    janitor.say("!", 1_000_001)
    groups[0].assert_is_killed()  # it runs, and has set up its signals
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    tell(janitor, f"+{groups[1].pid} 1000001", "r 1000001", f"+{groups[1].pid} 1000001", "! 1000001")
    groups[1].assert_is_killed()
    janitor.close()


def test_it_needs_nothing_of_jobsched() -> None:
    """It is started as a plain file: imports would make every worker's start slower."""
    source = Path(__import__("jobsched.core.engine.janitor", fromlist=["x"]).__file__).read_text()
    assert not [line for line in source.splitlines() if line.startswith("from ")]
