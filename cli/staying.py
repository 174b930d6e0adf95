"""What follows when a job was made: its id, or staying until it has ended (--wait, --follow, --propagate)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from . import diagnostics, invocation, output
from .output import Column

if TYPE_CHECKING:
    from ..core.model.job import Job
    from ..core.model.results import Submitted
    from ..core.service import Service

COLUMNS = (
    Column("id", "id"),
    Column("created", "flag", shown=False),
    Column("state", "state", shown=False),
    Column("type", shown=False),
)
Wait = Annotated[bool, typer.Option("--wait", help="Until it has ended: exit 0 or 1.")]
WaitTimeout = Annotated[str | None, typer.Option("--wait-timeout", metavar="SPAN", help="Then exit 124.")]
Follow = Annotated[bool, typer.Option("--follow", help="Wait, and show its output as it comes.")]
Propagate = Annotated[bool, typer.Option("--propagate", help="Wait; exit with the job's own code.")]


@dataclass(frozen=True, slots=True)
class Stay:
    """How one stays, if at all. patience: seconds; None is for ever."""

    wait: bool = False
    follow: bool = False
    propagate: bool = False
    patience: float | None = None

    @property
    def wanted(self) -> bool:
        return self.wait or self.follow or self.propagate or self.patience is not None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The fields of the records that are shown."""
        if not self.wanted:
            return COLUMNS
        from .following import CHUNK_COLUMNS
        from .jobs import JOB_COLUMNS

        return CHUNK_COLUMNS if self.follow else JOB_COLUMNS


def acknowledge(service: Service, submitted: Submitted, job_type: str) -> None:
    """Write the id; to a person with a word on what is going to happen."""
    if not invocation.current().for_people:
        row = {"id": submitted.id, "created": submitted.created, "state": submitted.state, "type": job_type}
        output.emit("job.submitted", COLUMNS, [row])
        return
    from .announcing import announce

    announce(service, submitted)


def stay(service: Service, job_id: int, how: Stay) -> int:
    """Wait for the job and return the exit code. Its id goes to stderr: stdout is its output or its record alone."""
    from .announcing import announce_end, warn_if_stuck
    from .following import OutputPrinter, wait
    from .following import follow as follow_output
    from .jobs import propagated, verdict

    invocation.current().propagating = how.propagate
    jobs: list[Job]
    try:
        diagnostics.note(f"job {job_id}")
        if invocation.current().for_people:
            warn_if_stuck(service, service.get(job_id))
        if how.follow:
            jobs = follow_output(service, [job_id], OutputPrinter(), timeout=how.patience)
        else:
            jobs = wait(service, [job_id], timeout=how.patience)
    except KeyboardInterrupt:
        diagnostics.note(f"job {job_id} goes on — jobsched wait {job_id}, jobsched cancel {job_id}")
        raise
    announce_end(jobs[0], record=not how.follow)
    return propagated(service, jobs) if how.propagate else verdict(jobs)
