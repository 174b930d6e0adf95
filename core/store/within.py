"""Submitting inside somebody else's transaction: their connection, their commit or rollback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from ..model.errors import UsageError
from ..model.results import Submitted
from ..model.states import State
from .connect import translated
from .enqueue import JobRow, Steps, enqueue, ensure_queues, hide_fields, notify_late, run, run_async
from .enqueue_blocked import notify_blocked

Secrets = Mapping[str, Sequence[str]]
WHERE = "the caller's connection"


def submit_within(
    connection: Any, rows: Sequence[JobRow], submitter: str, window: float, secrets: Secrets
) -> list[Submitted]:
    """Store jobs on a psycopg Connection, or a SQLAlchemy Session or Connection over psycopg.

    They are there once the caller commits, and never if not. When a key conflicts, none of this
    call is stored and the caller's transaction goes on. secrets: type → payload fields to hide; those of a
    transaction that is rolled back are not hidden, so they are told each time. UsageError: another kind
    of connection.
    """
    raw = _raw_connection(connection)
    with translated(WHERE):
        # This first statement opens the caller's transaction, if their connection opens one by
        # itself; without it `transaction()` would take the transaction for its own and commit it.
        run(raw, ensure_queues(_queues(rows)))
        with raw.transaction():
            return run(raw, _store(rows, submitter, window, secrets))


async def submit_within_async(
    connection: Any, rows: Sequence[JobRow], submitter: str, window: float, secrets: Secrets
) -> list[Submitted]:
    """As `submit_within`, on a psycopg AsyncConnection or a SQLAlchemy AsyncSession or AsyncConnection."""
    raw = await _raw_async_connection(connection)
    with translated(WHERE):
        await run_async(raw, ensure_queues(_queues(rows)))
        async with raw.transaction():
            return await run_async(raw, _store(rows, submitter, window, secrets))


def _queues(rows: Sequence[JobRow]) -> list[str]:
    return sorted({row.options.queue for row in rows})


def _store(rows: Sequence[JobRow], submitter: str, window: float, secrets: Secrets) -> Steps[list[Submitted]]:
    yield from hide_fields(secrets)
    made = yield from enqueue(rows, submitter, window)
    yield from notify_late(
        [
            (row.options.queue, each.id)
            for row, each in zip(rows, made, strict=True)
            if each.created and each.state is State.QUEUED
        ]
    )
    if any(row.blocks is not None for row in rows):
        yield from notify_blocked()
    return made


def _raw_connection(connection: Any) -> psycopg.Connection[Any]:
    raw = connection
    if not isinstance(raw, psycopg.Connection):
        if callable(getattr(raw, "connection", None)):  # a Session, which begins here
            raw = raw.connection()
        if callable(getattr(raw, "in_transaction", None)) and not raw.in_transaction():
            raw.begin()  # or its commit() would not know that there is something to commit
        raw = getattr(getattr(raw, "connection", None), "driver_connection", None)
    if not isinstance(raw, psycopg.Connection):
        raise _wrong_kind(connection, "a psycopg Connection, or a SQLAlchemy Session or Connection over psycopg")
    return raw


async def _raw_async_connection(connection: Any) -> psycopg.AsyncConnection[Any]:
    raw = connection
    if not isinstance(raw, psycopg.AsyncConnection):
        if callable(getattr(raw, "connection", None)):
            raw = await raw.connection()
        if callable(getattr(raw, "in_transaction", None)) and not raw.in_transaction():
            await raw.begin()
        if callable(getattr(raw, "get_raw_connection", None)):
            raw = (await raw.get_raw_connection()).driver_connection
    if not isinstance(raw, psycopg.AsyncConnection):
        raise _wrong_kind(
            connection, "a psycopg AsyncConnection, or a SQLAlchemy AsyncSession or AsyncConnection over it"
        )
    return raw


def _wrong_kind(connection: Any, wanted: str) -> UsageError:
    return UsageError(f"connection is a {type(connection).__name__} — give {wanted}")
