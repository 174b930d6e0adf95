"""The filter of the table of jobs: words with a colon, and single words where they can only mean one thing."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.model.errors import UsageError
from ..core.model.job import check_name
from ..core.model.states import State, parse_state
from .questions import Wanted

FIELDS = ("state", "queue", "type", "tag")


def read_filter(text: str) -> Wanted:
    """Read `state:dead,retrying queue:emails`; a word alone is a state. UsageError says which word is wrong."""
    states: list[State] = []
    found: dict[str, str] = {}
    for word in text.split():
        field, colon, value = word.partition(":")
        if not colon:
            field, value = "state", word
        if field not in FIELDS or not value:
            raise UsageError(f"{word[:40]!r} is no filter — write {':… '.join(FIELDS)}:…")
        if field == "state":
            states += map(_state, value.split(","))
        elif field in found:
            raise UsageError(f"{field} is there twice")
        else:
            check_name(field, value)
            found[field] = value
    return Wanted(tuple(states), found.get("queue"), found.get("type"), found.get("tag"))


def argv_of(wanted: Wanted) -> Sequence[str]:
    """The command line that lists the same jobs."""
    argv = ["ls"]
    if wanted.states:
        argv += ["--state", ",".join(state.value for state in wanted.states)]
    for name in ("queue", "type", "tag"):
        value = getattr(wanted, name)
        if value is not None:
            argv += [f"--{name}", value]
    return argv


def _state(word: str) -> State:
    try:
        return parse_state(word)
    except ValueError:
        raise UsageError(f"{word[:40]!r} is no state — {', '.join(State)}") from None
