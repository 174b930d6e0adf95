"""The board that outlives a runner, and the jobs that a keeper has in hand."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, cast

from jobsched.core.engine.board import Board, Running
from jobsched.core.engine.hand import Hand

from .make import claimed

WRITER = """
import os, sys
from jobsched.core.engine.board import Board
board = Board(int(sys.argv[1]), 4)
board.start(0, 11, 100); board.start(1, 12, 200); board.start(2, 13, 300); board.clear(1)
os.kill(os.getpid(), 9)
"""


def test_the_board_tells_what_was_running_when_its_writer_was_killed() -> None:
    """It is memory that both share, not something that has to be sent."""
    board = Board.create(4)
    killed = subprocess.run([sys.executable, "-c", WRITER, str(board.fd)], pass_fds=[board.fd])
    assert killed.returncode == -9
    assert board.running() == [Running(11, 100), Running(13, 300)]
    board.lease_sign_ns = 5
    assert board.lease_sign_ns == 5
    board.close()
    assert board.running() == []


def test_a_closed_board_takes_no_more_signs() -> None:
    """The keeper may sign while a runner's end is being noticed."""
    board = Board.create(1)
    fd = board.fd
    board.close()
    board.lease_sign_ns = 7
    assert fd not in map(int, os.listdir("/proc/self/fd"))


def test_jobs_are_taken_from_the_hand_once() -> None:
    """Whoever comes second gets None: no end is written twice."""
    hand = Hand()
    hand.add([claimed(1), claimed(2)])
    assert not hand.empty.is_set()
    assert [each and each.job.token for each in hand.take([2, 9, 1])] == [2, None, 1]
    assert hand.take([1, 2]) == [None, None]
    assert hand.empty.is_set()


def test_the_hand_knows_which_runner_has_which_job() -> None:
    """None: not yet given to any."""
    hand = Hand()
    one, two = hand.add([claimed(1), claimed(2)])
    runner = cast(Any, object())
    one.runner = runner
    assert hand.of(runner) == [one]
    assert hand.of(None) == [two]
    assert hand.take_all() == [one, two]
    assert len(hand) == 0
    assert hand.empty.is_set()
