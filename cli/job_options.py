"""A job's options as flags: what `submit` and the schedules of `cron` have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from ..core.model.backoff import parse_backoff
from ..core.model.durations import parse_duration
from ..core.model.errors import UsageError
from ..core.model.job import NewJob
from ..core.model.priority import parse_priority
from . import arguments

COMMAND_TYPE = "command"
Text = str | None
Texts = list[str] | None
Args = Annotated[Text, typer.Option("--args", metavar="JSON", help="The payload: JSON, @FILE or -.")]
Queue = Annotated[Text, typer.Option("--queue", "-Q", metavar="QUEUE", help="Default: the type's.")]
Priority = Annotated[Text, typer.Option("--priority", metavar="WORD", help="critical, high, default, low.")]
Backoff = Annotated[Text, typer.Option("--backoff", metavar="RULE", help="exponential:5s..10m, fixed:30s …")]
Timeout = Annotated[Text, typer.Option("--timeout", metavar="SPAN", help="Of each attempt.")]
Unique = Annotated[Text, typer.Option("--unique", metavar="KEY", help="One active job a key.")]
ConcurrencyKey = Annotated[
    Text, typer.Option("--concurrency-key", metavar="KEY", help="One running job a key: queue set --key-limit.")
]
Tags = Annotated[Texts, typer.Option("--tag", metavar="TAG", help="Repeatable.")]
Unchecked = Annotated[bool, typer.Option("--unchecked", help="Even if nobody knows type or payload.")]
Env = Annotated[Texts, typer.Option("--env", metavar="K=V", help="For a command.")]
Cwd = Annotated[Text, typer.Option("--cwd", metavar="DIR", help="For a command.")]


def read_options(
    *,
    queue: str | None,
    priority: str | None,
    max_attempts: int | None,
    backoff: str | None,
    timeout: str | None,
    unique: str | None,
    concurrency_key: str | None,
    tag: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the options that were given, by the names that NewJob has for them. UsageError names the flag."""
    found = {
        "queue": queue,
        "priority": arguments.read("--priority", priority, parse_priority),
        "max_attempts": max_attempts,
        "backoff": arguments.read("--backoff", backoff, parse_backoff),
        "timeout": arguments.read("--timeout", timeout, parse_duration),
        "unique_key": unique,
        "concurrency_key": concurrency_key,
        "tags": tuple(tag) if tag else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def fields_payload(
    job_type: str, fields: Sequence[str] | None, args: str | None, env: Sequence[str] | None, cwd: str | None
) -> dict[str, Any]:
    """Return the payload that fields and --args make. UsageError: --env or --cwd, which a program alone has."""
    if env or cwd:
        raise UsageError("--env and --cwd are for a program behind --", fix=f"jobsched submit {job_type} key=value")
    return arguments.payload(fields or (), args)


def command_payload(line: Sequence[str], env: Sequence[str] | None, cwd: str | None, *, usage: str) -> dict[str, Any]:
    """Return the payload of a program behind `--`. UsageError: there is none; `usage` is how it is written."""
    if not line:
        raise UsageError("there is no program behind --", fix=f"{usage} -- echo hello")
    payload: dict[str, Any] = {"argv": list(line)}
    if env:
        payload["env"] = arguments.pairs("--env", env)
    if cwd:
        payload["cwd"] = cwd
    return payload


def option_row(job: NewJob, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a NewJob as a record; `payload` as it may be shown."""
    return {
        "type": job.type,
        "queue": job.queue,
        "priority": job.priority.word if job.priority is not None else None,
        "max_attempts": job.max_attempts,
        "backoff": str(job.backoff) if job.backoff else None,
        "timeout": job.timeout,
        "unique_key": job.unique_key,
        "concurrency_key": job.concurrency_key,
        "tags": list(job.tags),
        "payload": payload,
    }
