"""`db_tx`: once and only once, whatever the query is and whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from jobsched.core.config import Settings
from jobsched.core.handler import Discard, Retry
from jobsched.core.store import applied_table
from jobsched.core.store.database_session import Limits, open_session
from jobsched.core.store.databases import Database
from jobsched.handlers.db_tx import DbTx, db_tx

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

TABLES = """
create table account (id int primary key, owner text not null, balance numeric(12, 2) check (balance >= 0));
insert into account values (1, 'ada', 100), (2, 'bob', 50.50);
create table note (id int generated always as identity, said text);
"""


@pytest.fixture
def url(make_database: Callable[..., str]) -> str:
    """URL of a database of an application's, ready for db_tx jobs."""
    made = make_database(empty=True)
    applied_table.create(Database("app", made))
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(TABLES)
    return made


@pytest.fixture
def app(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def context(tmp_path: Path, settings: Settings, url: str) -> RecordingContext:
    return RecordingContext(tmp_path / "home", settings.replace(databases={"default": url, "app": url}))


async def run(context: RecordingContext, query: str, *params: Any, **more: Any) -> dict[str, Any]:
    """Run it as a runner would, and prove that the result can be stored."""
    payload = DbTx.model_validate_json(json.dumps({"query": query, "params": params, **more}))
    result = await db_tx(payload, context)
    json.dumps(result, allow_nan=False).encode()
    return result


async def failing(context: RecordingContext, query: str, *params: Any, **more: Any) -> str:
    """Run what can never work; return what is said."""
    with pytest.raises(Discard) as caught:
        await run(context, query, *params, **more)
    assert caught.value.__suppress_context__
    return str(caught.value)


def balances(app: psycopg.Connection[Any]) -> list[str]:
    return [str(row[0]) for row in app.execute("select balance from account order by id")]


async def test_a_query_is_applied_and_told(context: RecordingContext, app: psycopg.Connection[Any]) -> None:
    """With the command's tag and the number of rows; parameters are what the query needs them to be."""
    result = await run(context, "UPDATE account SET balance = balance - $1 WHERE id = $2", 10.5, "1")
    assert result == {"command": "UPDATE 1", "rowcount": 1}
    assert balances(app) == ["89.50", "50.50"]


async def test_a_second_attempt_returns_what_was_recorded(
    context: RecordingContext, app: psycopg.Connection[Any]
) -> None:
    """And changes nothing, though the table that the query names is gone by now."""
    query = "update account set balance = balance + 1 returning id, owner, balance"
    first = await run(context, query)
    assert first["rows"] == [[1, "ada", "101.00"], [2, "bob", "51.50"]]
    app.execute("drop table account")
    context.attempt = 2
    assert await run(context, query) == first
    assert "changed nothing" in context.logs[-1][0]
    (row,) = app.execute("select key, job_id, store_id from jobsched_tx.applied").fetchall()
    assert row == ("jobsched-test-42", 42, "test")


async def test_two_attempts_at_the_same_moment_apply_once(
    context: RecordingContext, app: psycopg.Connection[Any], url: str
) -> None:
    """The second waits for the first one's end, and then sees what it recorded."""
    query = (
        "with gate as (select pg_advisory_xact_lock(7)) insert into note (said) select 'once' from gate returning id"
    )
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as gate:
        await gate.execute("select pg_advisory_lock(7)")
        first = asyncio.create_task(run(context, query))
        await until_waiting(gate, "advisory")
        second = asyncio.create_task(run(context, query))
        await until_waiting(gate, "transactionid")
        await gate.execute("select pg_advisory_unlock(7)")
        results = await asyncio.gather(first, second)
    assert results[0] == results[1]
    assert app.execute("select count(*) from note").fetchone() == (1,)


async def until_waiting(connection: psycopg.AsyncConnection[Any], event: str) -> None:
    """Wait until some job's backend waits for that."""
    await until_jobs(connection, "wait_event = %s", event)


async def until_jobs(connection: psycopg.AsyncConnection[Any], which: str, *values: Any) -> None:
    """Wait until pg_stat_activity has such a backend of a job."""
    statement = (
        "select 1 from pg_stat_activity where application_name like 'jobsched db_tx%%'"
        f" and datname = current_database() and {which}"
    )
    async with asyncio.timeout(20):
        while await (await connection.execute(statement.encode(), values)).fetchone() is None:
            pass


async def test_a_second_attempt_applies_what_the_first_one_rolled_back(
    context: RecordingContext, app: psycopg.Connection[Any], url: str
) -> None:
    """Who waited for a key whose owner failed takes it over."""
    query = "insert into note (said) select 'once' from pg_advisory_xact_lock(7)"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as gate:
        await gate.execute("select pg_advisory_lock(7)")
        first = asyncio.create_task(run(context, query))
        await until_waiting(gate, "advisory")
        second = asyncio.create_task(run(context, query))
        await until_waiting(gate, "transactionid")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await gate.execute("select pg_advisory_unlock(7)")
        assert (await second)["rowcount"] == 1
    assert app.execute("select count(*) from note").fetchone() == (1,)


async def test_a_failed_query_leaves_nothing(context: RecordingContext, app: psycopg.Connection[Any]) -> None:
    """Neither its own change nor a record; and DETAIL, which holds the row, is not told."""
    said = await failing(context, "update account set balance = -1 where owner = 'ada'")
    assert "account_balance_check" in said
    assert "23514" in said
    assert "ada" not in said
    assert balances(app) == ["100.00", "50.50"]
    assert app.execute("select count(*) from jobsched_tx.applied").fetchone() == (0,)


@pytest.mark.parametrize(
    ("query", "params", "words"),
    [
        ("update account set balance = $1 where id = $2", [1], "takes 2 parameters, 1 given"),
        ("select $1::int", [], "takes 1 parameter, 0 given"),
        ("delete from note; drop table account", [], "multiple commands"),
        ("selec 1", [], "42601"),
        ("select * from nowhere", [], "42P01"),
        ("select nothing from account", [], "42703"),
        ("vacuum account", [], "25001"),
        ("copy account to stdout", [], "COPY"),
        ("copy account from stdin", [], "COPY"),
        ("insert into account values (1, 'eve', 1)", [], "23505"),
        ("do $$ begin delete from note; commit; end $$", [], "2D000"),
        ("do $$ begin rollback; end $$", [], "2D000"),
        ("delete from jobsched_tx.applied", [], "removed the row"),
        ("select $1::int", ["hush hush"], "22P02"),
        ("select set_config('role', 'nobody_here', true)", [], "22023"),
    ],
)
async def test_what_cannot_work_is_refused_with_nothing_done(
    context: RecordingContext, app: psycopg.Connection[Any], query: str, params: list[Any], words: str
) -> None:
    """At once, without another attempt, and without a word of the parameters."""
    said = await failing(context, query, *params)
    assert words in said
    assert "hush" not in said
    assert balances(app) == ["100.00", "50.50"]
    assert app.execute("select count(*) from jobsched_tx.applied").fetchone() == (0,)


@pytest.mark.parametrize(
    "query",
    [
        "COMMIT", "  rollback", "/* a /* b */ c */ -- d\n ; commit and chain", "end", "abort", "begin", "(commit)",
        "start transaction", "savepoint a", "release a", "prepare transaction 'x'", "set role postgres", "listen x",
        "discard all", "execute x", "", " -- nothing", "/* open", ";;", "select '\0'", "--\rcommit",
    ],
)  # fmt: skip
def test_a_statement_that_is_not_for_a_job_is_refused_at_the_door(query: str) -> None:
    """It would end the transaction, or change a session that nobody has."""
    with pytest.raises(ValidationError) as refused:
        DbTx.model_validate({"query": query})
    assert [error["loc"] for error in refused.value.errors()] == [("query",)]


@pytest.mark.parametrize(
    "query", ["commit", "rollback", "commit and chain", "rollback and chain", "prepare transaction 'x'"]
)
async def test_a_query_that_ends_its_transaction_is_never_a_success(
    context: RecordingContext, app: psycopg.Connection[Any], query: str
) -> None:
    """Also where the door did not know it: no attempt says that it was applied."""
    for _ in range(2):
        with pytest.raises(Discard):
            await db_tx(DbTx.model_construct(query=query, params=[], connection="app",
                                             statement_timeout=5.0, lock_timeout=5.0), context)  # fmt: skip
    assert app.execute("select count(*) from jobsched_tx.applied where result is not null").fetchone() == (0,)


@pytest.mark.parametrize("state", ["40001", "40P01", "53100", "53200", "55P03", "57P03", "08006", "57014"])
async def test_what_is_temporary_is_worth_another_attempt(
    context: RecordingContext, app: psycopg.Connection[Any], state: str
) -> None:
    """By its SQLSTATE; the job's own backoff decides when."""
    app.execute(
        f"create function fails() returns void language plpgsql as $$ begin raise sqlstate '{state}'; end $$".encode()
    )
    with pytest.raises(Retry) as caught:
        await run(context, "select fails()")
    assert state in str(caught.value)
    assert caught.value.delay is None


async def test_time_limits_are_the_payloads(context: RecordingContext, url: str) -> None:
    """For the statement, and for a lock that somebody else holds."""
    with pytest.raises(Retry, match="statement timeout"):
        await run(context, "select pg_sleep(30)", statement_timeout=0.05)
    async with await psycopg.AsyncConnection.connect(url) as other:
        await other.execute("lock table account")
        with pytest.raises(Retry, match="lock timeout"):
            await run(context, "delete from account", lock_timeout=0.05)


async def test_a_cancelled_job_ends_its_query_on_the_server(
    context: RecordingContext, app: psycopg.Connection[Any], url: str
) -> None:
    """And what it had done is rolled back."""
    query = "with gone as (delete from account returning 1) select pg_sleep(60) from gone"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as watch:
        task = asyncio.create_task(run(context, query, statement_timeout=60))
        await until_waiting(watch, "PgSleep")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        statement = (
            "select count(*) from pg_stat_activity where application_name = 'jobsched db_tx 42' and state = 'active'"
        )
        assert await (await watch.execute(statement)).fetchone() == (0,)
    assert balances(app) == ["100.00", "50.50"]


async def test_values_of_every_kind_are_json(context: RecordingContext) -> None:
    """Exactly, or as the server's text."""
    query = """select true a, 7::bigint b, 1.5::float8 c, 'NaN'::float8 d, 12.30::numeric e, 'infinity'::date f,
        '2026-01-02 03:04:05.6+02'::timestamptz g, '2026-01-02 03:04'::timestamp h, '\\x00ff'::bytea i,
        '{"x": [1, 1.5, 1e400]}'::jsonb j, '{"x": "\\u0000"}'::json k, array[1, null] l, '{"a b",null}'::text[] m,
        null n, '1 day 2 hours'::interval o, 'a b'::text p, array[array[1.10]] q, repeat('[', 60) || repeat(']', 60) r,
        (repeat('[', 60) || repeat(']', 60))::json s"""
    result = await run(context, query)
    deep = "[" * 60 + "]" * 60
    assert result["columns"] == list("abcdefghijklmnopqrs")
    assert result["rows"] == [[
        True, 7, 1.5, "NaN", "12.30", "infinity", "2026-01-02T01:04:05.6Z", "2026-01-02T03:04:00", "\\x00ff",
        {"x": [1, 1.5, json.loads("1" + "0" * 400)]}, '{"x": "\\u0000"}', [1, None], ["a b", None], None,
        "P1DT2H", "a b", [["1.10"]], deep, deep,
    ]]  # fmt: skip


async def test_parameters_are_what_the_query_makes_of_them(context: RecordingContext) -> None:
    """Text, numbers, true, null; lists as arrays where one is wanted, lists and objects as JSON elsewhere."""
    result = await run(
        context,
        "select $1::text, $2::numeric, $3::bool, $4::int, $5::int[], $6::jsonb, $7::jsonb, $8::text[], $9::text",
        "x'; --", 1.25, True, None, [1, 2], [1, {"a": "é"}], {"b": None}, ['a "b" \\', None, "{}"], 7,
    )  # fmt: skip
    assert result["rows"] == [
        ["x'; --", "1.25", True, None, [1, 2], [1, {"a": "é"}], {"b": None}, ['a "b" \\', None, "{}"], "7"]
    ]


async def test_a_result_is_bounded(context: RecordingContext) -> None:
    """By 100 rows and by 64 KiB; the number of rows is the whole one."""
    many = await run(context, "select * from generate_series(1, 20000) i")
    assert (len(many["rows"]), many["rowcount"], many["truncated"]) == (100, 20000, True)
    context.idempotency_key = "wide"
    wide = await run(context, "select repeat('é', 10000) from generate_series(1, 50)")
    assert (len(wide["rows"]), wide["rowcount"], wide["truncated"]) == (3, 50, True)
    context.idempotency_key = "none"
    none = await run(context, "select 1 one where false")
    assert none == {"command": "SELECT 0", "rowcount": 0, "columns": ["one"], "rows": [], "truncated": False}


async def test_a_key_of_a_restored_store_is_not_taken_for_another_query(context: RecordingContext) -> None:
    """The store gives numbers of jobs out again; what another job recorded is not this one's."""
    await run(context, "insert into note (said) values ('a')")
    said = await failing(context, "insert into note (said) values ('b')")
    assert "restored" in said


async def test_without_the_table_nothing_runs(context: RecordingContext, app: psycopg.Connection[Any]) -> None:
    """The command that makes it is told, and another attempt may find it."""
    app.execute("drop schema jobsched_tx cascade")
    with pytest.raises(Retry, match="jobsched db-tx init app"):
        await run(context, "delete from account", connection="app")
    assert balances(app) == ["100.00", "50.50"]


async def test_a_name_that_this_worker_does_not_know_is_worth_another_attempt(context: RecordingContext) -> None:
    """Another worker may know it, and the setting to give this one is told."""
    with pytest.raises(Retry, match="JOBSCHED_DB_OTHER"):
        await run(context, "select 1", connection="other")


@pytest.mark.parametrize("url", ["postgresql://me:s3cret@127.0.0.1:1/db", "postgresql://me:s3/cret@host/db"])
async def test_a_database_that_cannot_be_reached_is_worth_another_attempt(context: RecordingContext, url: str) -> None:
    """And its password is told nobody."""
    context.settings = context.settings.replace(databases={"app": url})
    with pytest.raises(Retry) as caught:
        await run(context, "select 1", connection="app")
    assert "s3" not in str(caught.value)


async def test_each_job_has_a_session_of_its_own(context: RecordingContext, app: psycopg.Connection[Any]) -> None:
    """With the limits and the name of this job alone, and closed when the job ends."""
    query = "select current_setting('statement_timeout'), current_setting('application_name'), pg_backend_pid()"
    first = (await run(context, query))["rows"][0]
    context.idempotency_key = "another"
    second = (await run(context, query))["rows"][0]
    assert first[:2] == second[:2] == ["30s", "jobsched db_tx 42"]
    assert first[2] != second[2]


async def test_behind_a_transaction_pooler_it_works_the_same(context: RecordingContext, url: str) -> None:
    """Nothing is prepared by name, and no setting outlives the transaction."""
    context.settings = context.settings.replace(databases={"app": f"{url}?pgbouncer=true"})
    result = await run(
        context, "select current_setting('TimeZone'), count(*) from pg_prepared_statements", connection="app"
    )
    assert result["rows"] == [["UTC", 0]]


async def test_behind_a_transaction_pooler_a_job_leaves_nothing_in_the_session(url: str) -> None:
    """The next transaction on the same connection to the server may be anybody's."""
    database = Database("app", f"{url}?pgbouncer=true")
    async with open_session(database, "jobsched db_tx", Limits(5, 5)) as session:
        await session.prepare("select set_config('work_mem', '99MB', false), pg_advisory_lock(9)")
        await session.run([])
        await session.tidy()
        await session.commit()
        left = await session.connection.execute(
            "select current_setting('work_mem') = '99MB', current_setting('statement_timeout'), count(*)"
            " from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        )
        assert await left.fetchone() == (False, "0", 0)


async def test_a_job_that_is_cancelled_during_its_commit_says_what_became_of_it(
    context: RecordingContext, app: psycopg.Connection[Any], url: str
) -> None:
    """A commit is waited for a little: what has been applied is not called cancelled."""
    app.execute("create function slowly() returns trigger language plpgsql as $$"
                " begin perform pg_sleep(0.5); return null; end $$")  # fmt: skip
    app.execute("create constraint trigger slow after insert on note deferrable initially deferred"
                " for each row execute function slowly()")  # fmt: skip
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as watch:
        task = asyncio.create_task(run(context, "insert into note (said) values ('once')"))
        await until_jobs(watch, "query = 'commit' and wait_event = 'PgSleep'")
        task.cancel()
        assert (await task)["rowcount"] == 1
    assert app.execute("select count(*) from note").fetchone() == (1,)


async def test_a_constraint_that_is_checked_at_the_commit_fails_the_job(
    context: RecordingContext, app: psycopg.Connection[Any]
) -> None:
    """The query had gone well, and nothing of it is there."""
    app.execute("alter table note add constraint said_once unique (said) deferrable initially deferred")
    said = await failing(context, "insert into note (said) values ('twice'), ('twice')")
    assert "said_once" in said
    assert app.execute("select count(*) from note").fetchone() == (0,)
    assert app.execute("select count(*) from jobsched_tx.applied").fetchone() == (0,)
