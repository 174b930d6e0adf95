"""`doctor`: each condition is made for real, and named with what ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from psycopg import sql

from jobsched.core import host
from jobsched.core.config import Settings
from jobsched.core.host import boot_id, pid_namespace
from jobsched.core.model.findings import Finding, Level
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import doctor, doctor_jobs, roles
from jobsched.core.store.store import Store, open_store

from .hands import Hands
from .leasing import Conn, Connect, Submit
from .ticking import Ticking

Examine = Callable[..., list[Finding]]


@pytest.fixture
def examine(store: Store) -> Examine:
    """examine("queues", …): what is found by one check."""

    def look(check: str, **options: object) -> list[Finding]:
        return [each for each in doctor.examine_store(store, **options) if each.check == check]  # type: ignore[arg-type]

    return look


def levels(findings: list[Finding]) -> list[Level]:
    return [each.level for each in findings]


def test_every_check_has_its_say_about_a_sound_store(store: Store, submit: Submit, db: Conn) -> None:
    """In a moment; the only thing wrong with the tests' server is how it was started."""
    Hands(db)
    submit()
    began = time.monotonic()
    findings = list(doctor.examine_store(store))
    assert time.monotonic() - began < 2
    names = {name for name, _ in (*doctor.CHECKS, *doctor_jobs.TABLE_CHECKS)} | {"store", "schema"}
    assert {each.check for each in findings} == names
    wrong = [each for each in findings if each.level in (Level.WARN, Level.BAD)]
    assert {each.check for each in wrong} == {"server"}, wrong
    assert all(each.why and each.fix for each in wrong)


def test_settings_that_lose_jobs_are_bad(examine: Examine) -> None:
    """The tests' server is one whose data nobody wants back."""
    found = {each.what: each.level for each in examine("server")}
    assert found["fsync is off"] is Level.BAD
    assert found["full_page_writes is off"] is Level.BAD
    assert found["synchronous_commit is off"] is Level.WARN


def test_the_holder_of_the_oldest_snapshot_is_named(examine: Examine, connect: Connect, db: Conn) -> None:
    """With pid, program, user, state, statement and the command that ends it; at first without alarm."""
    holder = connect()
    holder.execute("set application_name = 'forgotten report'")
    holder.execute("begin isolation level repeatable read")
    holder.execute("select /* the report */ count(*) from jobsched.job")
    pid = holder.info.backend_pid

    (young,) = examine("snapshot")
    assert young.level is Level.OK
    (old,) = examine("snapshot", patience=0.0)
    assert old.level is Level.WARN
    for word in (f"session {pid} ", "forgotten report", "jobsched", "idle in transaction", "/* the report */"):
        assert word in old.what
    assert old.fix == f"select pg_terminate_backend({pid})"
    assert "cleared" in (old.why or "")
    (open_,) = examine("transactions", patience=0.0)
    assert (open_.level, f"session {pid} " in open_.what) == (Level.WARN, True)

    db.execute(str(old.fix).encode())
    assert examine("snapshot", patience=0.0)[0].what == "nobody holds an old snapshot"


@pytest.fixture
def viewer(db: Conn, settings: Settings, database_url: str) -> Iterator[Store]:
    """The store, as a role that may look."""
    name = f"looks_{os.getpid()}"
    db.execute(sql.SQL("create role {} login password 'sesame'").format(sql.Identifier(name)))
    roles.grant(db, name, "viewer")
    parts = urlsplit(database_url)
    url = f"postgresql://{quote(name)}:sesame@{parts.hostname}:{parts.port}{parts.path}"
    try:
        with open_store(settings.replace(database_url=url)) as opened:
            yield opened
    finally:
        db.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)))


