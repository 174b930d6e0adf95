"""The filter of the table of jobs: the grammar of selections, and what may come next while it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester

from ..core.model.priority import Priority
from ..core.model.selection import FIELDS, quoted
from ..core.model.states import State
from .widgets.line import Line

_OPEN = re.compile(r"[^\s]*\Z")
"""The word that is being written: the last one, up to the end."""
_VALUE = re.compile(r"(-?)([a-z]+)([:=~])(.*)", re.ASCII)
OFFERED = 8
KINDS = {"queue": "queues", "type": "types", "tag": "tags", "worker": "workers", "schedule": "schedules", "id": "ids"}
"""Field → the kind of names that `Service.vocabulary` has for it."""
FIXED = {"state": tuple(State), "priority": tuple(each.word for each in Priority)}
Words = Mapping[str, Sequence[str]]


def candidates(text: str, known: Words) -> list[str]:
    """What the filter may become by ending its last word, the likeliest first. known: kind → names."""
    found = _OPEN.search(text)
    word = found[0] if found else ""
    before = text[: len(text) - len(word)]
    value = _VALUE.fullmatch(word)
    if value is None:
        sign, name = ("-", word[1:]) if word.startswith("-") else ("", word)
        fitting = [each for each in FIELDS if each.startswith(name) and each != "id"]
        return [f"{before}{sign}{each}{'.' if each == 'args' else ':'}" for each in fitting]
    sign, field, operator, written = value.groups()
    done, comma, part = written.rpartition(",")
    names = FIXED.get(field) or known.get(KINDS.get(field, ""), ())
    start = f"{before}{sign}{field}{operator}{done}{comma}"
    return [start + quoted(name) for name in names if quoted(name).startswith(part) and name != part]


class Ends(Suggester):
    """Offers the likeliest end of what is written."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.known: Words = {}

    async def get_suggestion(self, value: str) -> str | None:
        if not value or value[-1:].isspace():
            return None
        return next(iter(candidates(value, self.known)), None)


class FilterLine(Line):
    """A line for a filter; Tab takes what is offered."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "cursor_right_or_end", "Take it", show=False)]

    def __init__(self, ends: Ends, *, id: str) -> None:
        example = "state:dead queue:emails error~timeout age>2h args.user=42"
        super().__init__(compact=True, placeholder=example, suggester=ends, select_on_focus=False, id=id)

    def action_cursor_right_or_end(self) -> None:
        """Take what is offered, or stay."""
        if self.cursor_at_end:
            self.action_cursor_right()


def offers(text: str, known: Words) -> str:
    """The last words of the first few candidates, on one line."""
    found = candidates(text, known)
    shown = "  ".join(each.rpartition(" ")[2] if '"' not in each else each for each in found[:OFFERED])
    return shown + (f"  +{len(found) - OFFERED}" if len(found) > OFFERED else "")
