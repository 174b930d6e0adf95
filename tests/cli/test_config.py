"""`config` of tables of settings: names are shown, what is secret in them is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
URL = "postgresql://me:sesame@h/app"


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """Two databases and a query."""
    assert cli is not None  # it clears the environment first
    for name, value in (("DB_APP", URL), ("DB_REPORTS", URL), ("QUERY_USERS", "app: SELECT 1")):
        monkeypatch.setenv(f"JOBSCHED_{name}", value)


def test_databases_are_listed_by_name_alone(cli: Cli) -> None:
    """In every form of every command; a query is no secret."""
    for verb in (["list"], ["get", "databases"], ["explain", "databases"], ["get", "databases.app"]):
        for form in ("table", "tsv", "json"):
            done = cli("config", *verb, "-o", form)
            assert (done.code, "sesame" in done.out + done.err) == (0, False)
    assert cli("config", "get", "databases").out == "app, reports\n"
    assert cli("config", "get", "queries").out == "users = app: SELECT 1\n"
    assert "set it   JOBSCHED_DB_NAME=…" in cli("config", "explain", "databases", "-o", "table").out


def test_one_entry_can_be_asked_for(cli: Cli) -> None:
    """Hidden where its table is; one that is not there is an error, with those that are."""
    assert cli("config", "get", "databases.app").out == "(hidden)\n"
    assert cli("config", "get", "queries.users").out == "app: SELECT 1\n"
    assert cli("config", "get", "databases.app", "-o", "json").json["items"][0]["key"] == "databases.app"
    missing = cli("config", "get", "databases.ap")
    assert (missing.code, missing.out) == (2, "")
    assert "there is no 'ap' in the table databases — there are: app, reports" in missing.err


def test_profiles_are_listed_and_explained(cli: Cli, shell_environ: dict[str, str]) -> None:
    """-p goes before the verb or after it; `explain` says that the profile won, and the secret stays hidden."""
    file = Path(shell_environ["XDG_CONFIG_HOME"]) / "jobsched" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[profile.test]\ndatabase_url = 'postgresql://me:sesame@127.0.0.1:1/db'\npoll = '2s'\n")

    assert cli("config", "profiles").out == f"test\tfalse\t{file}\n"
    assert cli("-p", "test", "config", "profiles").out == f"test\ttrue\t{file}\n"
    assert cli("config", "get", "poll", "--profile", "test").out == "2s\n"
    explained = cli("config", "explain", "database_url", "-p", "test", "-o", "table").out
    assert f"from     profile test in {file}" in explained
    assert "sesame" not in explained
    assert cli("ls", "-p", "test").code == 69
    wrong = cli("ls", "-p", "tset")
    assert (wrong.code, wrong.out) == (78, "")
    assert "there is no profile 'tset'" in wrong.err
