"""Submitting inside the caller's own transaction, by psycopg or SQLAlchemy, sync or async."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from jobsched import AsyncClient, Client, IdempotencyConflict, NewJob, UsageError
from jobsched.core.service import Service


def count(service: Service) -> int:
    return len(service.list())


def alchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.mark.parametrize("options", [{}, {"row_factory": dict_row}, {"cursor_factory": psycopg.ClientCursor}])
def test_a_job_of_a_transaction_exists_exactly_if_it_commits(
    service: Service, database_url: str, options: dict[str, Any]
) -> None:
    """Rolled back it was never there; committed it is; whatever the connection's factories are."""
    with psycopg.connect(database_url, **options) as theirs:
        service.submit(NewJob("noop"), connection=theirs)
        theirs.rollback()
        assert count(service) == 0
        service.submit_many([NewJob("noop"), NewJob("noop", idempotency_key="k")], connection=theirs)
        assert count(service) == 0
        theirs.commit()
        assert count(service) == 2


def test_a_conflict_leaves_the_callers_transaction_usable(service: Service, database_url: str) -> None:
    """None of the refused call is stored; what the caller did before is."""
    service.submit(NewJob("noop", idempotency_key="k"))
    with psycopg.connect(database_url) as theirs:
        service.submit(NewJob("noop", {"mine": 1}), connection=theirs)
        with pytest.raises(IdempotencyConflict):
            service.submit_many([NewJob("noop"), NewJob("noop", {"x": 1}, idempotency_key="k")], connection=theirs)
        theirs.commit()
    assert [job.payload for job in service.list()] == [{"mine": 1}, {}]


def test_claimers_hear_at_the_commit_what_was_held_back(service: Service, database_url: str, connection: Any) -> None:
    """The lowest position of each queue is told on `jobsched`, when and if the transaction commits."""
    service.submit(NewJob("noop", queue="a"))
    connection.execute("listen jobsched")
    with psycopg.connect(database_url) as theirs:
        first = service.submit(NewJob("noop", queue="a"), connection=theirs)
        service.submit(NewJob("noop", queue="a", delay=60), connection=theirs)
        assert list(connection.notifies(timeout=0)) == []
        theirs.commit()
    (said,) = [json.loads(each.payload) for each in connection.notifies(timeout=5, stop_after=1)]
    assert said == {"kind": "late", "queue": "a", "seq": first.id}


def test_a_session_of_sqlalchemy_takes_the_job_along(service: Service, database_url: str) -> None:
    """Session and Connection, begun or not: its commit and its rollback decide."""
    engine = create_engine(alchemy(database_url))
    with Session(engine) as session:
        service.submit(NewJob("noop"), connection=session)
        session.rollback()
        assert count(service) == 0
        session.execute(text("select 1"))
        service.submit(NewJob("noop"), connection=session)
        assert count(service) == 0
        session.commit()
    assert count(service) == 1
    with engine.connect() as connection:
        service.submit(NewJob("noop"), connection=connection)
        assert count(service) == 1
        connection.commit()
    assert count(service) == 2
    engine.dispose()


async def test_asynchronous_transactions_take_the_job_along_too(database_url: str) -> None:
    """AsyncConnection of psycopg and AsyncSession of SQLAlchemy."""
    async with AsyncClient(database_url) as client:
        async with await psycopg.AsyncConnection.connect(database_url) as theirs:
            await client.submit("noop", connection=theirs)
            await theirs.rollback()
            await client.submit_many([NewJob("noop"), NewJob("noop", idempotency_key="a")], connection=theirs)
            assert await client.list() == []
        assert len(await client.list()) == 2
        engine = create_async_engine(alchemy(database_url))
        async with AsyncSession(engine) as session:
            await client.submit("noop", connection=session)
            await session.rollback()
            await client.submit("noop", connection=session)
            assert len(await client.list()) == 2
            await session.commit()
        assert len(await client.list()) == 3
        await engine.dispose()


def test_another_kind_of_connection_is_refused(database_url: str) -> None:
    """What cannot carry the job is named."""
    with Client(database_url) as client, pytest.raises(UsageError, match="a str"):
        client.submit("noop", connection=database_url)
