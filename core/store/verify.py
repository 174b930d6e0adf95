"""Checks that what the store holds can have come about by the rules. Reads only.

An invariant is one entry in INVARIANTS and one statement, `sql/verify_NAME.sql`. The statement returns
(job id, facts, number of all violations) of the first %(limit)s violations among the jobs from %(first)s on,
and reads each of its tables once, by merging or hashing: whatever `work_mem` does not hold goes to the
server's disk. It is run in a snapshot that all invariants share, so a job that moves meanwhile is seen in one
place. `now()` in it is the time of that snapshot. No invariant depends on what retention has deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from psycopg import Connection, IsolationLevel
from psycopg.rows import TupleRow

from ..model.durations import MAX_SECONDS
from ..model.findings import Checked, Violation
from ..model.job import MAX_ID
from .connect import translated
from .sql import load

if TYPE_CHECKING:
    from .store import Store

LIMIT = 20
"""Violations of one invariant that are told apart; the others are counted."""
REORDERED = timedelta(minutes=1)
"""Ids are drawn before jobs are committed, so by so much a bigger id may be the older job's."""
_LIVE = ("ready", "delayed", "blocked", "lease")
_PLACES = (*_LIVE, "outcome")


@dataclass(frozen=True, slots=True)
class Invariant:
    """name: of its statement, without `verify_`. tables: those that it looks at. The rest: see `Checked`."""

    name: str
    sentence: str
    tables: tuple[str, ...]
    meaning: str
    remedy: str


INVARIANTS = (
    Invariant(
        "one_place",
        "every job is in exactly one place",
        ("job", *_PLACES),
        "a job in none is lost: nobody will ever run it; a job in two runs, or ends, twice",
        "jobsched show ID; put a lost one back with an insert into jobsched.ready, delete the place that is wrong",
    ),
    Invariant(
        "orphans",
        "every row belongs to a job",
        (*_PLACES, "dependency", "attempt_log", "job_output", "checkpoint", "kept", "job"),
        "somebody deleted jobs by hand, or restored only some of the tables",
        "restore the jobs from a backup, or delete the rows that the facts name",
    ),
    Invariant(
        "lane",
        "a job that waits stands in its own lane",
        ("ready", "blocked", "job"),
        "it is claimed for another queue, priority or type than it was submitted for",
        "cancel it and submit it again",
    ),
    Invariant(
        "queue_known",
        "every queue with queued jobs is known to the workers",
        ("ready",),
        "workers of every queue do not look into it, so its jobs wait for ever",
        "submit any job to that queue: this makes the queue known",
    ),
    Invariant(
        "lease_worker",
        "every lease is held by a registered worker",
        ("lease",),
        "somebody deleted a worker's row, and nobody beats the heart of its leases",
        "keep a worker running: it takes such leases back within five minutes",
    ),
    Invariant(
        "lease_alive",
        "no worker that is gone keeps a lease",
        ("lease",),
        "jobs of a dead worker were not picked up within its lease time, though another worker lives",
        "look into the logs of the living workers; start another one: jobsched worker",
    ),
    Invariant(
        "numbers_drawn",
        "no id and no token is above its sequence",
        ("job", "ready", "lease", "outcome", "attempt_log", "checkpoint"),
        "a sequence was set back, so that numbers will be given out twice; a restore without sequences does that",
        "stop the workers, then: select setval('jobsched.token_seq', …), or job_seq, above the highest number",
    ),
    Invariant(
        "token_once",
        "no token was given out twice",
        ("lease", "outcome", "attempt_log"),
        "two owners had one token, so neither could be told to be stale",
        "as for sequences that were set back; then jobsched show both jobs",
    ),
    Invariant(
        "token_newest",
        "a job's lease or outcome has its newest token",
        ("lease", "outcome", "attempt_log", "checkpoint", "job_output"),
        "somebody spoke for the job after it had been given to another worker, and was believed",
        "jobsched show ID and compare the attempts; please report it",
    ),
    Invariant(
        "stale_word",
        "no attempt ended after a newer one, or after its job",
        ("attempt_log", "outcome"),
        "a stale worker's word was accepted",
        "jobsched show ID and compare the attempts; please report it",
    ),
    Invariant(
        "budgets",
        "no job has more attempts, crashes or losses than its limits",
        (*_PLACES, "job"),
        "it was run more often than was asked for; or crash_limit or lost_limit was lowered, or is another one here",
        "compare jobsched config get crash_limit and lost_limit with the workers' own",
    ),
    Invariant(
        "attempts_numbered",
        "a job's attempts are numbered without gaps",
        ("attempt_log", *_PLACES),
        "an attempt was counted and left no trace, or was not counted",
        "jobsched show ID and compare the attempts; please report it",
    ),
    Invariant(
        "dead_logged",
        "the attempt that killed a job is in its log",
        ("outcome", "attempt_log"),
        "a dead letter does not say what it died of, or its log was deleted by hand",
        "jobsched retry ID runs it anew",
    ),
    Invariant(
        "times",
        "times are in order",
        ("job", "lease", "outcome", "attempt_log"),
        "the clock of the database's host was set back or forth by more than ten seconds",
        "keep that host's clock by NTP; retention and listings go by these times",
    ),
    Invariant(
        "keys",
        "idempotency keys and their jobs lead to each other",
        ("job", "idempotency", "outcome"),
        "submitting again with the key makes a second job, or returns one that is not it",
        "insert or correct the row in jobsched.idempotency",
    ),
    Invariant(
        "transaction_begun",
        "no end was written by a transaction that has not begun",
        ("outcome", "attempt_log"),
        "the store was restored from a dump into another cluster: `tail` holds these ends back for now",
        "stop the workers, then: update jobsched.outcome set xid = pg_current_xact_id(), likewise jobsched.attempt_log",
    ),
    Invariant(
        "dependencies",
        "a job goes on when the jobs that it waits for have ended as asked, and not before",
        ("dependency", "blocked", *_PLACES),
        "its work may rest on something that was not done; or nobody will ever run it",
        "jobsched show ID; please report it; jobsched hold ID, then release ID, makes a blocked one go on",
    ),
    Invariant(
        "unique",
        "no two active jobs share a unique key, and it leads to the one that has it",
        ("unique_active", *_LIVE),
        "the same work is done twice, or may be",
        "jobsched cancel one of them; or correct the row in jobsched.unique_active",
    ),
    Invariant(
        "key_limit",
        "no concurrency key has more jobs let in than its queue's key limit, each with its slot",
        ("slot", "ready", "lease"),
        "they run beside each other, or others will; or the limit was lowered while they did",
        "jobsched queue ls -o json shows the limits; wait until those that run have ended",
    ),
    Invariant(
        "queue_limit",
        "no queue runs more jobs than its limit",
        ("lease",),
        "more of them run than somebody wanted; or the limit was lowered while they did",
        "jobsched queue ls -o json shows the limits; wait until those that run have ended",
    ),
    Invariant(
        "archived_gone",
        "an archived job is not in the store, too",
        ("archive", "job", "kept"),
        "the job would be archived again, and restoring the file finds it there",
        "jobsched archive ls, and compare the file with the store",
    ),
    Invariant(
        "tick_job",
        "every tick that fired has its job, and the job is of that tick",
        ("tick", "job"),
        "somebody deleted the job by hand; or retention is shorter where it runs than it is here",
        "compare jobsched config get retention.succeeded with the workers' own; jobsched cron backfill makes it again",
    ),
    Invariant(
        "job_tick",
        "every job that a schedule made has its tick",
        ("tick", "job"),
        "the tick may make another job; or retention.ticks is shorter where it runs than it is here",
        "compare jobsched config get retention.ticks with the workers' own; please report it",
    ),
    Invariant(
        "tick_once",
        "no tick made two jobs, and no job is of two ticks",
        ("tick", "job"),
        "what was to be done once at that time is done twice",
        "jobsched cancel one of them; please report it",
    ),
    Invariant(
        "tick_time",
        "no schedule made a job before its time",
        ("job",),
        "the clock of the database's host was set back by more than ten seconds",
        "keep that host's clock by NTP",
    ),
)


