"""What can be wrong with a store's server and with what is in it. Reads only, and quickly: each question is bounded.

A check is one entry in CHECKS, or in TABLE_CHECKS (doctor_jobs.py): a question to the store (`sql/doctor_*.sql`) and
what its answer means. What a role may not see is said, not skipped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg
from psycopg import sql

from ..model.durations import format_duration
from ..model.errors import JobschedError, PermissionDenied
from ..model.findings import Finding, Level
from ..version import VERSION
from . import schema
from .connect import connect_arguments, translate, translated
from .doctor_jobs import TABLE_CHECKS
from .doctor_visit import Check, Visit
from .sql import load
from .store import Store

OK, NOTE, WARN, BAD = Level.OK, Level.NOTE, Level.WARN, Level.BAD
QUESTION_TIME = "1s"
"""What one question may take; a store in which it takes longer says so."""
ECHO_SECONDS = 1.0
HOUR = 3600.0
HIDDEN = "<insufficient privilege>"


def examine_store(
    store: Store, *, clock: Callable[[], float] = time.time, patience: float = 60.0, direct: bool = False
) -> Iterator[Finding]:
    """Yield what is found; the options are those of `Visit`. StoreUnreachable, …: nothing can be asked at all."""
    began = time.perf_counter()
    connection = store.connect("jobsched doctor")
    took = time.perf_counter() - began
    with connection, translated(store.shown_url):
        if not _pooled(store):
            connection.execute("select set_config('statement_timeout', %s, false)", (QUESTION_TIME,))
        with connection.cursor() as cursor:
            row = cursor.execute(load("doctor_server")).fetchone()
            assert row is not None
            names = [column.name for column in cursor.description or ()]
        visit = Visit(store, connection, clock, patience, direct, dict(zip(names, row, strict=True)))
        yield _reached(visit, took)
        for name, check in CHECKS:
            yield from _guarded(name, check, visit)
        version: str | None = None
        try:
            version = schema.current(connection)
            yield _judged(version)
        except psycopg.errors.InsufficientPrivilege as error:
            problem = translate(error, where=store.shown_url)
            yield Finding(BAD, "schema", problem.message, "this role may not even look", problem.fix)
        if version:
            for name, check in TABLE_CHECKS:
                yield from _guarded(name, check, visit)


def _guarded(name: str, check: Check, visit: Visit) -> Iterator[Finding]:
    try:
        yield from check(visit)
    except psycopg.Error as error:
        problem = translate(error, where=visit.store.shown_url)
        level = NOTE if isinstance(problem, PermissionDenied) else WARN
        yield Finding(level, name, f"this could not be looked at: {problem.message}", fix=problem.fix)


def _pooled(store: Store) -> bool:
    """Whether the URL says that a pooler in transaction mode stands in between."""
    return "prepare_threshold" in connect_arguments(store.url, application_name="", timeout=2)


def _reached(visit: Visit, took: float) -> Finding:
    trips = []
    for _ in range(3):
        began = time.perf_counter()
        visit.connection.execute("select 1")
        trips.append(time.perf_counter() - began)
    trip = min(trips)
    what = (
        f"PostgreSQL {visit.server['version']} at {visit.store.shown_url}: "
        f"connected in {took * 1000:.0f} ms, a round trip takes {trip * 1000:.1f} ms"
    )
    if trip > 0.02:
        why = "each claim and each batch of ends is a round trip, so a worker starts and ends jobs that much later"
        return Finding(WARN if trip > 0.1 else NOTE, "store", what, why, "run workers near the database")
    return Finding(OK, "store", what)


def _judged(version: str | None) -> Finding:
    try:
        schema.judge(version)
    except JobschedError as error:
        return Finding(BAD, "schema", error.message, "nothing can be read or written by this program", error.fix)
    return Finding(OK, "schema", f"schema {version}, as this program ({VERSION}) expects")


def _settings(visit: Visit) -> Iterator[Finding]:
    server = visit.server
    if server["standby"] or server["read_only"]:
        yield Finding(
            BAD, "server", "the server is a standby" if server["standby"] else "the server is read-only",
            "nothing can be submitted and no worker can claim",
            "name all hosts in the URL, with target_session_attrs=read-write",
        )  # fmt: skip
    for name in ("fsync", "full_page_writes"):
        if server[name] == "off":
            yield Finding(
                BAD, "server", f"{name} is off",
                "a crash of the server's host can destroy the store, acknowledged jobs included",
                f"alter system set {name} = on; select pg_reload_conf()",
            )  # fmt: skip
    if server["synchronous_commit"] == "off":
        yield Finding(
            WARN, "server", "synchronous_commit is off",
            "jobs that were acknowledged in the last second before a crash of the server are lost",
            "alter system set synchronous_commit = on; select pg_reload_conf()",
        )  # fmt: skip
    if server["autovacuum"] == "off":
        yield Finding(
            BAD, "server", "autovacuum is off",
            "every job leaves dead rows, and nobody clears them: claims get slower and slower",
            "alter system set autovacuum = on; select pg_reload_conf()",
        )  # fmt: skip
    yield Finding(
        OK, "server",
        ", ".join(f"{name} {server[name]}" for name in ("fsync", "synchronous_commit", "autovacuum")),
    )  # fmt: skip


def _connections(visit: Visit) -> Iterator[Finding]:
    used, room = visit.server["connections"], visit.server["room"]
    level = BAD if used >= 0.95 * room else WARN if used >= 0.8 * room else OK
    yield Finding(
        level, "connections", f"{used} of {room} connections are in use",
        None if level is OK else "when they run out, workers and commands are refused",
        None if level is OK else "stop some clients, raise max_connections, or put PgBouncer in between",
    )  # fmt: skip


def _wraparound(visit: Visit) -> Iterator[Finding]:
    age, limit = visit.server["frozen_age"], visit.server["freeze_max_age"]
    level = BAD if age > 1_500_000_000 else WARN if age > 2 * limit else OK
    yield Finding(
        level, "wraparound", f"the oldest unfrozen row is {age:,} transactions old",
        None if level is OK else "at 2,146 million the server refuses every write",
        None if level is OK else "end what holds old snapshots (below), then: vacuumdb --freeze",
    )  # fmt: skip


def _clock(visit: Visit) -> Iterator[Finding]:
    before = visit.clock()
    row = visit.connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    after = visit.clock()
    assert row is not None
    skew = (before + after) / 2 - row[0]
    uncertain = (after - before) / 2
    off = abs(skew) - uncertain
    what = f"this host's clock is {format_duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'} the database's"
    if off < 1:
        yield Finding(OK, "clock", what)
        return
    yield Finding(
        WARN if off > 30 else NOTE, "clock", what,
        "the database's clock decides when jobs run, so they run right; but times typed here (--at, --since) and "
        "this host's log lines are off by so much",
        "timedatectl set-ntp true",
    )  # fmt: skip


def _pooler(visit: Visit) -> Iterator[Finding]:
    """A pooler makes up the pid that it tells its clients."""
    between = visit.connection.info.backend_pid != visit.server["pid"]
    if _pooled(visit.store):
        yield Finding(OK if between else NOTE, "pooler", "a pooler stands in between, and the URL says so"
                      if between else "the URL says pgbouncer=true, but no pooler was noticed")  # fmt: skip
    elif between:
        yield Finding(
            WARN, "pooler", "a pooler stands between here and the server, and the URL does not say so",
            "in transaction mode prepared statements and session settings get lost, and statements fail now and then",
            "add pgbouncer=true to the URL's parameters, and set direct_url for LISTEN",
        )  # fmt: skip
    else:
        yield Finding(OK, "pooler", "connected to the server itself")


def _echo(visit: Visit) -> Iterator[Finding]:
    """A word sent over one connection is heard on another."""
    if _pooled(visit.store) and not visit.direct:
        yield Finding(
            NOTE, "listen", "LISTEN is not used: the URL is a pooler's, and there is no direct_url",
            "workers look for jobs every `poll` (1 s) instead of being woken", "set JOBSCHED_DIRECT_URL",
        )  # fmt: skip
        return
    channel = f"jobsched_doctor_{visit.server['pid']}"
    try:
        listener = visit.store.connect("jobsched doctor", direct=True)
    except JobschedError as error:
        yield Finding(WARN, "listen", f"no connection for LISTEN: {error.message}", "workers are not woken", error.fix)
        return
    with listener:
        listener.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        began = time.perf_counter()
        visit.connection.execute("select pg_notify(%s, '')", (channel,))
        heard = any(True for _ in listener.notifies(timeout=ECHO_SECONDS, stop_after=1))
        took = time.perf_counter() - began
    if heard:
        yield Finding(OK, "listen", f"a NOTIFY is heard after {took * 1000:.1f} ms")
    else:
        yield Finding(
            WARN, "listen", f"a NOTIFY was not heard within {ECHO_SECONDS:g} s",
            "workers are not woken; they look for jobs every `poll` (1 s) only",
            "set JOBSCHED_DIRECT_URL to the same server, past the pooler",
        )  # fmt: skip


class Holder(NamedTuple):
    """Who holds a snapshot: a row of doctor_snapshot.sql."""

    kind: str
    pid: int | None
    name: str | None
    owner: str | None
    state: str | None
    statement: str | None
    since: float | None
    transactions: int

    def __str__(self) -> str:
        parts = [self.kind + (f" {self.pid}" if self.pid else "")]
        parts.append(f"({', '.join(word for word in (self.name, self.owner, self.state) if word)})")
        if self.since is not None:
            parts.append(f"for {format_duration(self.since)}")
        parts.append(f"over {self.transactions:,} transactions")
        if self.statement and self.statement != HIDDEN:
            parts.append(f"— {' '.join(self.statement.split())[:120]}")
        return " ".join(parts)


def _snapshot(visit: Visit) -> Iterator[Finding]:
    rows = visit.ask("snapshot")
    if not rows:
        yield Finding(OK, "snapshot", "nobody holds an old snapshot")
        return
    holder = Holder(*rows[0])
    if holder.since is None:  # hidden from this role, or a slot: only how much was written since is known
        level = WARN if holder.transactions > 100_000 else OK
    else:
        level = BAD if holder.since > HOUR else WARN if holder.since > visit.patience else OK
    ends = {
        "session": f"select pg_terminate_backend({holder.pid})",
        "prepared transaction": "commit it, or: rollback prepared '…' (see pg_prepared_xacts)",
        "replication slot": "let its consumer catch up, or: select pg_drop_replication_slot('…')",
    }
    yield Finding(
        level, "snapshot", f"the oldest snapshot is held by {holder}",
        None if level is OK else "no row that died since then can be cleared, so tables and indexes grow until it ends",
        None if level is OK else ends[holder.kind],
    )  # fmt: skip


def _transactions(visit: Visit) -> Iterator[Finding]:
    seconds = 5 * visit.patience
    rows = visit.ask("transactions", seconds=seconds)
    if not visit.server["sees_sessions"]:
        yield Finding(
            NOTE, "transactions", f"the role {visit.server['role']} may not see what sessions of other roles do",
            "long transactions of theirs may be missed, and who holds a snapshot is told by pid and name alone",
            "have a superuser run: grant pg_read_all_stats to ROLE",
        )  # fmt: skip
    elif not rows:
        yield Finding(OK, "transactions", f"no transaction is older than {format_duration(seconds)}")
    for pid, name, owner, state, statement, since, total in rows:
        words = " ".join((statement or "").split())[:120]
        yield Finding(
            WARN, "transactions",
            f"session {pid} ({name}, {owner}, {state}) has had a transaction open for {format_duration(since)}"
            f"{f', one of {total}' if total > 1 else ''} — {words}",
            "it may hold locks that jobs wait for, and keeps dead rows from being cleared",
            f"select pg_terminate_backend({pid})",
        )  # fmt: skip


CHECKS: tuple[tuple[str, Check], ...] = (
    ("server", _settings),
    ("connections", _connections),
    ("wraparound", _wraparound),
    ("clock", _clock),
    ("pooler", _pooler),
    ("listen", _echo),
    ("snapshot", _snapshot),
    ("transactions", _transactions),
)
