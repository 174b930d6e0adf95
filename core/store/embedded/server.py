"""Start, revive, stop and describe the embedded server. Whoever changes anything holds the start lock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from ... import host
from ...model.errors import JobschedError, Refused, StoreUnreachable, TryAgain
from ..connect import NO_ROOM, connect_arguments, shown_url, translate
from . import cluster
from .account import Account, account_for
from .binaries import find_binaries
from .postmaster import (
    Postmaster,
    clear_crash,
    end_launched,
    find_postmaster,
    is_alive,
    launch,
    listening,
    says_ready,
    terminate,
)
from .record import DATABASE, Layout, Record, libpq_options, read_record, url_for, write_record

# Below the range from which kernels take the ports of outgoing connections.
_PORTS = range(20000, 32000)
_PORT_TRIES = 20
_LOG_LIMIT = 10 * 1024 * 1024
_SILENCE = 2.0
_DEAF = 10.0  # a server that calls itself ready and is not reached after these seconds never will be

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of an embedded store. pid, port, version: None where it does not run, or never did.

    version: PostgreSQL's major version, from its data. ours: jobsched started what runs.
    """

    home: Path
    data: Path
    log: Path
    created: bool
    running: bool
    ours: bool
    pid: int | None
    port: int | None
    version: int | None
    url: str | None
    """With the password; None where it does not run."""


def start(
    home: Path,
    *,
    pg_bin: str | None = None,
    options: Mapping[str, str] | None = None,
    say: Say | None = None,
) -> str:
    """See `embedded.start`."""
    return _start(Layout(home), pg_bin, options or {}, say or _silent)


def _start(layout: Layout, pg_bin: str | None, options: Mapping[str, str], say: Say, *, reviving: bool = False) -> str:
    account = account_for(layout)
    cluster.prepare_folders(layout, account)
    with cluster.os_errors(layout), _locked(layout):
        if reviving:
            _refuse_stopped(layout)  # the lock may have been that of `db down`
        running = find_postmaster(layout) or _just_launched(layout)
        if running is not None:
            with suppress(_Died):
                return _adopt(layout, running, say)
        return _start_stopped(layout, account, pg_bin, options, say)


def revive(home: Path, *, pg_bin: str | None = None) -> str:
    """See `embedded.revive`."""
    layout = Layout(home)
    _refuse_stopped(layout)
    return _start(layout, pg_bin, {}, _silent, reviving=True)


def _refuse_stopped(layout: Layout) -> None:
    record = read_record(layout)
    if record is None or record.stopped:
        raise StoreUnreachable(f"the embedded store in {layout.home} was stopped", fix="jobsched db up")


def stop(home: Path) -> bool:
    """See `embedded.stop`."""
    layout = Layout(home)
    if not layout.private.is_dir():
        return False
    with _locked(layout):
        running = find_postmaster(layout)
        record = read_record(layout)
        if running is not None and not _is_ours(running, record):
            raise Refused(
                f"the PostgreSQL on {layout.data} (pid {running.pid}) was not started by jobsched",
                fix=f"pg_ctl stop -D {layout.data}",
            )
        if running is not None:
            terminate(layout, running.pid)
        if record is not None:
            _note_stopped(layout, record)
        return running is not None


def status(home: Path) -> Status:
    """See `embedded.status`."""
    layout = Layout(home)
    running, record = find_postmaster(layout), read_record(layout)
    port = (running.port if running else None) or (record.port if record else None)
    return Status(
        home=home,
        data=layout.data,
        log=layout.log,
        created=layout.password.exists(),
        running=running is not None,
        ours=running is not None and _is_ours(running, record),
        pid=running.pid if running else None,
        port=port,
        version=cluster.data_major(layout),
        url=url_for(layout, port) if running and port and layout.password.exists() else None,
    )


def _start_stopped(layout: Layout, account: Account, pg_bin: str | None, options: Mapping[str, str], say: Say) -> str:
    major = cluster.data_major(layout)
    binaries = find_binaries(account, pg_bin=pg_bin, data_major=major, copies=layout.home / "programs")
    if major is None:
        say(f"creating the embedded store in {layout.home} (PostgreSQL {binaries.version})")
        cluster.create_data(layout, account, binaries)
    else:
        clear_crash(layout)
    _rotate_log(layout)
    record = read_record(layout)
    tried: set[int] = set()
    while True:
        port = _free_port(record.port if record else None, tried)
        tried.add(port)
        log_start = _log_size(layout)
        pid = launch(layout, account, binaries, port, options)
        identity = host.identify(pid)
        record = Record(port, pid, identity.pid_start, identity.boot_id, ours=True, stopped=False)
        try:
            write_record(layout, record)
        except OSError:
            end_launched(pid, identity.pid_start)  # nobody would know that it is ours
            raise
        try:
            _make_database(layout, record, say)
        except _Died:
            problem = _why_it_died(layout, log_start)
            if problem is not None:
                raise problem from None
        else:
            return url_for(layout, port)


