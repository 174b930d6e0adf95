"""Jobs that ended, with everything that can be kept about one, and what is in a store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg

from jobsched.core.store import fleet
from jobsched.core.store.fleet import Registration

from .leasing import NOBODY

TABLES = ("job", "outcome", "attempt_log", "job_output", "checkpoint", "idempotency")
KEY_OF = {"job": "id"}
DAY = 86400.0
GHOST = Registration("ghost", NOBODY, "1", ["nowhere"], ["noop"], {}, 1, 3600.0, mark="-")
CONTROLS = "".join(map(chr, range(1, 32))) + '\x7f\\"\u2028😀é\u0301'
ODD = f"line 1\nline 2\ttab {CONTROLS} \\N \\. '; drop table"
PAYLOADS: tuple[str, ...] = (
    "{}",
    json.dumps({"text": ODD, "ключ": ["東京", None, True, {"": []}]}),
    '{"n": [0.1, 1e400, 123456789012345678901234567890.123456789, -0.0, 5e-324, 1.10]}',
    json.dumps({"big": "x" * 1_000_000}),
    '{"deep": ' + "[" * 900 + "]" * 900 + "}",
)
RESULTS: tuple[str | None, ...] = (None, "null", '{"π": 3.14159265358979323846}', '"text"', "[1, null]")

JOB = """
insert into jobsched.job (queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                          timeout, idempotency_key, tags, submitter, created_at, schedule, scheduled_for)
values (%(queue)s, %(type)s, %(payload)s::jsonb, 2, 100, 'linear', 0.1, 1e20, 0.3, %(key)s, %(tags)s, %(submitter)s,
        now() - interval '40 days 1.234567 seconds', case when %(payload)s = '{}' then 'nightly' end,
        case when %(payload)s = '{}' then now() - interval '40 days 2.345678 seconds' end)
returning id
"""
OUTCOME = """
insert into jobsched.outcome (job_id, state, attempt, crashes, losses, token, worker_id, finished_at, wait, run, result,
                              error, fingerprint)
values (%(id)s, %(state)s, 3, 1, 2, %(token)s, 7, now() - make_interval(secs => %(age)s) + interval '0.000001 s', 0.1,
        1e-7, %(result)s::jsonb, %(error)s, %(fingerprint)s)
"""
MORE = """
insert into jobsched.attempt_log (token, job_id, attempt, kind, error_class, message, traceback, fingerprint, worker_id,
                                  duration, signal, exit_code, memory_peak)
values (nextval('jobsched.token_seq'), %(id)s, 1, 'crashed', 'E', %(odd)s, %(odd)s, 'f', 7, 'infinity', 9, 137,
        1 << 40),
       (nextval('jobsched.token_seq'), %(id)s, 2, 'lost', null, null, null, null, null, null, null, null, null);
