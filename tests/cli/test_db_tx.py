"""`jobsched db-tx`: an application's database is made ready for jobs, from a terminal or by its DBA."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from jobsched.core.store import applied_table
from jobsched.core.store.databases import Database

Cli = Callable[..., Any]


@pytest.fixture
def app_url(make_database: Callable[..., str], shell_environ: dict[str, str]) -> str:
    """URL of an application's database, which the settings call `app`."""
    url = make_database(empty=True)
    shell_environ["JOBSCHED_DB_APP"] = url
    return url


@pytest.fixture
def role(app_url: str) -> Iterator[str]:
    """A role that may connect and nothing else."""
    name = f"app_{os.getpid()}"
    with psycopg.connect(app_url, autocommit=True) as connection:
        connection.execute(f"create role {name} login password 'sesame'".encode())
        yield name
        connection.execute(f"drop owned by {name}; drop role {name}".encode())


def test_init_makes_the_table_once(app_url: str, cli: Cli) -> None:
    """Doing it again changes nothing and is no error."""
    first, second = cli("db-tx", "init", "app"), cli("db-tx", "init", "app")
    assert (first.code, second.code, first.out) == (0, 0, "")
    assert "made jobsched_tx.applied" in first.err
    assert "already" in second.err
    (row,) = cli("db-tx", "ls", "-o", "jsonl").rows
    assert (row["name"], row["reachable"], row["table"], row["problem"]) == ("app", True, "ready", None)


def test_init_by_many_at_the_same_moment_works_for_each(app_url: str) -> None:
    """Whoever is late finds it made."""
    database = Database("app", app_url)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: applied_table.create(database), range(16)))
    assert any(made)
    assert applied_table.state(database) == "ready"


def test_a_job_runs_in_a_database_that_was_made_ready(app_url: str, cli: Cli, work: Callable[..., None]) -> None:
    """The whole way: named in the environment, prepared, used."""
    cli("db-tx", "init", "app")
    job = cli("submit", "db_tx", "query=select $1::int + 1 as two", "params:=[1]", "connection=app").out.strip()
    work()
    (shown,) = cli("show", job, "-o", "json").json["items"]
    assert (shown["state"], shown["result"]["rows"]) == ("succeeded", [[2]])


def test_what_is_printed_is_what_a_dba_can_run(app_url: str, role: str, cli: Cli) -> None:
    """Afterwards a role that owns nothing can run jobs, and do no more with the table than that needs."""
    printed = cli("db-tx", "init", "unknown_here", "--print", "--grant", role).out
    with psycopg.connect(app_url, autocommit=True) as connection:
        connection.execute(printed.encode())
    url = re.sub("//.*@", f"//{role}:sesame@", app_url)
    assert applied_table.state(Database("app", url)) == "ready"
    with psycopg.connect(url, autocommit=True) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from jobsched_tx.applied")


def test_a_role_without_rights_is_told_who_can_help(
    app_url: str, role: str, cli: Cli, shell_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 77 where it may not make the table, and where it may not use the one that is there."""
    monkeypatch.setenv("JOBSCHED_DB_APP", re.sub("//.*@", f"//{role}:sesame@", app_url))
    refused = cli("db-tx", "init", "app")
    assert refused.code == 77
    assert "sesame" not in refused.err
    applied_table.create(Database("app", app_url))
    refused = cli("db-tx", "init", "app")
    assert refused.code == 77
    assert "--grant ROLE" in refused.err
    (row,) = cli("db-tx", "ls", "-o", "jsonl").rows
    assert row["table"] == "no rights"
    assert applied_table.create(Database("app", app_url), role) is False
    assert cli("db-tx", "ls", "-o", "jsonl").rows[0]["table"] == "ready"


def test_what_is_wrong_is_told_with_its_fix(
    app_url: str, cli: Cli, terminal: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown name, a server that is not there, a URL that is none; and never a password."""
    unknown = cli("db-tx", "init", "shop")
    assert unknown.code == 3
    assert "known: app" in unknown.err
    assert "JOBSCHED_DB_SHOP" in unknown.err
    monkeypatch.setenv("JOBSCHED_DB_GONE", "postgresql://me:s3cret@127.0.0.1:1/db")
    monkeypatch.setenv("JOBSCHED_DB_ODD", "postgresql://me:s3/cret@host/db")
    gone, odd = cli("db-tx", "init", "gone"), cli("db-tx", "init", "odd")
    assert (gone.code, odd.code) == (69, 78)
    listed = cli("db-tx", "ls", "-o", "jsonl")
    assert [(row["name"], row["reachable"]) for row in listed.rows] == [("app", True), ("gone", False), ("odd", False)]
    assert "jobsched db-tx init app" in listed.rows[0]["problem"]
    assert "jobsched db-tx init app" in terminal("db-tx", "ls", columns=80)[1]
    assert "s3" not in gone.err + odd.err + listed.out


def test_prune_keeps_what_an_attempt_could_still_ask_for(app_url: str, cli: Cli, work: Callable[..., None]) -> None:
    """Rows of succeeded and forgotten jobs go when they are old; those of dead jobs and other stores stay."""
    cli("db-tx", "init", "app")
    ok = cli("submit", "db_tx", "query=select 1", "connection=app").out.strip()
    dead = cli("submit", "fail", "message=invalid_job", "--max-attempts", "1").out.strip()
    work()
    with psycopg.connect(app_url, autocommit=True) as connection:
        add = (
            "insert into jobsched_tx.applied (key, job_id, store_id, query_hash) select %s || key, %s,"
            " coalesce(%s, store_id), '' from jobsched_tx.applied where job_id = %s"
        )
        connection.execute(add, ("dead-", dead, None, ok))
        connection.execute(add, ("forgotten-", 1 << 40, None, ok))
        connection.execute(add, ("other-", ok, "another store", ok))
        assert cli("db-tx", "prune", "app").lines == ["app\t0"]
        connection.execute("update jobsched_tx.applied set applied_at = now() - interval '91 days'")
        assert cli("db-tx", "prune", "app", "--dry-run").lines == ["app\t2"]
        assert cli("db-tx", "prune", "app", "--older-than", "92d").lines == ["app\t0"]
        assert cli("db-tx", "prune", "app", "--older-than", "90d").lines == ["app\t2"]
        left = connection.execute("select split_part(key, '-', 1) from jobsched_tx.applied order by 1").fetchall()
    assert left == [("dead",), ("other",)]
    assert cli("db-tx", "prune", "app", "--older-than", "soon").code == 2
