"""`ls --watch`: on a terminal the list again and again, in a pipe the changes as JSON lines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from ..core.model.errors import UsageError
from . import diagnostics, invocation, output
from .jobs import job_row

if TYPE_CHECKING:
    from ..core.model.job import Job
    from ..core.model.selection import Selection
    from ..core.service import Service

SHORTEST = 0.1
KIND = "job.change"


def watch(
    service: Service,
    selection: Selection | None,
    show: Callable[[], object],
    *,
    pause: float,
    limit: int,
    counting: bool,
) -> NoReturn:
    """Look every `pause` seconds until Ctrl-C, or until nobody reads. show: draws once.

    In a pipe, each job of the first `limit` that is new in the list, has changed or has left it is a line
    {"v":1,"kind":"job.change","change":"appeared|changed|left","at":…,"job":{…}}; the first look is all "appeared".
    """
    if pause < SHORTEST:
        raise UsageError(f"--every is {pause:g} s — at least {SHORTEST:g} s")
    if invocation.current().for_people:
        _repaint(show, pause)
    if counting:
        raise UsageError("counts are watched on a terminal only", fix="jobsched ls --watch without --count")
    _changes(service, selection, pause, limit)


def _repaint(show: Callable[[], object], pause: float) -> NoReturn:
    """Draw over what was drawn before, where the terminal can."""
    can_clear = os.environ.get("TERM", "dumb") != "dumb"
    while True:
        if can_clear:
            output.clear()
        diagnostics.note(f"{datetime.now():%H:%M:%S}, every {pause:g} s; Ctrl-C ends")
        show()
        output.flush()
        time.sleep(pause)


def _changes(service: Service, selection: Selection | None, pause: float, limit: int) -> NoReturn:
    before: dict[int, Job] = {}
    while True:
        found = {job.id: job for job in service.select(selection, limit=limit)}
        at = datetime.now(UTC)
        for job in reversed(found.values()):
            old = before.get(job.id)
            if old is None or _standing(old) != _standing(job):
                _say("appeared" if old is None else "changed", job, at)
        for job_id, job in before.items():
            if job_id not in found:
                _say("left", job, at)
        output.flush()
        before = found
        time.sleep(pause)


def _standing(job: Job) -> tuple[Any, ...]:
    """What counts as a change."""
    return (job.state, job.attempt, job.crashes, job.losses, job.progress, job.progress_message, job.cancel_requested,
            job.run_at, job.held_by, job.priority, job.queue)  # fmt: skip


def _say(change: str, job: Job, at: datetime) -> None:
    output.document({"v": output.VERSION, "kind": KIND, "change": change, "at": at, "job": job_row(job)})
