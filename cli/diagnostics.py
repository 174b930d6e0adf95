"""The only writer to stderr: errors, notes, progress and questions. Data goes to stdout (output.py)."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from ..core.model.errors import JobschedError, PayloadInvalid, Refused, SelectionInvalid, UsageError
from . import invocation
from .text import colour_wanted, escape, paint, width

BIG_CHANGE = 20
"""Changes of more jobs than this are confirmed."""
SHOWN, SHOWN_BEFORE = 40, 30
"""Characters of a selection that are shown: of what is wrong in it, and on either side."""
HUGE_CHANGE = 1000
"""Changes of more jobs than this are confirmed by typing their number."""


def error(problem: JobschedError) -> None:
    """Say what went wrong, why, and the command that mends it; to those who asked for JSON as JSON too."""
    _write(f"{_label('jobsched:', 'red')} {escape(problem.message)}")
    if isinstance(problem, SelectionInvalid):
        for each in pointed_at(problem):
            _write(f"  {each}")
    problems = problem.problems if isinstance(problem, PayloadInvalid) else ()
    if len(problems) > 1:
        for field, expected in problems:
            _write(f"  - {escape(field)}: {escape(expected)}")
    if problem.fix:
        _write(f"  fix: {escape(problem.fix)}")
    if problem.see:
        _write(f"  see: {escape(problem.see)}")
    if invocation.current().is_json and invocation.current().output != "auto":
        _write(_error_json(problem, problems))


def pointed_at(problem: SelectionInvalid) -> tuple[str, ...]:
    """The line of the selection around what is wrong with it, and a line of carets below; nothing for an empty one."""
    text, start, end = problem.text, problem.start, problem.end
    if not text.strip():
        return ()
    first = max(0, start - SHOWN_BEFORE)
    head, wrong, rest = escape(text[first:start]), escape(text[start:end][:SHOWN]), escape(text[end:][:SHOWN_BEFORE])
    return f"{head}{wrong}{rest}", " " * width(head) + "^" * max(1, width(wrong))


def note(text: str) -> None:
    """A word that a person may want to know and no program needs."""
    _write(escape(text))


def note_lines(text: str) -> None:
    """Several lines, as a traceback has them."""
    for each in text.splitlines():
        _write(escape(each))


def warn(text: str, *, fix: str | None = None) -> None:
    """Something that is probably not what was meant, though nothing failed."""
    _write(f"{_label('jobsched: note:', 'yellow')} {escape(text)}")
    if fix:
        _write(f"  fix: {escape(fix)}")


def debug(text: str) -> None:
    """What --verbose wants to know."""
    if invocation.current().verbose:
        _write(escape(text))


class Progress:
    """One line on a terminal's stderr that is rewritten; nothing anywhere else."""

    def __init__(self) -> None:
        can_rewrite = invocation.stderr_is_terminal() and os.environ.get("TERM") != "dumb"
        self._active = can_rewrite and not invocation.current().quiet
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def update(self, text: str) -> None:
        """Show `text` in place of what was shown."""
        if self._active:
            _write(f"\r\x1b[2K{escape(text)}", end="")
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            _write("\r\x1b[2K", end="")
            self._shown = False


def confirm(question: str, *, count: int | None = None, always: bool = False) -> None:
    """Ask before a change of `count` jobs; return if it may go on.

    Small changes (at most BIG_CHANGE) are not asked about unless `always`; --yes answers. UsageError:
    nobody can be asked (no terminal, --no-input, a machine-readable format). Refused: the answer was no.
    """
    run = invocation.current()
    if run.yes or (not always and (count is None or count <= BIG_CHANGE)):
        return
    if run.no_input or run.format not in ("table", "wide", "tsv") or not _can_ask():
        raise UsageError(f"{question} — nobody can be asked here", fix="add --yes")
    typed = count is not None and count > HUGE_CHANGE
    prompt = f"Type {count} to go on: " if typed else "Go on? [y/N] "
    _write(f"{escape(question)}\n{prompt}", end="")
    answer = sys.stdin.readline().strip().lower()
    if answer not in ((str(count),) if typed else ("y", "yes")):
        raise Refused("nothing was done — you said no", fix="add --yes to go on without being asked")


def _can_ask() -> bool:
    return invocation.stdin_is_terminal() and invocation.stderr_is_terminal()


def _error_json(problem: JobschedError, problems: tuple[tuple[str, str], ...]) -> str:
    import json

    from .text import escape_json

    body: dict[str, Any] = {
        "code": problem.code,
        "message": problem.message,
        "fix": problem.fix,
        "retryable": problem.retryable,
    }
    if isinstance(problem, SelectionInvalid):
        body["position"] = {"start": problem.start, "end": problem.end}
    if problems:
        body["problems"] = [{"field": field, "expected": expected} for field, expected in problems]
    return escape_json(json.dumps({"error": body}, ensure_ascii=False))


def _label(text: str, colour: str) -> str:
    wanted = colour_wanted(invocation.current().color, invocation.stderr_is_terminal())
    return paint(text, colour, wanted=wanted)


def _write(text: str, end: str = "\n") -> None:
    if sys.stderr is None:
        return
    with suppress(BrokenPipeError):  # whoever read the diagnostics has gone; the result still counts
        sys.stderr.write(text + end)
        sys.stderr.flush()
