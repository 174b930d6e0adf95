"""Run jobs in the foreground; Ctrl-C drains."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.config import parse_lease, parse_size
from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from ...core.model.job import check_name
from .. import arguments, invocation

LOG_FORMATS = ("console", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
Text = str | None


def command(
    concurrency: Annotated[int, typer.Option("--concurrency", "-c", min=1, max=10_000, help="Jobs at once.")] = 10,
    queues: Annotated[Text, typer.Option("--queues", "-Q", metavar="A,B", help="Only these; default: all.")] = None,
    name: Annotated[Text, typer.Option("--name", help="Default: host and process id.")] = None,
    allow_commands: Annotated[
        bool, typer.Option("--allow-commands", help="Run programs that submitters choose (type `command`).")
    ] = False,
    max_rss: Annotated[Text, typer.Option("--max-rss", metavar="SIZE", help="Memory of a runner: 512MB.")] = None,
    drain_timeout: Annotated[
        Text, typer.Option("--drain-timeout", metavar="SPAN", help="How long stopping may take.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=0, max=65535, help="Serve /metrics, /health, /ready; 0: any.")
    ] = None,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="Address to serve them on.")] = "127.0.0.1",
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing is left to do.")] = False,
    max_jobs: Annotated[int | None, typer.Option("--max-jobs", min=1, help="End after so many jobs.")] = None,
    lease: Annotated[
        Text, typer.Option("--lease", metavar="SPAN", help="How long its jobs stay its own when it falls silent.")
    ] = None,
    log_format: Annotated[Text, typer.Option("--log-format", metavar="FORMAT", help="console or json.")] = None,
    log_level: Annotated[
        Text, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
    ] = None,
) -> int:
    """Run jobs until told to stop. The first Ctrl-C or SIGTERM drains, the second stops at once."""
    served = tuple(part.strip() for part in queues.split(",") if part.strip()) if queues is not None else None
    if served == ():
        raise UsageError("--queues names no queue", fix="leave it out to serve all of them")
    for each in served or ():
        check_name("queue", each)
    if name is not None:
        check_name("worker", name)
    changes = {
        "lease": arguments.read("--lease", lease, parse_lease),
        "drain_timeout": arguments.read("--drain-timeout", drain_timeout, parse_duration),
        "log__format": arguments.choice("--log-format", log_format, LOG_FORMATS),
        "log__level": arguments.choice("--log-level", log_level, LOG_LEVELS),
    }
    settings = invocation.current().settings.replace(
        **{key: value for key, value in changes.items() if value is not None}
    )
    memory = arguments.read("--max-rss", max_rss, parse_size)

    from ...core.engine.worker import WorkerOptions, run_worker

    options = WorkerOptions(
        concurrency=concurrency,
        queues=served,
        name=name,
        allow_commands=allow_commands,
        max_rss=memory,
        drain_timeout=settings["drain_timeout"],
        metrics_port=metrics_port,
        metrics_host=metrics_host,
        burst=burst,
        max_jobs=max_jobs,
    )
    return run_worker(settings, options)
