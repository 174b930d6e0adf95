"""The embedded Postgres: started by whoever needs it, healed after a violent death, stopped on request."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from jobsched.core import config, host
from jobsched.core.config import Settings
from jobsched.core.model.errors import ConfigError, PermissionDenied, Refused, StoreUnreachable
from jobsched.core.store import embedded
from jobsched.core.store.embedded import account, binaries, cluster, postmaster, record, server
from jobsched.core.store.embedded.record import Layout
from jobsched.core.store.store import _is_usable, open_store

START = """
import sys
from pathlib import Path
from jobsched.core.store import embedded
print(embedded.start(Path(sys.argv[1])))
"""


@pytest.fixture
def embedded_settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    """A user who has configured no store at all."""
    return config.load(environ=environ | {"JOBSCHED_CONNECT_TIMEOUT": "2s"}, cwd=tmp_path)


@pytest.fixture
def started(home: Path) -> str:
    """URL of a running embedded server of this test's own, with one row in it."""
    url = embedded.start(home, options={"fsync": "off"})
    run(url, "create table survivor as select 42 as number")
    return url


@pytest.fixture
def sleeper(home: Path) -> Iterator[Callable[[list[str]], subprocess.Popen[bytes]]]:
    """Starts programs as the account that servers run as: those whose pid Postgres takes seriously."""
    children = []

    def start(command: list[str]) -> subprocess.Popen[bytes]:
        who = account.account_for(Layout(home))
        demote = {"user": who.uid, "group": who.gid, "extra_groups": []} if who.demoted else {}
        children.append(subprocess.Popen(command, cwd="/", **demote))  # type: ignore[call-overload]
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.wait()


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def kept(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select number from survivor").fetchone()
        assert row
        return int(row[0])


def kill_server(home: Path) -> int:
    """kill -9 the postmaster and wait until it is gone, its port with it."""
    found = postmaster.find_postmaster(Layout(home))
    assert found
    pid = found.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: host.process_start(pid) is None)
    return pid


def wait_until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.01)


def test_the_first_command_makes_a_store_and_the_second_finds_it(embedded_settings: Settings, home: Path) -> None:
    """Without a configured URL the store is created, migrated and started, once."""
    said: list[str] = []
    with open_store(embedded_settings, say=said.append) as store, store.connection() as connection:
        assert store.embedded
        assert store.home == home
        assert connection.execute("select count(*) from jobsched.job").fetchone() == (0,)
    first = embedded.status(home)
    with open_store(embedded_settings, say=said.append) as store:
        assert str(first.port) in store.shown_url
    assert embedded.status(home).pid == first.pid
    assert len(said) == 1
    assert said[0].startswith("creating the embedded store")


def test_the_password_is_in_a_private_file_and_nowhere_else(started: str, home: Path) -> None:
    """Other users of the machine cannot read it, and neither log nor record holds it."""
    layout = Layout(home)
    password = layout.password.read_text()
    assert layout.password.stat().st_mode & 0o777 == 0o600
    assert layout.record.stat().st_mode & 0o777 == 0o600
    assert password not in layout.record.read_text()
    assert password not in layout.log.read_text()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(started.replace(password, "guessed"))


def test_the_data_is_safe_by_default(home: Path) -> None:
    """fsync, synchronous_commit and checksums are on, and there are connections for a fleet."""
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "max_connections": "300",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "server_encoding": "UTF8",
    }
    with psycopg.connect(embedded.start(home)) as connection:
        rows = connection.execute(
            "select name, setting from pg_settings where name = any(%s)", (list(wanted),)
        ).fetchall()
    assert dict(rows) == wanted