def test_a_viewer_is_told_what_he_may_not_see(viewer: Store, connect: Connect) -> None:
    """The holder's pid and program he sees; state and statement he does not, and that is said."""
    holder = connect()
    holder.execute("begin isolation level repeatable read")
    holder.execute("select 'secret words'")
    findings = list(doctor.examine_store(viewer))
    held, hidden = [each for each in findings if each.check in ("snapshot", "transactions")]
    assert f"session {holder.info.backend_pid} " in held.what
    assert "secret" not in held.what
    assert "may not see" in hidden.what
    assert "pg_read_all_stats" in (hidden.fix or "")
    assert {each.check for each in findings} >= {name for name, _ in doctor_jobs.TABLE_CHECKS}
    assert not [each for each in findings if "could not be looked at" in each.what]


def test_a_role_without_rights_is_told_so(viewer: Store, db: Conn) -> None:
    """What cannot be looked at is a finding, with the grant that mends it."""
    db.execute(sql.SQL("revoke select on jobsched.worker from {}").format(sql.Identifier(f"looks_{os.getpid()}")))
    found = [each for each in doctor.examine_store(viewer) if each.check == "workers"]
    assert levels(found) == [Level.NOTE]
    assert "could not be looked at" in found[0].what
    assert "jobsched db grant" in (found[0].fix or "")


def test_a_role_that_was_granted_nothing_is_told_so(viewer: Store, db: Conn) -> None:
    """The server can be looked at, the store cannot."""
    roles.grant(db, f"looks_{os.getpid()}", "none")
    found = {each.check: each for each in doctor.examine_store(viewer)}
    assert (found["schema"].level, "jobsched db grant" in (found["schema"].fix or "")) == (Level.BAD, True)
    assert found.keys() == {"store", "schema"} | {name for name, _ in doctor.CHECKS}


def test_a_worker_that_fell_silent_is_a_ghost(examine: Examine, db: Conn, submit: Submit) -> None:
    """Worse where another worker lives that should have taken its jobs back."""
    submit()
    ghost = Hands(db, "ghost", lease_seconds=5.0)
    ghost.claim()
    db.execute("update jobsched.worker set heartbeat_at = now() - interval '10 min'")
    found = examine("workers")
    assert levels(found) == [Level.WARN, Level.NOTE]
    assert "worker ghost" in found[0].what
    assert "1 job is its own" in found[0].what
    Hands(db, "living")
    assert levels(examine("workers"))[0] is Level.BAD


def test_a_process_of_this_host_that_is_gone_is_named_at_once(examine: Examine, db: Conn) -> None:
    """Its heart beat a moment ago, but its pid is another process, or none."""
    worker = Hands(db, "killed")
    db.execute(
        "update jobsched.worker set boot_id = %s, pid_namespace = %s, pid_start = 1 where id = %s",
        (boot_id(), pid_namespace(), worker.id),
    )
    (gone, _) = examine("workers")
    assert (gone.level, f"pid {os.getpid()}, which is gone" in gone.what) == (Level.WARN, True)


@pytest.fixture
def stopped_process() -> Iterator[int]:
    """The pid of a process that somebody has stopped."""
    process = subprocess.Popen(["sleep", "1000"])
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    yield process.pid
    process.kill()
    process.wait(30)


def test_a_worker_that_somebody_stopped_is_told_with_what_lets_it_go_on(
    examine: Examine, db: Conn, stopped_process: int
) -> None:
    """It is no ghost: its process is here, and would go on."""
    Hands(db, "frozen", identity=host.identify(stopped_process))
    assert Level.WARN not in levels(examine("workers"))
    db.execute("update jobsched.worker set heartbeat_at = now() - interval '1 min'")
    (found, _) = examine("workers")
    assert (found.level, found.fix) == (Level.WARN, f"kill -CONT {stopped_process}")
    assert "somebody stopped its process" in (found.why or "")


def test_many_ghosts_are_counted(examine: Examine, db: Conn) -> None:
    """Nobody reads a hundred lines."""
    for number in range(doctor_jobs.MOST + 3):
        Hands(db, f"w{number}")
    db.execute("update jobsched.worker set heartbeat_at = now() - interval '10 min'")
    assert "3 more workers" in examine("workers")[doctor_jobs.MOST].what


