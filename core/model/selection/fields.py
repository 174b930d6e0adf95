"""The fields of a job that a selection may name, and what may be asked of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "state", "text", "tags", "priority", "number", "span", "time", "args"]

OPERATORS: dict[Kind, tuple[str, ...]] = {
    "id": (":", "<", "<=", ">", ">="),
    "state": (":",),
    "text": (":", "~"),
    "tags": (":", "~"),
    "priority": (":", "<", "<=", ">", ">="),
    "number": (":", "<", "<=", ">", ">="),
    "span": (":", "<", "<=", ">", ">="),
    "time": (":", "<", "<=", ">", ">="),
    "args": (":", "~", "<", "<=", ">", ">="),
}
"""What may follow a field of each kind; `=` is understood as `:` everywhere."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field. aliases: other names that are understood, among them those of the outputs."""

    name: str
    kind: Kind
    help: str
    aliases: tuple[str, ...] = ()


_ALL = (
    Field("id", "id", "its number: id:12,15 or 10..20; the number alone will do"),
    Field("state", "state", "blocked, scheduled, queued, running, retrying, succeeded, dead, cancelled"),
    Field("queue", "text", "its queue"),
    Field("type", "text", "its type", ("name",)),
    Field("tag", "tags", "one of its tags", ("tags",)),
    Field("priority", "priority", "critical, high, default, low; >=high is high and critical"),
    Field("submitter", "text", "who submitted it, as name@host; @mine is you", ("by",)),
    Field("worker", "text", "the worker that has it, or had it last"),
    Field("attempt", "number", "attempts used, the running one included", ("attempts",)),
    Field("crashes", "number", "how often it killed its runner while alone"),
    Field("losses", "number", "how often its worker vanished"),
    Field("error", "text", "what went wrong, once it is dead or cancelled"),
    Field("fingerprint", "text", "the kind of its error, as in jobsched dlq ls --by error"),
    Field("age", "span", "since it was submitted"),
    Field("wait", "span", "from queued to started"),
    Field("run", "span", "how long the last attempt ran, or the running one has"),
    Field("created", "time", "when it was submitted", ("created_at", "submitted")),
    Field("started", "time", "when its last attempt started", ("started_at",)),
    Field("finished", "time", "when it ended", ("finished_at", "ended")),
    Field("due", "time", "when it may run", ("run_at",)),
    Field("schedule", "text", "the schedule whose tick made it"),
    Field("tick", "time", "which tick that was", ("scheduled_for",)),
    Field("key", "text", "its idempotency key", ("idempotency_key",)),
    Field("unique", "text", "its unique-while-active key", ("unique_key",)),
    Field("concurrency", "text", "its concurrency key", ("concurrency_key",)),
    Field("held", "text", "who holds it", ("held_by",)),
    Field("args", "args", "a value of its payload: args.user=42, args.a.b~x", ("payload",)),
)

FIELDS: dict[str, Field] = {field.name: field for field in _ALL}
"""Every field by its name."""
NAMES: dict[str, Field] = FIELDS | {alias: field for field in _ALL for alias in field.aliases}
"""Every word that names a field."""
