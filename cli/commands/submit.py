"""Submit a job, a command behind --, or a file of jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from ...core.model.job import NewJob, parse_after
from ...core.model.times import parse_time
from .. import arguments, diagnostics, invocation, job_options, last, output, staying
from ..group import dry_runnable
from ..job_options import COMMAND_TYPE
from ..output import Column
from ..staying import Stay

if TYPE_CHECKING:
    from ...core.service import Service

TAKES_COMMAND_LINE = True
PREVIEW = (
    Column("type"),
    Column("queue"),
    Column("priority"),
    Column("max_attempts", "number"),
    Column("backoff"),
    Column("timeout", "span"),
    Column("run_at", "time"),
    Column("delay", "span"),
    Column("idempotency_key"),
    Column("unique_key"),
    Column("concurrency_key"),
    Column("after", "list"),
    Column("hold", "flag"),
    Column("tags", "list"),
    Column("payload", "json"),
)
Text = str | None
Fields = Annotated[list[str] | None, typer.Argument(metavar="FIELD…", help="Payload: key=text key:=JSON key@FILE.")]
After = Annotated[
    list[str] | None, typer.Option("--after", metavar="ID[:ok|any|fail]", help="Once that job has ended so.")
]


def epilog(words: list[str]) -> str | None:
    """`submit TYPE --help` describes the type's payload."""
    from ..handler_help import payload_help

    name = next((word for word in words if not word.startswith("-")), None)
    return payload_help(name, invocation.current().settings) if name else None


@dry_runnable
def command(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="What to run: jobsched handlers.")] = "",
    fields: Fields = None,
    args: job_options.Args = None,
    queue: job_options.Queue = None,
    priority: job_options.Priority = None,
    max_attempts: Annotated[int | None, typer.Option("--max-attempts", help="1 to 100; 1 with --propagate.")] = None,
    backoff: job_options.Backoff = None,
    timeout: job_options.Timeout = None,
    at: Annotated[Text, typer.Option("--at", metavar="TIME", help="Not before: 14:30, tomorrow 09:00, ISO.")] = None,
    in_: Annotated[Text, typer.Option("--in", metavar="SPAN", help="Not before so long from now.")] = None,
    key: Annotated[Text, typer.Option("--key", metavar="KEY", help="The same key makes one job.")] = None,
    after: After = None,
    unique: job_options.Unique = None,
    concurrency_key: job_options.ConcurrencyKey = None,
    hold: Annotated[bool, typer.Option("--hold", help="Not before somebody releases it.")] = False,
    tag: job_options.Tags = None,
    unchecked: job_options.Unchecked = False,
    env: job_options.Env = None,
    cwd: job_options.Cwd = None,
    batch: Annotated[Text, typer.Option("--batch", metavar="FILE", help="One job a line, as JSON; - is stdin.")] = None,
    atomic: Annotated[bool, typer.Option("--atomic", help="With --batch: all or none.")] = False,
    wait: staying.Wait = False,
    wait_timeout: staying.WaitTimeout = None,
    follow: staying.Follow = False,
    propagate: staying.Propagate = False,
) -> int:
    """Submit a job: `submit TYPE key=value …`, or a program: `submit [FLAGS] -- CMD ARG …`.

    In a pipe, stdout is the bare id.
    """
    line = invocation.current().command_line
    options = job_options.read_options(
        queue=queue, priority=priority, max_attempts=1 if propagate and max_attempts is None else max_attempts,
        backoff=backoff, timeout=timeout, unique=unique, concurrency_key=concurrency_key, tag=tag,
    )  # fmt: skip
    job = NewJob(
        type=type_,
        run_at=_run_at(at),
        delay=arguments.read("--in", in_, parse_duration),
        idempotency_key=key,
        after=tuple(parse_after(each) for each in after or ()),
        hold=hold,
        **options,
    )
    if batch is not None:
        _refuse_beside_batch(wait or follow or propagate, fields, args, line, key)
        from ..batch import submit_batch

        return submit_batch(batch, job, unchecked=unchecked, atomic=atomic)
    if atomic:
        raise UsageError("--atomic goes with --batch")
    job = _with_command(job, line, env, cwd) if line is not None else _with_fields(job, fields, args, env, cwd)
    job.check()
    patience = arguments.read("--wait-timeout", wait_timeout, parse_duration)
    return _run(job, unchecked, Stay(wait, follow, propagate, patience))


def _run(job: NewJob, unchecked: bool, stay: Stay) -> int:
    if output.fields_asked(stay.columns):
        return 0
    with invocation.open_service() as service:
        if invocation.current().dry_run:
            return _preview(service, job, unchecked)
        submitted = service.submit(job, unchecked=unchecked)
        last.remember(service.store.shown_url, submitted.id)
        if stay.wanted:
            return staying.stay(service, submitted.id, stay)
        staying.acknowledge(service, submitted, job.type)
        return 0


def _preview(service: Service, job: NewJob, unchecked: bool) -> int:
    checked = service.check(job, unchecked=unchecked)
    row = job_options.option_row(checked, service.submission.shown(checked)) | {
        "run_at": checked.run_at,
        "delay": checked.delay,
        "idempotency_key": checked.idempotency_key,
        "after": [f"{each.id}:{each.condition}" for each in checked.after],
        "hold": checked.hold,
    }
    output.emit("job.preview", PREVIEW, [{column.name: row[column.name] for column in PREVIEW}])
    diagnostics.note("nothing was submitted")
    return 0


def _run_at(text: str | None) -> datetime | None:
    moment = arguments.read("--at", text, parse_time)
    if moment is not None and moment < datetime.now(UTC) and text != "now":
        diagnostics.warn(f"--at {text} has passed: the job may run at once")
    return moment


def _with_fields(
    job: NewJob, fields: list[str] | None, args: str | None, env: list[str] | None, cwd: str | None
) -> NewJob:
    if not job.type:
        raise UsageError("submit needs a TYPE, or a program behind --", fix="jobsched submit noop")
    return replace(job, payload=job_options.fields_payload(job.type, fields, args, env, cwd))


def _with_command(job: NewJob, line: list[str], env: list[str] | None, cwd: str | None) -> NewJob:
    if job.type not in ("", COMMAND_TYPE):
        raise UsageError(
            f"both the type {job.type!r} and a program behind -- were given", fix="jobsched submit [FLAGS] -- CMD …"
        )
    payload = job_options.command_payload(line, env, cwd, usage="jobsched submit")
    return replace(job, type=COMMAND_TYPE, payload=payload)


def _refuse_beside_batch(
    waits: bool, fields: list[str] | None, args: str | None, line: list[str] | None, key: str | None
) -> None:
    if waits:
        raise UsageError("--batch does not wait", fix="jobsched submit --batch FILE -q | jobsched wait -")
    if fields or args is not None or line is not None or key is not None:
        raise UsageError("--batch takes payloads and keys from its lines, not from the command line")
