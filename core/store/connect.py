"""Connections to Postgres, and what its errors mean to the person in front of the terminal.

A URL may be anything libpq takes. `pgbouncer=true` in it says that a pooler in transaction mode
stands in between: then nothing is prepared and no session setting is sent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from ..model.errors import (
    ConfigError,
    JobschedError,
    PermissionDenied,
    SchemaTooOld,
    StoreUnreachable,
    TryAgain,
)

MIN_SERVER_VERSION = 150000

# A link that died without a word is noticed after 10 + 3 · 5 = 25 s.
_KEEPALIVE = {
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
NO_ROOM = re.compile(r"No space left on device|Check free disk space|Disk quota exceeded")
"""The words of Postgres and its tools for a full disk, where there is no SQLSTATE to go by."""
_POOLER = re.compile(r"([?&\s]|^)pgbouncer=(\w*)(&|\s|$)")
_TRUE = frozenset({"1", "true", "yes", "on"})
_UNREADABLE = "the store's URL cannot be read as a PostgreSQL URL"
_URL_FIX = "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @ and %2F for / in the password"
_STORE_FIX = "start PostgreSQL there, or correct JOBSCHED_DATABASE_URL; unset, jobsched runs a store of its own"
_ROLE_FIX = "correct the user or password in JOBSCHED_DATABASE_URL"


def connect(
    url: str,
    *,
    application_name: str = "jobsched",
    timeout: float = 10.0,
    autocommit: bool = True,
    libpq: Mapping[str, str] | None = None,
) -> psycopg.Connection[TupleRow]:
    """Open a connection.

    timeout: seconds, at least 2 (libpq's own minimum). libpq: more parameters, stronger than the
    URL's. Raises what `translate` says; ConfigError for a URL that cannot be read.
    """
    arguments = connect_arguments(
        url, application_name=application_name, timeout=timeout, autocommit=autocommit, libpq=libpq
    )
    with translated(shown_url(url)):
        return psycopg.connect(**arguments)


def connect_arguments(
    url: str,
    *,
    application_name: str,
    timeout: float,
    autocommit: bool = True,
    libpq: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the keyword arguments for `psycopg.connect`, as `connect` uses them."""
    parts, pooled = _read_url(url)
    arguments: dict[str, Any] = {
        **_KEEPALIVE,
        "client_encoding": "UTF8",
        "connect_timeout": str(max(2, math.ceil(timeout))),
        **parts,
        "application_name": application_name,
        **(libpq or {}),
        "autocommit": autocommit,
    }
    if pooled:
        arguments["prepare_threshold"] = None
    else:
        arguments["options"] = f"{parts.get('options') or ''} -c TimeZone=UTC".strip()
    return arguments


@lru_cache(maxsize=16)  # asked for around every statement; parsing costs 150 µs
def shown_url(url: str) -> str:
    """Return user, host, port and database of a URL: never a password, never a control character."""
    try:
        parts, _ = _read_url(url)
    except ConfigError:
        return "an unreadable URL"
    if "service" in parts and "host" not in parts:
        return f"service {quote(parts['service'], safe='')}"
    hosts = (parts.get("host") or parts.get("hostaddr") or "localhost").split(",")
    ports = (parts.get("port") or "").split(",")
    places = [
        quote(host, safe=":[]") + (f":{quote(port, safe='')}" if port else "")
        for host, port in zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=False)
    ]
    user = quote(parts["user"], safe="") + "@" if parts.get("user") else ""
    database = "/" + quote(parts["dbname"], safe="") if parts.get("dbname") else ""
    return f"postgresql://{user}{','.join(places)}{database}"


def beside(url: str, database: str) -> str:
    """Return how to connect to another database of the server that `url` names."""
    parts, pooled = _read_url(url)
    return make_conninfo(**parts | {"dbname": database}) + (" pgbouncer=true" if pooled else "")


def check_version(server_version: int) -> None:
    """Raise ConfigError unless `server_version` (as libpq numbers it, 150004 is 15.4) is new enough."""
    if server_version < MIN_SERVER_VERSION:
        raise ConfigError(
            f"PostgreSQL {server_version // 10000} is too old — jobsched needs {MIN_SERVER_VERSION // 10000} or newer",
            fix="upgrade the server, or unset JOBSCHED_DATABASE_URL to use a store of jobsched's own",
        )


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn psycopg's errors into ours. where: the URL as `shown_url` gives it."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, where=where) from error


def translate(error: psycopg.Error, *, where: str) -> JobschedError:
    """Return the error of our tree that `error` means, with the fix.

    where: the URL as `shown_url` gives it. The server's own words are quoted on one line without
    control characters; values of rows (DETAIL) never are.
    """
    said = _one_line(str(error.diag.message_primary or error))
    state = error.sqlstate
    if state is None:
        return _without_state(error, said, where)
    make = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    if make is None:
        return JobschedError(f"the store at {where} refused a statement — {said} ({state})")
    return make(said, where)


