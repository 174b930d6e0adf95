"""Workers: list them, drain one, stop one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...core.model.results import WorkerInfo
from .. import invocation, output
from ..output import Column

app = typer.Typer()
COLUMNS = (
    Column("id", "id"),
    Column("name"),
    Column("liveness"),
    Column("state"),
    Column("running", "number"),
    Column("concurrency", "number"),
    Column("queues", "list"),
    Column("host"),
    Column("pid", "number", in_table=False),
    Column("rss_mib", "number"),
    Column("silent", "span"),
    Column("started_at", "time"),
    Column("version", in_table=False),
    Column("command"),
    Column("types", "list", shown=False),
    Column("lease_seconds", "span", shown=False),
    Column("heartbeat_at", "time", shown=False),
    Column("idle_since", "time", shown=False),
    Column("rss_bytes", "number", shown=False),
)
Name = Annotated[str, typer.Argument(metavar="NAME|ID", help="As in `jobsched workers ls`.", show_default=False)]


@app.command("ls")
def ls() -> None:
    """Workers that have not ended, with how long ago they were last heard of."""
    with invocation.open_service() as service:
        output.emit("worker", COLUMNS, (_row(worker) for worker in service.workers()))


@app.command("drain")
def drain(name: Name) -> None:
    """Let a worker finish what it runs, take nothing new, and end."""
    _command(name, "drain")


@app.command("stop")
def stop(name: Name) -> None:
    """Stop a worker: what it runs is handed back without using up an attempt."""
    _command(name, "stop")


def _command(name: str, word: Any) -> None:
    if output.fields_asked(COLUMNS):
        return
    with invocation.open_service() as service:
        worker = service.command_worker(name, word)
    if invocation.current().for_people:
        output.line(f"worker {worker.name} was told to {word}")
    else:
        output.emit("worker", COLUMNS, [_row(worker)])


def _row(worker: WorkerInfo) -> dict[str, Any]:
    row = {column.name: getattr(worker, column.name, None) for column in COLUMNS}
    row["queues"] = list(worker.queues) if worker.queues is not None else ["*"]
    row["types"] = list(worker.types)
    row["rss_mib"] = round(worker.rss_bytes / 1048576)
    return row
