"""`export_user_data`: every row, exactly, in memory that does not grow with them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from jobsched.core.config import Settings
from jobsched.core.handler import Discard, Retry
from jobsched.handlers.export_user_data import ExportUserData, export_user_data

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

TABLES = """
create table person (id int primary key, name text, score numeric, born date, seen timestamptz, tags text[]);
insert into person values
    (1, 'Ada "the" L.', 12345678901234567890.1234567890, '1815-12-10', '2026-01-02 03:04:05.5+01', '{a,"b c",null}'),
    (2, null, 'NaN', 'infinity', null, '{}'),
    (3, '', -0.50, '0044-03-15 BC', '2026-06-01', null),
    (4, E'two\\nlines, and a comma', 0, null, null, null);
"""
QUERIES = {
    "default": "SELECT id, name FROM person ORDER BY id",
    "all": "app: SELECT * FROM person ORDER BY id;",
    "one": "app:select name from person where id = $1 or name = $2 -- the end",
    "ids": "select id from person where id = any($1) order by id",
    "names": "values (null), (''), ('x')",
    "twice": "select 1 a, 2 a",
    "empty": "select id, name from person where false",
    "big": "select i id, md5(i::text) || md5((i + 1)::text) said, i * 1.5 amount from generate_series(1, $1::int) i",
    "writes": "with gone as (delete from person returning *) select * from gone",
    "sneaky": "select setval('counter', 7)",
    "wrong": "select nothing from person",
    "slow": "select pg_sleep(60)",
    "no_sql": "drop table person",
    "two": "select 1; drop table person",
    "shouting": "APP: select 1",
    "elsewhere": "other: select 1",
}


@pytest.fixture
def url(make_database: Callable[..., str]) -> str:
    made = make_database(empty=True)
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(TABLES)
        connection.execute("create sequence counter")
    return made


@pytest.fixture
def context(tmp_path: Path, settings: Settings, url: str) -> RecordingContext:
    databases = {"default": url, "app": url}
    return RecordingContext(tmp_path / "home", settings.replace(databases=databases, queries=QUERIES))


@pytest.fixture
def app(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


async def export(context: RecordingContext, query: str, *params: Any, **more: Any) -> tuple[dict[str, Any], str]:
    """Run it as a runner would; return result and file."""
    payload = ExportUserData.model_validate_json(json.dumps({"query": query, "params": params, **more}))
    result = await export_user_data(payload, context)
    json.dumps(result, allow_nan=False)
    (file,) = result["files"]
    data = context.objects.get(file["bucket"], file["key"])
    assert len(data) == file["size"]
    return result, data.decode()


async def test_csv_is_as_rfc_4180_has_it(context: RecordingContext) -> None:
    """A header, CRLF, quotes where they are needed; null is nothing, an empty text is quoted."""
    result, text = await export(context, "all")
    assert text.split("\r\n")[:4] == [
        "id,name,score,born,seen,tags",
        '1,"Ada ""the"" L.",12345678901234567890.1234567890,1815-12-10,2026-01-02T02:04:05.5Z,"{a,""b c"",NULL}"',
        "2,,NaN,infinity,,{}",
        '3,"",-0.50,0044-03-15 BC,2026-06-01T00:00:00Z,',
    ]
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[4] == ["4", "two\nlines, and a comma", "0", "", "", ""]
    assert (result["rows"], result["columns"]) == (4, ["id", "name", "score", "born", "seen", "tags"])
    assert result["files"][0]["key"] == "all/42.csv"
    assert result["files"][0]["bucket"] == "exports"


async def test_null_can_be_a_word(context: RecordingContext) -> None:
    """Then a text of that word is quoted; a column by itself always has something on its line."""
    assert (await export(context, "names"))[1] == 'column1\r\n""\r\n""\r\nx\r\n'
    assert (await export(context, "names", null="x"))[1] == 'column1\r\nx\r\n""\r\n"x"\r\n'


async def test_json_keeps_every_digit(context: RecordingContext) -> None:
    """Numbers as the database has them, times in ISO 8601, arrays as arrays; what JSON has no word for is text."""
    _, text = await export(context, "all", format="json")
    rows = json.loads(text, parse_float=str)
    assert rows[0] == {
        "id": 1, "name": 'Ada "the" L.', "score": "12345678901234567890.1234567890", "born": "1815-12-10",
        "seen": "2026-01-02T02:04:05.5Z", "tags": ["a", "b c", None],
    }  # fmt: skip
    assert '"score":12345678901234567890.1234567890' in text
    assert rows[1] == {"id": 2, "name": None, "score": "NaN", "born": "infinity", "seen": None, "tags": []}
    _, lines = await export(context, "all", format="jsonl")
    assert [json.loads(line, parse_float=str) for line in lines.splitlines()] == rows


@pytest.mark.parametrize(("format_", "text"), [("csv", "id,name\r\n"), ("json", "[]\n"), ("jsonl", "")])
async def test_no_rows_are_a_file_too(context: RecordingContext, format_: str, text: str) -> None:
    """A reader finds what it expects."""
    result, found = await export(context, "empty", format=format_)
    assert (found, result["rows"], result["columns"]) == (text, 0, ["id", "name"])


async def test_parameters_are_values_and_never_sql(context: RecordingContext) -> None:
    """Whatever they hold."""
    assert (await export(context, "one", 4, "' or true --"))[0]["rows"] == 1
    assert (await export(context, "ids", [1, 3]))[1] == "id\r\n1\r\n3\r\n"


@pytest.mark.parametrize("format_", ["csv", "json"])
async def test_memory_does_not_grow_with_the_rows(context: RecordingContext, format_: str) -> None:
    """200,000 rows, 15 MB, take less than 6 MB of it; progress is told on the way."""
    payload = ExportUserData.model_validate({"query": "big", "params": [200_000], "format": format_})
    await export(context, "big", 10)
    context.fractions.clear()
    tracemalloc.start()
    try:
        result = await export_user_data(payload, context)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result["rows"] == 200_000
    assert result["files"][0]["size"] > 15_000_000
    assert peak < 6_000_000
    assert len(context.fractions) > 20
    assert context.fractions == sorted(context.fractions)


@pytest.mark.parametrize(
    ("query", "params", "words"),
    [
        ("one", [1], "takes 2 parameters, 1 given"),
        ("writes", [], "25006|0A000"),
        ("sneaky", [], "25006"),
        ("wrong", [], "42703"),
        ("two", [], "multiple commands"),
        ("ids", ["nonsense"], "22P02"),
    ],
)
async def test_what_cannot_work_is_refused(
    context: RecordingContext, app: psycopg.Connection[Any], query: str, params: list[Any], words: str
) -> None:
    """At once; nothing is written anywhere."""
    with pytest.raises(Discard, match=words) as caught:
        await export(context, query, *params)
    assert "nonsense" not in str(caught.value)
    assert app.execute("select count(*), (select last_value from counter) from person").fetchone() == (4, 1)
    assert list(context.objects.list("exports")) == []


async def test_json_needs_a_name_for_each_column(context: RecordingContext) -> None:
    """CSV does not."""
    with pytest.raises(Discard, match="use AS"):
        await export(context, "twice", format="json")
    assert (await export(context, "twice"))[1] == "a,a\r\n1,2\r\n"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("unknown", "JOBSCHED_QUERY_UNKNOWN"),
        ("elsewhere", "JOBSCHED_DB_OTHER"),
        ("no_sql", "begins with SELECT"),
        ("shouting", "a-z"),
    ],
)
async def test_what_this_workers_settings_lack_is_worth_another_attempt(
    context: RecordingContext, query: str, words: str
) -> None:
    """Another worker may have it, and the setting is told."""
    with pytest.raises(Retry, match=words):
        await export(context, query)


async def test_a_cancelled_export_ends_its_query_and_leaves_no_file(
    context: RecordingContext, app: psycopg.Connection[Any]
) -> None:
    """However long the query would have taken."""
    statement = (
        "select 1 from pg_stat_activity where application_name = 'jobsched export 42' and wait_event = 'PgSleep'"
    )
    task = asyncio.create_task(export(context, "slow"))
    async with await psycopg.AsyncConnection.connect(
        app.info.dsn, password=app.info.password, autocommit=True
    ) as watch:
        async with asyncio.timeout(20):
            while await (await watch.execute(statement)).fetchone() is None:
                pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            while await (await watch.execute(statement)).fetchone() is not None:
                pass
    assert list(context.objects.list("exports")) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("query", "Robert'); --"), ("format", "xml"), ("bucket", "../x"), ("key", "../x"),
     ("key", "jobs/5db4ff89-1e7b-46cd-8c30-110055c578db/57/00001-55.jsonl.gz"), ("null", "a,b"),
     ("params", ["\0"]), ("params", [{"a": ["\ud800"]}])],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused_at_the_door(field: str, value: Any) -> None:
    """By its name."""
    with pytest.raises(ValidationError) as refused:
        ExportUserData.model_validate({field: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


def test_null_is_for_csv() -> None:
    """JSON has one of its own."""
    with pytest.raises(ValidationError, match="format=csv"):
        ExportUserData.model_validate({"format": "json", "null": "x"})
