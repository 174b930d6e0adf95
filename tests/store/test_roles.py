"""Roles besides the owner: what Postgres lets them do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql

from jobsched.core.config import Settings
from jobsched.core.model.errors import Conflict, NotFound, PermissionDenied
from jobsched.core.model.job import After, NewJob
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import roles, waiting
from jobsched.core.store.embedded.account import account_for
from jobsched.core.store.embedded.binaries import find_binaries
from jobsched.core.store.embedded.record import Layout
from jobsched.core.store.verify import INVARIANTS

from .hands import Hands

NAME = f'some"body {os.getpid()}'  # roles are the whole server's


@pytest.fixture
def hands(database_url: str) -> Iterator[Hands]:
    """The owner's worker, and his connection."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Hands(connection)


@pytest.fixture
def owner(settings: Settings) -> Iterator[Service]:
    """The use cases, for the store's owner."""
    with Service(settings) as service:
        yield service


@pytest.fixture
def login(hands: Hands, database_url: str) -> Iterator[str]:
    """URL of the database for a role that may do nothing there."""
    role = sql.Identifier(NAME)
    hands.connection.execute(sql.SQL("create role {} login password 'sesame'").format(role))
    parts = urlsplit(database_url)
    yield f"postgresql://{quote(NAME)}:sesame@{parts.hostname}:{parts.port}{parts.path}"
    hands.connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role))


@pytest.fixture
def somebody(login: str, settings: Settings) -> Iterator[Service]:
    """The use cases, for that role."""
    with Service(settings.replace(database_url=login)) as service:
        yield service


def refused(act: Callable[[], object]) -> bool:
    """Whether Postgres does not allow it."""
    try:
        act()
    except PermissionDenied:
        return True
    return False


def test_without_a_grant_a_role_sees_nothing(somebody: Service) -> None:
    """A login alone is no right; the fix names the command that gives it."""
    with pytest.raises(PermissionDenied) as caught:
        somebody.list()
    assert caught.value.exit_code == 77
    assert "jobsched db grant" in (caught.value.fix or "")


def test_a_viewer_sees_everything(owner: Service, somebody: Service, hands: Hands) -> None:
    """Jobs, attempts, output, queues, workers, dead letters, events, and whether the store is sound."""
    dead, done = owner.submit(NewJob("noop", idempotency_key="k")).id, owner.submit(NewJob("noop")).id
    hands.run(dead=True)
    hands.run()
    roles.grant(hands.connection, NAME, "viewer")

    assert [job.id for job in somebody.list()] == [done, dead]
    assert [job.id for job in somebody.list(states=[State.DEAD])] == [dead]
    assert somebody.get(dead).state is State.DEAD
    assert len(somebody.attempts(dead)) == 1
    assert somebody.output(dead) == []
    assert [job.id for job in somebody.dlq()] == [dead]
    assert [group.count for group in somebody.dlq_groups()] == [1]
    assert [queue.name for queue in somebody.queues()] == ["default"]
    assert [worker.name for worker in somebody.workers()] == ["hands"]
    assert somebody.wait([done], timeout=5)
    assert [each.violations for each in somebody.verify()] == [0] * len(INVARIANTS)


def test_a_viewer_changes_nothing(owner: Service, somebody: Service, hands: Hands) -> None:
    """Postgres refuses every way to write that there is; the store stays as it was."""
    queued = owner.submit(NewJob("noop")).id
    roles.grant(hands.connection, NAME, "viewer")

    assert refused(lambda: somebody.submit(NewJob("noop")))
    assert refused(lambda: somebody.load([NewJob("noop")]))
    assert refused(lambda: somebody.cancel([queued], by="me"))
    assert refused(lambda: somebody.retry([queued], by="me"))
    assert refused(lambda: somebody.pause_queue("default", by="me"))
    assert refused(lambda: somebody.purge("default"))

    assert [(job.id, job.state) for job in owner.list()] == [(queued, State.QUEUED)]


