"""Why a job is not running, and what to do about it."""

from __future__ import annotations

from typing import Any

from ...core.model.states import State
from .. import diagnostics, invocation, output
from ..output import Column
from ..selection import Ids, read_ids
from ..text import COLOURS, escape, paint, symbol

COLUMNS = (
    Column("id", "id"),
    Column("job", "id"),
    Column("depth", "number", shown=False),
    Column("reason"),
    Column("text"),
    Column("fix"),
)


def command(ids: Ids = None) -> int:
    """Say why jobs are not running: every reason, and the command that does away with it.

    Exit 0 if all of them run or have ended, 1 if one waits.
    """
    from ...core.why import explain

    if output.fields_asked(COLUMNS):
        return 0
    with invocation.open_service() as service:
        jobs = service.get_many(read_ids(ids, service))
        rows: list[dict[str, Any]] = []
        for job in jobs:
            reasons = explain(service, job)
            rows += [
                {
                    "id": job.id, "job": each.job_id, "depth": each.depth, "reason": each.code, "text": each.text,
                    "fix": each.fix,
                }
                for each in reasons
            ]  # fmt: skip
            if invocation.current().for_people:
                state = paint(f"{symbol(job.state)} {job.state.value}", COLOURS[job.state], wanted=output.colour())
                output.line(f"{job.id}  {escape(job.type)}  {state}", escaped=True)
                for each in reasons:
                    indent = "  " * (each.depth + 1)
                    of = f"job {each.job_id}: " if each.depth else ""
                    output.line(f"{indent}{of}{each.text}")
                    if each.fix:
                        diagnostics.note(f"{indent}  fix: {each.fix}")
        if not invocation.current().for_people:
            output.emit("reason", COLUMNS, rows)
    return 0 if all(job.state is State.RUNNING or job.state.is_final for job in jobs) else 1