def _without_state(error: psycopg.Error, said: str, where: str) -> JobschedError:
    """libpq hands on no SQLSTATE for what happens while connecting: its words have to do."""
    for pattern, make in _BY_WORDS:
        if pattern.search(said):
            return make(said, where)
    # A bare DatabaseError is libpq's own word in the middle of a statement: the connection broke.
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) or type(error) is psycopg.DatabaseError:
        return _unreachable(said, where)
    return JobschedError(f"the store at {where} could not be used — {said}")


def _unreachable(said: str, where: str) -> JobschedError:
    return StoreUnreachable(f"no connection to the store at {where} — {said}", fix=_STORE_FIX)


def _wrong_password(said: str, where: str) -> JobschedError:
    return PermissionDenied(f"the store at {where} refuses the login — {said}", fix=_ROLE_FIX)


def _not_allowed(said: str, where: str) -> JobschedError:
    return PermissionDenied(
        f"the store at {where} does not allow that — {said}",
        fix="have the schema's owner run: jobsched db grant ROLE --as viewer|submitter, or be that owner",
    )


def _read_only(said: str, where: str) -> JobschedError:
    return PermissionDenied(
        f"the store at {where} is read-only — {said}",
        fix="point JOBSCHED_DATABASE_URL at the primary server",
    )


def _no_database(said: str, where: str) -> JobschedError:
    return ConfigError(f"there is no such database at {where} — {said}", fix="createdb it, or correct its name")


def _no_room(said: str, where: str) -> JobschedError:
    return TryAgain(
        f"the disk of the store at {where} is full — {said}; nothing was stored",
        fix="free space on the server's disk and run the same command again",
    )


def _busy(said: str, where: str) -> JobschedError:
    return TryAgain(f"the store at {where} is busy — {said}", fix="run the same command again")


def _too_many(said: str, where: str) -> JobschedError:
    return TryAgain(
        f"the store at {where} has no connection left — {said}",
        fix="stop some clients or workers, raise max_connections, or put PgBouncer in between",
    )


def _schema_differs(said: str, where: str) -> JobschedError:
    return SchemaTooOld(f"the schema of the store at {where} is not this program's — {said}", fix="jobsched db upgrade")


_Make = Callable[[str, str], JobschedError]
_BY_STATE: dict[str, _Make] = {
    "57P01": _unreachable,
    "57P02": _unreachable,
    "57P03": _unreachable,
    "57014": _busy,
    "55P03": _busy,
    "3D000": _no_database,
    "42501": _not_allowed,
    "25006": _read_only,
    "53100": _no_room,
    "53300": _too_many,
    "42P01": _schema_differs,
    "42703": _schema_differs,
    "42883": _schema_differs,
    "3F000": _schema_differs,
}
_BY_CLASS: dict[str, _Make] = {"08": _unreachable, "28": _wrong_password, "40": _busy, "53": _busy}
_BY_WORDS: tuple[tuple[re.Pattern[str], _Make], ...] = (
    (NO_ROOM, _no_room),
    (re.compile(r"password authentication failed|no password supplied|authentication method"), _wrong_password),
    (re.compile(r'role ".*" does not exist|no pg_hba\.conf entry|is not permitted to log in'), _wrong_password),
    (re.compile(r'database ".*" does not exist'), _no_database),
    (re.compile(r"too many (clients|connections)|remaining connection slots"), _too_many),
    (re.compile(r"permission denied for database"), _not_allowed),
)


def _read_url(url: str) -> tuple[dict[str, str], bool]:
    """Return libpq's parameters and whether a transaction pooler stands in between.

    libpq's complaint is not quoted: with an unescaped `/` or `@` it holds a piece of the password.
    """
    pooled = False
    found = _POOLER.search(url)
    if found:
        pooled = found[2].lower() in _TRUE
        before, after = found[1], found[3]
        url = url[: found.start()] + (before if after == "&" or before.isspace() else after) + url[found.end() :]
    url = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", url)
    try:
        parsed = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigError(_UNREADABLE, fix=_URL_FIX) from None
    parts = {key: str(value) for key, value in parsed.items() if value is not None}
    if _splits_password(url, parts):
        raise ConfigError(_UNREADABLE, fix=_URL_FIX)
    return parts, pooled


def _splits_password(url: str, parts: Mapping[str, str]) -> bool:
    """Whether libpq took a piece of the password for host, port or database: an `@` or `/` in it
    was not escaped. It would only complain later, and quote the piece."""
    if "@" in parts.get("host", ""):
        return True
    if not all(port.isdigit() or not port for port in parts.get("port", "").split(",")):
        return True
    path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    return "@" in path


def _one_line(text: str, limit: int = 300) -> str:
    joined = " ".join(text.split())
    plain = "".join(character if character.isprintable() else "?" for character in joined)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