def _adopt(layout: Layout, running: Postmaster, say: Say) -> str:
    """Use a server that runs already, ours or not, once it is ready."""
    record = read_record(layout)
    ours = _is_ours(running, record)
    port = running.port or (record.port if record else None)
    if port is None:
        raise TryAgain(f"a server (pid {running.pid}) is just starting on {layout.data}", fix="run the command again")
    identity = host.identify(running.pid)
    adopted = Record(port, running.pid, identity.pid_start, identity.boot_id, ours=ours, stopped=False)
    write_record(layout, adopted)
    _make_database(layout, adopted, say)
    return url_for(layout, port)


def _is_ours(running: Postmaster, record: Record | None) -> bool:
    if record is None or not record.ours or record.pid != running.pid:
        return False
    identity = host.identify(running.pid)
    return record.pid_start in (0, identity.pid_start) and record.boot_id == identity.boot_id


class _Died(Exception):
    """The server ended while it was waited for."""


def _note_stopped(layout: Layout, record: Record) -> None:
    """Keep the port, so that the address stays the same. On a full disk forgetting it must do."""
    try:
        write_record(layout, Record(record.port, 0, 0, "", ours=True, stopped=True))
    except OSError:
        layout.record.unlink(missing_ok=True)


def _just_launched(layout: Layout) -> Postmaster | None:
    """A server whose starter was killed before it had written its pid file."""
    record = read_record(layout)
    if record is None or not record.pid_start or record.boot_id != host.boot_id():
        return None
    return Postmaster(record.pid, record.port) if is_alive(record.pid, record.pid_start) else None


def _make_database(layout: Layout, record: Record, say: Say) -> None:
    """Wait until the server takes connections, and give it jobsched's database if it has none."""
    with _wait_ready(layout, record, say) as connection:
        found = connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone()
        if not found:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))


def _wait_ready(layout: Layout, record: Record, say: Say) -> psycopg.Connection[TupleRow]:
    """Connect as soon as that is possible. Recovery after a crash takes what it takes: the wait ends
    when the server says that it is ready or is gone (_Died), not by the clock."""
    url = url_for(layout, record.port, "postgres")
    arguments = connect_arguments(url, application_name="jobsched start", timeout=_DEAF, libpq=libpq_options())
    begun, silent, pause = time.monotonic(), True, 0.01
    ready_since: float | None = None
    while True:
        try:
            return psycopg.connect(**arguments)
        except psycopg.OperationalError as error:
            problem = translate(error, where=shown_url(url))
            if not is_alive(record.pid, record.pid_start):
                raise _Died from None
            if not isinstance(problem, StoreUnreachable):
                raise problem from error
        now = time.monotonic()
        ready_since = (ready_since or now) if says_ready(layout) else None
        if ready_since is not None and now - ready_since > _DEAF:
            raise problem
        if silent and now - begun > _SILENCE:
            silent = False
            say(f"waiting for the embedded store in {layout.home} to recover its data")
        time.sleep(pause)
        pause = min(0.2, pause * 1.5)


def _why_it_died(layout: Layout, log_start: int) -> JobschedError | None:
    """Return the error that its words in the log mean; None where somebody was faster at the port."""
    with layout.log.open("rb") as file:
        file.seek(log_start)
        text = file.read(20000).decode(errors="replace")
    if "Address already in use" in text:
        return None
    if NO_ROOM.search(text):
        return TryAgain(
            f"the embedded store cannot start — the disk of {layout.home} is full",
            fix="free space and run the same command again",
        )
    return StoreUnreachable(
        f"the embedded store does not start — {cluster.last_words(text)}", fix=f"look at {layout.log}"
    )


def _free_port(preferred: int | None, tried: set[int]) -> int:
    if preferred is not None and preferred not in tried and not listening(preferred):
        return preferred
    for _ in range(_PORT_TRIES):
        port = random.choice(_PORTS)
        if port not in tried and not listening(port):
            return port
    raise StoreUnreachable(
        f"no free port was found for the embedded store between {_PORTS.start} and {_PORTS.stop}",
        fix="close what listens there",
    )


def _rotate_log(layout: Layout) -> None:
    if _log_size(layout) > _LOG_LIMIT:
        layout.log.replace(layout.log.with_suffix(".log.1"))


def _log_size(layout: Layout) -> int:
    try:
        return layout.log.stat().st_size
    except OSError:
        return 0


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """Hold the start lock; the kernel frees it when its holder dies."""
    from filelock import FileLock

    with FileLock(str(layout.lock), mode=0o600):
        yield


def _silent(_: str) -> None:
    """Nobody listens."""
