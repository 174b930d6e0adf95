"""Dead letters: look, retry, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.errors import NotFound, NothingSelected
from ...core.model.states import State
from .. import arguments, diagnostics, invocation, output, results, selection
from ..describing import show_jobs
from ..group import dry_runnable
from ..jobs import JOB_COLUMNS, job_row
from ..output import Column
from ..selection import AllowEmpty, QueueFlag, SinceFlag, TagFlag, TypeFlag
from ..who import user

if TYPE_CHECKING:
    from ...core.model.job import Job
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
    by: Annotated[str | None, typer.Option("--by", metavar="error", help="One line for each kind of error.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")] = 50,
) -> None:
    """Dead jobs, newest first; --by error groups those that failed alike."""
    grouped = arguments.choice("--by", by, ("error",)) is not None
    with invocation.open_service() as service:
        if grouped:
            groups = service.dlq_groups()
            rows = ({column.name: getattr(group, column.name) for column in GROUP_COLUMNS} for group in groups)
            output.emit("dlq.group", GROUP_COLUMNS, rows)
        else:
            output.emit("job", JOB_COLUMNS, (job_row(job) for job in service.dlq(limit=limit)))


@app.command("show")
def show(words: Words = None) -> None:
    """Show dead jobs in full; of a fingerprint, an example."""
    with invocation.open_service() as service:
        examples = (_example(service, word) for word in words or ())
        named = [
            str(example) if example is not None else word for word, example in zip(words or (), examples, strict=True)
        ]
        show_jobs(service, selection.read_ids(named, service))


@app.command("retry")
@dry_runnable
def retry(
    words: Words = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead job.")] = False,
    allow_empty: AllowEmpty = False,
) -> int:
    """Queue dead jobs again, with fresh attempts."""
    with invocation.open_service() as service:
        found = _select(service, words, selection.filters(None, queue, type_, tag, since), every, allow_empty)
        if not found or invocation.current().dry_run:
            return results.preview(found, "retry") if found else 0
        diagnostics.confirm(f"This queues {len(found)} dead jobs again.", count=len(found))
        return results.report(service.retry(found, by=user()), done="queued again")


@app.command("discard")
@dry_runnable
def discard(
    words: Words = None,
    queue: QueueFlag = None,
    type_: TypeFlag = None,
    tag: TagFlag = None,
    since: SinceFlag = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead job.")] = False,
    allow_empty: AllowEmpty = False,
) -> int:
    """Take dead jobs out of the dead-letter queue: they become cancelled."""
    with invocation.open_service() as service:
        found = _select(service, words, selection.filters(None, queue, type_, tag, since), every, allow_empty)
        if not found or invocation.current().dry_run:
            return results.preview(found, "discard") if found else 0
        diagnostics.confirm(f"This discards {len(found)} dead jobs.", count=len(found))
        return results.report(service.discard(found, by=user()), done="discarded")


def _select(
    service: Service, words: list[str] | None, chosen: selection.Filters, every: bool, allow_empty: bool
) -> list[int]:
    """Ids of the dead jobs meant: named, of a fingerprint, or all that match; an error if none is."""
    dead = selection.Filters((State.DEAD,), chosen.queue, chosen.type, chosen.tag, chosen.since)
    try:
        if every or chosen.given:
            return selection.select(words, dead, service)
        named = [word for word in words or () if _is_id(word)]
        prints = [word for word in words or () if not _is_id(word)]
        ids = selection.read_ids(named, service) if named or not prints else []
        if prints:
            ids += [job.id for job in selection.matching(dead, service) if _matches(job, prints)]
            if not ids:
                raise NotFound(f"no dead job has the fingerprint {prints[0][:40]!r}", fix="jobsched dlq ls --by error")
        return list(dict.fromkeys(ids))
    except NothingSelected:
        if allow_empty:
            return []
        raise


def _is_id(word: str) -> bool:
    return word in ("-", "@last") or (word.isascii() and word.isdecimal())


def _matches(job: Job, prints: list[str]) -> bool:
    found = job.fingerprint
    return found is not None and any(
        found == each or (len(each) >= MIN_FINGERPRINT and found.startswith(each)) for each in prints
    )


def _example(service: Service, word: str) -> Any:
    """The example job of the fingerprint `word`; None where the word is an id."""
    if _is_id(word):
        return None
    for group in service.dlq_groups():
        if group.fingerprint == word or (len(word) >= MIN_FINGERPRINT and group.fingerprint.startswith(word)):
            return group.example_id
    raise NotFound(f"no dead job has the fingerprint {word[:40]!r}", fix="jobsched dlq ls --by error")
