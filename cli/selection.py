"""Which jobs a command is about: ids, `@last`, `@mine`, ids on stdin, and what -f and the other filters say.

What is named and what is filtered by must both hold. A selection that matches nothing is an error, never
"everything": `jobsched cancel $IDS` with an empty variable must not cancel the queue.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.model.errors import JobNotFound, NothingSelected, UsageError
from . import arguments, last
from .who import user

if TYPE_CHECKING:
    from ..core.model.selection import Condition, Selection, Value
    from ..core.model.states import State
    from ..core.service import Service

MAX_ID = (1 << 63) - 1
MOST = 10_000
"""Jobs that are shown or waited for one by one."""

Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID…", help="Job ids, 10..20, @last, @mine, or - for ids (or JSONL) on stdin.", show_default=False
    ),
]
FilterFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", "-f", metavar="SELECTION", help="As in 'state:dead error~timeout age>2h' (jobsched help selection)."
    ),
]
StateFlag = Annotated[list[str] | None, typer.Option("--state", metavar="STATE", help="In this state (repeatable).")]
QueueFlag = Annotated[str | None, typer.Option("--queue", "-Q", metavar="QUEUE", help="In this queue.")]
TypeFlag = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Of this type.")]
TagFlag = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="With this tag.")]
SinceFlag = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Submitted since: 1h, or a time.")]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="Selecting nothing is fine: exit 0.")]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command line selects: jobs by number, or by conditions; `where` is None for ids alone.

    ids: None where no job was named. Where both are given, `where` says it all.
    """

    ids: tuple[int, ...] | None
    where: Selection | None

    @property
    def everything(self) -> bool:
        """Whether nothing was said at all."""
        return self.ids is None and self.where is None

    @property
    def selection(self) -> Selection | None:
        """All of it as conditions; None is every job."""
        if self.where is not None or self.ids is None:
            return self.where
        from ..core.model.selection import AnyOf, Condition, Selection

        return Selection((Condition("id", AnyOf(self.ids)),))

    @property
    def words(self) -> str:
        """All of it in words, as it could be typed."""
        if self.where is not None:
            return str(self.where)
        ids = self.ids or ()
        return " ".join(map(str, ids[:20])) + (f" … ({len(ids)} ids)" if len(ids) > 20 else "")

    def asks_for(self, field: str) -> bool:
        """Whether one of the conditions is about this field."""
        return self.where is not None and any(each.field == field for each in self.where.conditions)

    def narrowed(self, condition: Condition) -> Chosen:
        """The same and one condition more."""
        from ..core.model.selection import Selection

        more = Selection((condition,))
        return Chosen(self.ids, self.selection & more if self.selection else more)


def choose(
    service: Service,
    words: Sequence[str] | None,
    filters: Sequence[str] | None = None,
    *,
    state: Sequence[str] | None = None,
    queue: str | None = None,
    type_: str | None = None,
    tag: str | None = None,
    since: str | None = None,
) -> Chosen:
    """Read what was named and what was filtered by; the store is opened for `@last` alone.

    UsageError names the word or flag that cannot be meant. NothingSelected: words were given and none of
    them names a job.
    """
    found = [*_flags(state, queue, type_, tag, since)]
    for text in filters or ():
        found += _read(text, service)
    ids, ranges = _named(words or (), service, found)
    if not found and not ranges:
        return Chosen(tuple(ids) or None, None)
    from ..core.model.selection import AnyOf, Condition, Selection

    if ids or ranges:
        found.append(Condition("id", AnyOf((*ids, *ranges))))
    return Chosen(tuple(ids) or None, Selection(tuple(found)))


def in_states(states: Sequence[State]) -> Condition:
    """The condition that a job is in one of these states."""
    from ..core.model.selection import AnyOf, Condition

    return Condition("state", AnyOf(tuple(states)))


def held() -> Condition:
    """The condition that somebody holds a job."""
    from ..core.model.selection import Condition, Glob, Like, Wild

    return Condition("held", Like((Glob((Wild.MANY,)),)))


