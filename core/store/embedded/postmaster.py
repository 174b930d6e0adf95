"""The server's main process: is it there, start it, stop it, clear up after its violent death.

Postgres guards its data by postmaster.pid, and believes any live process with that pid (of the same
user) to be the server: a zombie, or a stranger that got the number after a crash. Here a process
counts only if it stands in the data folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ... import host
from ...model.errors import StoreUnreachable, TryAgain
from .account import Account
from .binaries import Binaries
from .record import HOST, Layout

_STOP_SECONDS = 60.0
_ORPHAN_SECONDS = 10.0
# The shell goes at once, so init is the server's parent: it is no child of ours to become a zombie.
_LAUNCH = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A live server. port: None while it is too young to have written it down."""

    pid: int
    port: int | None


def find_postmaster(layout: Layout) -> Postmaster | None:
    """Return the live server of this data, whoever started it, or None."""
    try:
        lines = (layout.data / "postmaster.pid").read_text().splitlines()
        pid = abs(int(lines[0]))  # single-user mode writes it negative
    except (OSError, ValueError, IndexError):
        return None
    if not serves(layout, pid):
        return None
    port = int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else None
    return Postmaster(pid, port)


def says_ready(layout: Layout) -> bool:
    """Whether the pid file's last line says that the server takes connections."""
    try:
        return (layout.data / "postmaster.pid").read_text().rstrip().rpartition("\n")[2].strip() == "ready"
    except OSError:
        return False


def serves(layout: Layout, pid: int) -> bool:
    """Whether `pid` is a live process of a Postgres on this data."""
    if not os.path.isdir("/proc/self"):
        return _is_postgres_by_ps(pid)
    if host.process_start(pid) is None:
        return False
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return False
    return folder == str(layout.data.resolve()) and os.path.basename(program).startswith("postgres")


def is_alive(pid: int, pid_start: int) -> bool:
    """Whether the process that was started as `pid` still lives: also before it has become Postgres."""
    if os.path.isdir("/proc/self"):
        return host.process_start(pid) == pid_start
    return _is_postgres_by_ps(pid)


def clear_crash(layout: Layout) -> None:
    """Remove what a killed server left behind, so that a new one can start on this data.

    Only where `find_postmaster` found none. Its own children that have not noticed yet are killed:
    Postgres refuses to start beside them, and rightly.
    """
    pid_file = layout.data / "postmaster.pid"
    if not pid_file.exists():
        return
    for pid in list(_orphans(layout)):
        _signal(pid, signal.SIGKILL)
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while any(_orphans(layout)):
        if time.monotonic() > deadline:
            raise TryAgain(
                f"processes of the killed server still hold {layout.data}",
                fix=f"end them, then run the command again: fuser {layout.data}",
            )
        time.sleep(0.02)
    pid_file.unlink(missing_ok=True)


def launch(layout: Layout, account: Account, binaries: Binaries, port: int, options: Mapping[str, str]) -> int:
    """Start a server in a session of its own and return its pid. It is not ready yet.

    Neither Ctrl-C nor a closed terminal reaches it, and it holds none of our descriptors:
    `id=$(jobsched submit noop)` does not wait for it.
    """
    command = [str(binaries.folder / "postgres"), "-D", str(layout.data), "-p", str(port)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    done = account.run(["/bin/sh", "-c", _LAUNCH, "sh", str(layout.log), *command], layout.server)
    try:
        return int(done.stdout)
    except ValueError:
        raise StoreUnreachable(
            f"the embedded store's server could not be started — {done.stdout.strip() or 'no pid came back'}",
            fix=f"look at {layout.log}",
        ) from None


def terminate(layout: Layout, pid: int) -> None:
    """Stop a server: connections are ended, transactions rolled back, everything written.

    TryAgain: it has not ended within a minute.
    """
    _signal(pid, signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    while serves(layout, pid):
        if time.monotonic() > deadline:
            raise TryAgain(
                f"the embedded store (pid {pid}) has not stopped within {_STOP_SECONDS:.0f} s",
                fix=f"look at {layout.log}, then run jobsched db down again",
            )
        time.sleep(0.01)


def end_launched(pid: int, pid_start: int) -> None:
    """End a server that was just launched and that nobody else knows of.

    It is asked again and again: until it has replaced the shell that starts it, it ignores SIGINT.
    pid_start: as in `host.identify`. TryAgain: it has not ended within a minute.
    """
    deadline = time.monotonic() + _STOP_SECONDS
    while host.process_start(pid) == pid_start:
        if time.monotonic() > deadline:
            raise TryAgain(f"the server that was just started (pid {pid}) does not stop", fix=f"kill {pid}")
        _signal(pid, signal.SIGINT)
        time.sleep(0.02)


def listening(port: int) -> bool:
    """Whether somebody listens on this port of the loopback address."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _orphans(layout: Layout) -> Iterator[int]:
    for entry in list(os.scandir("/proc")) if os.path.isdir("/proc/self") else ():
        if entry.name.isdigit() and serves(layout, int(entry.name)):
            yield int(entry.name)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile: what was wanted
        os.kill(pid, number)


def _is_postgres_by_ps(pid: int) -> bool:
    """Without /proc: `ps` tells the program, and that has to do."""
    assert sys.platform != "linux" or not Path("/proc/self").exists()
    done = subprocess.run(["ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, program = done.stdout.strip().partition(" ")
    return bool(state) and not state.startswith("Z") and "postgres" in program
