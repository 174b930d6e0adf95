"""Reads crontab files, as Debian's cron reads them.

Two differences are meant: CRON_TZ (of cronie) is understood, and what cannot be taken over is refused by its line
number, the other lines standing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath

from ..model.errors import UsageError
from .parsing import parse
from .zones import check_zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SETTING = re.compile(
    r"""(?P<name>'[^'=]+'|"[^"=]+"|[^\s='"][^\s=]*)\s*=\s*+(?P<value>'[^']*'\s*|"[^"]*"\s*|(?!["']).*)"""
)
_HEAD = re.compile(r"(?P<when>@every[ \t]+\S+|@\S+|\S+(?:[ \t]+\S+){4})(?:[ \t]+(?P<rest>.*))?", re.IGNORECASE)
_COMMAND = re.compile(r"(?P<command>(?:\\.?|[^\\%])*)(?:%(?P<input>.*))?", re.DOTALL)
_REMARKS = {
    "TZ": "TZ is passed to the commands and does not change when they run; CRON_TZ does",
    "MAILTO": "nobody is mailed — `jobsched logs ID` shows what a job printed",
    "MAILFROM": "nobody is mailed — `jobsched logs ID` shows what a job printed",
    "RANDOM_DELAY": "RANDOM_DELAY is not used — `jobsched cron edit NAME --jitter 5m` spreads jobs",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that runs a command.

    user: who runs it; None in a user's own crontab. command: for the shell that SHELL in `environment` names,
    /bin/sh if it names none. input: what the command reads from its standard input; None: nothing.
    environment: what the lines above it set. timezone: IANA name, in which `expression` is read.
    """

    line: int
    expression: str
    user: str | None
    command: str
    input: str | None
    environment: dict[str, str]
    timezone: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One line that cannot be taken over, and why; `fix` mends it."""

    line: int
    text: str
    message: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What is different here about a line that was taken over."""

    line: int
    message: str


@dataclass(slots=True)
class Crontab:
    """What a file says, in its order."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def has_user_field(path: PurePath) -> bool:
    """Whether cron takes the sixth word of the file's lines for a user: /etc/crontab, and what is in /etc/cron.d."""
    return (path.name == "crontab" and path.parent.name == "etc") or path.parent.name == "cron.d"


def read_crontab(text: str, *, user_field: bool, timezone: str = "UTC") -> Crontab:
    """What the crontab `text` says.

    user_field: its lines name a user before the command, as /etc/crontab's do. timezone: IANA name, for the lines
    above the first CRON_TZ. UsageError: `timezone` is unknown. All else that is wrong is in `refused`.
    """
    check_zone(timezone)
    reader = _Reader(user_field, timezone)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.removesuffix("\r").lstrip(" \t")
        if stripped and not stripped.startswith("#"):
            reader.read(number, stripped)
    return reader.found


class _Reader:
    """Reads line by line; what is set holds for the lines that follow."""

    def __init__(self, user_field: bool, timezone: str) -> None:
        self.found = Crontab()
        self._user_field = user_field
        self._timezone = timezone
        self._environment: dict[str, str] = {}

    def read(self, number: int, line: str) -> None:
        """Take one line that is neither empty nor a comment."""
        try:
            if "\0" in line:
                raise UsageError("a NUL character", fix="remove it: `tr -d '\\0'`")
            setting = _SETTING.fullmatch(line)
            if setting:
                self._set(number, _unquoted(setting["name"]), _unquoted(setting["value"].rstrip()))
            else:
                self._add(number, line)
        except UsageError as error:
            self.found.refused.append(Refusal(number, line, error.message, error.fix))

    def _set(self, number: int, name: str, value: str) -> None:
        if name == "CRON_TZ":
            self._timezone = value  # also a wrong one: the lines below are not meant for another
            check_zone(value)
            return
        self._environment[name] = value
        if name in _REMARKS and value:
            self.found.remarks.append(Remark(number, _REMARKS[name]))

    def _add(self, number: int, line: str) -> None:
        head = _HEAD.fullmatch(line)
        if head is None:
            raise UsageError(
                "neither NAME=value nor a time — a line has five fields and a command",
                fix="write for example '0 9 * * 1-5 command'",
            )
        calendar = parse(head["when"], self._timezone, anchor=_EPOCH)
        user, text = None, (head["rest"] or "").rstrip(" \t")
        if self._user_field:
            words = re.split(r"[ \t]+", text, maxsplit=1)
            user, text = words[0], "".join(words[1:])
        if not text:
            raise UsageError(
                f"no command after {'the user' if user else 'the time'}",
                fix="write the user before the command" if self._user_field else "write the command after the time",
            )
        command, given = _split(text)
        if not calendar.fires:
            self.found.remarks.append(Remark(number, f"{calendar.expression} never fires: no month has such a day"))
        self.found.entries.append(
            Entry(number, calendar.expression, user, command, given, dict(self._environment), self._timezone)
        )


def _unquoted(text: str) -> str:
    """`text` without the quotes around it, if the same stand on both sides."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _split(text: str) -> tuple[str, str | None]:
    """The command, and its input: what follows the first `%`, where each further one is a new line.

    A backslash makes `%` an ordinary character; in the command it does that for a backslash too.
    """
    parts = _COMMAND.fullmatch(text)
    assert parts is not None
    command = re.sub(r"\\([\\%])", r"\1", parts["command"])
    if parts["input"] is None:
        return command, None
    given = re.sub(r"(\\?)%", lambda found: "%" if found[1] else "\n", parts["input"])
    return command, given if not given or given.endswith("\n") else given + "\n"
