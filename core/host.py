"""Who and where this process is, told so that another process can prove it dead.

Linux tells all of it in /proc. Elsewhere boot id and namespace are empty, and then nobody claims to
prove a death: the lease time decides.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MARK_VARIABLE = "JOBSCHED_LEASE_MARK"
"""Environment variable with which a worker marks the processes that must not outlive it."""
TOKEN_VARIABLE = "JOBSCHED_LEASE_TOKEN"  # noqa: S105 (a number that only grows)
"""Beside it, in the processes of one job: the lease's token."""
LOOKS = 10
_MEMORY = re.compile(rb"^(VmRSS|VmHWM):\s*(\d+) kB$", re.MULTILINE)


def make_mark() -> str:
    """Random, for the environment of every process of one worker."""
    return os.urandom(8).hex()


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that no other process, ever, on any host, shares all of these with.

    boot_id: of the kernel; "" where unknown. pid_namespace: inode, 0 where unknown. pid_start:
    clock ticks from boot to the process's start, 0 where unknown.
    """

    host: str
    boot_id: str
    pid_namespace: int
    pid: int
    pid_start: int


def identify(pid: int | None = None) -> ProcessIdentity:
    """Return the identity of `pid` (default: this process)."""
    pid = os.getpid() if pid is None else pid
    return ProcessIdentity(socket.gethostname(), boot_id(), pid_namespace(), pid, process_start(pid) or 0)


def boot_id() -> str:
    """The kernel's random id of this boot, or ""."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def pid_namespace() -> int:
    """Inode of this process's PID namespace, or 0."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def process_start(pid: int) -> int | None:
    """Clock ticks from boot to the start of `pid`; None if it is gone, a zombie, or /proc is missing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def proves_dead(other: ProcessIdentity) -> bool:
    """Whether this process can prove `other` dead: same boot, same PID namespace, and no such pid
    with that start. Anything unknown proves nothing."""
    return _is_among_ours(other) and process_start(other.pid) != other.pid_start


def is_stopped(other: ProcessIdentity) -> bool:
    """Whether this process can see that `other` is there and does nothing, because somebody stopped it (SIGSTOP)."""
    if not _is_among_ours(other) or process_start(other.pid) != other.pid_start:
        return False
    try:
        return Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


def _is_among_ours(other: ProcessIdentity) -> bool:
    """Whether pids mean the same here and there: same boot, same PID namespace, and nothing unknown."""
    if not other.boot_id or other.boot_id != boot_id():
        return False
    return bool(other.pid_namespace) and other.pid_namespace == pid_namespace() and bool(other.pid_start)


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that started this process ends, where the system has that (Linux). parent: its process,
    without which this one ends at once."""
    if sys.platform.startswith("linux"):
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


class Memory(NamedTuple):
    """Resident memory of a process in bytes, now and at most so far; 0 where it cannot be read."""

    rss: int
    peak: int


def memory_of(pid: int) -> Memory:
    """Return what `pid` has."""
    try:
        status = _read_at_once(f"/proc/{pid}/status")
    except OSError:
        return Memory(0, 0)
    found = {name: int(kilobytes) * 1024 for name, kilobytes in _MEMORY.findall(status)}
    return Memory(found.get(b"VmRSS", 0), found.get(b"VmHWM", 0))


def _read_at_once(path: str) -> bytes:
    """A small file of the kernel's, with as few steps as that takes: workers read it several times a second."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 1 << 14)
    finally:
        os.close(fd)


def kill_processes_of(mark: str, tokens: Iterable[int]) -> None:
    """SIGKILL what the jobs that held these leases of the worker with this mark have left running.

    Again until a look finds nothing, for a process may have forked while it was looked for; after LOOKS
    of them its parent is gone, or it forks faster than anybody can look.
    """
    among = {f"{TOKEN_VARIABLE}={token}" for token in tokens}
    for _ in range(LOOKS):
        if not mark or not among or not kill_processes_marked(MARK_VARIABLE, mark, among=among):
            return


def kill_processes_marked(variable: str, value: str, *, among: Collection[str] = ()) -> int:
    """SIGKILL every process whose environment was given `variable=value`; return how many.

    among: texts `variable=value`, of which it must have been given one, too.

    The mark is in the environment that the process started with, so a re-used pid is never hit.
    """
    mark = f"{variable}={value}".encode()
    further = {text.encode() for text in among}
    killed = 0
    for entry in list(os.scandir("/proc")) if os.path.isdir("/proc/self") else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            given = set(Path(entry.path, "environ").read_bytes().split(b"\0"))
            if mark in given and (not further or given & further):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
        except OSError:
            continue
    return killed
