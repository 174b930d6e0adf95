"""Databases that the operator has named for jobs: where they are, and what their errors mean to a job.

They are not the store. A name is an entry of the setting `databases`; a job never sees more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from ..model.errors import (
    ConfigError,
    DatabaseUnreachable,
    JobschedError,
    NotFound,
    PermissionDenied,
    QueryFailed,
    TryAgain,
)
from ..model.text import printable
from .connect import connect_arguments, shown_url

MAX_SAID = 300
_URL_FIX = "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @ and %2F for / in the password"
_GONE = re.compile(r"08...|57P0[1-5]")
_TEMPORARY = re.compile(r"40...|53...|55P03|57014|25P0[34]|58...|XX...|HV...")
"""Serialization and deadlocks, resources, locks, time limits, the server's own trouble, a foreign server's."""
_NO_TABLE = frozenset({"42P01", "3F000", "42703", "42P10"})
_LONGEST_COINCIDENCE = 3
"""Characters: a parameter that short may stand in an error's words by chance."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database that jobs may use. name: its entry in the setting `databases`. url: password included.

    timeout: seconds for a connection.
    """

    name: str
    url: str
    timeout: float = 10.0

    @property
    def shown_url(self) -> str:
        return shown_url(self.url)

    def arguments(self, application_name: str) -> dict[str, Any]:
        """Keyword arguments for psycopg's `connect`, in autocommit. ConfigError: the URL cannot be read."""
        try:
            return connect_arguments(self.url, application_name=application_name, timeout=self.timeout)
        except ConfigError:
            raise ConfigError(f"the URL of database {self.name} cannot be read", fix=_URL_FIX) from None


def find_database(settings: Mapping[str, Any], name: str) -> Database:
    """Return the database called `name`. NotFound: these settings have none of that name."""
    url = settings["databases"].get(name)
    if url is None:
        raise NotFound(
            f"there is no database called {name[:80]!r} in the settings here",
            fix=f"set JOBSCHED_DB_{name[:80].upper()} to its URL, or databases.{name[:80]} in config.toml",
        )
    return Database(name, url, settings["connect_timeout"])


@contextmanager
def connected(database: Database, application_name: str = "jobsched") -> Iterator[psycopg.Connection[TupleRow]]:
    """Connect, in autocommit, for a command; psycopg's errors come out as jobsched's."""
    arguments = database.arguments(application_name)
    try:
        with psycopg.connect(**arguments) as connection:
            yield connection
    except psycopg.Error as error:
        raise of_ours(error, database) from None


def of_ours(error: psycopg.Error, database: Database) -> JobschedError:
    """What an error of connecting, or of a statement of jobsched's own, means.

    It never speaks of the job's query, so it is the operator's to mend, or temporary.
    """
    state, said = error.sqlstate, _said(error)
    if state is None and re.search(r"password authentication|no password supplied|no pg_hba\.conf entry", said):
        state = "28000"
    if state is None and re.search(r'(database|role) ".*" does not exist', said):
        state = "3D000"
    if state in _NO_TABLE:
        return no_table(database)
    if state is not None and (state == "42501" or state.startswith("28")):
        return PermissionDenied(
            f"database {database.name} does not allow that — {said}",
            fix=f"correct its user or password, or let its owner run: jobsched db-tx init {database.name} --grant ROLE",
        )
    if state == "3D000":
        return ConfigError(f"database {database.name} cannot be used — {said}", fix=f"correct {_setting(database)}")
    if state == "25006":
        return TryAgain(
            f"database {database.name} is read-only — {said}", fix=f"point {_setting(database)} at the primary server"
        )
    return _temporary(error, database, said) or JobschedError(f"database {database.name} — {said} ({state})")


def of_query(error: psycopg.Error, database: Database, params: Sequence[str | None] = ()) -> JobschedError:
    """What an error of a job's own query means: DatabaseUnreachable or TryAgain where another attempt may
    help, else QueryFailed with the SQLSTATE.

    The server's primary message is quoted and nothing else: DETAIL holds rows. Parameters in it become $1.
    """
    said = _without(params, _said(error))
    found = _temporary(error, database, said)
    return found or QueryFailed(f"database {database.name} refused the query — {said} ({error.sqlstate or 'client'})")


def no_table(database: Database) -> ConfigError:
    """The error of a database that cannot record what was applied."""
    return ConfigError(
        f"database {database.name} has no table jobsched_tx.applied — without it a retry could apply a query twice",
        fix=f"jobsched db-tx init {database.name}",
    )


def is_definite(error: psycopg.Error) -> bool:
    """Whether the server has said that the statement failed, so that a COMMIT has not happened."""
    return error.sqlstate is not None and not _GONE.fullmatch(error.sqlstate) and error.sqlstate != "40003"


def _temporary(error: psycopg.Error, database: Database, said: str) -> JobschedError | None:
    state = error.sqlstate
    if state is None:
        # A bare DatabaseError is libpq's own word in the middle of a statement: the connection broke.
        lost = isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
        if lost or type(error) is psycopg.DatabaseError:
            return DatabaseUnreachable(f"no connection to database {database.name} — {said}")
        return None
    if _GONE.fullmatch(state):
        return DatabaseUnreachable(f"the connection to database {database.name} ended — {said} ({state})")
    if _TEMPORARY.fullmatch(state):
        return TryAgain(f"database {database.name} could not do it now — {said} ({state})")
    return None


def _setting(database: Database) -> str:
    return f"JOBSCHED_DB_{database.name.upper()} (databases.{database.name})"


def _said(error: psycopg.Error) -> str:
    """The error's first words, on one line. Where the server said nothing, libpq did: it names host and user."""
    return printable(" ".join((error.diag.message_primary or str(error)).split()))


def _without(params: Sequence[str | None], said: str) -> str:
    """The words without the parameters' values: an error shows up where the job's payload may not."""
    for number, value in enumerate(params, 1):
        if value is None:
            continue
        shown = printable(" ".join(value.split()))
        said = said.replace(f'"{shown}"', f"${number}")
        if len(shown) > _LONGEST_COINCIDENCE:
            said = said.replace(shown, f"${number}")
    return said if len(said) <= MAX_SAID else said[: MAX_SAID - 1] + "…"
