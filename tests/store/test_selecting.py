"""A selection as SQL: it finds what plain Python finds, whatever is asked, and takes nothing for SQL."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from jobsched.core.model.errors import TryAgain
from jobsched.core.model.job import Job
from jobsched.core.model.selection import Selection, matches, parse
from jobsched.core.model.states import FINAL, State
from jobsched.core.store import jobs
from jobsched.core.store.selecting import GROUPS, Page, compiled, count_by, jobs_statement, select_ids, select_jobs
from jobsched.tests.core.model.selections import SELECTIONS

from .leasing import Conn, Submit

EVERY = Page(limit=100_000)
NAMES = ["a", "A", "mail", "Mail_x", "50%", "a*b", "x\\y", 'say "hi"', "é", "q1", "it's, so"]
PAYLOADS = [
    {}, {"user": 42, "a": {"b": ["x", "*y"]}}, {"user": "42", "a": [1, 4.5, None, True]}, {"user": True},
    {"user": None},
    {"user": -100.0, "two words": "ann"}, {"user": {"0": "Mail_x"}}, {'q"q': "NaN", "": "50%", "0": 1000},
    {"user": "ann"},
]  # fmt: skip
JOB = """
insert into jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                          idempotency_key, tags, submitter, created_at, unique_key, concurrency_key,
                          schedule, scheduled_for)
values (%s, %s, %s, %s, %s, 3, 'fixed', 1, 1, %s, %s, %s, now() - make_interval(secs => %s), %s, %s, %s,
        case when %s::text is not null then now() - interval '777 s' end)
"""
OUTCOME = """
insert into jobsched.outcome (job_id, state, attempt, crashes, losses, token, worker_id, finished_at, wait, run, error,
                              fingerprint)
values (%s, %s, %s, %s, %s, %s, %s, now() - make_interval(secs => %s), %s, %s, %s, %s)
"""
LEASE = """
insert into jobsched.lease (job_id, token, worker_id, attempt, crashes, losses, solo, claimed_at, queued_since,
                            started_at)
values (%s, %s, %s, %s, %s, %s, false, now() - interval '7001 s', now() - interval '7002.25 s',
        case when %s then now() - interval '6999 s' end)
"""
READY = """
insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
select queue, priority, %s, id, type, %s, %s, %s, false from jobsched.job where id = %s
"""
DELAYED = """
insert into jobsched.delayed (job_id, state, run_at, attempt, crashes, losses, solo)
values (%s, %s, now() + make_interval(secs => %s), %s, %s, %s, false)
"""
BLOCKED = """
insert into jobsched.blocked (job_id, queue, priority, run_at, attempt, crashes, losses, solo, held_at, held_by)
select id, queue, priority, now() + make_interval(secs => %s), %s, %s, %s, false,
       case when %s::text is not null then now() end, %s
from jobsched.job where id = %s
"""
WORKERS = """
insert into jobsched.worker (name, host, boot_id, pid_namespace, pid, pid_start, version, types, schemas, concurrency,
                             lease_seconds, state, mark)
select name, 'h', 'b', 1, 1, 1, '1', '{noop}', '{}', 1, 30, 'available', '-' from unnest(%s::text[]) name
"""


def fill(connection: psycopg.Connection[Any], count: int) -> None:
    """Store `count` jobs with anything in them, in every state."""
    dice = random.Random(7)

    def some(values: list[Any]) -> Any:
        return dice.choice([*values, None])

    connection.execute(WORKERS, (NAMES,))
    connection.execute("insert into jobsched.secret values ('mail', 'user'), ('A', 'a')")
    for job_id in range(1, count + 1):
        key = some([f"{name}{job_id}" for name in NAMES])
        used = (dice.randint(0, 4), dice.randint(0, 2), dice.randint(0, 2))
        connection.execute(
            "insert into jobsched.queue (name) select unnest(%s::text[]) on conflict do nothing", (NAMES,)
        )
        connection.execute(
            JOB,
            (
                job_id, dice.choice(NAMES), dice.choice(NAMES), json.dumps(dice.choice(PAYLOADS)), dice.randint(0, 3),
                key,
                dice.sample(NAMES, dice.randint(0, 2)), dice.choice(NAMES), dice.randint(0, 50) * 3600 + 1317,
                some(NAMES), some(NAMES), *[some(NAMES)] * 2,
            ),
        )  # fmt: skip
        if key:
            connection.execute("insert into jobsched.idempotency values (%s, %s, sha256('x'))", (key, job_id))
        stand(connection, job_id, dice.choice(list(State)), used, dice, some)
    connection.execute("select setval('jobsched.job_seq', %s)", (count + 1000,))


def stand(
    connection: psycopg.Connection[Any],
    job_id: int,
    state: State,
    used: tuple[int, int, int],
    dice: random.Random,
    some: Any,
) -> None:
    """Put the job's row where jobs of its state stand."""
    attempt, crashes, losses = used
    worker = some([1, 2, 3, 11])
    if state in FINAL:
        error = dice.choice(NAMES) if state is State.DEAD else some(NAMES) if state is State.CANCELLED else None
        spans = (dice.randint(0, 40) * 900 + 111, some([0, 0.25, 60, 5400]), some([0, 0.25, 1, 60]))
        connection.execute(OUTCOME, (job_id, state, *used, job_id, worker, *spans, error, error and error[:2]))
    elif state is State.RUNNING:
        connection.execute(LEASE, (job_id, job_id, worker or 1, attempt + 1, crashes, losses, dice.random() < 0.5))
    elif state is State.QUEUED:
        connection.execute(READY, (job_id + dice.choice([0, 0, 100_000]), *used, job_id))
    elif state is State.BLOCKED:
        held = some(NAMES)
        connection.execute(BLOCKED, (some([1817, 3600]), *used, held, held, job_id))
    else:
        connection.execute(DELAYED, (job_id, state, dice.randint(1, 50) * 3600, attempt + 1, crashes, losses))


