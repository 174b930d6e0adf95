"""What the program's own examinations find: broken invariants (`verify`), and what is wrong around it (`doctor`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Violation:
    """A job that breaks an invariant. facts: what was found, in words; may hold text of whoever submitted the job."""

    job_id: int
    facts: str


@dataclass(frozen=True, slots=True)
class Checked:
    """An invariant that was looked at.

    name: stable, for programs. sentence: what holds in a sound store. looked_at: rows in scope of the
    tables that it speaks of. violations: how many there are; found: the first of them, by job id.
    meaning: what a violation says of the past. remedy: what to do about it.
    """

    name: str
    sentence: str
    looked_at: int
    violations: int
    found: Sequence[Violation]
    meaning: str
    remedy: str


class Level(Enum):
    """How much a finding matters: it is as it should be, good to know, will hurt, hurts now."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. check: its stable name. why: why it matters. fix: a command or an edit.

    why and fix are None where there is nothing to do. `what` may hold text of others, such as a
    session's name or statement.
    """

    level: Level
    check: str
    what: str
    why: str | None = None
    fix: str | None = None
