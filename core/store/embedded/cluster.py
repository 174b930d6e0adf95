"""Makes the embedded store's folders and its data."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...model.errors import ConfigError, JobschedError, PermissionDenied, StoreUnreachable, TryAgain
from ...model.text import printable
from ..connect import NO_ROOM
from .account import Account
from .binaries import Binaries
from .record import HOST, USER, Layout, write_private

# Appended to initdb's postgresql.conf: the last line wins, and whoever runs the store may edit it.
_SETTINGS = f"""
# --- jobsched ---
listen_addresses = '{HOST}'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 128MB
max_wal_size = 2GB
jit = off                           # compiling costs more than any of our statements takes
autovacuum_naptime = 10s            # every job leaves dead rows in two tables
timezone = 'UTC'
log_timezone = 'UTC'
log_min_error_statement = panic     # statements and DETAIL may hold what users put into jobs
log_error_verbosity = terse
"""


@contextmanager
def os_errors(layout: Layout) -> Iterator[None]:
    """Turn what the file system refuses into TryAgain (full) or PermissionDenied."""
    try:
        yield
    except OSError as error:
        raise _for_os_error(error, layout.home) from None


def prepare_folders(layout: Layout, account: Account) -> None:
    """Make the folders, the server's own ones reachable for its account.

    ConfigError: a folder above `home` is closed to that account. PermissionDenied: to us.
    """
    if account.demoted:
        _check_reachable(layout.home, account)
    try:
        _make_folders(layout.home, 0o711 if account.demoted else 0o700)
        if account.demoted:
            layout.home.chmod(layout.home.stat().st_mode | 0o011)
        layout.private.mkdir(mode=0o700, exist_ok=True)
        layout.server.mkdir(mode=0o700, exist_ok=True)  # nobody holds the lock yet: another one may have made it
        if layout.server.stat().st_uid == os.geteuid():
            account.give(layout.server)
    except NotADirectoryError as error:
        raise ConfigError(f"{error.filename} is not a folder", fix="set JOBSCHED_HOME to a folder") from None
    except OSError as error:
        raise _for_os_error(error, layout.home) from None


def _check_reachable(home: Path, account: Account) -> None:
    above = next(folder for folder in home.parents if folder.exists())
    if not account.can_run(above):
        raise ConfigError(
            f"the embedded store cannot live in {home} — PostgreSQL does not run as root, and user "
            f"{account.name} cannot reach that folder",
            fix="set JOBSCHED_HOME to a folder below /var/lib or /tmp, or set JOBSCHED_DATABASE_URL",
        )


def data_major(layout: Layout) -> int | None:
    """Return the PostgreSQL version that made the data, or None where there is none yet."""
    try:
        return int((layout.data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _for_os_error(error, layout.data) from None
    except ValueError:
        raise ConfigError(f"{layout.data}/PG_VERSION is damaged", fix="restore the folder from a backup") from None


def create_data(layout: Layout, account: Account, binaries: Binaries) -> None:
    """Make a data folder and a password. It appears whole or not at all.

    TryAgain: the disk is full. StoreUnreachable: initdb failed; its last words are quoted. OSError:
    what `os_errors` translates.
    """
    password = secrets.token_urlsafe(24)
    draft = layout.server / "data.new"
    password_file = layout.server / "password.new"
    shutil.rmtree(draft, ignore_errors=True)
    password_file.unlink(missing_ok=True)
    try:
        write_private(password_file, _verifier(password))
        account.give(password_file)
        _initdb(layout, draft, password_file, account, binaries)
        with (draft / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS)
        write_private(layout.password, password)
        draft.rename(layout.data)
    finally:
        password_file.unlink(missing_ok=True)


def _verifier(password: str) -> str:
    """Return what Postgres stores for a password (RFC 5803), so that the server never sees it in clear.

    With one round of hashing: the usual 4096 make weak passwords hard to guess and cost every
    connection 3 ms; 192 random bits cannot be guessed anyway.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client_key).digest(), server_key)]
    return f"SCRAM-SHA-256$1:{parts[0]}${parts[1]}:{parts[2]}"


def _initdb(layout: Layout, draft: Path, password_file: Path, account: Account, binaries: Binaries) -> None:
    done = account.run(
        [
            str(binaries.folder / "initdb"),
            f"--pgdata={draft}",
            f"--username={USER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--locale=C",
            "--encoding=UTF8",
            "--data-checksums",
        ],
        draft.parent,
    )
    if done.returncode == 0:
        return
    shutil.rmtree(draft, ignore_errors=True)
    if NO_ROOM.search(done.stdout):
        raise TryAgain(
            f"the embedded store could not be created — the disk of {layout.home} is full",
            fix="free space, or set JOBSCHED_HOME to a folder on another disk",
        )
    raise StoreUnreachable(
        f"the embedded store could not be created — {last_words(done.stdout)}",
        fix="set JOBSCHED_PG_BIN to another PostgreSQL, or JOBSCHED_DATABASE_URL to a store",
    )


def last_words(text: str) -> str:
    """Return the message of the last error in a log or in initdb's output."""
    found = re.findall(r"(?:FATAL|PANIC|error): +(.*)", text)
    return printable(found[-1].strip()) if found else "it left no word"


def _make_folders(path: Path, mode: int) -> None:
    """Make `path` and what is missing above it, with this mode whatever the umask is."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)


def _for_os_error(error: OSError, where: Path) -> JobschedError:
    import errno

    said = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TryAgain(f"{where} cannot be written — {said}", fix="free space and run the same command again")
    return PermissionDenied(
        f"{error.filename or where} cannot be used — {said}", fix="set JOBSCHED_HOME to a folder of your own"
    )
