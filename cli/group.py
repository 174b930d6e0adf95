"""The command tree, built only as far as this run needs it.

A verb is a file in cli/commands: its docstring's first line is its line in `--help`, and it has either
a function `command` (one verb) or a `typer.Typer()` called `app` (a noun with verbs). Only the called
file is imported. A command returns its exit code, None for 0.

Further names that a file may have: ALIASES (other words for it), TAKES_COMMAND_LINE (what follows `--`
is a program to run, found in `invocation.current().command_line`; of a noun, the verbs of which that is so),
`epilog(arguments)` (text below its `--help`), EXAMPLES (the same of a noun's own `--help`).
"""

from __future__ import annotations

import ast
import importlib
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from typer import Typer
from typer._click.core import Command, Context
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command_from_info
from typer.models import CommandInfo

from ..core.model.errors import UsageError
from . import invocation

FOLDER = Path(__file__).parent / "commands"
HELP_NAMES: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
ALIASES = {"ps": "ls", "jobs": "ls"}
SECTIONS: dict[str, tuple[str, ...]] = {
    "Jobs": ("submit", "ls", "show", "logs", "tail", "wait", "why", "dlq"),
    "Changing jobs": ("cancel", "retry", "hold", "release", "move", "undo", "ops"),
    "Workers, queues, schedules": ("worker", "workers", "queue", "cron", "handlers"),
    "The rest": (
        "tui",
        "demo",
        "doctor",
        "verify",
        "archive",
        "db",
        "db-tx",
        "config",
        "completion",
        "schema",
        "bench",
        "chaos",
        "help",
    ),
}
GLOBAL_FLAGS = "\nGlobal flags:{dry} -o -q --fields --no-header --color --time -y -v … (jobsched --help)\n"
EXAMPLES = """
Examples:
  jobsched demo                            real jobs, start to end, in a minute
  jobsched submit noop                     the id of a new job
  jobsched submit --follow -- make test    a program (worker --allow-commands)
  jobsched worker --concurrency 4          run what was submitted
  jobsched ls --state dead -o jsonl        what failed, for a program
  jobsched tui                             everything on one screen

Exit codes, output, times: jobsched help TOPIC
"""
Function = TypeVar("Function", bound=Callable[..., Any])


def dry_runnable(function: Function) -> Function:
    """Mark a command that honours `invocation.current().dry_run`; the others refuse --dry-run."""
    function.dry_runnable = True  # type: ignore[attr-defined]
    return function


@cache
def verbs() -> tuple[str, ...]:
    """The names of the files in cli/commands, sorted; `db_tx.py` is the verb `db-tx`."""
    names = (entry[:-3] for entry in os.listdir(FOLDER) if entry.endswith(".py") and not entry.startswith("_"))
    return tuple(sorted(name.replace("_", "-") for name in names))


def help_line(verb: str) -> str:
    """The first line of the verb's file, without importing it."""
    source = (FOLDER / f"{verb.replace('-', '_')}.py").read_text(encoding="utf-8")
    first = source.partition("\n")[0].strip()
    return str(ast.literal_eval(first if first.endswith('"""') and len(first) > 3 else f'{first}"""')).strip()


class Verb(TyperCommand):
    """A command that also knows the global flags."""

    module: ModuleType

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        own = list(args)
        takes = getattr(self.module, "TAKES_COMMAND_LINE", False)
        if (takes is True or (takes and self.name in takes)) and "--" in own:
            at = own.index("--")
            invocation.current().command_line = own[at + 1 :]
            own = own[:at]
        if "--help" in own or "-h" in own:
            epilog = getattr(self.module, "epilog", None)
            self.epilog = epilog(own) if epilog else self.epilog
        return super().parse_args(ctx, own)

    def invoke(self, ctx: Context) -> Any:
        if invocation.current().dry_run and not getattr(self.callback, "dry_runnable", False):
            raise UsageError(f"{ctx.command_path} has no dry run", fix="leave out --dry-run")
        try:
            return super().invoke(ctx)
        except UsageError as error:
            error.fix = error.fix or f"{ctx.command_path} --help"
            raise

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        if self.epilog:
            formatter.write(f"\n{self.epilog}\n")
        dry = " -n/--dry-run" if getattr(self.callback, "dry_runnable", False) else ""
        formatter.write(GLOBAL_FLAGS.format(dry=dry))


