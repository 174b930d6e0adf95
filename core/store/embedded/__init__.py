"""The Postgres that jobsched runs itself: found, started, healed and stopped here.

Only `recorded_url` and `libpq_options` are light: they are what every command uses while the server
is up. Everything else imports its machinery when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .record import Layout, libpq_options, read_record, recorded_url

if TYPE_CHECKING:
    from .server import Status

__all__ = ["Layout", "libpq_options", "read_record", "recorded_url", "revive", "start", "status", "stop"]


def start(
    home: Path,
    *,
    pg_bin: str | None = None,
    options: Mapping[str, str] | None = None,
    say: Callable[[str], None] | None = None,
) -> str:
    """Start the embedded Postgres of `home`, created if need be, and return its URL, password included.

    Does nothing where it runs already. pg_bin: folder of the programs to use. options: server
    settings for this start alone. say: told what takes long.
    ConfigError: no usable programs, or a folder that the server's account cannot reach.
    TryAgain: the disk is full. StoreUnreachable: it does not start (the log's last words are quoted).
    """
    from .server import start as start_server

    return start_server(home, pg_bin=pg_bin, options=options, say=say)


def revive(home: Path, *, pg_bin: str | None = None) -> str:
    """Start the server again if it should be running, and return its URL.

    StoreUnreachable: it was stopped on purpose (`jobsched db down`), or never started.
    """
    from .server import revive as revive_server

    return revive_server(home, pg_bin=pg_bin)


def stop(home: Path) -> bool:
    """Stop the server, which ends its connections; return whether it ran.

    Refused: it was not jobsched that started it. TryAgain: it has not stopped within a minute.
    """
    from .server import stop as stop_server

    return stop_server(home)


def status(home: Path) -> Status:
    """Say what there is of the embedded Postgres of `home`. Starts and changes nothing."""
    from .server import status as server_status

    return server_status(home)