def test_a_submitter_submits_in_every_way(somebody: Service, hands: Hands) -> None:
    """One, many, later, with a key, by COPY; and a worker that sleeps is woken for it."""
    roles.grant(hands.connection, NAME, "submitter")
    hands.connection.execute("update jobsched.worker set idle_since = now() - interval '1 day'")

    plain = somebody.submit(NewJob("noop"))
    later = somebody.submit(NewJob("noop", delay=60))
    keyed, again = (somebody.submit(NewJob("noop", idempotency_key="k")) for _ in range(2))
    somebody.load([NewJob("noop", queue="files")] * 3)

    assert (keyed.created, again.created, again.id) == (True, False, keyed.id)
    assert {plain.id, later.id, keyed.id} < {job.id for job in somebody.list()}
    assert len(somebody.list()) == 6
    assert somebody.workers()[0].idle_since > somebody.get(plain.id).created_at


def test_a_submitter_submits_jobs_that_wait_and_workers_move_them_on(
    somebody: Service, owner: Service, hands: Hands
) -> None:
    """After others, held, with a unique and a concurrency key: he may put them in, the workers are told to look."""
    roles.grant(hands.connection, NAME, "submitter")
    listener = owner.store.connect("listener")
    listener.execute("listen jobsched")
    first = somebody.submit(NewJob("noop", unique_key="u", idempotency_key="i")).id
    child = somebody.submit(NewJob("noop", after=(After(first),), concurrency_key="c")).id
    held = somebody.submit(NewJob("noop", hold=True)).id
    assert somebody.submit(NewJob("noop", unique_key="u")).id == first
    assert somebody.submit(NewJob("noop", unique_key="u", idempotency_key="i")).id == first
    assert somebody.load([NewJob("noop", concurrency_key="d")]) == 1
    said = [each.payload for each in listener.notifies(timeout=5, stop_after=5)]
    listener.close()
    assert '{"kind": "blocked"}' in said

    waiting.sweep(hands.connection, thorough=False)

    assert [job.state for job in owner.get_many([first, child, held])] == [
        State.QUEUED, State.BLOCKED, State.BLOCKED,
    ]  # fmt: skip
    assert hands.run() == first
    second = somebody.submit(NewJob("noop", unique_key="u"))
    assert second.created


def test_a_submitter_touches_no_job_that_is_there(owner: Service, somebody: Service, hands: Hands) -> None:
    """Nor queues, workers and leases; not by statements of his own either."""
    running, queued = owner.submit(NewJob("noop")).id, owner.submit(NewJob("noop")).id
    (lease,) = hands.claim()
    roles.grant(hands.connection, NAME, "submitter")

    assert refused(lambda: somebody.cancel([running, queued], by="me"))
    assert refused(lambda: somebody.retry([running], by="me"))
    assert refused(lambda: somebody.pause_queue("default", by="me"))
    assert refused(lambda: somebody.purge("default"))
    assert refused(lambda: somebody.command_worker(hands.id, "stop"))
    for statement in (
        "update jobsched.job set payload = '{}'",
        "update jobsched.lease set token = 0",
        "insert into jobsched.outcome (job_id, state, attempt) values (1, 'dead', 1)",
        "delete from jobsched.ready",
        "truncate jobsched.job",
        "create table jobsched.mine ()",
        "select nextval('jobsched.token_seq')",
    ):
        assert refused(lambda statement=statement: execute(somebody, statement)), statement
    assert hands.succeed(lease)


def execute(service: Service, statement: str) -> None:
    """Run a statement over the connection that the use cases have."""
    with service.store.connection() as connection:
        connection.execute(statement.encode())


def test_a_later_grant_replaces_an_earlier_one(somebody: Service, hands: Hands) -> None:
    """A submitter becomes a viewer, a viewer nobody."""
    roles.grant(hands.connection, NAME, "submitter")
    job_id = somebody.submit(NewJob("noop")).id
    roles.grant(hands.connection, NAME, "viewer")
    assert somebody.get(job_id).id == job_id
    assert refused(lambda: somebody.submit(NewJob("noop")))
    roles.grant(hands.connection, NAME, "none")
    assert refused(somebody.list)