def first_job_since(connection: Connection[TupleRow], since: datetime) -> int:
    """Return an id from which on there are all jobs submitted at `since` or later, by primary key alone."""
    low, high = 0, MAX_ID
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(load("verify_first_job"), {"since": since - REORDERED, "id": middle}).fetchone()
        if row is None or row[1]:
            high = middle
        else:
            low = row[0] + 1
    return low


def verify_store(
    store: Store, settings: Mapping[str, Any], *, since: datetime | None = None, limit: int = LIMIT
) -> Iterator[Checked]:
    """Yield what `verify` does, over a connection of its own. StoreUnreachable, PermissionDenied, …"""
    with store.connect("jobsched verify") as connection, translated(store.shown_url):
        yield from verify(connection, settings, since=since, limit=limit)


def verify(
    connection: Connection[TupleRow],
    settings: Mapping[str, Any],
    *,
    since: datetime | None = None,
    limit: int = LIMIT,
) -> Iterator[Checked]:
    """Yield every invariant as soon as it was looked at, all in one read-only snapshot.

    connection: in autocommit, not used for anything else until this ends; an old snapshot holds up
    VACUUM, so do not pause. since: only jobs submitted since then. limit: violations that are told
    apart, of each invariant. settings: `crash_limit`, `lost_limit` and `retention.*` are what the store is
    measured by. psycopg's errors are raised as they are.
    """
    before = connection.isolation_level, connection.read_only
    connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            yield from _verify(connection, settings, since, limit)
    finally:
        if not connection.closed:
            connection.isolation_level, connection.read_only = before


def _verify(
    connection: Connection[TupleRow], settings: Mapping[str, Any], since: datetime | None, limit: int
) -> Iterator[Checked]:
    connection.execute("set local jit = off")  # compiling costs more than it saves: each statement runs once
    connection.execute("set local work_mem = '32MB'")
    # Statistics lag behind. Where they say that a table is empty, a loop over it would be quadratic.
    connection.execute("set local enable_nestloop = off")
    params = {
        "first": 0 if since is None else first_job_since(connection, since),
        "limit": limit,
        "crash_limit": settings["crash_limit"],
        "lost_limit": settings["lost_limit"],
        "window": settings["retention.idempotency"],
        "jobs_kept": min(settings["retention.succeeded"] or MAX_SECONDS, settings["retention.dead"] or MAX_SECONDS),
        "ticks_kept": settings["retention.ticks"] or MAX_SECONDS,
    }
    rows = dict(cast("list[tuple[str, int]]", connection.execute(load("verify_counts"), params).fetchall()))
    for each in INVARIANTS:
        found = connection.execute(load(f"verify_{each.name}"), params, prepare=False).fetchall()
        yield Checked(
            each.name,
            each.sentence,
            sum(rows[table] for table in each.tables),
            found[0][2] if found else 0,
            [Violation(job_id, facts) for job_id, facts, _ in found],
            each.meaning,
            each.remedy,
        )
