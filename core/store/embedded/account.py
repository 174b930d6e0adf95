"""The account that the server runs as. Postgres refuses root, so root lends it another one."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...model.errors import ConfigError, PermissionDenied
from .record import Layout

_UNPRIVILEGED = ("postgres", "nobody")
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Account:
    """demoted: we are root and the server runs as somebody else."""

    name: str
    uid: int
    gid: int
    demoted: bool

    def run(self, command: list[str], cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program as this account, with a clean environment, in a session of its own.

        PermissionError: the account cannot reach the program or `cwd`. Output is captured.
        """
        if self.demoted:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(
            command,
            cwd=cwd,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
            check=False,
            umask=0o077,
            **options,
        )

    def can_run(self, program: Path) -> bool:
        """Whether this account reaches and may execute `program`."""
        if not self.demoted:
            return os.access(program, os.X_OK)
        return self.run(["/bin/sh", "-c", '[ -x "$1" ]', "sh", str(program)], Path("/")).returncode == 0

    def give(self, path: Path) -> None:
        """Make `path` this account's own."""
        if self.demoted:
            os.chown(path, self.uid, self.gid)

    def _environment(self) -> Mapping[str, str]:
        """Only what a server needs: no PG* variable steers it and no secret of ours reaches it."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ and not self.demoted}
        return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def account_for(layout: Layout) -> Account:
    """Return the account for the store at `layout`: its data's owner, else us, else one without rights.

    PermissionDenied: the data belongs to somebody else. ConfigError: root, and nobody to run as.
    """
    uid = os.geteuid()
    owner = _owner(layout.data)
    if uid != 0:
        if owner is not None and owner != uid:
            raise PermissionDenied(
                f"the store in {layout.home} belongs to user {_name(owner)} — you are {_name(uid)}",
                fix=f"run as {_name(owner)}, or set JOBSCHED_HOME to a folder of your own",
            )
        return Account(_name(uid), uid, os.getegid(), demoted=False)
    for name in ([_name(owner)] if owner else []) + list(_UNPRIVILEGED):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, demoted=True)
    raise ConfigError(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as",
        fix="useradd --system postgres",
    )


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
