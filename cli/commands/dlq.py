"""Dead letters: look, retry, discard, export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import NotFound, UsageError
from ...core.model.states import State
from .. import arguments, invocation, output, selection
from ..careful import carefully, read_rate
from ..changing import Change, change, pages
from ..describing import export_jobs, show_jobs
from ..group import dry_runnable
from ..jobs import JOB_COLUMNS, job_row
from ..output import Column
from ..selection import AllowEmpty, Chosen, FilterFlag, QueueFlag, SinceFlag, TagFlag, TypeFlag
from ..who import user

if TYPE_CHECKING:
    from ...core.model.selection import Condition
    from ...core.service import Service

app = typer.Typer()
GROUP_COLUMNS = (
    Column("fingerprint"),
    Column("count", "number"),
    Column("queue", in_table=False),
    Column("type"),
    Column("first_seen", "time", in_table=False),
    Column("last_seen", "time"),
    Column("example_id", "id", in_table=False),
    Column("message"),
)
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID|FINGERPRINT…", help="Job ids, @last, -, or error fingerprints.", show_default=False),
]
MIN_FINGERPRINT = 6


@app.command("ls")
def ls(
    filters: FilterFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    by: Annotated[str | None, typer.Option("--by", metavar="error", help="One line for each kind of error.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")] = 50,
) -> None:
    """Dead jobs, newest first; --by error groups those that failed alike."""
    grouped = arguments.choice("--by", by, ("error",)) is not None
    with invocation.open_service() as service:
        chosen = selection.choose(service, None, filters, queue=queue, type_=type_, tag=tag, since=since)
        if not grouped:
            jobs = service.select(_dead(chosen).selection, limit=limit)
            output.emit("job", JOB_COLUMNS, (job_row(job) for job in jobs))
        elif chosen.everything:
            groups = service.dlq_groups(limit=limit)
            rows = ({column.name: getattr(group, column.name) for column in GROUP_COLUMNS} for group in groups)
            output.emit("dlq.group", GROUP_COLUMNS, rows)
        else:
            raise UsageError(
                "--by error counts the whole dead-letter queue",
                fix="jobsched ls --count --group-by error -f 'state:dead …'",
            )


@app.command("show")
def show(words: Words = None, filters: FilterFlag = None) -> None:
    """Show dead jobs in full; of a fingerprint, an example."""
    with invocation.open_service() as service:
        examples = (_example(service, word) for word in words or ())
        named = [
            str(example) if example is not None else word for word, example in zip(words or (), examples, strict=True)
        ]
        show_jobs(service, selection.read_ids(named, service, filters))


@app.command("retry")
@dry_runnable
def retry(
    words: Words = None,
    filters: FilterFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead job.")] = False,
    canary: Annotated[
        int, typer.Option("--canary", metavar="N", min=0, max=1000, help="N of them first; the rest if those succeed.")
    ] = 0,
    rate: Annotated[str | None, typer.Option("--rate", metavar="50/s", help="No more than so many a second.")] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="SPAN", help="With --canary: how long to wait for those.")
    ] = None,
    allow_empty: AllowEmpty = False,
) -> int:
    """Queue dead jobs again, with fresh attempts; with --canary exit 1 if they fail again."""
    pace = arguments.read("--rate", rate, read_rate)
    patience = arguments.read("--timeout", timeout, parse_duration)
    with invocation.open_service() as service:
        chosen = _choose(
            service, words, every, filters, queue=queue, type_=type_, tag=tag, since=since
        )  # fmt: skip
        what = Change("retry", "queues again", "queued again", lambda some: service.retry(some, by=user()))

        def order(pages: Iterator[Sequence[int]]) -> Iterator[Sequence[int]]:
            return carefully(service, pages, canary=canary, rate=pace, timeout=patience)

        return change(service, chosen, what, allow_empty=allow_empty, order=order)


@app.command("discard")
@dry_runnable
def discard(
    words: Words = None,
    filters: FilterFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead job.")] = False,
    allow_empty: AllowEmpty = False,
) -> int:
    """Take dead jobs out of the dead-letter queue: they become cancelled."""
    with invocation.open_service() as service:
        chosen = _choose(
            service, words, every, filters, queue=queue, type_=type_, tag=tag, since=since
        )  # fmt: skip
        what = Change("discard", "discards", "discarded", lambda some: service.discard(some, by=user()))
        return change(service, chosen, what, allow_empty=allow_empty)


@app.command("export")
def export(
    words: Words = None,
    filters: FilterFlag = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
) -> None:
    """Write dead jobs with their attempts and output to stdout, one JSON object a line; all, or those chosen."""
    invocation.current().auto = "jsonl"
    with invocation.open_service() as service:
        chosen = _choose(service, words, True, filters, queue=queue, type_=type_, tag=tag, since=since)
        export_jobs(service, pages(service, chosen))


def _choose(service: Service, words: list[str] | None, every: bool, filters: list[str] | None, **flags: Any) -> Chosen:
    """The dead jobs that are meant: named, of a fingerprint, or all that match."""
    prints = [word for word in words or () if not _is_id(word)]
    named = [word for word in words or () if _is_id(word)]
    if prints and named:
        raise UsageError("both ids and fingerprints were given — a selection is one or the other")
    chosen = selection.choose(service, named, filters, **flags)
    if prints:
        short = [word for word in prints if len(word) < MIN_FINGERPRINT]
        chosen = chosen.narrowed(_of_kind(prints))
        if short or not service.count(_dead(chosen).selection)[0].count:
            raise NotFound(
                f"no dead job has the fingerprint {(short or prints)[0][:40]!r}", fix="jobsched dlq ls --by error"
            )
    if chosen.where is not None or (every and chosen.everything):
        return _dead(chosen)
    return chosen


def _dead(chosen: Chosen) -> Chosen:
    return chosen.narrowed(selection.in_states([State.DEAD]))


def _of_kind(prints: list[str]) -> Condition:
    """The condition that an error's fingerprint starts as one of these."""
    from ...core.model.selection import Condition, Glob, Like, Wild

    return Condition("fingerprint", Like(tuple(Glob((each, Wild.MANY)) for each in prints)))


def _is_id(word: str) -> bool:
    return word in ("-", "@last", "@mine") or (word.isascii() and word.replace("..", "").isdecimal())


def _example(service: Service, word: str) -> int | None:
    """The newest dead job of the fingerprint `word`; None where the word is an id."""
    if _is_id(word):
        return None
    jobs = len(word) >= MIN_FINGERPRINT and service.select(
        _dead(Chosen(None, None).narrowed(_of_kind([word]))).selection, limit=1
    )
    if not jobs:
        raise NotFound(f"no dead job has the fingerprint {word[:40]!r}", fix="jobsched dlq ls --by error")
    return jobs[0].id
