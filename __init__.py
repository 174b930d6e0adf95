"""jobsched: a terminal-first job scheduler over one Postgres.

    from jobsched import Client

    with Client() as client:
        job = client.wait(client.submit("noop").id)

Importing this costs next to nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs more to import than everything here
if TYPE_CHECKING:
    from typing import Any

    from .core.client import AsyncClient, Client
    from .core.handler import Cancelled, Context, Discard, Retry, Snooze, handler
    from .core.model.backoff import Backoff
    from .core.model.errors import (
        ArchiveBroken,
        CanaryFailed,
        ConfigError,
        Conflict,
        DatabaseUnreachable,
        FetchFailed,
        FetchRefused,
        HandlerImportError,
        IdempotencyConflict,
        JobNotFound,
        JobschedError,
        LeaseLost,
        NotFound,
        NothingSelected,
        ObjectNotFound,
        ObjectStoreUnreachable,
        PartialFailure,
        PayloadInvalid,
        PayloadTooLarge,
        PermissionDenied,
        QueryFailed,
        QueueNotFound,
        Refused,
        ScheduleNotFound,
        SchemaTooNew,
        SchemaTooOld,
        SelectionInvalid,
        StoreUnreachable,
        TryAgain,
        UnknownJobType,
        UsageError,
        WaitTimeout,
        WorkerNotFound,
        WrongState,
    )
    from .core.model.job import After, Attempt, Condition, Job, NewJob
    from .core.model.priority import Priority
    from .core.model.states import State

__all__ = [
    "After",
    "ArchiveBroken",
    "AsyncClient",
    "Attempt",
    "Backoff",
    "CanaryFailed",
    "Cancelled",
    "Client",
    "Condition",
    "ConfigError",
    "Conflict",
    "Context",
    "DatabaseUnreachable",
    "Discard",
    "FetchFailed",
    "FetchRefused",
    "HandlerImportError",
    "IdempotencyConflict",
    "Job",
    "JobNotFound",
    "JobschedError",
    "LeaseLost",
    "NewJob",
    "NotFound",
    "NothingSelected",
    "ObjectNotFound",
    "ObjectStoreUnreachable",
    "PartialFailure",
    "PayloadInvalid",
    "PayloadTooLarge",
    "PermissionDenied",
    "Priority",
    "QueryFailed",
    "QueueNotFound",
    "Refused",
    "Retry",
    "ScheduleNotFound",
    "SchemaTooNew",
    "SchemaTooOld",
    "SelectionInvalid",
    "Snooze",
    "State",
    "StoreUnreachable",
    "TryAgain",
    "UnknownJobType",
    "UsageError",
    "WaitTimeout",
    "WorkerNotFound",
    "WrongState",
    "handler",
]

_HOMES = {
    "After": "core.model.job",
    "Condition": "core.model.job",
    "AsyncClient": "core.client",
    "Attempt": "core.model.job",
    "Backoff": "core.model.backoff",
    "Cancelled": "core.handler",
    "Client": "core.client",
    "Context": "core.handler",
    "Discard": "core.handler",
    "Job": "core.model.job",
    "NewJob": "core.model.job",
    "Priority": "core.model.priority",
    "Retry": "core.handler",
    "Snooze": "core.handler",
    "State": "core.model.states",
    "handler": "core.handler",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES.get(name, 'core.model.errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
