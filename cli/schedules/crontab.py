"""Crontab lines as schedules of `command` jobs: `cron import`."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Any

from ...core.calendar.crontab import Entry, has_user_field, read_crontab
from ...core.model.errors import UsageError
from ...core.model.job import NewJob
from ...core.model.schedule import NewSchedule
from ..job_options import COMMAND_TYPE
from .refusing import BadEntry

SHELL = "/bin/sh"
STDIN = "crontab"
"""What schedules from stdin are called after."""
ATTEMPTS = 1
"""Cron does not try again."""
LONGEST_SLUG = 40
ZONEINFO = "zoneinfo/"


@dataclass(frozen=True, slots=True)
class Taking:
    """How a file is taken.

    system: its lines have a user field; None: if cron would think so. zone: of lines above the first CRON_TZ.
    user: only the lines of this user; any_user: of every user. queue: of the jobs.
    """

    system: bool | None = None
    zone: str = "UTC"
    user: str | None = None
    any_user: bool = False
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file gave.

    places: in which line each schedule is, by name. remarks: (line, what is different from cron). left: lines of
    other users that were left out.
    """

    schedules: list[NewSchedule]
    places: dict[str, str]
    bad: list[BadEntry]
    remarks: list[tuple[int, str]]
    left: int


def take_crontab(text: str, source: str, how: Taking) -> Taken:
    """Read a crontab. source: its path, or `-`; what its schedules are called begins with its name.

    A name follows from the command and its user, not from the line or the time, so that the same file, edited,
    changes schedules and does not double them.
    """
    path = PurePath(STDIN if source == "-" else source)
    system = has_user_field(path) if how.system is None else how.system
    if (how.user is not None or how.any_user) and not system:
        raise UsageError("--user and --any-user are for files with a user field", fix="add --system")
    found = read_crontab(text, user_field=system, timezone=how.zone)
    if not system and how.system is None:
        _refuse_user_fields(found.entries)
    wanted = [each for each in found.entries if how.user in (None, each.user)]
    mine = [each for each in wanted if how.user or how.any_user or each.user in (None, _importer())]
    lines = {each.line for each in mine}
    bad = [(each.line, UsageError(each.message, fix=each.fix)) for each in found.refused]
    bad += [(each.line, _other_user(each)) for each in wanted if each.line not in lines]
    schedules = [
        NewSchedule(name, each.expression, _job(each, how.queue), each.timezone)
        for name, each in zip(_names(path, mine), mine, strict=True)
    ]
    foreign = {each.line for each in found.entries} - lines
    return Taken(
        schedules=schedules,
        places={schedule.name: f"line {each.line}" for schedule, each in zip(schedules, mine, strict=True)},
        bad=[BadEntry(f"line {line}", error) for line, error in sorted(bad, key=lambda each: each[0])],
        remarks=[(each.line, each.message) for each in found.remarks if each.line not in foreign],
        left=len(found.entries) - len(wanted),
    )


def local_zone() -> str:
    """The IANA name of this machine's zone, in which cron reads its tables. UsageError: it cannot be told."""
    named = os.environ.get("TZ", "").removeprefix(":")
    link = os.path.realpath("/etc/localtime")
    for name in (named, link.partition(ZONEINFO)[2]):
        if name and not name.startswith("/") and _is_zone(name):
            return "UTC" if name == "Etc/UTC" else name
    if not named and datetime.now().astimezone().utcoffset() == timedelta():
        return "UTC"
    raise UsageError("this machine does not say what its time zone is called", fix="add --tz, as in --tz Europe/Athens")


def _is_zone(name: str) -> bool:
    from ...core.calendar import check_zone

    try:
        check_zone(name)
    except UsageError:
        return False
    return True


def _job(entry: Entry, queue: str | None) -> NewJob:
    payload: dict[str, Any] = {"argv": [entry.environment.get("SHELL") or SHELL, "-c", entry.command]}
    home = entry.environment.get("HOME") or _home(entry.user)
    optional = {"env": entry.environment, "cwd": home, "stdin": entry.input}
    payload |= {key: value for key, value in optional.items() if value}
    return NewJob(COMMAND_TYPE, payload, queue=queue, max_attempts=ATTEMPTS)


def _refuse_user_fields(entries: Sequence[Entry]) -> None:
    """A copy of /etc/crontab lies where no file with a user field would; its users are no programs."""
    parts = [entry.command.split(maxsplit=1) for entry in entries]
    if parts and all(len(each) == 2 and _is_user(each[0]) for each in parts):
        raise UsageError(
            f"each command begins with the name of a user, as {parts[0][0]} — is that a user field?",
            fix="--system: it is; --no-system: it is the program",
        )


def _other_user(entry: Entry) -> UsageError:
    return UsageError(
        f"it runs as {entry.user}, and a job runs as the user of its worker",
        fix=f"--user {entry.user} takes that user's lines alone, for a worker of theirs (-Q QUEUE); --any-user all",
    )


def _names(path: PurePath, entries: Sequence[Entry]) -> Iterator[str]:
    """One name for each entry: FILE:COMMAND-HASH, and -2, -3 … behind those of a command that is there again."""
    stem = _slug(path.stem if path.suffix in (".cron", ".crontab", ".txt", ".tab") else path.name) or STDIN
    seen: Counter[str] = Counter()
    for entry in entries:
        digest = hashlib.sha256("\0".join((entry.user or "", entry.command, entry.input or "")).encode()).hexdigest()[
            :6
        ]
        program, _, rest = entry.command.strip().partition(" ")
        name = ":".join((stem, "-".join(filter(None, (_slug(f"{PurePath(program).name} {rest}"), digest)))))
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}"


def _slug(text: str) -> str:
    """What a name may hold of a text."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-._")[:LONGEST_SLUG].rstrip("-._")


def _importer() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _is_user(name: str) -> bool:
    import pwd

    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def _home(user: str | None) -> str | None:
    """Where cron would run the user's commands, as far as this machine knows."""
    import pwd

    try:
        return pwd.getpwnam(user or _importer()).pw_dir or None
    except KeyError:
        return str(Path.home()) if user is None else None
