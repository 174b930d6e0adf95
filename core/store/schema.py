"""The schema's version: read with one query, raised by Alembic only where it has to be.

Alembic and SQLAlchemy are imported by `upgrade` alone: they cost more than a whole `jobsched submit`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.rows import TupleRow

from ..model.errors import ConfigError, SchemaTooNew, SchemaTooOld
from .connect import check_version, connect, shown_url, translated

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSIONS = tuple(sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")))
HEAD: str = _VERSIONS[-1]
"""The version that this program reads and writes."""

_LOCK_KEY = 0x6A6F6273  # "jobs": any number that no other program locks will do


def current(connection: psycopg.Connection[TupleRow]) -> str | None:
    """Return the store's schema version, or None where there is no schema yet.

    connection: in autocommit, because asking for a table that is missing ends a transaction.
    """
    try:
        row = connection.execute("select version_num from jobsched.alembic_version").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return str(row[0]) if row else None


def check(connection: psycopg.Connection[TupleRow]) -> None:
    """Raise ConfigError unless the store has exactly the schema that this program knows.

    SchemaTooOld: older, or none at all. SchemaTooNew: unknown here, so written by a newer jobsched.
    """
    check_version(connection.info.server_version)
    judge(current(connection))


def judge(version: str | None) -> None:
    """Raise what `check` raises for a store of schema `version`."""
    if version == HEAD:
        return
    if version is None:
        raise SchemaTooOld("the store has no jobsched schema yet", fix="jobsched db upgrade")
    if version in _VERSIONS:
        raise SchemaTooOld(
            f"the store's schema is {version}, older than this program's {HEAD}",
            fix="jobsched db upgrade",
        )
    raise SchemaTooNew(
        f"the store's schema is {version[:40]!r}, which this program does not know — a newer jobsched made it "
        f"(this one has {HEAD})",
        fix="upgrade jobsched here to the version that the store's other users run",
    )


def upgrade(url: str) -> str:
    """Bring the store's schema to HEAD, in one transaction, and return HEAD.

    Any number of processes may call this at once: the others wait, then find nothing to do.
    SchemaTooNew: the schema is newer already. ConfigError: the server is too old, or a schema
    called jobsched is there that Alembic did not make.
    """
    with connect(url, application_name="jobsched upgrade") as connection, translated(shown_url(url)):
        check_version(connection.info.server_version)
        version = current(connection)
        if version == HEAD:
            return HEAD
        if version is not None and version not in _VERSIONS:
            judge(version)
    _migrate(url)
    return HEAD


def _migrate(url: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(url, application_name="jobsched upgrade", autocommit=False),
        poolclass=NullPool,
    )
    with translated(shown_url(url)):
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("select pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
                _prepare(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.Error):
                raise error.orig from None
            raise


def _prepare(connection: Connection) -> None:
    """Make the schema that Alembic's own table goes into; refuse one that is not Alembic's."""
    if connection.exec_driver_sql("select to_regnamespace('jobsched') is null").scalar():
        connection.exec_driver_sql("create schema jobsched")
    statement = "select to_regclass('jobsched.job') is not null and to_regclass('jobsched.alembic_version') is null"
    if connection.exec_driver_sql(statement).scalar():
        raise ConfigError(
            "the database holds a schema called jobsched that has no version — it was not made by this program",
            fix="use another database, or move that schema away: alter schema jobsched rename to jobsched_old",
        )
