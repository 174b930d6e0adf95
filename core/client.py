"""The Python API: submit jobs from programs, wait for them, change them.

    with Client() as client:
        submitted = client.submit("pdf_invoice", invoice, priority=Priority.HIGH)
        job = client.wait(submitted.id, timeout=60)

`AsyncClient` is the same with `await`. Both take `connection=`: the job is then part of the caller's
own transaction, and exists exactly if that commits.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from .config import Settings, load
from .model.job import Job, NewJob
from .model.results import ItemResult, Submitted
from .model.states import State
from .service import Service, poll_pauses, too_late

ASYNC_CONNECTIONS = 4
"""Most connections that an AsyncClient opens."""


class Client:
    """A store, as a program sees it. Threads may share it; it connects when it is first used.

    url: PostgreSQL URL; default, what is configured, else jobsched's own store. settings: other
    settings by key, with `__` for the dot (`connect_timeout=3.0`, `retention__succeeded=0.0`).
    KeyError: there is no such setting.
    """

    def __init__(self, url: str | None = None, *, pool_size: int = 1, **settings: Any) -> None:
        """pool_size: most connections at once; more than one for programs with many threads."""
        self._service = Service(_settings(url, settings), pool_size=pool_size)

    def submit(
        self,
        job: NewJob | str,
        payload: Mapping[str, Any] | None = None,
        *,
        unchecked: bool = False,
        connection: Any = None,
        **options: Any,
    ) -> Submitted:
        """Store a job: a NewJob, or a type with its payload and NewJob's options by name.

        Once this returns, the job is never lost. connection: a psycopg Connection, or a SQLAlchemy
        Session or Connection over psycopg, in whose transaction it is stored. unchecked: neither
        type nor payload need be known here. Raises UsageError and its kinds (unknown type, payload
        that does not fit), IdempotencyConflict, StoreUnreachable.
        """
        return self._service.submit(_new(job, payload, options), unchecked=unchecked, connection=connection)

    def submit_many(
        self, new: Sequence[NewJob], *, unchecked: bool = False, connection: Any = None
    ) -> builtins.list[Submitted]:
        """Store all of these jobs or none; the answers are in their order."""
        return self._service.submit_many(new, unchecked=unchecked, connection=connection)

    def load(self, new: Iterable[NewJob], *, unchecked: bool = False) -> int:
        """Store any number of jobs, all or none, as fast as it goes; return how many are new."""
        return self._service.load(new, unchecked=unchecked)

    def get(self, job_id: int) -> Job:
        """Return a job as it stands. JobNotFound."""
        return self._service.get(job_id)

    def list(
        self,
        *,
        states: Collection[State] = (),
        queue: str | None = None,
        type: str | None = None,
        tag: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> builtins.list[Job]:
        """Return one page of jobs, newest first. before: the smallest id of the page above."""
        return self._service.list(
            states=states, queue=queue, type=type, tag=tag, since=since, before=before, limit=limit
        )

    def wait(self, job_id: int, *, timeout: float | None = None) -> Job:
        """Wait until a job has ended. timeout: seconds, then WaitTimeout. JobNotFound."""
        return self._service.wait([job_id], timeout=timeout)[0]

    def wait_all(self, ids: Sequence[int], *, timeout: float | None = None) -> builtins.list[Job]:
        """Wait until all of these jobs have ended; return them in the order of `ids`."""
        return self._service.wait(ids, timeout=timeout)

    def cancel(self, *ids: int, reason: str | None = None) -> builtins.list[ItemResult]:
        """Cancel jobs: those that wait at once; those that run are asked to stop."""
        return self._service.cancel(ids, by=self._service.submitter, reason=reason)

    def retry(self, *ids: int) -> builtins.list[ItemResult]:
        """Run jobs again: finished ones with their whole budget, those that wait for their time now."""
        return self._service.retry(ids, by=self._service.submitter)

    def close(self) -> None:
        """Close the connection. The client may be used again; it then opens another."""
        self._service.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """`Client` for asyncio: the same calls, awaited. Statements run in threads; with `connection=`, on it."""

    def __init__(self, url: str | None = None, **settings: Any) -> None:
        self._client = Client(url, pool_size=ASYNC_CONNECTIONS, **settings)

    async def submit(
        self,
        job: NewJob | str,
        payload: Mapping[str, Any] | None = None,
        *,
        unchecked: bool = False,
        connection: Any = None,
        **options: Any,
    ) -> Submitted:
        """As Client.submit. connection: a psycopg AsyncConnection, or a SQLAlchemy AsyncSession or
        AsyncConnection over psycopg."""
        new = _new(job, payload, options)
        if connection is not None:
            return (await self._submit_within(connection, [new], unchecked))[0]
        return await asyncio.to_thread(self._client.submit, new, unchecked=unchecked)

    async def submit_many(
        self, new: Sequence[NewJob], *, unchecked: bool = False, connection: Any = None
    ) -> builtins.list[Submitted]:
        """As Client.submit_many. connection: as for `submit`."""
        if connection is not None:
            return await self._submit_within(connection, new, unchecked)
        return await asyncio.to_thread(self._client.submit_many, new, unchecked=unchecked)

    async def load(self, new: Iterable[NewJob], *, unchecked: bool = False) -> int:
        """As Client.load. `new` is read in a thread."""
        return await asyncio.to_thread(self._client.load, new, unchecked=unchecked)

    async def get(self, job_id: int) -> Job:
        """As Client.get."""
        return await asyncio.to_thread(self._client.get, job_id)

    async def list(self, **filters: Any) -> builtins.list[Job]:
        """As Client.list, with the same filters."""
        return await asyncio.to_thread(self._client.list, **filters)

    async def wait(self, job_id: int, *, timeout: float | None = None) -> Job:
        """As Client.wait."""
        return (await self.wait_all([job_id], timeout=timeout))[0]

    async def wait_all(self, ids: Sequence[int], *, timeout: float | None = None) -> builtins.list[Job]:
        """As Client.wait_all. Being cancelled ends the wait, not the jobs."""
        service = self._client._service
        pending = list(dict.fromkeys(ids))
        pauses = poll_pauses(timeout)
        while True:
            standings = await asyncio.to_thread(service.standings, pending)
            pending = [job_id for job_id in pending if not standings[job_id][0].is_final]
            if not pending:
                return await asyncio.to_thread(service.get_many, ids)
            pause = next(pauses, None)
            if pause is None:
                raise too_late(pending, ids, timeout)
            await asyncio.sleep(pause)

    async def cancel(self, *ids: int, reason: str | None = None) -> builtins.list[ItemResult]:
        """As Client.cancel."""
        return await asyncio.to_thread(self._client.cancel, *ids, reason=reason)

    async def retry(self, *ids: int) -> builtins.list[ItemResult]:
        """As Client.retry."""
        return await asyncio.to_thread(self._client.retry, *ids)

    async def close(self) -> None:
        """As Client.close."""
        await asyncio.to_thread(self._client.close)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _submit_within(self, connection: Any, new: Sequence[NewJob], unchecked: bool) -> builtins.list[Submitted]:
        from .store.within import submit_within_async

        service = self._client._service
        rows = await asyncio.to_thread(lambda: [service.submission.row(each, unchecked=unchecked) for each in new])
        secrets = service.secrets_of(rows)
        return await submit_within_async(connection, rows, service.submitter, service.window, secrets)


def _new(job: NewJob | str, payload: Mapping[str, Any] | None, options: dict[str, Any]) -> NewJob:
    if isinstance(job, NewJob):
        if payload is not None or options:
            raise TypeError("a NewJob has its payload and options already")
        return job
    return NewJob(job, {} if payload is None else payload, **options)


def _settings(url: str | None, changes: dict[str, Any]) -> Settings:
    if url is not None:
        changes = {**changes, "database_url": url}
    return load().replace(**changes) if changes else load()
