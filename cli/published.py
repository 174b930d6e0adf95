"""A job type as a live worker published it, for those who do not have its module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.handler import OPTIONS_KEY
from ..core.model.backoff import Backoff, BackoffKind
from ..core.model.durations import format_duration
from ..core.model.errors import JobschedError, UsageError
from ..core.model.hiding import secret_fields
from ..core.payload_check import plain
from .handler_help import field_rows


@dataclass(frozen=True, slots=True)
class Published:
    """The schema of a payload, and the options of its jobs where the worker published sound ones.

    names: field → the names of databases or queries that the worker knows.
    """

    name: str
    schema: Mapping[str, Any]
    queue: str | None
    max_attempts: int | None
    backoff: Backoff | None
    timeout: float | None
    commands: bool
    names: Mapping[str, list[str]]

    def limits(self) -> str:
        """The options in a line."""
        return limits(self.queue, self.max_attempts, self.backoff, self.timeout)

    def known(self) -> dict[str, str]:
        """What to say of each field that holds a name."""
        return {field: f"known to workers: {', '.join(names) or 'none'}" for field, names in self.names.items()}

    def row(self) -> dict[str, Any]:
        """The fields of a handler, as far as a worker tells them."""
        return {
            "name": self.name,
            "queue": self.queue,
            "max_attempts": self.max_attempts,
            "backoff": str(self.backoff) if self.backoff else None,
            "timeout": self.timeout,
            "schema": self.schema,
            "fields": field_rows(self.schema),
            "hidden": list(secret_fields(self.schema)),
            "names": self.names,
            "commands": self.commands,
        }


def limits(queue: str | None, max_attempts: int | None, backoff: Backoff | None, timeout: float | None) -> str:
    """A type's queue, attempts, backoff and timeout in words."""
    told = [f"queue {queue}"] if queue else []
    told += [f"{max_attempts} attempts"] if max_attempts else []
    told += [f"backoff {backoff}"] if backoff else []
    return ", ".join([*told, f"timeout {format_duration(timeout)}" if timeout else "no timeout"])


def read_published(name: str, published: Mapping[str, Any]) -> Published:
    """Read what a worker says of a type. UsageError: its schema is none. Options that make no sense are left out."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    schema = {key: value for key, value in published.items() if key != OPTIONS_KEY}
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"the schema that a worker published for {name} is none — {plain(error.message)}") from None
    options = published.get(OPTIONS_KEY)
    options = options if isinstance(options, dict) else {}
    queue, attempts, timeout = options.get("queue"), options.get("max_attempts"), options.get("timeout")
    names = options.get("names")
    return Published(
        name=name,
        schema=schema,
        queue=queue if isinstance(queue, str) else None,
        max_attempts=attempts if isinstance(attempts, int) else None,
        backoff=_backoff(options.get("backoff")),
        timeout=float(timeout) if isinstance(timeout, int | float) else None,
        commands=options.get("commands") is True,
        names={field: [str(each) for each in known] for field, known in names.items() if isinstance(known, list)}
        if isinstance(names, dict)
        else {},
    )


def _backoff(spelled: Any) -> Backoff | None:
    try:
        kind, base, cap = spelled
        return Backoff(BackoffKind(kind), float(base), float(cap))
    except (TypeError, ValueError, JobschedError):
        return None
