"""Every kind of record that -o json and jsonl write, and where its columns are declared.

A kind that is written and not named here fails a test, and so does a field that its columns do not declare.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..output import Column


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record.

    where: module below jobsched.cli and the name of its columns. about: what a record is. optional: fields that
    not every command writes that writes this kind. nested: field → columns of the objects in its list. extra:
    further keys of the JSON envelope → their JSON Schema.
    """

    where: str
    about: str
    optional: tuple[str, ...] = ()
    nested: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def columns(self) -> tuple[Column, ...]:
        """The declared columns."""
        return load_columns(self.where)


NEXT = {"next": {"type": ["string", "null"], "description": "for --before, if there is more"}}
CHAOS = {"seed": {"type": "string"}}
KINDS: dict[str, Kind] = {
    "archive": Kind("commands.archive:COLUMNS", "a file of archived jobs", extra=NEXT),
    "archive.job": Kind("commands.archive:JOBS", "a job in an archive"),
    "archive.restored": Kind("commands.archive:RESTORED", "what came back from an archive"),
    "archive.verified": Kind("commands.archive:VERIFIED", "an archive that was read back"),
    "bench": Kind("commands.bench:COLUMNS", "a figure that was measured"),
    "breach": Kind("commands.db:BREACHES", "a rule that the store breaks"),
    "chaos": Kind(
        "commands.chaos:COLUMNS",
        "what was broken, and what became of it",
        extra=CHAOS | {"minutes": {"type": "number"}, "workers": {"type": "integer"}},
    ),
    "chaos.plan": Kind("commands.chaos:PLAN_COLUMNS", "what is going to be broken", extra=CHAOS),
    "count": Kind("commands.ls:COUNT_COLUMNS", "how many jobs there are", optional=("queue", "state", "type", "error")),
    "database": Kind("commands.db_tx:COLUMNS", "a database that jobs may change"),
    "database.pruned": Kind("commands.db_tx:PRUNED", "how many rows were deleted"),
    "demo": Kind("commands.demo:COLUMNS", "a job of the demo"),
    "dlq.group": Kind("commands.dlq:GROUP_COLUMNS", "dead jobs that failed alike"),
    "event": Kind("commands.tail:COLUMNS", "a job that ended, or an attempt that failed"),
    "finding": Kind("commands.doctor:COLUMNS", "what the doctor looked at"),
    "handler": Kind(
        "commands.handlers:COLUMNS",
        "a job type",
        optional=("aliases", "isolation", "summary", "examples"),
    ),
    "invariant": Kind("commands.verify:CHECKS", "a rule, and whether the store keeps it"),
    "job": Kind(
        "describing:COLUMNS",
        "a job as it stands",
        optional=("attempts", "output"),
        nested={"attempts": "jobs:ATTEMPT_COLUMNS"},
        extra=NEXT,
    ),
    "job.output": Kind("following:CHUNK_COLUMNS", "a piece of what a job said"),
    "job.preview": Kind("commands.submit:PREVIEW", "a job that would be submitted"),
    "job.result": Kind("results:COLUMNS", "what became of a job of a change"),
    "job.selected": Kind("results:SELECTED", "a job that would be changed"),
    "job.submitted": Kind("staying:COLUMNS", "a job that was submitted, or was there already"),
    "operation": Kind("commands.ops:COLUMNS", "a change that was made"),
    "profile": Kind("commands.config:PROFILES", "a profile of settings"),
    "queue": Kind("commands.queue:COLUMNS", "a queue"),
    "queue.purged": Kind("commands.queue:PURGED", "how many jobs were cancelled"),
    "reason": Kind("commands.why:COLUMNS", "why a job does not run"),
    "schedule": Kind("schedules.rows:SCHEDULES", "a schedule"),
    "schedule.change": Kind("schedules.applying:COLUMNS", "what a file makes of a schedule"),
    "schedule.preview": Kind("schedules.rows:SPECS", "a schedule that would be stored"),
    "schedule.result": Kind("schedules.each:COLUMNS", "what became of a schedule of a change"),
    "schedule.selected": Kind("schedules.each:SELECTED", "a schedule that would be changed"),
    "schedule.trouble": Kind("schedules.rows:TROUBLES", "what is wrong with a schedule"),
    "schema": Kind("commands.schema:COLUMNS", "a kind of record"),
    "setting": Kind("commands.config:COLUMNS", "a setting"),
    "store": Kind("commands.db:STATUS", "where the store is"),
    "submit.result": Kind("batch:COLUMNS", "a line of a batch", optional=("id", "created", "error", "code", "fix")),
    "tick": Kind("schedules.rows:TICKS", "a tick of a schedule that has passed", extra=NEXT),
    "tick.next": Kind("schedules.upcoming:NEXT", "a tick to come", optional=("utc",)),
    "tui.key": Kind("commands.tui:KEYS", "what a key of the screens does"),
    "violation": Kind("commands.verify:VIOLATIONS", "a job that breaks a rule"),
    "worker": Kind("commands.workers:COLUMNS", "a worker"),
}


def load_columns(where: str) -> tuple[Column, ...]:
    """Return columns by `module:NAME`."""
    module, _, name = where.partition(":")
    found: tuple[Column, ...] = getattr(importlib.import_module(f"...{module}", __name__), name)
    return found
