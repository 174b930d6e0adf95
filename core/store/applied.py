"""Applying a query exactly once, however often a job that asks for it is run.

The query and a row with the job's key are committed together, or neither is. The key is taken first:

1. a transaction begins, and inserts the key into `jobsched_tx.applied`; if another transaction has
   inserted it and is still open, Postgres makes this one wait for its end;
2. the key was there: the query has been applied, and the recorded result is the answer;
3. otherwise the query is prepared, looked at and run, its result is written beside the key, and the
   transaction commits.

A commit whose answer is lost is found out about by doing the same again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..model.errors import DatabaseUnreachable, QueryFailed, TryAgain
from .database_session import CommitUnanswered, Limits, Session, open_session
from .database_values import Table, parameters
from .databases import Database


class Request(NamedTuple):
    """A query for one job. key: stable over the job's attempts, and no other job's. params: JSON values for $1, $2 …"""

    key: str
    job_id: int
    store_id: str
    query: str
    params: Sequence[Any]

    @property
    def hash(self) -> str:
        """SHA-256 of query and parameters, in hex."""
        return hashlib.sha256(json.dumps([self.query, *self.params]).encode()).hexdigest()


class Applied(NamedTuple):
    """result: JSON. before: whether an earlier attempt had applied it, and this one changed nothing."""

    result: dict[str, Any]
    before: bool


async def apply_once(database: Database, request: Request, limits: Limits, application_name: str) -> Applied:
    """Apply the query, unless that has been done; the row in `jobsched_tx.applied` decides.

    QueryFailed: no attempt can help, and nothing was applied. TryAgain, DatabaseUnreachable: another attempt
    may help. ConfigError: there is no such table. Cancelled, it has been rolled back.
    """
    try:
        return await _attempt(database, request, limits, application_name)
    except CommitUnanswered:
        pass
    try:
        return await _attempt(database, request, limits, application_name)
    except (CommitUnanswered, DatabaseUnreachable, TryAgain):
        raise DatabaseUnreachable(
            f"the connection to database {database.name} broke during COMMIT — whether the query was applied shows"
            f" in jobsched_tx.applied, key {request.key}; another attempt looks there first"
        ) from None


async def _attempt(database: Database, request: Request, limits: Limits, application_name: str) -> Applied:
    async with open_session(database, application_name, limits) as session:
        taken = await session.own("applied_claim", request.key, str(request.job_id), request.store_id, request.hash)
        if not taken:
            return await _recorded(session, request)
        prepared = await session.prepare(request.query)
        params = parameters(request.params, prepared.types)
        table = Table()
        tag = await session.run(params, table.add)
        result = {"command": tag.command, "rowcount": tag.rows, **table.as_result()}
        if not await session.own("applied_record", json.dumps(result), request.key, taken[0][0]):
            raise QueryFailed("the query ended its own transaction, or removed the row that records it — refused")
        await session.tidy()
        await session.commit()
    return Applied(result, before=False)


async def _recorded(session: Session, request: Request) -> Applied:
    found = await session.own("applied_find", request.key)
    if not found:
        raise TryAgain("the row that records the query went away at this moment")
    query_hash, result = found[0]
    if query_hash != request.hash:
        raise QueryFailed(
            f"another query was applied under the key {request.key} — the store was restored from an older state,"
            " and gives numbers of jobs out again"
        )
    if result is None:
        raise QueryFailed("the query ended its own transaction — nothing but that was applied")
    return Applied(json.loads(result), before=True)
