"""What is written down about the embedded server: where it listens, who it is, its password.

Reading this is all that a command does to find a running server; the connection itself proves it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from psycopg import pq

USER = "jobsched"
DATABASE = "jobsched"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of an embedded store, all below `home`.

    `postgres/` belongs to the account that the server runs as, `embedded/` to whoever uses it.
    """

    home: Path

    @property
    def server(self) -> Path:
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.server / "data"

    @property
    def log(self) -> Path:
        return self.server / "server.log"

    @property
    def private(self) -> Path:
        return self.home / "embedded"

    @property
    def record(self) -> Path:
        return self.private / "server.json"

    @property
    def password(self) -> Path:
        return self.private / "password"

    @property
    def lock(self) -> Path:
        return self.private / "start.lock"


@dataclass(frozen=True, slots=True)
class Record:
    """The server that was started last.

    pid_start: clock ticks from boot, 0 where unknown; together with boot_id it names the process
    for good. ours: jobsched started it. stopped: on purpose, so nobody should revive it.
    """

    port: int
    pid: int
    pid_start: int
    boot_id: str
    ours: bool
    stopped: bool


def read_record(layout: Layout) -> Record | None:
    """Return what is recorded, or None where there is nothing or it cannot be understood."""
    try:
        return Record(**json.loads(layout.record.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_record(layout: Layout, record: Record) -> None:
    """Replace the record in one step, so that no reader ever sees half of it."""
    write_private(layout.record, json.dumps(asdict(record)))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def url_for(layout: Layout, port: int, database: str = DATABASE) -> str:
    """Return the URL of a server on `port`. FileNotFoundError: there is no password, so no server."""
    return f"postgresql://{USER}:{layout.password.read_text()}@{HOST}:{port}/{database}"


def recorded_url(home: Path) -> str | None:
    """Return the URL of the server that should be running, or None. Nothing is checked."""
    layout = Layout(home)
    record = read_record(layout)
    if record is None or record.stopped:
        return None
    try:
        return url_for(layout, record.port)
    except OSError:
        return None


def libpq_options() -> dict[str, str]:
    """Return libpq's parameters for connections to an embedded server, against PG* variables.

    A stranger that took over the port after a crash must not be told the password in clear: only
    SCRAM is accepted, where libpq (16 or newer) can insist on it.
    """
    options = {"hostaddr": HOST, "sslmode": "disable", "gssencmode": "disable", "channel_binding": "disable"}
    if pq.version() >= 160000:
        options["require_auth"] = "scram-sha-256"
    return options
