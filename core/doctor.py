"""Everything that can be wrong around jobsched on this host and in its store, looked at within two seconds.

    examination = examine(load())
    for finding in examination.findings: …

Nothing is changed or started. Where the store cannot be reached, what the host knows is told all the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .config import BY_KEY, Settings, project_config_file, user_config_file
from .model.errors import ConfigError, JobschedError, ObjectNotFound, StoreUnreachable
from .model.findings import Finding, Level
from .model.text import printable
from .objects import ObjectStore, open_objects
from .store import embedded
from .store.doctor import examine_store
from .store.store import home_folder, open_store

OK, NOTE, WARN, BAD = Level.OK, Level.NOTE, Level.WARN, Level.BAD
CONNECT_SECONDS = 2.0
"""How long the store may take to answer, whatever `connect_timeout` says: libpq's least."""
OBJECT_SECONDS = 1.5
BUCKET = "jobsched"
LOG_LINES = 5
LOG_BYTES = 8192
SYSTEM_CONFIG = Path("/etc/jobsched/config.toml")
Usage = Callable[[Path], tuple[int, int, int]]
"""Total, used and free bytes of a folder's file system: shutil.disk_usage."""


@dataclass(slots=True)
class Examination:
    """findings: in the order in which they were looked at. reachable: whether the store could be asked."""

    findings: list[Finding] = field(default_factory=list)
    reachable: bool = True

    @property
    def worst(self) -> Level:
        order = list(Level)
        return max((each.level for each in self.findings), key=order.index, default=OK)


def examine(
    settings: Settings,
    *,
    write: bool = False,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    clock: Callable[[], float] = time.time,
    patience: float = 60.0,
    usage: Usage = shutil.disk_usage,
) -> Examination:
    """Look at all of it. write: also put, get and delete a tiny object.

    clock: of this host. patience: seconds for which a transaction may be open without a word.
    Raises nothing but defects: what cannot be looked at is a finding.
    """
    found = Examination()
    try:
        with open_store(settings.replace(connect_timeout=CONNECT_SECONDS), start=False, check_schema=False) as store:
            found.findings += examine_store(
                store, clock=clock, patience=patience, direct=settings["direct_url"] is not None
            )
    except JobschedError as error:
        found.reachable = not isinstance(error, StoreUnreachable)
        found.findings.append(
            Finding(BAD, "store", error.message, "nothing can be submitted, and no worker works", error.fix)
        )
    if settings["database_url"] is None:
        found.findings += _embedded(home_folder(settings), reachable=found.reachable)
    found.findings += _objects(settings, write=write)
    found.findings += _disk(settings, usage)
    found.findings += _files(settings, os.environ if environ is None else environ, cwd or Path.cwd())
    return found


def _embedded(home: Path, *, reachable: bool) -> Iterator[Finding]:
    """The state of the embedded server; while it cannot be reached, everything that its folder tells."""
    try:
        there = embedded.status(home)
        record = embedded.read_record(embedded.Layout(home))
    except OSError as error:
        yield Finding(NOTE, "embedded", f"{home} cannot be looked into: {error.strerror}")
        return
    if not there.created:
        yield Finding(NOTE, "embedded", f"there is no embedded store in {home} yet", fix="jobsched db up")
        return
    if reachable:
        whose = "" if there.ours else ", which jobsched did not start"
        yield Finding(
            OK,
            "embedded",
            f"PostgreSQL {there.version}, pid {there.pid}, port {there.port}{whose}, data in {there.data}",
        )
        return
    state = f"it runs as pid {there.pid}, port {there.port}" if there.running else "it does not run"
    stopped = record is not None and record.stopped
    yield Finding(
        BAD, "embedded", f"the embedded store in {home} (PostgreSQL {there.version}): {state}"
        f"{', stopped by jobsched db down' if stopped else ''}",
        None if stopped else "its server was killed, or its host was restarted", "jobsched db up",
    )  # fmt: skip
    yield from _remains(embedded.Layout(home), running=there.running, port=there.port)


def _remains(layout: embedded.Layout, *, running: bool, port: int | None) -> Iterator[Finding]:
    from .store.embedded.postmaster import listening

    if not running and _exists(layout.data / "postmaster.pid"):
        yield Finding(
            NOTE, "embedded", f"{layout.data / 'postmaster.pid'} was left behind by a server that was killed",
            "starting it again recovers what it had committed",
        )  # fmt: skip
    if not running and port is not None and listening(port):
        yield Finding(NOTE, "embedded", f"somebody else listens on its port {port}", "it will be given another one")
    for line in _last_lines(layout.log):
        yield Finding(NOTE, "server log", line)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that only the server's account may look into
        return False


