"""Break a scratch store's workers and server in every way, and prove that no job was lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.errors import UsageError
from .. import diagnostics, invocation, output
from ..output import Column

if TYPE_CHECKING:
    from ...core.chaos.ground import Options
    from ...core.chaos.plan import Fault
    from ...core.chaos.run import Report

LEASE_SECONDS = 3.0
SUBMITTERS = 2
COLUMNS = (Column("what"), Column("name"), Column("count", "number"), Column("detail"))
PLAN_COLUMNS = (
    Column("at", "span"),
    Column("fault"),
    Column("target", "number"),
    Column("seconds", "number"),
    Column("share", "number"),
    Column("meaning", in_table=False),
)


def command(
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, max=1440, help="How long things break.")] = 1.0,
    seed: Annotated[str, typer.Option("--seed", help="The same seed makes the same plan. Default: random.")] = "",
    workers: Annotated[int, typer.Option("--workers", min=1, max=50, help="Worker processes.")] = 2,
    pace: Annotated[
        float, typer.Option("--pace", min=0.2, max=3600, help="Seconds between two faults, on average.")
    ] = 3.0,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be broken when, and do nothing.")] = False,
    bulk: Annotated[bool, typer.Option("--bulk", help="Only batches of small jobs, a thousand a second.")] = False,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="DIR", help="In this new folder, which is kept; default: a temporary one."),
    ] = None,
    disk: Annotated[
        Path | None,
        typer.Option("--disk", metavar="DIR", help="Mount point of a small, empty file system, to be filled up too."),
    ] = None,
) -> int:
    """Break a scratch store's workers, connections and server, and check that every promise was kept.

    Never in a configured store. Jobs of every kind are submitted all the while; in the end each one
    that was acknowledged must have ended once. Exit 0 if so, 1 if a promise was broken.
    """
    from ...core.chaos.actors import faketime_library
    from ...core.chaos.ground import Options
    from ...core.chaos.plan import make_plan

    if invocation.current().database_url is not None:
        raise UsageError("chaos breaks a store of its own alone", fix="leave out --database-url")
    if seed and not seed.isprintable():
        raise UsageError("--seed must be printable", fix="--seed 1")
    if not seed:
        import secrets

        seed = secrets.token_hex(4)
    skew = faketime_library() is not None
    possible = [*(["skew clock"] if skew else []), *(["fill disk"] if disk else [])]
    made = make_plan(seed, seconds=60 * minutes, workers=workers, lease=LEASE_SECONDS, pace=pace, possible=possible)
    if plan:
        output.emit("chaos.plan", PLAN_COLUMNS, _plan_rows(made), seed=seed)
        return 0
    if not skew:
        diagnostics.note("clocks are not skewed: libfaketime is not installed (on Debian: apt-get install faketime)")
    options = Options(seed, workers, SUBMITTERS, LEASE_SECONDS, bulk=bulk, disk=disk)
    return _run(made, minutes, store, options)


def _run(plan: list[Fault], minutes: float, store: Path | None, options: Options) -> int:
    import shutil

    from ...core.chaos.ground import open_ground
    from ...core.chaos.run import run

    seed, workers = options.seed, options.workers
    with open_ground(invocation.current().settings, store, options) as ground:
        diagnostics.note(f"{len(plan)} faults in {minutes:g} min, seed {seed}, in {ground.folder}")
        report = run(ground, plan, seconds=60 * minutes, say=diagnostics.note)
        folder = ground.folder
    if not report.violations and store is None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(ground.home, ignore_errors=True)
    output.emit("chaos", COLUMNS, _rows(report), seed=seed, minutes=minutes, workers=workers)
    output.flush()
    if report.violations:
        diagnostics.warn(f"{len(report.violations)} promises were broken", fix=f"look into {folder}")
        return 1
    return 0


def _plan_rows(plan: list[Fault]) -> Iterator[dict[str, Any]]:
    from ...core.chaos.plan import KINDS

    for fault in plan:
        fields = fault._asdict()
        yield {"fault": fields.pop("kind"), **fields, "meaning": KINDS[fault.kind]}


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    for kind in sorted({*report.struck, *report.missed}):
        missed = f"{report.missed[kind]} more found nothing to break" if report.missed[kind] else ""
        yield {"what": "fault", "name": kind, "count": report.struck[kind], "detail": missed}
    for state, jobs in sorted(report.ends.items()):
        yield {"what": "jobs", "name": state, "count": jobs, "detail": ""}
    again = f"told {report.again} times of jobs that they knew" if report.again else ""
    yield {"what": "jobs", "name": "acknowledged", "count": report.acknowledged, "detail": again}
    repeated = f"{report.repeated} jobs ran more than once, retries included"
    yield {"what": "runs", "name": "begun", "count": report.executions, "detail": repeated}
    for violation in report.violations:
        yield {"what": "violation", "name": violation.rule, "count": violation.times, "detail": violation.example}
    if not report.violations:
        yield {"what": "violation", "name": "none", "count": 0, "detail": ""}