class Group(TyperGroup):
    """A noun with verbs (`queue ls`), or the program itself."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if not rest and not ctx._protected_args and not ctx.resilient_parsing:
            raise UsageError(
                f"{ctx.command_path} needs a verb — one of {', '.join(self.list_commands(ctx))}",
                fix=f"{ctx.command_path} --help",
            )
        return rest

    def list_commands(self, ctx: Context) -> list[str]:
        return list(self.commands)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None:
            raise self._unknown(ctx, args[0])
        return args[0], command, args[1:]

    def _unknown(self, ctx: Context, word: str) -> UsageError:
        from difflib import get_close_matches

        close = get_close_matches(word, self.list_commands(ctx), 1)
        meant = f" — did you mean {close[0]}?" if close else ""
        fix = f"{ctx.command_path} {close[0]}" if close else f"{ctx.command_path} --help"
        where = f"{ctx.command_path} has no" if ctx.parent else "there is no"
        return UsageError(f"{where} command {word[:80]!r}{meant}", fix=fix)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        if self.epilog:
            formatter.write(f"\n{self.epilog}\n")
        formatter.write(GLOBAL_FLAGS.format(dry="") if ctx.parent is not None else EXAMPLES)


class Program(Group):
    """The root: finds a verb's file when it is called."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(verbs())

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        return _build(name) if name in verbs() else None

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        known = set(verbs())
        listed = {verb for section in SECTIONS.values() for verb in section}
        sections = {**SECTIONS, "More": tuple(sorted(known - listed))}
        for title, names in sections.items():
            rows = [(name, help_line(name)) for name in names if name in known]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=12)


def program() -> Program:
    """Return the root of the tree; no verb has been imported."""
    return Program(
        name="jobsched",
        help="A terminal-first job scheduler: one binary, one Postgres, nothing else to operate.",
        params=list(_global_options(hidden=False)),
        context_settings=HELP_NAMES,
        rich_markup_mode=None,
        suggest_commands=False,
    )


def _build(name: str) -> Command:
    module = importlib.import_module(f".commands.{name.replace('-', '_')}", __package__)
    app = getattr(module, "app", None)
    if not isinstance(app, Typer):
        return _command(name, module, CommandInfo(name=name, callback=module.command))
    group = Group(
        name=name,
        help=module.__doc__,
        params=list(_global_options(hidden=True)),
        context_settings=HELP_NAMES,
        epilog=getattr(module, "EXAMPLES", None),
        rich_markup_mode=None,
        suggest_commands=False,
    )
    for info in app.registered_commands:
        command = _command(info.name or cast("Any", info.callback).__name__, module, info)
        group.add_command(command)
    return group


def _command(name: str, module: ModuleType, info: CommandInfo) -> Command:
    info.name = name
    info.cls = Verb
    info.context_settings = {**HELP_NAMES, **(info.context_settings or {})}
    command = cast("Verb", get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None))
    command.module = module
    taken = {name for param in command.params for name in param.opts}
    command.params.extend(_global_options(hidden=True, taken=taken))
    return command


_OPTIONS: tuple[tuple[str, tuple[str, ...], str | None, str], ...] = (
    ("output", ("-o", "--output"), "FORMAT", "auto, table, wide, tsv, csv, json, jsonl, yaml, id or template=TEXT"),
    ("quiet", ("-q", "--quiet"), None, "bare ids only (-o id)"),
    ("fields", ("--fields",), "A,B", "these fields, in this order; without a value: list them"),
    ("no_header", ("--no-header",), None, "no header line"),
    ("color", ("--color",), "WHEN", "auto, always or never"),
    ("time", ("--time",), "STYLE", "relative, local, utc or epoch"),
    ("yes", ("-y", "--yes"), None, "don't ask before big changes"),
    ("no_input", ("--no-input",), None, "never ask anything"),
    ("dry_run", ("-n", "--dry-run"), None, "show what would be done; change nothing"),
    ("verbose", ("-v", "--verbose"), None, "say more on stderr"),
    ("profile", ("-p", "--profile"), "PROFILE", "settings of [profile.PROFILE]; before JOBSCHED_PROFILE"),
    ("database_url", ("--database-url",), "URL", "the store; better JOBSCHED_DATABASE_URL, which `ps` doesn't show"),
    ("imports", ("--import",), "MODULE", "a Python module with handlers of yours (may be repeated)"),
)


def _global_options(*, hidden: bool, taken: Iterable[str] = ()) -> Iterable[TyperOption]:
    """The flags that every command takes, before or after the verb."""
    used = set(taken)
    for name, declared, metavar, text in _OPTIONS:
        flags = [flag for flag in declared if flag not in used]
        if flags:
            yield TyperOption(
                param_decls=[f"global_{name}", *flags],
                is_flag=metavar is None,
                metavar=metavar,
                multiple=name == "imports",
                expose_value=False,
                is_eager=name in ("output", "quiet", "color"),
                callback=_setter(name),
                help=text,
                hidden=hidden,
            )


def _setter(name: str) -> Callable[[Context, Any, Any], None]:
    def keep(ctx: Context, param: Any, value: Any) -> None:
        if value not in (None, False, (), []) and not ctx.resilient_parsing:
            invocation.current().set(name, value)

    return keep
