"""From what is asked for to what is stored: every option decided, every payload checked.

A payload is checked against the handler that this process has, else against the JSON Schema that a
live worker published. A type that neither knows is refused, unless the submitter says `unchecked`.
"""

from __future__ import annotations

import difflib
import os
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from .handler import OPTIONS_KEY, Handler
from .model.backoff import Backoff, BackoffKind
from .model.errors import PayloadInvalid, UnknownJobType, UsageError
from .model.job import DEFAULT_MAX_ATTEMPTS, DEFAULT_QUEUE, NewJob, check_name
from .model.payload import encode_payload, payload_hash
from .model.priority import Priority
from .registry import Registry
from .store.enqueue import JobRow, Options
from .store.enqueue_blocked import Blocks

Problems = tuple[tuple[str, str], ...]
PUBLISHED_SECONDS = 5.0
"""How long the types that workers published are believed before they are read again."""
MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a job type: the options of its jobs, and what is wrong with a payload."""

    options: Options
    problems: Callable[[str, dict[str, Any]], Problems] | None = None


class Submission:
    """Makes rows of new jobs.

    published: reads the types of live workers with their JSON Schemas; asked only for types that
    have no handler here.
    """

    def __init__(self, registry: Registry, published: Callable[[], Mapping[str, dict[str, Any]]]) -> None:
        self._registry = registry
        self._read_published = published
        self._published: Mapping[str, dict[str, Any]] = {}
        self._published_until = 0.0
        self._local: dict[str, Known] = {}

    def known(self, types: Collection[str], *, unchecked: bool = False) -> dict[str, Known]:
        """Return what is known of these types, for calls of `row` while the connection is busy."""
        return {job_type: self._find(job_type, unchecked=unchecked) for job_type in types}

    def row(self, new: NewJob, *, unchecked: bool = False, known: Mapping[str, Known] | None = None) -> JobRow:
        """Return the row to store.

        unchecked: neither type nor payload need be known. known: what `known` gave. Raises UsageError (an
        option), PayloadInvalid,
        PayloadTooLarge, UnknownJobType, HandlerImportError.
        """
        new.check()
        payload = new.payload
        encoded = encode_payload(
            payload if isinstance(payload, dict) or not isinstance(payload, Mapping) else dict(payload)
        )
        of_type = self._find(new.type, unchecked=unchecked) if known is None else known[new.type]
        if of_type.problems is not None and not unchecked:
            problems = of_type.problems(encoded, payload)  # type: ignore[arg-type]  # encode_payload took it
            if problems:
                raise _invalid(new.type, problems)
        row = JobRow(_options(new, of_type), encoded)
        if new.run_at is not None:
            row.run_at = new.run_at.timestamp()
        elif new.delay:
            row.delay = float(new.delay)
        if new.is_blocked:
            row.blocks = _blocks(new)
        if new.idempotency_key is not None:
            row.key, row.hash = new.idempotency_key, payload_hash(new.type, encoded)
        return row

    def decided(self, new: NewJob, *, unchecked: bool = False) -> NewJob:
        """Return the job as `row` would store it, with every default filled in. Raises what `row` does."""
        options = self.row(new, unchecked=unchecked).options
        return replace(
            new,
            queue=options.queue,
            priority=Priority(options.priority),
            max_attempts=options.max_attempts,
            backoff=Backoff(BackoffKind(options.backoff_kind), options.backoff_base, options.backoff_cap),
            timeout=options.timeout or None,
        )

    def _find(self, job_type: str, *, unchecked: bool) -> Known:
        known = self._local.get(job_type)
        if known is not None:
            return known
        check_name("type", job_type)
        handler = self._registry.find(job_type)
        if handler is not None:
            known = self._local[job_type] = _from_handler(job_type, handler)
            return known
        if unchecked:
            return Known(_defaults(job_type))
        schema = self._published_types().get(job_type)
        if schema is None:
            raise self._unknown(job_type)
        payload_schema = {key: value for key, value in schema.items() if key != OPTIONS_KEY}
        return Known(_from_worker(job_type, schema.get(OPTIONS_KEY)), _schema_checker(payload_schema))

    def _published_types(self) -> Mapping[str, dict[str, Any]]:
        if time.monotonic() >= self._published_until:
            self._published = self._read_published()
            self._published_until = time.monotonic() + PUBLISHED_SECONDS
        return self._published

    def _unknown(self, job_type: str) -> UnknownJobType:
        names = {*self._registry.names(), *self._published}
        near = difflib.get_close_matches(job_type, sorted(names), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return UnknownJobType(
            f"no handler is called {job_type!r} — neither here nor on a live worker",
            fix=f"{hint}jobsched handlers ls shows all; --unchecked submits it anyway",
        )


@cache
def default_submitter() -> str:
    """Who submits from this process: user@host."""
    try:
        import pwd

        user = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _blocks(new: NewJob) -> Blocks:
    after = {each.id: each.condition.value for each in new.after}
    if len(after) < len(new.after):
        raise UsageError("a job was given twice to run after — name each job once")
    return Blocks(
        tuple(after.items()),
        new.unique_key or "",
        new.concurrency_key or "",
        default_submitter() if new.hold else "",
    )


def _options(new: NewJob, known: Known) -> Options:
    """The options of the type's jobs, but for those that this job has of its own."""
    options = known.options
    own: dict[str, Any] = {}
    if new.queue is not None:
        own["queue"] = new.queue
    if new.priority is not None:
        own["priority"] = int(new.priority)
    if new.max_attempts is not None:
        own["max_attempts"] = new.max_attempts
    if new.backoff is not None:
        own |= _spelled(new.backoff)
    if new.timeout is not None:
        own["timeout"] = float(new.timeout)
    if new.tags:
        own["tags"] = ",".join(new.tags)
    return options._replace(**own) if own else options