def read_ids(words: Sequence[str] | None, service: Service, filters: Sequence[str] | None = None) -> list[int]:
    """Return the ids that are named and filtered by, each once: in the order of the words, or newest first.

    UsageError: a word that is no id, or more than MOST jobs fit. NothingSelected: no job at all.
    """
    chosen = choose(service, words, filters)
    if chosen.where is None:
        if chosen.ids is None:
            raise NothingSelected("nothing selected — no job id was given", fix="jobsched ls shows the ids")
        return list(chosen.ids)
    found: list[int] = []
    for page in service.select_ids(chosen.where):
        found += page
        if len(found) > MOST:
            raise UsageError(f"more than {MOST:,} jobs match — name fewer", fix="jobsched ls --count with the same -f")
    if not found:
        raise nothing_matches()
    return found


def parse_id(word: str) -> int:
    """Read a whole decimal id. UsageError: it is none; JobNotFound: no store can have so many jobs."""
    if not word.isascii() or not word.isdecimal():
        raise UsageError(f"{word[:60]!r} is not a job id — ids are whole numbers", fix="jobsched ls")
    if len(word) > 19 or not 0 < int(word) <= MAX_ID:
        raise JobNotFound(f"there is no job {word[:40]}", fix="jobsched ls")
    return int(word)


def nothing_matches() -> NothingSelected:
    """The error for a selection that no job fits."""
    return NothingSelected("nothing selected — no job matches", fix="jobsched ls with the same selection")


def _flags(
    state: Sequence[str] | None, queue: str | None, type_: str | None, tag: str | None, since: str | None
) -> Iterator[Condition]:
    """The filter flags as conditions."""
    if not (state or queue or type_ or tag or since):
        return
    from ..core.model.job import check_name
    from ..core.model.selection import AnyOf, Compare, Condition
    from ..core.model.times import parse_since

    if states := arguments.states(state or ()):
        yield in_states(states)
    for what, name in (("queue", queue), ("type", type_), ("tag", tag)):
        if name is not None:
            check_name(what, name)
            yield Condition(what, AnyOf((name,)))
    moment = arguments.read("--since", since, parse_since)
    if moment is not None:
        yield Condition("created", Compare(">=", moment))


def _read(text: str, service: Service) -> tuple[Condition, ...]:
    from ..core.model.selection import parse

    return parse(text, me=user(), last=lambda: last.recall(service.store.shown_url)).conditions


def _named(words: Sequence[str], service: Service, found: list[Condition]) -> tuple[list[int], list[Value]]:
    """The ids that words name and the ranges of ids; what `@mine` means goes to `found`."""
    ids: dict[int, None] = {}
    ranges: list[Value] = []
    mine = False
    for word in words:
        if word == "-":
            ids |= dict.fromkeys(_stdin_ids())
        elif word == "@last":
            ids[last.recall(service.store.shown_url)] = None
        elif word == "@mine":
            found += _read(word, service)
            mine = True
        elif ".." in word:
            ranges.append(_range(word))
        else:
            ids[parse_id(word)] = None
    if words and not ids and not ranges and not mine:
        raise NothingSelected("nothing selected — no job id was given", fix="jobsched ls shows the ids")
    return list(ids), ranges


def _range(word: str) -> Value:
    from ..core.model.selection import Between

    low, _, high = word.partition("..")
    return Between(parse_id(low), parse_id(high))


def _stdin_ids() -> Iterator[int]:
    """Read lines: an id, TSV with the id first, or a JSON object with an `id`."""
    for number, line in enumerate(sys.stdin, 1):
        text = line.strip()
        if not text:
            continue
        if not text.startswith("{"):
            yield from (parse_id(word) for word in text.split("\t")[0].split())
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"line {number} of stdin is neither an id nor JSON — {error}") from None
        if record.get("id") is not None:  # a line of `submit --batch` that failed has none
            yield parse_id(str(record["id"]))