insert into jobsched.job_output (job_id, token, chunk, attempt, stream, text)
select %(id)s, %(token)s, i, 3, (array['log', 'stdout', 'stderr'])[i %% 3 + 1], %(odd)s || repeat('ö', 16000)
from generate_series(0, 4) i;
insert into jobsched.checkpoint (job_id, token, data) values (%(id)s, %(token)s, %(result)s::jsonb)
"""
KEY = """
insert into jobsched.idempotency (key, job_id, payload_hash)
values (%(key)s, %(id)s, sha256(convert_to(%(key)s, 'UTF8')))
"""


def old_job(connection: psycopg.Connection[Any], number: int = 0, *, days: float = 40, **changes: Any) -> int:
    """Make a job that ended some days ago; which of everything it has depends on `number`. Return its id."""
    state = ("succeeded", "dead", "cancelled")[number % 3]
    (token,) = _row(connection, "select nextval('jobsched.token_seq')")
    values: dict[str, Any] = {
        "queue": "default", "type": "noop", "payload": PAYLOADS[number % len(PAYLOADS)],
        "key": f"key-{number}-ÄÖ" if number % 2 else None, "tags": ["a", "b,c", 'd"\\ {}'][: number % 4],
        "submitter": "ann@host", "state": state, "token": token, "age": days * DAY - number % 1000,
        "result": RESULTS[number // 3 % len(RESULTS)] if state == "succeeded" else None,
        "error": ODD if state != "succeeded" else None, "fingerprint": "f" * 16 if state == "dead" else None,
        "odd": ODD,
    } | changes  # fmt: skip
    with connection.transaction():
        (values["id"],) = _row(connection, JOB, values)
        _execute(connection, OUTCOME, values)
        if values["key"]:
            _execute(connection, KEY, values)
        if number % 5 < 3:
            values["result"] = values["result"] or "null"
            for statement in MORE.split(";"):
                _execute(connection, statement, values)
        # Their transactions are long over. Ones of just now may not be: other tests share the server, and a
        # restore gives such rows an id of its own.
        _execute(connection, "update jobsched.outcome set xid = '3' where job_id = %(id)s", values)
        _execute(connection, "update jobsched.attempt_log set xid = '3' where job_id = %(id)s", values)
    found: int = values["id"]
    return found


def many_old_jobs(connection: psycopg.Connection[Any], count: int, queue: str = "default") -> None:
    """Make many plain jobs that succeeded 40 days ago, one after the other."""
    _execute(
        connection,
        """
        with made as (
            insert into jobsched.job (queue, type, payload, priority, max_attempts, backoff_kind, backoff_base,
                                      backoff_cap, submitter)
            select %(queue)s, 'noop', jsonb_build_object('number', i, 'text', md5(i::text)), 2, 3, 'fixed', 1, 1, 'ann'
            from generate_series(1, %(count)s) i
            returning id
        )
        insert into jobsched.outcome (job_id, state, attempt, token, finished_at, run, result)
        select id, 'succeeded', 1, nextval('jobsched.token_seq'),
               now() - interval '40 days' + make_interval(secs => id * 0.001), 0.1, '{"ok": true}'
        from made
        """,
        {"queue": queue, "count": count},
    )


def leased(connection: psycopg.Connection[Any], job_type: str = "data_archival") -> tuple[int, int]:
    """Make a job that a worker runs; return (job id, token). Nobody else will ever take it back."""
    (job_id,) = _row(
        connection,
        JOB,
        {
            "queue": "elsewhere", "type": job_type, "payload": "{}", "key": None, "tags": [], "submitter": "ann@host",
        },
    )  # fmt: skip
    return job_id, lease_again(connection, job_id)


def lease_again(connection: psycopg.Connection[Any], job_id: int) -> int:
    """Let another worker have the job, as if the first had been declared dead; return the token."""
    _execute(connection, "delete from jobsched.lease where job_id = %(id)s", {"id": job_id})
    (token,) = _row(
        connection,
        """
        insert into jobsched.lease (job_id, token, worker_id, attempt, crashes, losses, solo, queued_since)
        values (%(id)s, nextval('jobsched.token_seq'), %(worker)s, 1, 0, 0, false, now())
        returning token
        """,
        {"id": job_id, "worker": fleet.register(connection, GHOST)},
    )
    found: int = token
    return found


def everything(connection: psycopg.Connection[Any], ids: Sequence[int] | None = None) -> dict[str, list[str]]:
    """Every column of every row about jobs that have ended (or of these ids), as Postgres writes it."""
    found = {}
    for table in TABLES:
        key = KEY_OF.get(table, "job_id")
        statement = f"""
            select t::text from jobsched.{table} t
            where t.{key} = any (%(ids)s::bigint[]) or %(ids)s::bigint[] is null
              and exists (select from jobsched.outcome o where o.job_id = t.{key})
            order by 1"""
        rows = connection.execute(statement.encode(), {"ids": None if ids is None else list(ids)})
        found[table] = [text for (text,) in rows]
    return found


def _row(connection: psycopg.Connection[Any], statement: str, values: Any = None) -> Any:
    row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return row


def _execute(connection: psycopg.Connection[Any], statement: str, values: Any = None) -> None:
    connection.execute(statement.encode(), values)
