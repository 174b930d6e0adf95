"""What a person is told about a job just submitted, or just ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..core.model.durations import format_duration
from ..core.model.job import Job
from ..core.model.states import State
from . import diagnostics, invocation, output
from .jobs import JOB_COLUMNS, job_row
from .text import COLOURS, paint, shorten, show_time, symbol, tick

if TYPE_CHECKING:
    from ..core.model.results import Submitted
    from ..core.service import Service


def announce(service: Service, submitted: Submitted) -> None:
    """One line on a terminal, and a note when nothing is going to happen to the job."""
    job = service.get(submitted.id)
    mark = paint(tick(), "green", wanted=output.colour())
    if not submitted.created:
        output.line(f"{mark} {job.id} already there, {job.state.value} in {job.queue}", escaped=True)
        return
    when = f" {show_time(job.run_at, 'relative')}" if job.run_at and job.state is State.SCHEDULED else ""
    output.line(f"{mark} {job.id} {job.state.value}{when} in {job.queue}", escaped=True)
    warn_if_stuck(service, job)


def warn_of_stuck(service: Service, jobs: Iterable[Job]) -> None:
    """`warn_if_stuck` for the first queued job of each queue and type; for those who wait for them."""
    waiting = {(job.queue, job.type): job for job in reversed(list(jobs)) if job.state is State.QUEUED}
    for job in reversed(waiting.values()):
        warn_if_stuck(service, job)


def warn_if_stuck(service: Service, job: Job) -> None:
    """Say why nobody is going to run a queued job, and what would change that."""
    from ..core.why import stuck

    for reason in stuck(service, job):
        diagnostics.warn(reason.text, fix=reason.fix)


def announce_end(job: Job, *, record: bool) -> None:
    """Tell how a job ended: in words on a terminal, as its record elsewhere (record), errors on stderr."""
    if record and invocation.current().for_people:
        mark = paint(symbol(job.state), COLOURS[job.state], wanted=output.colour())
        took = f" in {format_duration(job.run)}" if job.run is not None else ""
        output.line(f"{mark} {job.id} {job.state.value}{took}", escaped=True)
    elif record and invocation.current().wants_records:
        output.emit("job", JOB_COLUMNS, [job_row(job)])
    elif record:
        output.line(str(job.id))
    if job.error:
        diagnostics.note(f"job {job.id} {job.state.value}: {shorten(job.error, 300)}")
