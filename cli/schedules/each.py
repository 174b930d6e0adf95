"""Changes of schedules by name: which are meant, what became of each, and the one exit code over all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

from ...core.model.errors import Conflict, JobschedError, NotFound, NothingSelected, ScheduleNotFound, UsageError
from ...core.model.job import NAME_PATTERN
from ...core.model.schedule import Schedule
from .. import diagnostics, invocation, output, results
from ..output import Column
from ..text import escape, paint, tick
from .rows import status

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME…", help="Schedules, or - for names (or JSONL) on stdin.", show_default=False),
]
COLUMNS = (
    Column("name"),
    Column("ok", "flag"),
    Column("status"),
    Column("error"),
    Column("code", shown=False),
)
REMOVED = "removed"
SELECTED = (Column("name"),)


def possible(name: str) -> str:
    """Return `name` if a schedule can be called so. ScheduleNotFound: none can; the store could not even be asked
    about some of what shells and files may hold."""
    if not NAME_PATTERN.fullmatch(name):
        raise ScheduleNotFound(f"there is no schedule called {name[:80]!r}", fix="jobsched cron ls")
    return name


def read_names(words: Sequence[str] | None) -> list[str]:
    """Return the names that the words are, each once, in order; `-` is read from stdin. NothingSelected: none."""
    found = dict.fromkeys(name for word in words or () for name in (_stdin_names() if word == "-" else (word,)))
    if not found:
        raise NothingSelected("nothing selected — no schedule was named", fix="jobsched cron ls shows the names")
    return list(found)


def change_each(names: Sequence[str], change: Callable[[str], Schedule], *, done: str) -> int:
    """Change one schedule after the other, tell what became of each, and return the exit code.

    done: what happened to those that went well, as "paused".
    """
    if output.fields_asked(COLUMNS):
        return 0
    people = invocation.current().for_people
    out = output.writer("schedule.result", COLUMNS)
    errors: list[JobschedError | None] = []
    for name in names:
        row: dict[str, Any] = {"name": name, "ok": True, "status": None, "error": None, "code": None}
        try:
            schedule = change(possible(name))
            row["status"] = done if done == REMOVED else status(schedule)
            errors.append(None)
        except (NotFound, Conflict, UsageError) as error:
            row |= {"ok": False, "error": error.message, "code": error.code}
            errors.append(error)
        if not people:
            out.write(row)
        elif row["ok"]:
            mark = paint(tick(), "green", wanted=output.colour())
            output.line(f"{mark} {escape(name)} {done}", escaped=True)
    if not people:
        out.close()
    output.flush()
    for told in [error for error in errors if error is not None][:20]:
        diagnostics.error(told)
    return results.exit_code_of(errors)


def preview(names: Sequence[str], verb: str) -> int:
    """What --dry-run shows instead."""
    output.emit("schedule.selected", SELECTED, ({"name": name} for name in names))
    diagnostics.note(f"would {verb} {len(names)} schedule{'s' if len(names) != 1 else ''}; nothing was changed")
    return 0


def _stdin_names() -> Iterator[str]:
    """A name a line; TSV with the name first, or JSON objects with a `name`."""
    for number, line in enumerate(sys.stdin, 1):
        text = line.strip()
        if not text.startswith("{"):
            yield from filter(None, [text.partition("\t")[0]])
            continue
        try:
            name = json.loads(text).get("name")
        except (ValueError, RecursionError) as error:
            raise UsageError(f"line {number} of stdin is neither a name nor JSON — {error}") from None
        if not isinstance(name, str):
            raise UsageError(f"line {number} of stdin has no name")
        yield name