def test_workers_of_another_version_are_noted(examine: Examine, db: Conn) -> None:
    """A rolling upgrade is no fault, but good to know."""
    Hands(db, version="9.9")
    assert "1 run 9.9" in examine("workers")[0].what
    assert examine("workers")[-1].what == "1 live worker"


def test_queues_that_nobody_serves_or_that_are_paused_are_named(
    examine: Examine, db: Conn, store: Store, settings: Settings, submit: Submit
) -> None:
    """With how long their oldest job has waited, who paused them and why, and the command that mends it."""
    submit(queue="lonely")
    submit(queue="moving")
    with Service(settings, store=store, registry=Registry()) as service:
        until = datetime(2100, 1, 1, tzinfo=UTC)
        service.pause_queue("moving", by="ann", reason="moving house", until=until)
    lonely, paused = sorted(examine("queues")[:2], key=lambda each: "paused" in each.what)
    assert (lonely.level, lonely.fix) == (Level.WARN, "jobsched worker --queues lonely")
    assert "no live worker serves queue lonely; its oldest queued job has waited" in lonely.what
    assert (paused.level, paused.fix) == (Level.WARN, "jobsched queue resume moving")
    assert "paused by ann (moving house)" in paused.what
    assert "ago, until 2100-01-01 00:00:00 UTC; its oldest" in paused.what

    db.execute("update jobsched.ready set since = now() - interval '1 hour'")
    assert levels(examine("queues"))[0] is Level.BAD
    Hands(db)
    assert Level.BAD not in levels(examine("queues"))


def test_types_that_no_worker_of_the_queue_runs_are_named(examine: Examine, db: Conn, submit: Submit) -> None:
    """Where nobody serves the queue at all, that is what is said."""
    submit("command", 3)
    assert levels(examine("types")) == [Level.OK]
    Hands(db)
    (found,) = examine("types")
    assert "runs type command: 3 of the next jobs" in found.what
    assert found.fix == "jobsched worker --allow-commands"


def test_an_overdue_job_and_more_dead_letters_are_named(examine: Examine, db: Conn, submit: Submit) -> None:
    """Somebody should have made it ready; and something has begun to fail."""
    submit(delay=3600)
    submit(times=12)
    hands = Hands(db)
    for _ in range(12):
        hands.run(dead=True)
    db.execute("update jobsched.delayed set run_at = now() - interval '1 hour'")
    assert (levels(examine("delayed")), levels(examine("dead letters"))) == ([Level.WARN], [Level.WARN])
    db.execute("update jobsched.outcome set finished_at = now() - interval '10 days'")
    assert levels(examine("dead letters")) == [Level.OK]


@pytest.mark.parametrize(("off", "level"), [(0.0, Level.OK), (-10.0, Level.NOTE), (4000.0, Level.WARN)])
def test_a_clock_that_is_off_is_told(examine: Examine, off: float, level: Level) -> None:
    """By how much and in which direction; what the link takes is allowed for."""
    (found,) = examine("clock", clock=lambda: time.time() + off)
    assert found.level is level
    if off:
        assert ("ahead of" if off > 0 else "behind") in found.what


def test_dead_rows_that_pile_up_are_named(examine: Examine, db: Conn, submit: Submit) -> None:
    """The table, how many, and what clears them."""
    submit(times=1)
    db.execute("alter table jobsched.ready set (autovacuum_enabled = off)")
    db.execute(
        "insert into jobsched.ready select queue, priority, seq + n, seq + n, type, 0, 0, 0, false "
        "from jobsched.ready, generate_series(1, 60000) n"
    )  # fmt: skip
    db.execute("delete from jobsched.ready where seq > 10")
    db.execute("select pg_stat_force_next_flush()")
    db.execute("select 1")
    found = examine("dead rows")
    assert levels(found) == [Level.WARN]
    assert found[0].what.startswith("ready has 59,")