@pytest.fixture(scope="module")
def random_jobs(server_url: str, _admin: Any) -> Iterator[tuple[psycopg.Connection[Any], list[Job]]]:
    """A store full of strange jobs, and the jobs."""
    name = f"selecting_{os.getpid()}"
    _admin.create(name, "template_jobsched")
    with psycopg.connect(f"{server_url.rpartition('/')[0]}/{name}", autocommit=True) as connection:
        fill(connection, 400)
        yield connection, jobs.list_jobs(connection, limit=100_000)
    _admin.unwanted.append(name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SELECTIONS)
def test_the_store_finds_what_python_finds(
    random_jobs: tuple[psycopg.Connection[Any], list[Job]], selection: Selection
) -> None:
    """Any selection over any jobs: the same ones, newest first, and as many of each kind as are counted."""
    connection, everything = random_jobs
    row = connection.execute("select statement_timestamp()").fetchone()
    assert row is not None
    expected = [job for job in everything if matches(selection, job, now=row[0])]
    assert select_ids(connection, selection, EVERY, patience=30) == [job.id for job in expected]
    for limit in (1, 5):
        page = [job.id for job in expected if job.id < 300][:limit]
        assert select_ids(connection, selection, Page(before=300, limit=limit), patience=30) == page
    counted = count_by(connection, selection, ("queue", "state", "type"), patience=30)
    found = {(each.by["queue"], each.by["state"], each.by["type"]): each.count for each in counted}
    assert found == Counter((job.queue, job.state.value, job.type) for job in expected)


def test_pages_and_counts_of_every_kind(random_jobs: tuple[psycopg.Connection[Any], list[Job]]) -> None:
    """Pages follow one another without gaps; counts by anything add up to the same."""
    connection, everything = random_jobs
    for text in ("-state:succeeded", "queue~*", "attempt>0", "error~*", "id>0", "state:queued -type:mail"):
        selection = parse(text)
        whole = select_ids(connection, selection, EVERY, patience=30)
        paged: list[int] = []
        while page := select_jobs(connection, selection, Page(before=(paged or [1 << 62])[-1], limit=7), patience=30):
            paged += [job.id for job in page]
        assert paged == whole != []
        for by in ((), ("queue",), ("state", "error"), GROUPS):
            assert sum(each.count for each in count_by(connection, selection, by, patience=30)) == len(whole)
    by_error = count_by(connection, parse("state:dead"), ("error",), patience=30)
    assert {each.by["error"][:2] for each in by_error if each.by["error"]} == {
        job.error[:2] for job in everything if job.error and job.state is State.DEAD
    }


def test_no_word_of_a_selection_is_part_of_the_statement() -> None:
    """Values, paths and patterns are parameters: what the statement says depends on the fields alone."""
    hostile = "'; drop table jobsched.job; --"
    text = f'queue:"{hostile}" error~"{hostile}" args."{hostile}"="{hostile}" tag:"{hostile}" worker:"{hostile}"'
    statement, params = compiled(jobs_statement(parse(text), Page()))
    assert b"drop table" not in statement
    assert hostile in str(params)


def test_a_hidden_field_cannot_be_guessed_by_filters(db: Conn, submit: Submit) -> None:
    """A filter sees what `show` shows: a secret's value matches nothing, by equality, pattern or size."""
    submit("command", payload={"argv": ["true"], "env": {"KEY": "s3cret", "N": 5}})
    for text in ("args.env.KEY=s3cret", "args.env.KEY~s*", "args.env.N>1", "args.env~s3cret", "args.env.KEY~*"):
        for more in ("", " state:queued", " id:1", " attempt:0"):
            assert select_ids(db, parse(text + more), EVERY, patience=30) == []
            assert count_by(db, parse(text + more), (), patience=30)[0].count == 0
    assert len(select_ids(db, parse('args.env="(hidden)"'), EVERY, patience=30)) == 1
    assert len(select_ids(db, parse("args.argv.0=true"), EVERY, patience=30)) == 1


def test_a_selection_that_takes_too_long_is_given_up(db: Conn, submit: Submit) -> None:
    """With the advice to narrow it; the connection is as good as before."""
    submit("noop", 2)
    db.execute("create function slow() returns boolean language sql as 'select pg_sleep(5) is not null'")
    db.execute("alter table jobsched.job rename to job_")
    db.execute("create view jobsched.job as select * from jobsched.job_ where slow()")
    with pytest.raises(TryAgain, match=r"within 0\.05 s"):
        select_ids(db, parse("queue:default"), EVERY, patience=0.05)
    assert db.execute("show statement_timeout").fetchone() == ("0",)
