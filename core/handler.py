"""What a handler is: a decorated function, the context it gets, and the three ways to say "not now".

    from jobsched import handler, Context, Retry

    class Report(BaseModel):
        month: str

    @handler("report", max_attempts=5, timeout=600)
    async def report(payload: Report, context: Context) -> dict[str, int]:
        context.log("reading", month=payload.month)
        return {"rows": 12}

`async def` runs on the runner's event loop, a plain function in one of its threads, and
`isolation="process"` in a process of its own that can be killed without disturbing anybody.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast, get_type_hints

from .model.backoff import Backoff
from .model.errors import ConfigError
from .model.hiding import secret_fields
from .model.job import DEFAULT_MAX_ATTEMPTS, DEFAULT_QUEUE, MAX_ATTEMPTS_LIMIT, check_name

if TYPE_CHECKING:
    from .config import Settings
    from .objects import ObjectStore

Isolation = Literal["shared", "process"]
OPTIONS_KEY = "x-jobsched"
Function = TypeVar("Function", bound=Callable[..., Any])


class Retry(Exception):
    """Raised by a handler: this attempt failed; try again, `delay` seconds from now.

    delay: None takes the job's backoff. The attempt counts; with none left the job is dead.
    """

    def __init__(self, message: str = "the handler asked for a retry", *, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class Discard(Exception):
    """Raised by a handler: no attempt can succeed; the job goes to the dead-letter queue at once."""


class Snooze(Exception):
    """Raised by a handler: not yet; run again in `delay` seconds without using up an attempt."""

    def __init__(self, delay: float, message: str = "the handler asked to run later") -> None:
        super().__init__(message)
        self.delay = delay


class Cancelled(Exception):
    """Raised by `Context.check_cancelled` in a handler that was asked to stop."""


class Context(Protocol):
    """What a running job knows about itself and may say.

    Every word (log, output, progress, checkpoint) carries the lease's token and is refused by the
    store once the lease belongs to somebody else.
    """

    job_id: int
    type: str
    queue: str
    attempt: int
    """From 1."""
    max_attempts: int
    token: int
    """The lease's token: only grows, so it can fence writes to other systems."""
    idempotency_key: str
    """Stable over attempts, unique a job: for services that take one."""
    schedule: str | None
    """Name of the schedule that made the job; None: nobody's tick did."""

    @property
    def scheduled_for(self) -> datetime | None:
        """The time (UTC) of the tick that made the job, however late it runs."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked this job to stop, or its time is over."""
        ...

    @property
    def checkpoint(self) -> Any:
        """What an earlier attempt saved last (JSON), or None."""
        ...

    @property
    def objects(self) -> ObjectStore:
        """The configured object store."""
        ...

    @property
    def settings(self) -> Settings:
        """The worker's settings: limits and permissions that the operator gave."""
        ...

    def check_cancelled(self) -> None:
        """Raise Cancelled if the job was asked to stop."""
        ...

    def log(self, message: str, **fields: Any) -> None:
        """Add a line to the job's log, with key=value fields."""
        ...

    def output(self, text: str, stream: str = "stdout") -> None:
        """Add captured output as it came; at most 1 MiB an attempt is kept."""
        ...

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how much is done, 0.0 to 1.0."""
        ...

    def save_checkpoint(self, data: Any) -> None:
        """Keep `data` (JSON, at most 64 KiB) for the next attempt."""
        ...

    def track_process_group(self, pgid: int) -> None:
        """Name a process group that must die with this job, whatever happens to the worker."""
        ...

    def untrack_process_group(self, pgid: int) -> None:
        """Say that the group has ended."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """A job type: its name, its function and what submit and worker need to know of it.

    payload_model: a pydantic model, or None for a handler that takes any JSON object.
    wants_context: whether the function takes (payload, context).
    commands: whether it runs programs of the submitter's choice (needs `--allow-commands`).
    store: whether its settings name the store, which those of all others leave out.
    names: payload field → table of the settings (`databases`, `queries`) whose entry it names.
    secret_fields: the payload's fields that nobody is shown; declared `writeOnly` in the model's schema.
    examples: valid payloads, shown by `jobsched handlers show`.
    """

    name: str
    function: Callable[..., Any]
    aliases: tuple[str, ...]
    queue: str
    max_attempts: int
    backoff: Backoff
    timeout: float | None
    isolation: Isolation
    is_async: bool
    payload_model: type[Any] | None
    wants_context: bool
    commands: bool
    store: bool
    names: Mapping[str, str]
    examples: tuple[Mapping[str, Any], ...]
    summary: str

    @property
    def secret_fields(self) -> tuple[str, ...]:
        return secret_fields(self.json_schema())

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the payload; any object where there is no model."""
        if self.payload_model is None:
            return {"type": "object"}
        return cast("dict[str, Any]", self.payload_model.model_json_schema())

    def published(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What a worker tells submitters that do not have this handler: its schema, and under OPTIONS_KEY
        the options that its jobs get where the submitter names none, whether it runs programs, and which names
        the worker's settings know."""
        options = {
            "queue": self.queue,
            "max_attempts": self.max_attempts,
            "backoff": [self.backoff.kind.value, self.backoff.base, self.backoff.cap],
            "timeout": self.timeout,
            "commands": self.commands,
            "names": {field: sorted(settings[table]) for field, table in self.names.items()},
            "tables": dict(self.names),
        }
        return {**self.json_schema(), OPTIONS_KEY: options}


def handler(
    name: str,
    *,
    aliases: tuple[str, ...] = (),
    queue: str = DEFAULT_QUEUE,
    max_attempts: int = DEFAULT_MAX_ATTEMPTS,
    backoff: Backoff | None = None,
    timeout: float | None = None,
    isolation: Isolation = "shared",
    commands: bool = False,
    store: bool = False,
    names: Mapping[str, str] | None = None,
    examples: tuple[Mapping[str, Any], ...] = (),
) -> Callable[[Function], Function]:
    """Declare the decorated function as the handler of jobs of type `name`.

    The function takes (payload) or (payload, context). The payload parameter's annotation decides
    how it is checked: a pydantic model, or `dict` for any JSON object. What it returns (JSON) is
    the job's result. The function stays callable as it is; its `Handler` is its attribute
    `jobsched_handler`.

    timeout: seconds an attempt may run; None is no limit. A payload field that must not be shown to
    anybody is declared in the model with `Field(json_schema_extra={"writeOnly": True})`. ConfigError: a
    name, number or signature that cannot work.
    """

    def declare(function: Function) -> Function:
        for each in (name, *aliases):
            check_name("type", each)
        if not 1 <= max_attempts <= MAX_ATTEMPTS_LIMIT:
            raise ConfigError(f"handler {name}: max_attempts is {max_attempts} — it must be 1 to {MAX_ATTEMPTS_LIMIT}")
        if store and isolation != "process":
            raise ConfigError(f'handler {name}: store=True needs isolation="process" — others must not see its URL')
        model, wants_context = _read_signature(name, function)
        _check_names(name, names or {}, model)
        doc = inspect.getdoc(function) or ""
        function.jobsched_handler = Handler(  # type: ignore[attr-defined]
            name=name,
            function=function,
            aliases=aliases,
            queue=queue,
            max_attempts=max_attempts,
            backoff=backoff or Backoff(),
            timeout=timeout,
            isolation=isolation,
            is_async=inspect.iscoroutinefunction(function),
            payload_model=model,
            wants_context=wants_context,
            commands=commands,
            store=store,
            names=dict(names or {}),
            examples=examples,
            summary=doc.partition("\n")[0],
        )
        return function

    return declare


def _check_names(name: str, names: Mapping[str, str], model: Any) -> None:
    if model is None:
        return
    there = {info.alias or field for field, info in model.model_fields.items()}
    for field in names.keys() - there:
        raise ConfigError(f"handler {name}: names={{{field!r}: …}} — there is no payload field {field!r}")


def _read_signature(name: str, function: Callable[..., Any]) -> tuple[type[Any] | None, bool]:
    """Return the payload model (None for dict) and whether the function takes a context."""
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if not 1 <= len(parameters) <= 2:
        raise ConfigError(
            f"handler {name}: {function.__name__} takes {len(parameters)} parameters — "
            "it must take (payload) or (payload, context)"
        )
    hints = get_type_hints(function) if function.__annotations__ else {}
    annotation = hints.get(parameters[0].name, dict)
    model = annotation if isinstance(annotation, type) and hasattr(annotation, "model_validate") else None
    if model is None and getattr(annotation, "__origin__", annotation) not in (dict, Mapping, Any):
        raise ConfigError(
            f"handler {name}: the payload parameter is annotated {annotation!r} — use a pydantic model or dict"
        )
    return model, len(parameters) == 2
