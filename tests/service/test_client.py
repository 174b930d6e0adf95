"""The Python API: what is public, what importing it costs, and that both clients do the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import psycopg
import pytest

import jobsched
from jobsched import AsyncClient, Client, JobNotFound, NewJob, Priority, State, UnknownJobType, WaitTimeout
from jobsched.tests.store.hands import Hands

PUBLIC = {
    "After", "Condition",
    "AsyncClient", "Attempt", "Backoff", "Cancelled", "Client", "Context", "Discard", "Job", "NewJob", "Priority",
    "Retry", "Snooze", "State", "handler",
}  # fmt: skip


def in_a_new_process(code: str) -> Any:
    """What a fresh interpreter prints, read as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_what_is_public_is_listed_and_nothing_else() -> None:
    """`__all__` is sorted, each name can be had, and all errors are among them."""
    from jobsched.core.model import errors

    error_names = {name for name, value in vars(errors).items() if isinstance(value, type)} - {"ClassVar"}
    assert jobsched.__all__ == sorted(jobsched.__all__)
    assert set(jobsched.__all__) == PUBLIC | error_names
    for name in jobsched.__all__:
        assert getattr(jobsched, name).__name__ == name
    assert set(jobsched.__all__) <= set(dir(jobsched))
    with pytest.raises(AttributeError, match="nonsense"):
        jobsched.nonsense  # noqa: B018


def test_importing_jobsched_loads_nothing_else() -> None:
    """Names are loaded when they are used."""
    code = """
import json, sys
before = set(sys.modules)
import jobsched
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    assert in_a_new_process(code) == ["jobsched"]


def test_a_submitting_program_loads_only_what_it_needs(database_url: str) -> None:
    """Standard library and psycopg: no pydantic, SQLAlchemy, rich or pool for a submit, list and cancel."""
    code = f"""
import json, sys
before = {{name.partition(".")[0] for name in sys.modules}}
import jobsched
with jobsched.Client({database_url!r}) as client:
    job = client.submit("noop", {{"n": 1}})
    client.submit_many([jobsched.NewJob("noop", idempotency_key="k")])
    client.list(states=[jobsched.State.QUEUED])
    client.cancel(job.id)
    client.wait(job.id)
loaded = {{name.partition(".")[0] for name in sys.modules}} - before - set(sys.stdlib_module_names)
print(json.dumps(sorted(name for name in loaded if not name.startswith("_"))))
"""
    assert set(in_a_new_process(code)) <= {
        "jobsched",
        "psycopg",
        "psycopg_binary",
        "cython_runtime",
        "typing_extensions",
    }


def test_a_program_submits_waits_and_changes(database_url: str) -> None:
    """The whole of Client, on one job's way."""
    with Client(database_url) as client, psycopg.connect(database_url, autocommit=True) as connection:
        hands = Hands(connection)
        submitted = client.submit("noop", {"a": 1}, priority=Priority.HIGH, tags=("t",))
        assert client.get(submitted.id).priority is Priority.HIGH
        hands.run(dead=True)
        assert client.wait(submitted.id, timeout=10).state is State.DEAD
        assert [result.state for result in client.retry(submitted.id)] == [State.QUEUED]
        hands.run()
        many = client.submit_many([NewJob("noop"), NewJob("noop")])
        assert [result.ok for result in client.cancel(*(each.id for each in many), reason="no")] == [True, True]
        states = [job.state for job in client.wait_all([each.id for each in many] + [submitted.id])]
        assert states == [State.CANCELLED, State.CANCELLED, State.SUCCEEDED]
        assert client.load([NewJob("noop")]) == 1
        assert len(client.list()) == 4
        with pytest.raises(TypeError):
            client.submit(NewJob("noop"), {"a": 1})


async def test_an_asynchronous_program_does_the_same(database_url: str) -> None:
    """The whole of AsyncClient; errors are the same too."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        hands = Hands(connection)
        async with AsyncClient(database_url) as client:
            submitted = await client.submit("noop", {"a": 1})
            assert (await client.get(submitted.id)).payload == {"a": 1}
            with pytest.raises(WaitTimeout):
                await client.wait(submitted.id, timeout=0.02)
            hands.run(dead=True)
            assert (await client.wait(submitted.id, timeout=10)).state is State.DEAD
            assert (await client.retry(submitted.id))[0].ok
            assert (await client.cancel(submitted.id, reason="no"))[0].ok
            many = await client.submit_many([NewJob("noop"), NewJob("noop")])
            hands.run()
            hands.run()
            assert [job.state for job in await client.wait_all([each.id for each in many])] == [State.SUCCEEDED] * 2
            assert await client.load([NewJob("noop")]) == 1
            assert len(await client.list(states=[State.QUEUED])) == 1
            with pytest.raises(UnknownJobType):
                await client.submit("nope")
            with pytest.raises(JobNotFound):
                await client.wait(10**9)


def test_a_client_says_which_setting_there_is_not(database_url: str) -> None:
    """Settings are named as in the configuration, with `__` for the dot."""
    with Client(database_url, connect_timeout=3.0, retention__succeeded=0.0) as client:
        assert client.list() == []
    with pytest.raises(KeyError, match="nonsense"):
        Client(database_url, nonsense=1)