def test_tables_that_a_later_schema_brings_are_seen_too(somebody: Service, hands: Hands) -> None:
    """An upgrade does not make viewers blind."""
    roles.grant(hands.connection, NAME, "viewer")
    hands.connection.execute("create table jobsched.later ()")
    execute(somebody, "select from jobsched.later")


def test_a_role_that_owns_the_store_is_not_made_less(owner: Service, hands: Hands) -> None:
    """A grant could only pretend to; nor is there anything to grant to nobody, or to everybody."""
    with pytest.raises(Conflict, match="rights of the store's owner"):
        roles.grant(hands.connection, "jobsched", "viewer")
    for name in ("nobody-here", "public", "none"):
        with pytest.raises(NotFound, match="no role called"):
            roles.grant(hands.connection, name, "viewer")
    assert owner.submit(NewJob("noop")).created


SECRET = "hunter2-of-the-test"


@pytest.fixture
def psql(login: str, run_folder: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """psql(statement): as that role, with Postgres's own program."""
    account = account_for(Layout(run_folder / "shared"))
    programs = find_binaries(account, pg_bin=None, data_major=None, copies=run_folder)

    def call(statement: str) -> subprocess.CompletedProcess[str]:
        command = [str(programs.folder / "psql"), "-XAtc", statement, login]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, env={"PATH": os.defpath})

    return call


@pytest.mark.parametrize("access", ["viewer", "submitter"])
def test_psql_shows_nobody_a_secret(
    owner: Service, hands: Hands, psql: Callable[[str], subprocess.CompletedProcess[str]], access: roles.Access
) -> None:
    """The view hides it; payloads, checkpoints and what a secret could be guessed by cannot be read beside it."""
    roles.grant(hands.connection, NAME, access)
    made = owner.submit(NewJob("command", {"argv": ["true"], "env": {"A": SECRET}}, idempotency_key="k"))
    hands.connection.execute("insert into jobsched.checkpoint values (%s, 1, '{}')", (made.id,))

    shown = psql("select payload from jobsched.job_now; select * from jobsched.job_now")
    assert (shown.returncode, SECRET in shown.stdout) == (0, False)
    assert shown.stdout.splitlines()[0] == '{"env": "(hidden)", "argv": ["true"]}'
    for statement in (
        "select payload from jobsched.job",
        "select * from jobsched.job",
        "select j from jobsched.job j",
        "copy jobsched.job to stdout",
        "select data from jobsched.checkpoint",
        "delete from jobsched.secret",
        "update jobsched.secret set field = 'x'",
        "create or replace view jobsched.job_now as select 1 as id",
    ):
        done = psql(statement)
        assert done.returncode != 0, statement
        assert "denied" in done.stderr or "must be owner" in done.stderr, done.stderr
    assert (psql("select payload_hash from jobsched.idempotency").returncode == 0) == (access == "submitter")


def test_a_viewer_reads_every_column_but_four(hands: Hands, login: str) -> None:
    """A column that a later schema adds to one of these tables must be granted, or be left out on purpose."""
    assert login
    roles.grant(hands.connection, NAME, "viewer")
    rows = hands.connection.execute(
        """select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
           where c.relnamespace = 'jobsched'::regnamespace and c.relkind in ('r', 'v') and a.attnum > 0
             and not has_column_privilege(%s, c.oid, a.attnum, 'select')""",
        (NAME,),
    ).fetchall()
    hidden = {("job", "payload"), ("schedule", "payload"), ("checkpoint", "data"), ("idempotency", "payload_hash")}
    assert set(rows) == hidden


def test_a_submitter_hides_what_nobody_hid_before(somebody: Service, owner: Service, hands: Hands) -> None:
    """Before his first job of the type; what others have hidden stays hidden."""
    roles.grant(hands.connection, NAME, "submitter")
    made = somebody.submit(NewJob("command", {"argv": ["true"], "stdin": SECRET}))
    assert somebody.get(made.id).payload == owner.get(made.id).payload == {"argv": ["true"], "stdin": "(hidden)"}
    assert refused(lambda: execute(somebody, "delete from jobsched.secret"))
