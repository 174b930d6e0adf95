"""Submit a job, a command behind --, or a file of jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.backoff import parse_backoff
from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from ...core.model.job import NewJob, parse_after
from ...core.model.priority import parse_priority
from ...core.model.times import parse_time
from .. import arguments, diagnostics, invocation, last, output
from ..group import dry_runnable
from ..output import Column

if TYPE_CHECKING:
    from ...core.model.job import Job
    from ...core.model.results import Submitted
    from ...core.service import Service

TAKES_COMMAND_LINE = True
COMMAND_TYPE = "command"
COLUMNS = (
    Column("id", "id"),
    Column("created", shown=False),
    Column("state", "state", shown=False),
    Column("type", shown=False),
)
Text = str | None
Fields = Annotated[list[str] | None, typer.Argument(metavar="FIELD…", help="Payload: key=text key:=JSON key@FILE.")]
After = Annotated[
    list[str] | None, typer.Option("--after", metavar="ID[:ok|any|fail]", help="Once that job has ended so.")
]
ConcurrencyKey = Annotated[
    Text, typer.Option("--concurrency-key", metavar="KEY", help="One running job a key: queue set --key-limit.")
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
    args: Annotated[Text, typer.Option("--args", metavar="JSON", help="The payload: JSON, @FILE or -.")] = None,
    queue: Annotated[Text, typer.Option("--queue", "-Q", metavar="QUEUE", help="Default: the type's.")] = None,
    priority: Annotated[Text, typer.Option("--priority", metavar="WORD", help="critical, high, default, low.")] = None,
    max_attempts: Annotated[int | None, typer.Option("--max-attempts", help="1 to 100; 1 with --propagate.")] = None,
    backoff: Annotated[Text, typer.Option("--backoff", metavar="RULE", help="exponential:5s..10m, fixed:30s …")] = None,
    timeout: Annotated[Text, typer.Option("--timeout", metavar="SPAN", help="Of each attempt.")] = None,
    at: Annotated[Text, typer.Option("--at", metavar="TIME", help="Not before: 14:30, tomorrow 09:00, ISO.")] = None,
    in_: Annotated[Text, typer.Option("--in", metavar="SPAN", help="Not before so long from now.")] = None,
    key: Annotated[Text, typer.Option("--key", metavar="KEY", help="The same key makes one job.")] = None,
    after: After = None,
    unique: Annotated[Text, typer.Option("--unique", metavar="KEY", help="One active job a key.")] = None,
    concurrency_key: ConcurrencyKey = None,
    hold: Annotated[bool, typer.Option("--hold", help="Not before somebody releases it.")] = False,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Repeatable.")] = None,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Even if nobody knows type or payload.")] = False,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="K=V", help="For a command.")] = None,
    cwd: Annotated[Text, typer.Option("--cwd", metavar="DIR", help="For a command.")] = None,
    batch: Annotated[Text, typer.Option("--batch", metavar="FILE", help="One job a line, as JSON; - is stdin.")] = None,
    atomic: Annotated[bool, typer.Option("--atomic", help="With --batch: all or none.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended: exit 0 or 1.")] = False,
    wait_timeout: Annotated[Text, typer.Option("--wait-timeout", metavar="SPAN", help="Then exit 124.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait, and show its output as it comes.")] = False,
    propagate: Annotated[bool, typer.Option("--propagate", help="Wait; exit with the job's own code.")] = False,
) -> int:
    """Submit a job: `submit TYPE key=value …`, or a program: `submit [FLAGS] -- CMD ARG …`.

    In a pipe, stdout is the bare id.
    """
    line = invocation.current().command_line
    job = NewJob(
        type=type_,
        queue=queue,
        priority=arguments.read("--priority", priority, parse_priority),
        max_attempts=1 if propagate and max_attempts is None else max_attempts,
        backoff=arguments.read("--backoff", backoff, parse_backoff),
        timeout=arguments.read("--timeout", timeout, parse_duration),
        run_at=_run_at(at),
        delay=arguments.read("--in", in_, parse_duration),
        idempotency_key=key,
        tags=tuple(tag or ()),
        after=tuple(parse_after(each) for each in after or ()),
        unique_key=unique,
        concurrency_key=concurrency_key,
        hold=hold,
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
    return _run(job, unchecked, patience, wait=wait or wait_timeout is not None, follow=follow, propagate=propagate)


def _run(job: NewJob, unchecked: bool, patience: float | None, *, wait: bool, follow: bool, propagate: bool) -> int:
    if output.fields_asked(COLUMNS):
        return 0
    with invocation.open_service() as service:
        if invocation.current().dry_run:
            return _preview(service, job, unchecked)
        submitted = service.submit(job, unchecked=unchecked)
        last.remember(service.store.shown_url, submitted.id)
        if not (wait or follow or propagate):
            _announce(service, job, submitted)
            return 0
        return _stay(service, submitted, patience, follow=follow, propagate=propagate)


def _announce(service: Service, job: NewJob, submitted: Submitted) -> None:
    if not invocation.current().for_people:
        row = {"id": submitted.id, "created": submitted.created, "state": submitted.state, "type": job.type}
        output.emit("job", COLUMNS, [row])
        return
    from ..announcing import announce

    announce(service, submitted)


def _stay(service: Service, submitted: Submitted, patience: float | None, *, follow: bool, propagate: bool) -> int:
    """Wait for the job; its id goes to stderr, so that stdout is its output or its record alone."""
    from ..announcing import announce_end, warn_if_stuck
    from ..following import OutputPrinter, wait
    from ..following import follow as follow_output
    from ..jobs import propagated, verdict

    invocation.current().propagating = propagate
    ids = [submitted.id]
    jobs: list[Job]
    try:
        diagnostics.note(f"job {submitted.id}")
        if invocation.current().for_people:
            warn_if_stuck(service, service.get(submitted.id))
        if follow:
            jobs = follow_output(service, ids, OutputPrinter(), timeout=patience)
        else:
            jobs = wait(service, ids, timeout=patience)
    except KeyboardInterrupt:
        diagnostics.note(f"job {submitted.id} goes on — jobsched wait {submitted.id}, jobsched cancel {submitted.id}")
        raise
    announce_end(jobs[0], record=not follow)
    return propagated(service, jobs) if propagate else verdict(jobs)


def _preview(service: Service, job: NewJob, unchecked: bool) -> int:
    checked = service.check(job, unchecked=unchecked)
    row: dict[str, Any] = {
        "type": checked.type,
        "queue": checked.queue,
        "priority": checked.priority.word if checked.priority is not None else None,
        "max_attempts": checked.max_attempts,
        "backoff": str(checked.backoff) if checked.backoff else None,
        "timeout": checked.timeout,
        "run_at": checked.run_at,
        "delay": checked.delay,
        "idempotency_key": checked.idempotency_key,
        "unique_key": checked.unique_key,
        "concurrency_key": checked.concurrency_key,
        "after": [f"{each.id}:{each.condition}" for each in checked.after],
        "hold": checked.hold,
        "tags": list(checked.tags),
        "payload": service.submission.shown(checked),
    }
    output.emit("job.preview", [Column(name) for name in row], [row])
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
    if env or cwd:
        raise UsageError("--env and --cwd are for a program behind --", fix=f"jobsched submit {job.type} key=value")
    return replace(job, payload=arguments.payload(fields or (), args))


def _with_command(job: NewJob, line: list[str], env: list[str] | None, cwd: str | None) -> NewJob:
    if job.type not in ("", COMMAND_TYPE):
        raise UsageError(
            f"both the type {job.type!r} and a program behind -- were given", fix="jobsched submit [FLAGS] -- CMD …"
        )
    if not line:
        raise UsageError("there is no program behind --", fix="jobsched submit -- echo hello")
    payload: dict[str, Any] = {"argv": line}
    if env:
        payload["env"] = arguments.pairs("--env", env)
    if cwd:
        payload["cwd"] = cwd
    return replace(job, type=COMMAND_TYPE, payload=payload)


def _refuse_beside_batch(
    waits: bool, fields: list[str] | None, args: str | None, line: list[str] | None, key: str | None
) -> None:
    if waits:
        raise UsageError("--batch does not wait", fix="jobsched submit --batch FILE -q | jobsched wait -")
    if fields or args is not None or line is not None or key is not None:
        raise UsageError("--batch takes payloads and keys from its lines, not from the command line")