def test_text_of_jobs_never_reaches_the_server_log(started: str, home: Path) -> None:
    """A failing statement may hold a payload: neither it nor the row it failed on is logged."""
    run(started, "create table picky (t text primary key)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(started, "insert into picky values ('secret-in-a-payload'), ('secret-in-a-payload')")
    log = Layout(home).log.read_text()
    assert "duplicate key" in log
    assert "secret-in-a-payload" not in log


def test_a_killed_server_is_started_again_with_its_data(started: str, home: Path) -> None:
    """kill -9 of the postmaster costs the next command a restart, not a row."""
    killed = kill_server(home)
    url = embedded.start(home)
    assert url == started
    assert kept(url) == 42
    assert embedded.status(home).pid != killed


def test_an_open_store_outlives_its_server(embedded_settings: Settings, home: Path) -> None:
    """A process that has the store open revives the server when it finds it killed."""
    with open_store(embedded_settings) as store:
        found = postmaster.find_postmaster(Layout(home))
        assert found
        os.kill(found.pid, signal.SIGKILL)  # and not a moment is given to it to end
        wait_until(lambda: not _is_usable(store._connection))
        with store.connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        kill_server(home)
        with store.connect("test") as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_store_that_was_stopped_on_purpose_is_not_revived(embedded_settings: Settings, home: Path) -> None:
    """`db down` means down for processes that are still there; a new command starts it again."""
    with open_store(embedded_settings) as store:
        assert embedded.stop(home)
        with pytest.raises(StoreUnreachable, match="was stopped") as caught, store.connection():
            pass
        assert caught.value.fix == "jobsched db up"
        with pytest.raises(StoreUnreachable, match="not running"):
            open_store(embedded_settings, start=False)
        open_store(embedded_settings).close()
        with store.connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_store_is_not_revived_behind_the_back_of_who_stops_it(
    started: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker loses its connection while `db down` waits for the server's end: it must not start another one."""
    told: list[str] = []

    def revive() -> None:
        try:
            embedded.revive(home)
        except StoreUnreachable as error:
            told.append(error.message)

    worker, at_the_lock, locked = threading.Thread(target=revive), threading.Event(), server._locked

    def knock(layout: Layout) -> AbstractContextManager[None]:
        if threading.current_thread() is worker:
            at_the_lock.set()
        return locked(layout)

    def terminate(layout: Layout, pid: int) -> None:
        worker.start()
        assert at_the_lock.wait(60)
        postmaster.terminate(layout, pid)

    monkeypatch.setattr(server, "_locked", knock)
    monkeypatch.setattr(server, "terminate", terminate)
    assert embedded.stop(home)
    worker.join(60)
    assert told == [f"the embedded store in {home} was stopped"]
    assert not embedded.status(home).running


def test_start_false_does_not_revive_a_killed_server(embedded_settings: Settings, home: Path) -> None:
    """Asking for the state of things changes nothing."""
    open_store(embedded_settings).close()
    kill_server(home)
    with pytest.raises(StoreUnreachable) as caught:
        open_store(embedded_settings, start=False)
    assert caught.value.fix == "jobsched db up"
    assert not embedded.status(home).running


def test_down_and_up_keeps_data_and_address(started: str, home: Path) -> None:
    """The URL that was handed to somebody stays good while its port is free."""
    assert embedded.stop(home)
    assert not embedded.stop(home)
    assert not embedded.status(home).running
    assert embedded.recorded_url(home) is None
    assert embedded.start(home) == started
    assert kept(started) == 42


def test_processes_that_start_at_the_same_instant_share_one_server(home: Path) -> None:
    """The start lock lets one through; the others find what it made."""
    children = [
        subprocess.Popen([sys.executable, "-P", "-c", START, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    urls = {child.communicate(timeout=60)[0].strip() for child in children}
    assert len(urls) == 1
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    with psycopg.connect(urls.pop()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_captured_command_does_not_wait_for_the_server(home: Path) -> None:
    """`id=$(jobsched submit noop)` ends although the server it started lives on: no descriptor is passed."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", START, str(home)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    assert embedded.status(home).running


def test_ctrl_c_does_not_reach_the_server(home: Path) -> None:
    """It has a session of its own, and it is nobody's child whose death must be reaped."""
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    embedded.start(home)
    pid = embedded.status(home).pid
    assert pid
    assert os.getsid(pid) != os.getsid(0)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    os.close(write_end)
    assert os.read(read_end, 1) == b""  # nobody else holds the other end
    os.close(read_end)


def test_a_pid_file_that_names_a_stranger_is_healed(
    started: str, home: Path, sleeper: Callable[[list[str]], subprocess.Popen[bytes]]
) -> None:
    """After a crash the number may belong to anybody; Postgres itself would refuse to start."""
    forge_pid_file(home, sleeper(["sleep", "600"]).pid)
    assert not embedded.status(home).running
    assert kept(embedded.start(home)) == 42


def test_a_pid_file_that_names_a_zombie_is_healed(
    started: str, home: Path, sleeper: Callable[[list[str]], subprocess.Popen[bytes]]
) -> None:
    """In a container without an init nobody reaps the killed server."""
    child = sleeper(["sleep", "600"])
    child.kill()
    wait_until(lambda: Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    forge_pid_file(home, child.pid)
    assert kept(embedded.start(home)) == 42


def forge_pid_file(home: Path, pid: int) -> None:
    """Kill the server and let its pid file name another process."""
    kill_server(home)
    pid_file = Layout(home).data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(pid), *lines[1:]]) + "\n")


def test_a_shell_that_stands_in_the_data_folder_is_left_alone(
    started: str, home: Path, sleeper: Callable[[list[str]], subprocess.Popen[bytes]]
) -> None:
    """Only processes of Postgres are cleared away after a crash."""
    bystander = sleeper(["sh", "-c", f"cd {Layout(home).data} && exec sleep 600"])
    wait_until(lambda: os.readlink(f"/proc/{bystander.pid}/cwd") == str(Layout(home).data))
    kill_server(home)
    assert kept(embedded.start(home)) == 42
    assert bystander.poll() is None


def test_children_of_a_killed_server_are_ended_before_it_starts_again(started: str, home: Path) -> None:
    """Postgres refuses to start beside a backend of its predecessor, which may be busy for long."""
    with psycopg.connect(started, autocommit=True) as busy:
        backend = busy.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        kill_server(home)
        assert kept(embedded.start(home)) == 42
        assert not postmaster.serves(Layout(home), backend)


def test_a_port_that_somebody_else_took_is_left_to_him(embedded_settings: Settings, home: Path, started: str) -> None:
    """The server moves to another port, also when the stranger accepts connections and says nothing."""
    kill_server(home)
    port = server.status(home).port
    assert port
    with socket.create_server((record.HOST, port), backlog=16), open_store(embedded_settings) as store:
        assert store.url != started
        assert kept(store.url) == 42
        assert embedded.recorded_url(home) == store.url


def test_a_port_lost_at_the_last_instant_is_left_to_its_taker(
    started: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding a port free and binding it somebody may be faster: another one is tried."""
    embedded.stop(home)
    port = server.status(home).port
    assert port
    monkeypatch.setattr(server, "listening", lambda _: False)
    with socket.create_server((record.HOST, port)):
        moved = embedded.start(home)
    assert moved != started
    assert kept(moved) == 42


def test_a_server_that_dies_while_it_is_found_is_started_again(
    started: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be killed after it was seen: whoever saw it starts another."""
    seen = server.find_postmaster(Layout(home))
    kill_server(home)
    monkeypatch.setattr(server, "find_postmaster", lambda _: seen)
    assert embedded.start(home) == started
    assert kept(started) == 42


def test_a_server_that_jobsched_did_not_start_is_used_and_never_stopped(started: str, home: Path) -> None:
    """Somebody ran pg_ctl on the data folder: that server is his."""
    layout = Layout(home)
    embedded.stop(home)
    who = account.account_for(layout)
    programs = binaries.find_binaries(who, pg_bin=None, data_major=cluster.data_major(layout), copies=home)
    port = int(started.rpartition(":")[2].partition("/")[0])
    pid = postmaster.launch(layout, who, programs, port, {})
    wait_until(lambda: embedded.status(home).running)
    try:
        assert kept(embedded.start(home)) == 42
        assert not embedded.status(home).ours
        with pytest.raises(Refused, match="was not started by jobsched") as caught:
            embedded.stop(home)
        assert caught.value.fix == f"pg_ctl stop -D {layout.data}"
    finally:
        postmaster.terminate(layout, pid)


def test_recovery_is_waited_for_as_long_as_it_takes(started: str, home: Path) -> None:
    """A server that is not ready is waited for while it lives, and whoever waits is told after two seconds."""
    layout = Layout(home)
    embedded.stop(home)
    signal_file = layout.data / "standby.signal"  # recovers until it is promoted, and takes nobody in
    signal_file.touch()
    shutil.chown(signal_file, layout.data.stat().st_uid, layout.data.stat().st_gid)
    waiting = threading.Event()
    urls: list[str] = []
    options = {"hot_standby": "off", "fsync": "off"}
    starter = threading.Thread(
        target=lambda: urls.append(embedded.start(home, options=options, say=lambda _: waiting.set()))
    )
    starter.start()
    assert waiting.wait(30)
    promote = layout.data / "promote"
    promote.touch()
    shutil.chown(promote, layout.data.stat().st_uid, layout.data.stat().st_gid)
    found = postmaster.find_postmaster(layout)
    assert found
    os.kill(found.pid, signal.SIGUSR1)
    starter.join(30)
    assert urls == [started]
    assert kept(started) == 42


def test_a_server_that_cannot_start_says_why(started: str, home: Path) -> None:
    """The last words of its log are quoted, and nobody waits for it."""
    embedded.stop(home)
    with pytest.raises(StoreUnreachable, match="shared_buffers") as caught:
        embedded.start(home, options={"shared_buffers": "much"})
    assert str(Layout(home).log) in (caught.value.fix or "")


def test_an_interrupted_creation_is_begun_again(home: Path) -> None:
    """Half a data folder never looks like a whole one."""
    layout = Layout(home)
    cluster.prepare_folders(layout, account.account_for(layout))
    (layout.server / "data.new").mkdir()
    (layout.server / "data.new" / "PG_VERSION").write_text("15\n")
    (layout.server / "password.new").write_text("half")
    with psycopg.connect(embedded.start(home)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert sorted(path.name for path in layout.server.iterdir()) == ["data", "server.log"]


def test_a_damaged_record_is_written_anew(started: str, home: Path) -> None:
    """What was noted about the server can be found out again, all but who started it."""
    Layout(home).record.write_text("{")
    assert embedded.recorded_url(home) is None
    assert embedded.start(home) == started
    assert embedded.recorded_url(home) == started
    assert not embedded.status(home).ours


def test_data_is_served_by_the_version_that_made_it(home: Path) -> None:
    """PG_VERSION decides, whatever else is installed; programs of another version are refused."""
    who = account.account_for(Layout(home))
    found = {each.major: each for each in (*binaries._wheel(who, home), *binaries._system(who))}
    older, newest = min(found), max(found)
    assert older < newest, "the wheel brings two versions"
    url = embedded.start(home, pg_bin=str(found[older].folder))
    run(url, "create table survivor as select 42 as number")
    embedded.stop(home)
    assert kept(embedded.start(home)) == 42
    assert embedded.status(home).version == older
    embedded.stop(home)
    with pytest.raises(ConfigError, match=f"PostgreSQL {newest}.* cannot read this store's data"):
        embedded.start(home, pg_bin=str(found[newest].folder))
    (Layout(home).data / "PG_VERSION").write_text("14\n")
    with pytest.raises(ConfigError, match="PostgreSQL 14, which made this store's data, is not installed"):
        embedded.start(home)


def test_a_folder_without_programs_is_refused(home: Path, tmp_path: Path) -> None:
    """JOBSCHED_PG_BIN is used or refused, never passed over."""
    with pytest.raises(ConfigError, match=r"no postgres and initdb in .*empty"):
        embedded.start(home, pg_bin=str(tmp_path / "empty"))
    assert not Layout(home).data.exists()


def test_programs_that_the_account_cannot_reach_are_copied_once(home: Path, tmp_path: Path) -> None:
    """A copy serves as well as the original, and is found again."""
    who = account.account_for(Layout(home))
    original = next(found for found in binaries._wheel(who, tmp_path) if found.major >= 18)
    home.mkdir(mode=0o755)
    copied = binaries._copy(original.folder.parent, home / "programs")
    assert binaries._copy(original.folder.parent, home / "programs") == copied
    with psycopg.connect(embedded.start(home, pg_bin=str(copied / "bin"))) as connection:
        assert connection.info.server_version >= 180000


def test_a_file_in_the_place_of_the_home_is_a_clear_error(home: Path) -> None:
    """JOBSCHED_HOME that cannot be a folder names itself and the fix."""
    home.write_text("")
    with pytest.raises(ConfigError, match="is not a folder"):
        embedded.start(home)
    home.unlink()


def test_a_home_that_cannot_be_made_is_a_clear_error() -> None:
    """Nobody, root included, makes folders in /proc; the error names the folder and the fix."""
    with pytest.raises((PermissionDenied, ConfigError)) as caught:
        embedded.start(Path("/proc/jobsched/home"))
    assert "/proc/jobsched" in caught.value.message
    assert "JOBSCHED_HOME" in (caught.value.fix or "")


def test_a_big_log_is_put_aside_at_the_next_start(started: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is started for years does not fill the disk with its log."""
    monkeypatch.setattr(server, "_LOG_LIMIT", 10)
    embedded.stop(home)
    embedded.start(home)
    assert "shut down" in Layout(home).log.with_name("server.log.1").read_text()
