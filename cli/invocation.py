"""What one run of the program was asked for, besides its verb: the global flags and what follows from them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.model.errors import UsageError

if TYPE_CHECKING:
    from ..core.config import Settings
    from ..core.service import Service

FORMATS = ("auto", "table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "id", "template=")
TEMPLATE = "template="
"""What an output format begins with that says how a record looks."""
JSON_FORMATS = ("json", "jsonl")
COLOURS = ("auto", "always", "never")
TIME_STYLES = ("relative", "local", "utc", "epoch")


@dataclass(slots=True)
class Invocation:
    """The global flags as given. One instance, `current()`, is filled while the arguments are parsed.

    fields: None when --fields was not given, "" when it was given without a value.
    command_line: what followed `--`; None where there was none. propagating: the exit code is a job's
    own now, so failures of jobsched itself must not look like it. auto: the format that `auto` is for
    this verb, where it is another than for most.
    """

    output: str = "auto"
    template: str = ""
    quiet: bool = False
    fields: str | None = None
    no_header: bool = False
    color: str = "auto"
    time: str | None = None
    yes: bool = False
    no_input: bool = False
    dry_run: bool = False
    verbose: bool = False
    database_url: str | None = None
    profile: str | None = None
    imports: list[str] = field(default_factory=list)
    command_line: list[str] | None = None
    propagating: bool = False
    auto: str | None = None
    _settings: Settings | None = None

    @property
    def format(self) -> str:
        """The output format, with `auto` decided: a table on a terminal, TSV in a pipe."""
        if self.quiet:
            return "id"
        if self.output != "auto":
            return self.output
        return self.auto or ("table" if stdout_is_terminal() else "tsv")

    @property
    def is_json(self) -> bool:
        return self.format in JSON_FORMATS

    @property
    def wants_records(self) -> bool:
        """Whether records are asked for, with any of their fields, even where a pipe would get one bare value."""
        return self.format in (*JSON_FORMATS, "yaml", "template")

    @property
    def for_people(self) -> bool:
        """Whether the result goes to a person at a terminal, who wants words rather than fields."""
        return self.format in ("table", "wide")

    @property
    def settings(self) -> Settings:
        """Every setting, read once, with the flags of this run on top."""
        if self._settings is None:
            from ..core.config import load

            flags = {}
            if self.database_url is not None:
                flags["database_url"] = self.database_url
            if self.imports:
                flags["imports"] = ",".join(self.imports)
            self._settings = load(flags, profile=self.profile)
        return self._settings

    def set(self, name: str, value: object) -> None:
        """Store a global flag. UsageError: a word that the flag does not know."""
        if name == "output" and isinstance(value, str) and value.startswith(TEMPLATE):
            self.output, self.template = "template", value.removeprefix(TEMPLATE)
            return
        choices = {"output": FORMATS, "color": COLOURS, "time": TIME_STYLES}.get(name)
        if choices and value not in choices:
            flag = {"output": "-o/--output"}.get(name, f"--{name}")
            raise UsageError(f"{flag} {value!r} is not known — it is one of {', '.join(choices)}")
        if name == "imports" and isinstance(value, (list, tuple)):
            self.imports.extend(value)
            return
        setattr(self, name, value)


_current = Invocation()


def current() -> Invocation:
    """The invocation of this process (of this run, where tests run several)."""
    return _current


def begin() -> Invocation:
    """Forget everything; for the start of a run."""
    global _current  # noqa: PLW0603
    _current = Invocation()
    return _current


@contextmanager
def open_service() -> Iterator[Service]:
    """Open the use cases over the configured store, starting the embedded one where none is configured."""
    from ..core.service import Service

    service = Service(_current.settings)
    try:
        yield service
        if stderr_is_terminal() or stdin_is_terminal():  # scripts press no tab
            from . import vocabulary

            vocabulary.refresh(service, _current)
    finally:
        service.close()


def stdout_is_terminal() -> bool:
    """Whether a person is at stdout."""
    return sys.stdout is not None and sys.stdout.isatty()


def stderr_is_terminal() -> bool:
    """Whether a person is at stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def stdin_is_terminal() -> bool:
    """Whether a person is at stdin."""
    return sys.stdin is not None and sys.stdin.isatty()