def test_schedules_that_nobody_decides_are_bad(examine: Examine, db: Conn, store: Store, settings: Settings) -> None:
    """With how long the oldest has waited. One that is paused, or whose tick is just due, is not among them."""
    with Service(settings, store=store, registry=Registry()) as service:
        ticking = Ticking(db, service)
        assert levels(examine("schedules")) == [Level.OK]
        service.cron.add(NewSchedule("soon", "@every 10s", NewJob("noop")), by="ann")
        ticking.add("paused")
        service.cron.pause("paused", by="ann")
        assert levels(examine("schedules")) == [Level.OK]
        ticking.add("late")
        (found,) = examine("schedules")
        assert (found.level, "1 schedule has ticks that nobody decides: that of late" in found.what) == (
            Level.BAD,
            True,
        )
        db.execute("update jobsched.schedule set timezone = 'Mars/X' where name = 'late'")
        unread, rest = examine("schedules")
        assert (unread.level, "schedule late cannot be read here" in unread.what) == (Level.WARN, True)
        assert rest.level is Level.OK


def test_a_schema_of_another_version_is_bad(examine: Examine, db: Conn) -> None:
    """With the command that raises it, or the advice to upgrade the program; the rest is looked at all the same."""
    db.execute("update jobsched.alembic_version set version_num = '9999'")
    (found,) = examine("schema")
    assert (found.level, "upgrade jobsched" in (found.fix or "")) == (Level.BAD, True)
    assert examine("queues")
    db.execute("drop schema jobsched cascade")
    assert examine("schema")[0].fix == "jobsched db upgrade"
    assert examine("queues") == []


class Pooler(threading.Thread):
    """Passes one connection on, and tells the client another pid than the server's, as PgBouncer does."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.address)
            threading.Thread(target=self.forward, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.forward, args=(server, client, True), daemon=True).start()

    def forward(self, source: socket.socket, to: socket.socket, lie: bool) -> None:
        with source, to, suppress(OSError):  # the other direction may have hung up first
            while data := source.recv(1 << 16):
                at = data.find(b"K\x00\x00\x00\x0c") if lie else -1
                if at >= 0:
                    data, lie = data[: at + 5] + b"\x00\x00\x00\x07" + data[at + 9 :], False
                to.sendall(data)


def test_a_pooler_that_the_url_does_not_name_is_noticed(settings: Settings, database_url: str) -> None:
    """By the pid that it makes up. Named in the URL it is no fault, and LISTEN is known not to work through it."""
    parts = urlsplit(database_url)
    pooler = Pooler((str(parts.hostname), parts.port or 0))
    pooler.start()
    url = f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{pooler.port}{parts.path}?sslmode=disable"
    try:
        with open_store(settings.replace(database_url=url)) as store:
            unnamed = {each.check: each for each in doctor.examine_store(store)}
        with open_store(settings.replace(database_url=f"{url}&pgbouncer=true")) as store:
            named = {each.check: each for each in doctor.examine_store(store)}
    finally:
        pooler.listener.shutdown(socket.SHUT_RDWR)
        pooler.listener.close()
    assert (unnamed["pooler"].level, "pgbouncer=true" in (unnamed["pooler"].fix or "")) == (Level.WARN, True)
    assert (named["pooler"].level, named["listen"].level) == (Level.OK, Level.NOTE)
    assert named["listen"].fix == "set JOBSCHED_DIRECT_URL"


def test_the_questions_change_nothing(store: Store, db: Conn, submit: Submit) -> None:
    """Not a row: the number of the next transaction is drawn by whoever asks for it, not by the doctor."""
    submit()
    before = db.execute("select pg_current_xact_id()").fetchone()
    list(doctor.examine_store(store))
    after = db.execute("select pg_current_xact_id()").fetchone()
    assert before is not None
    assert after is not None
    assert int(after[0]) - int(before[0]) < 5
