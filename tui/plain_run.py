"""A line of the program, run as a process of its own; what it says is passed on line by line, made safe."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from .look import Look
from .shell_line import program, read_line
from .text import lines

if TYPE_CHECKING:
    from .options import Options

COLUMNS = "200"
"""So wide is a table: nothing is broken or cut for a screen that is not there."""


def run_line(text: str, options: Options, look: Look, say: Callable[[str], None]) -> None:
    """Run it until it ends, or until Ctrl-C. UsageError: it is not run."""
    argv = read_line(text, read_only=options.read_only)
    if not argv:
        return
    environ = {**os.environ, **options.environ, "COLUMNS": COLUMNS, "NO_COLOR": "1"}
    with subprocess.Popen(
        program(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ
    ) as process:
        assert process.stdout is not None
        try:
            for piece in process.stdout:
                for line in lines(piece.decode(errors="replace")):
                    say(line.rstrip())
        except KeyboardInterrupt:
            process.terminate()
        code = process.wait()
    say(f"exit code {code}")