def _defaults(job_type: str) -> Options:
    return Options(DEFAULT_QUEUE, job_type, int(Priority.DEFAULT), DEFAULT_MAX_ATTEMPTS, **_spelled(Backoff()))


def _spelled(backoff: Backoff) -> dict[str, Any]:
    return {
        "backoff_kind": backoff.kind.value,
        "backoff_base": float(backoff.base),
        "backoff_cap": float(backoff.cap),
    }


def _from_handler(job_type: str, handler: Handler) -> Known:
    options = _defaults(job_type)._replace(
        queue=handler.queue,
        max_attempts=handler.max_attempts,
        timeout=float(handler.timeout or 0),
        **_spelled(handler.backoff),
    )
    model = handler.payload_model
    return Known(options, None if model is None else _model_checker(model))


def _from_worker(job_type: str, published: Any) -> Options:
    """The options that a worker published with the schema; jobsched's own where they make no sense."""
    defaults = _defaults(job_type)
    try:
        kind, base, cap = published["backoff"]
        decided = NewJob(
            job_type,
            queue=published["queue"],
            max_attempts=published["max_attempts"],
            backoff=Backoff(BackoffKind(kind), float(base), float(cap)),
            timeout=published["timeout"],
        )
        decided.check()
    except (KeyError, TypeError, ValueError, UsageError):
        return defaults
    return _options(decided, Known(defaults))


def _model_checker(model: Any) -> Callable[[str, dict[str, Any]], Problems]:
    """Check with the pydantic model, from the JSON text: as the worker will read it."""

    def problems(encoded: str, payload: dict[str, Any]) -> Problems:
        from pydantic import ValidationError

        try:
            model.model_validate_json(encoded)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return tuple((_path(each["loc"]), _plain(each["msg"])) for each in found[:MAX_PROBLEMS])
        return ()

    return problems


def _schema_checker(schema: dict[str, Any]) -> Callable[[str, dict[str, Any]], Problems]:
    """Check with a published JSON Schema. References are resolved within it only, never fetched."""

    def problems(encoded: str, payload: dict[str, Any]) -> Problems:
        if schema == {"type": "object"}:
            return ()
        import json

        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError
        from referencing import Registry as Resources
        from referencing.exceptions import Unresolvable

        validator = Draft202012Validator(schema, registry=Resources())
        found = []
        try:
            for error in validator.iter_errors(json.loads(encoded)):
                found.append((_path(error.absolute_path), _plain(error.message)))
                if len(found) == MAX_PROBLEMS:
                    break
        except (SchemaError, Unresolvable) as error:
            raise UsageError(
                f"the schema that a worker published for this type cannot be used — {_plain(str(error))}",
                fix="--unchecked submits it anyway",
            ) from None
        return tuple(found)

    return problems


def _invalid(job_type: str, problems: Problems) -> PayloadInvalid:
    where, expected = problems[0]
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return PayloadInvalid(
        f"the payload does not fit {job_type} — {where}: {expected}{more}",
        problems=problems,
        fix=f"jobsched handlers show {job_type}",
    )


def _path(parts: Any) -> str:
    return _plain(".".join(str(part) for part in parts)) or "payload"


def _plain(text: str, limit: int = 200) -> str:
    """One line without control characters: schemas and payloads are other people's words."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)
