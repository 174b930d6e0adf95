"""Lines of the program that are run from the screens: what may be run, and how."""

from __future__ import annotations

import shlex
import sys

from ..core.model.errors import UsageError

READERS = frozenset(
    {"ls", "ps", "jobs", "show", "logs", "tail", "wait", "why", "handlers", "doctor", "verify", "help", "--help",
     "--version"}
)  # fmt: skip
"""Verbs that change nothing."""
READING_NOUNS = {
    "queue": {"ls"},
    "cron": {"ls", "show", "next", "history", "check"},
    "workers": {"ls"},
    "dlq": {"ls", "show"},
    "config": {"list", "get", "explain"},
}


def read_line(text: str, *, read_only: bool) -> list[str]:
    """Return the words of a line, without the program's name; none, where it is empty. UsageError: it is not run."""
    try:
        argv = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{error}") from None
    if argv[:1] == ["jobsched"]:
        del argv[0]
    if argv and read_only and not only_reads(argv):
        raise UsageError("read-only: this line changes something")
    if argv[:1] == ["tui"]:
        raise UsageError("that is here")
    return argv


def program(argv: list[str]) -> list[str]:
    """The process that runs these words: its output is for people, and it asks nothing."""
    table = () if any(word.startswith(("-o", "-q", "--output", "--quiet")) for word in argv) else ("-o", "table")
    return [sys.executable, "-m", "jobsched.cli", *table, "--no-input", *argv]


def only_reads(argv: list[str]) -> bool:
    """Whether a line certainly changes nothing: only words that are known for it, flags after the verb."""
    verb = argv[0]
    return verb in READERS or (len(argv) > 1 and argv[1] in READING_NOUNS.get(verb, set()))
