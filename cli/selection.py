"""Which jobs a command is about: ids, `@last`, ids on stdin, or all that match filters.

A selection that matches nothing is an error, never "everything": `jobsched cancel $IDS` with an empty
variable must not cancel the queue.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.model.errors import JobNotFound, NothingSelected, UsageError
from ..core.model.job import check_name
from ..core.model.states import State
from ..core.model.times import parse_since
from . import arguments, last

if TYPE_CHECKING:
    from ..core.model.job import Job
    from ..core.service import Service

MAX_ID = (1 << 63) - 1
PAGE = 1000

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID…", help="Job ids, @last, or - for ids (or JSONL) on stdin.", show_default=False),
]
StateFlag = Annotated[list[str] | None, typer.Option("--state", metavar="STATE", help="In this state (repeatable).")]
QueueFlag = Annotated[str | None, typer.Option("--queue", "-Q", metavar="QUEUE", help="In this queue.")]
TypeFlag = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Of this type.")]
TagFlag = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="With this tag.")]
SinceFlag = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Submitted since: 1h, or a time.")]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="Selecting nothing is fine: exit 0.")]


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on jobs; all that are given must hold."""

    states: tuple[State, ...] = ()
    queue: str | None = None
    type: str | None = None
    tag: str | None = None
    since: datetime | None = None

    @property
    def given(self) -> bool:
        return bool(self.states or self.queue or self.type or self.tag or self.since)


def filters(
    state: Sequence[str] | None, queue: str | None, type_: str | None, tag: str | None, since: str | None
) -> Filters:
    """Read the filter flags. UsageError names the one that cannot be meant."""
    for what, name in (("queue", queue), ("type", type_), ("tag", tag)):
        if name is not None:
            check_name(what, name)
    return Filters(arguments.states(state or ()), queue, type_, tag, arguments.read("--since", since, parse_since))


def read_ids(words: Sequence[str] | None, service: Service) -> list[int]:
    """Return the ids that the words name, each once, in order; `-` is read from stdin.

    UsageError: a word that is no id. NothingSelected: no id at all.
    """
    found: dict[int, None] = {}
    for word in words or ():
        for id_ in _stdin_ids() if word == "-" else (_one(word, service),):
            found[id_] = None
    if not found:
        raise NothingSelected("nothing selected — no job id was given", fix="jobsched ls shows the ids")
    return list(found)


def select(words: Sequence[str] | None, chosen: Filters, service: Service) -> list[int]:
    """Return the ids of a change's jobs: those named, or all that match. NothingSelected: none."""
    if words and chosen.given:
        raise UsageError("both ids and filters were given — a selection is one or the other")
    if not chosen.given:
        return read_ids(words, service)
    ids = [job.id for job in matching(chosen, service)]
    if not ids:
        raise NothingSelected("nothing selected — no job matches", fix="jobsched ls with the same filters")
    return ids


def matching(chosen: Filters, service: Service) -> Iterator[Job]:
    """Every job that matches, newest first, read page by page."""
    before: int | None = None
    while True:
        page = service.list(
            states=chosen.states, queue=chosen.queue, type=chosen.type, tag=chosen.tag, since=chosen.since,
            before=before, limit=PAGE,
        )  # fmt: skip
        yield from page
        if len(page) < PAGE:
            return
        before = page[-1].id


def parse_id(word: str) -> int:
    """Read a whole decimal id. UsageError: it is none; JobNotFound: no store can have so many jobs."""
    if not word.isascii() or not word.isdecimal():
        raise UsageError(f"{word[:60]!r} is not a job id — ids are whole numbers", fix="jobsched ls")
    if len(word) > 19 or not 0 < int(word) <= MAX_ID:
        raise JobNotFound(f"there is no job {word[:40]}", fix="jobsched ls")
    return int(word)


def _one(word: str, service: Service) -> int:
    return last.recall(service.store.shown_url) if word == "@last" else parse_id(word)


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
        except ValueError as error:
            raise UsageError(f"line {number} of stdin is neither an id nor JSON — {error}") from None
        if record.get("id") is not None:  # a line of `submit --batch` that failed has none
            yield parse_id(str(record["id"]))
