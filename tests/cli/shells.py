"""Shells that complete command lines: bash, zsh and fish as they are, on a terminal of their own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobsched.cli.reference.scripts import FILES, folder

ROWS, COLUMNS = 400, 100
_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
_START = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
_READY = "ready>"
_PREPARE = {
    "bash": "bind 'set completion-query-items 0'; bind 'set page-completions off'; source {script}; PS1='ready> '",
    "zsh": "LISTMAX=100000; bindkey '^U' kill-whole-line; fpath=({folder} $fpath); autoload -U compinit; "
    "compinit -u -D; PS1='ready> '",
    "fish": "source {script}; function fish_prompt; echo 'ready> '; end",
}


def script(shell: str) -> Path:
    """The generated script of a shell."""
    return folder() / FILES[shell]


def bash_words(lines: Sequence[str], environ: Mapping[str, str], cwd: Path, *, prepare: str = "") -> list[list[str]]:
    """What bash's script offers for each line, completed at its end; split as readline splits."""
    calls = []
    for line in lines:
        words = re.findall(r"[=:@]+|[^\s=:@]+", line) + ([""] if line[-1] in " " else [])
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        calls.append(
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; "
            "_jobsched; printf '%s\\n' \"${COMPREPLY[@]}\" END"
        )
    program = "\n".join([f"source {script('bash')}", prepare, *calls])
    done = subprocess.run(
        ["bash", "--norc", "-c", program], env=dict(environ), cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == "", done.stderr
    return _blocks(done.stdout)


def fish_words(lines: Sequence[str], environ: Mapping[str, str], cwd: Path) -> list[list[str]]:
    """What fish offers for each line, completed at its end, without the words about them."""
    calls = "\n".join(f"complete -C '{line}'; echo END" for line in lines)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {script('fish')}\n{calls}"],
        env=dict(environ), cwd=cwd, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    return _blocks(done.stdout)


def _blocks(printed: str) -> list[list[str]]:
    """The first words of the lines before each END."""
    found: list[list[str]] = [[]]
    for line in printed.split("\n")[:-1]:
        if line == "END":
            found.append([])
        elif line:
            found[-1].append(line.partition("\t")[0])
    return found[:-1]


def plain(shown: str) -> str:
    """What a terminal shows, without colours, movements and bells."""
    return _ESCAPE_SEQUENCE.sub("", shown).replace("\a", "")


class Shell:
    """An interactive shell on a terminal, with jobsched's completion loaded."""

    def __init__(self, name: str, environ: Mapping[str, str], cwd: Path) -> None:
        self._mine, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        env = {**environ, "TERM": "xterm", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *_START[name]], stdin=its, stdout=its, stderr=its, env=env, cwd=cwd
        )
        os.close(its)
        self._marks = 0
        self.type(_PREPARE[name].format(script=script(name), folder=folder()) + "\n")

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._mine)

    def tab(self, line: str) -> str:
        """What the terminal shows once `line` was typed and tab pressed twice; the line is then taken back."""
        return self.type(f"{line}\t\t\x15")

    def type(self, keys: str) -> str:
        """Type `keys`, and return what is shown before the shell does what is typed next."""
        self._marks += 1
        os.write(self._mine, f"{keys}echo mark-{self._marks}-'end'\n".encode())
        return self._read_until(f"mark-{self._marks}-end")

    def _read_until(self, mark: str) -> str:
        """The mark, and the prompt after it: what is typed before that one is the terminal's to interpret."""
        shown, end = "", time.monotonic() + 30
        while _READY not in _ESCAPE_SEQUENCE.sub("", shown).partition(mark)[2]:
            assert select.select([self._mine], [], [], max(0, end - time.monotonic()))[0], shown
            shown += os.read(self._mine, 65536).decode(errors="replace")
        return shown