def _last_lines(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
            return file.read().decode(errors="replace").splitlines()[-LOG_LINES:]
    except OSError as error:
        return [f"{log} cannot be read: {error.strerror}"]


def _objects(settings: Settings, *, write: bool) -> list[Finding]:
    """Ask in a thread: an endpoint that does not answer must not hold up everything else."""
    found: list[Finding] = []

    def ask() -> None:
        try:
            found.append(_ask_objects(settings, write=write))
        except JobschedError as error:
            why = "jobs that read or write objects fail"
            found.append(
                Finding(BAD, "objects", error.message, why, error.fix or "jobsched config explain objects.dir")
            )

    thread = threading.Thread(target=ask, name="objects", daemon=True)
    thread.start()
    thread.join(OBJECT_SECONDS)
    return list(found) or [
        Finding(
            BAD, "objects", f"the object store has not answered within {OBJECT_SECONDS:g} s",
            "jobs that read or write objects wait, then fail", "jobsched config explain objects.endpoint",
        )
    ]  # fmt: skip


def _ask_objects(settings: Settings, *, write: bool) -> Finding:
    home = home_folder(settings)
    where = settings["objects.endpoint"] or settings["objects.dir"] or home / "objects"
    key = f"doctor/{os.urandom(8).hex()}"
    store = open_objects(settings, home)
    if write:
        _round_trip(store, key)
        return Finding(OK, "objects", f"{where}: a tiny object was put, read back and deleted")
    if not settings["objects.endpoint"]:
        return _object_folder(Path(where))
    with contextlib.suppress(ObjectNotFound):
        store.head(BUCKET, key)
    return Finding(OK, "objects", f"{where} answers; --write tries whether it takes objects")


def _round_trip(store: ObjectStore, key: str) -> None:
    data = b"jobsched doctor"
    store.put(BUCKET, key, data, "text/plain")
    back = store.get(BUCKET, key)
    store.delete(BUCKET, key)
    if back != data:
        raise ConfigError("the object store gave back something else than was put", fix="look at what serves it")


def _object_folder(folder: Path) -> Finding:
    nearest = _nearest(folder)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"objects cannot be written to {folder}: {nearest} is no folder that this user may write to")
    return Finding(OK, "objects", f"the folder {folder}{'' if nearest == folder else ' (made when it is needed)'}")


def _nearest(path: Path) -> Path:
    """The path itself, or its nearest ancestor that is there."""
    return next((each for each in (path, *path.parents) if _exists(each)), Path("/"))


def _disk(settings: Settings, usage: Usage) -> Iterator[Finding]:
    """One finding for each file system."""
    home = home_folder(settings)
    folders = {"home": home}
    if settings["database_url"] is None:
        folders["data"] = embedded.Layout(home).data
    if not settings["objects.endpoint"]:
        folders["objects"] = Path(settings["objects.dir"] or home / "objects")
    systems: dict[int, tuple[Path, list[str]]] = {}
    for name, folder in folders.items():
        place = _nearest(folder)
        systems.setdefault(place.stat().st_dev, (place, []))[1].append(name)
    for place, names in systems.values():
        try:
            total, _, free = usage(place)
        except OSError as error:
            yield Finding(NOTE, "disk", f"{place} cannot be asked: {error.strerror}")
            continue
        level = BAD if free < 200 << 20 else WARN if free < max(1 << 30, total // 20) and free < 20 << 30 else OK
        why = (
            "when it is full, nothing can be submitted" if "data" in names else "when it is full, objects and mail fail"
        )
        yield Finding(
            level, "disk",
            f"{free / (1 << 30):.1f} of {total / (1 << 30):.1f} GiB are free for {', '.join(names)} ({place})",
            None if level is OK else why, None if level is OK else f"df -h {place}, and make room",
        )  # fmt: skip


def _files(settings: Settings, environ: Mapping[str, str], cwd: Path) -> Iterator[Finding]:
    """Files with secrets that others than their owner may read."""
    project = project_config_file(cwd)
    files = [path for path in (project, user_config_file(environ), SYSTEM_CONFIG) if path is not None]
    private = {path: _secrets_in(path) for path in files}
    if settings["database_url"] is None:
        private[embedded.Layout(home_folder(settings)).password] = ["the embedded store's password"]
    looked_at = 0
    for path, secrets in private.items():
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        looked_at += 1
        if secrets and mode & (stat.S_IROTH | stat.S_IRGRP | stat.S_IWOTH | stat.S_IWGRP):
            others = mode & (stat.S_IROTH | stat.S_IWOTH)
            whom = "everybody on this host" if others else "its group"
            yield Finding(
                BAD if others else NOTE, "files", f"{path} holds {', '.join(secrets)} and is open to {whom}",
                "whoever reads it can use them" if others else None, f"chmod 600 {path}",
            )  # fmt: skip
    yield Finding(OK, "files", f"{looked_at} files with settings or secrets were looked at")


def _secrets_in(path: Path) -> list[str]:
    """Dotted keys of the secret settings that a file sets; none where it cannot be read: `load` has complained."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return []
    found = []
    for key, value in content.items():
        names = [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]
        for name in names:
            setting = BY_KEY.get(name) or BY_KEY.get(key)
            if setting is not None and setting.secret:
                found.append(printable(name))
    return found
