"""`db_tx`: one query in one transaction of a database that the operator has named, applied exactly once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..core.handler import Context, handler
from ._database import DEFAULT, NAME, Params, Query, told_to_the_job

MAX_SECONDS = 3600
Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS)]


class DbTx(BaseModel):
    """The query, its parameters, and the name of the database, which is a setting of the worker's."""

    model_config = ConfigDict(extra="forbid")

    query: Query
    params: Params = Field(default_factory=list)
    connection: str = Field(DEFAULT, pattern=NAME, description="a name among the operator's databases")
    statement_timeout: Seconds = Field(30, description="seconds the query may take")
    lock_timeout: Seconds = Field(10, description="seconds the query may wait for a lock")


@handler(
    "db_tx",
    names={"connection": "databases"},
    examples=(
        {"query": "UPDATE users SET status = $1 WHERE id = $2", "params": ["active", "123"], "connection": "default"},
        {"query": "DELETE FROM sessions WHERE id = ANY($1) RETURNING user_id", "params": [[7, 8]]},
    ),
)
async def db_tx(payload: DbTx, context: Context) -> dict[str, Any]:
    """Run one query with parameters in one transaction of a named database, exactly once.

    The job's key is recorded in the same transaction (jobsched_tx.applied, made by `jobsched db-tx init`),
    so that an attempt after a crash finds it and returns what was recorded.
    """
    from ..core.store.applied import Request, apply_once
    from ..core.store.database_session import Limits
    from ..core.store.databases import find_database

    key = context.idempotency_key
    store_id = key.removeprefix("jobsched-").removesuffix(f"-{context.job_id}")
    request = Request(key, context.job_id, store_id, payload.query, payload.params)
    limits = Limits(payload.statement_timeout, payload.lock_timeout)
    with told_to_the_job():
        database = find_database(context.settings, payload.connection)
        done = await apply_once(database, request, limits, f"jobsched db_tx {context.job_id}")
    if done.before:
        context.log("an earlier attempt had applied the query: this one changed nothing")
    return done.result
