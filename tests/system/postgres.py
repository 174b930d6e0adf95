"""A Postgres of Debian's, started by hand: a primary, its replica, and what befalls them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg

BIN = Path("/usr/lib/postgresql/15/bin")
ACCOUNT = "postgres"


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return int(free.getsockname()[1])


def make_folder() -> Path:
    """A folder that the server's account owns."""
    folder = Path(tempfile.mkdtemp(prefix="jobsched-system-"))
    shutil.chown(folder, ACCOUNT)
    return folder


class Server:
    """One server. network: addresses besides the loopback that may log in, without a password. environ: more
    variables of its own, once it runs."""

    def __init__(
        self, folder: Path, name: str, *, network: str | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.data = folder / name
        self.port = free_port()
        self._network = network
        self._environ = {**os.environ, **(environ or {})}

    def create(self) -> Server:
        """Make a new cluster and start it."""
        self._run("initdb", "-D", self.data, "-U", "jobsched", "--auth=trust", "--locale=C", "--encoding=UTF8")
        return self.start()

    def follow(self, primary: Server) -> Server:
        """Become the replica of a running server, and start."""
        self._run(
            "pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", primary.port, "-U", "jobsched", "-R", "-C",
            "-S", "replica", "--checkpoint=fast",
        )  # fmt: skip
        return self.start()

    def start(self) -> Server:
        """Start it and wait until it takes connections."""
        with (self.data / "postgresql.conf").open("a") as file:
            addresses = "*" if self._network else "127.0.0.1"
            file.write(f"port = {self.port}\nlisten_addresses = '{addresses}'\n")
            file.write(f"unix_socket_directories = '{self.folder}'\nfsync = off\n")
        if self._network:
            with (self.data / "pg_hba.conf").open("a") as file:
                file.write(f"host all all {self._network} trust\n")
        log = self.folder / f"{self.data.name}.log"
        self._run("pg_ctl", "-D", self.data, "-l", log, "-w", "start", environ=self._environ)
        return self

    def promote(self) -> None:
        """Make a replica the primary."""
        self._run("pg_ctl", "-D", self.data, "-w", "promote")

    def kill(self) -> None:
        """kill -9 of all of it at the same moment, as when its host loses power."""
        postmaster = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGSTOP)  # it starts nobody while the others are killed
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_ours(entry):
                os.kill(int(entry.name), signal.SIGKILL)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if (self.data / "postmaster.pid").exists():
            subprocess.run([BIN / "pg_ctl", "-D", self.data, "-m", "immediate", "stop"], user=ACCOUNT, group=ACCOUNT)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection in autocommit."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="jobsched", dbname=database, autocommit=True, connect_timeout=10
        )

    def _is_ours(self, process: Path) -> bool:
        try:
            return os.readlink(process / "cwd") == str(self.data)
        except OSError:
            return False

    def _run(self, program: str, *arguments: object, environ: Mapping[str, str] | None = None) -> None:
        subprocess.run(
            [BIN / program, *map(str, arguments)], user=ACCOUNT, group=ACCOUNT, extra_groups=[], cwd=self.folder,
            env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
