"""Run jobs in the foreground; Ctrl-C drains."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.config import parse_lease, parse_size
from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from ...core.model.job import check_name
from .. import arguments, serving

Text = str | None


def command(
    concurrency: Annotated[int, typer.Option("--concurrency", "-c", min=1, max=10_000, help="Jobs at once.")] = 10,
    queues: Annotated[Text, typer.Option("--queues", "-Q", metavar="QUEUE,…", help="Only these; default: all.")] = None,
    name: serving.Name = None,
    allow_commands: Annotated[
        bool, typer.Option("--allow-commands", help="Run programs that submitters choose (type `command`).")
    ] = False,
    max_rss: Annotated[Text, typer.Option("--max-rss", metavar="SIZE", help="Memory of a runner: 512MB.")] = None,
    drain_timeout: Annotated[
        Text, typer.Option("--drain-timeout", metavar="SPAN", help="How long stopping may take.")
    ] = None,
    metrics_port: serving.MetricsPort = None,
    metrics_host: serving.MetricsHost = "127.0.0.1",
    cron: Annotated[bool, typer.Option("--cron", help="Fire schedules too, as `jobsched cron run` does.")] = False,
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing is left to do.")] = False,
    max_jobs: Annotated[int | None, typer.Option("--max-jobs", min=1, help="End after so many jobs.")] = None,
    lease: Annotated[
        Text, typer.Option("--lease", metavar="SPAN", help="How long its jobs stay its own when it falls silent.")
    ] = None,
    log_format: serving.LogFormat = None,
    log_level: serving.LogLevel = None,
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
    }
    settings = serving.settings_with(changes, log_format=log_format, log_level=log_level)
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
        cron=cron,
        burst=burst,
        max_jobs=max_jobs,
    )
    return run_worker(settings, options)
