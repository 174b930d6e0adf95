"""Run real jobs in a scratch store of its own, in under a minute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import diagnostics, invocation, output
from ..output import Column

if TYPE_CHECKING:
    from ...core.model.job import Job, NewJob
    from ...core.objects import ObjectStore
    from ..demo_jobs import Act
    from ..demo_scene import Scene

Played = tuple["Act", "Job", str]
"""A job of the demo, how it ended, and what is wrong with that."""
SECONDS = 50.0
COLUMNS = (
    Column("id", "id"),
    Column("state", "state"),
    Column("type"),
    Column("what"),
    Column("attempt", "number"),
    Column("run", "span"),
    Column("came_of_it", in_table=False),
    Column("problem"),
    Column("files", "list", in_table=False),
)


def command(
    keep: Annotated[bool, typer.Option("--keep", help="Leave store and worker running.")] = False,
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="In this folder; default: a new temporary one.")
    ] = None,
) -> int:
    """Run real jobs in a scratch store of its own, in under a minute.

    An invoice that is e-mailed, a photo in three sizes, a program, an HTTP call, a database transaction,
    an archive, a job that is retried and one that dies. Never in a configured store. Exit 0 if
    everything ended as it should.
    """
    from ...core.objects import open_objects
    from ..demo_jobs import acts, old_jobs, put_photo
    from ..demo_later import later_acts
    from ..demo_scene import open_scene
    from ..demo_web import DemoWeb

    with open_scene(invocation.current().settings, store, keep=keep) as scene, DemoWeb() as web:
        diagnostics.note(f"a store and a worker of the demo's own, in {scene.folder}")
        scene.open_shop()
        scene.start_worker()
        objects = open_objects(scene.settings, scene.folder)
        put_photo(objects)
        played = _play(scene, objects, acts(web), beside=old_jobs()) + _play(scene, objects, later_acts())
        scene.passed = not any(problem for _, _, problem in played)
        _report(played)
        _say_what_next(scene, [job for _, job, _ in played])
    return 0 if scene.passed else 1


def _play(scene: Scene, objects: ObjectStore, program: list[Act], beside: Sequence[NewJob] = ()) -> list[Played]:
    """Submit and watch jobs until they have ended. beside: jobs that are waited for and not shown."""
    from ..demo_show import watch

    submitted = scene.service.submit_many([act.job for act in program])
    hidden = scene.service.submit_many(beside)
    jobs = watch(scene, program, [each.id for each in submitted], SECONDS)
    scene.service.wait([each.id for each in hidden], timeout=SECONDS)
    return [(act, job, act.problem(job, scene.service, objects)) for act, job in zip(program, jobs, strict=True)]


def _report(played: list[Played]) -> None:
    from ..demo_jobs import came_of, files_of

    rows = (
        {
            "id": job.id,
            "state": job.state,
            "type": job.type,
            "what": act.what,
            "attempt": job.attempt,
            "run": job.run,
            "came_of_it": came_of(job),
            "problem": problem,
            "files": files_of(job),
        }
        for act, job, problem in played
    )
    output.emit("demo", COLUMNS, rows)
    output.flush()


def _say_what_next(scene: Scene, jobs: list[Job]) -> None:
    from ..demo_jobs import came_of, files_of

    diagnostics.note("")
    diagnostics.note("Results:")
    for job in jobs:
        if came_of(job):
            diagnostics.note(f"  {job.id:>3}  {job.type:<13}  {came_of(job)}")
    diagnostics.note("")
    diagnostics.note("Files made:")
    for path in (path for job in jobs for path in files_of(job)):
        diagnostics.note(f"  {path}")
    if not scene.passed:
        diagnostics.warn("not everything ended as it should", fix=f"read {scene.log}")
    elif scene.keep:
        _tell(f"Store and worker go on (worker: process {scene.worker_pid}). To use them:", _kept(scene, jobs))
    else:
        _tell("Nothing is left running. To go on with a store of your own:", _own())


def _kept(scene: Scene, jobs: list[Job]) -> list[tuple[str, str]]:
    return [
        (f"export JOBSCHED_HOME={_quoted(scene.folder)} JOBSCHED_DATABASE_URL=", "this store, in this shell"),
        ("jobsched ls", "all jobs"),
        (f"jobsched logs {jobs[2].id}", "what the program printed"),
        (f"jobsched show {jobs[5].id}", "the job that was retried, attempt by attempt"),
        ("jobsched dlq ls", "what has failed for good"),
        ("jobsched workers stop demo", "stop the worker"),
        ("jobsched db down", "stop the store"),
    ]


def _own() -> list[tuple[str, str]]:
    return [
        ("jobsched worker --allow-commands", "in another terminal: it runs the jobs"),
        ("jobsched submit --wait -- echo hello", "a program as a job"),
        ("jobsched handlers show pdf_invoice", "what an invoice's payload holds"),
        ("jobsched ls", "all jobs"),
        ("jobsched demo --keep", "this again, to look around in"),
    ]


def _tell(title: str, commands: list[tuple[str, str]]) -> None:
    width = max(len(line) for line, _ in commands if len(line) < 60)
    diagnostics.note("")
    diagnostics.note(title)
    for line, meaning in commands:
        diagnostics.note(f"  {line:<{width}}  {meaning}")


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
