"""The command tree as data: every verb with its flags, arguments, help, and where their words come from.

Building it imports every verb; only generators and tests do. Where a value's words come from follows
from its metavar (`--queue QUEUE`: the queues), so that a new flag is completed without a word about it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer._click.core import Command, Context

from .. import group, invocation
from ..handler_help import field_rows

if TYPE_CHECKING:
    from ...core.handler import Handler
    from ...core.model.selection import Field

METAVARS = {
    "QUEUE": "queues",
    "QUEUE,…": "queues,",
    "TYPE": "types",
    "TAG": "tags",
    "ID": "ids",
    "ID|FINGERPRINT": "dead",
    "NAME|ID": "workers",
    "SCHEDULE": "schedules",
    "PROFILE": "profiles",
    "STATE": "states,",
    "TOPIC": "topics",
    "SHELL": "shells",
    "KIND": "kinds",
    "FIELD": "fields",
    "SELECTION": "terms",
    "FILE": "files",
    "DIR": "folders",
}
"""Metavar → source of words; a comma at the end: of a list of them. Others take what nobody can foresee.

`choice|choice` in lower case are the words themselves.
"""
OF_FLAG = {
    "--priority": "priorities",
    "--output": "formats",
    "--color": "colours",
    "--time": "time-styles",
    "--log-format": "log-formats",
    "--log-level": "log-levels",
    "--group-by": "groups,",
    "--catchup": "catchups",
    "--overlap": "overlaps",
}
OF_FIELD = {
    "state": "states,",
    "queue": "queues,",
    "type": "types,",
    "tag": "tags,",
    "worker": "workers,",
    "schedule": "schedules,",
    "priority": "priorities,",
}
"""Field of a selection → the source of its values."""
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_NO_TEXT = re.compile(r"list of|object|integer|number|boolean|anything")
NAMES_OF = {"cron": "schedules"}
"""Noun → what a NAME after its verbs is one of; `add` gives a new one."""
OF_ARGUMENT: dict[tuple[str, ...], str] = {("config", "get"): "settings", ("config", "explain"): "settings"}
NUMBERS = ("int", "integer", "float")
PROGRAM = "program"
"""The source of what follows `--`: any program's words."""
_CHOICES = re.compile(r"[a-z-]+(\|[a-z-]+)*")


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag. metavar: None where it takes no value. source: of its value's words, "" for none."""

    names: tuple[str, ...]
    metavar: str | None
    help: str
    default: str | None
    repeatable: bool
    source: str


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument. many: it takes all that follow."""

    metavar: str
    help: str
    required: bool
    many: bool
    source: str


@dataclass(frozen=True, slots=True)
class Node:
    """A verb, a noun with verbs, or (with an empty path) the program. text: its help, whole.

    flags: its own; those that every command takes are `Node.flags` of the program. program: words after `--` are one.
    """

    path: tuple[str, ...]
    summary: str
    text: str
    flags: tuple[Flag, ...]
    arguments: tuple[Argument, ...]
    verbs: tuple[Node, ...]
    program: bool = False
    usage: str = ""

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in order."""
        yield self
        for verb in self.verbs:
            yield from verb.walk()


def tree() -> Node:
    """Return the program with everything below it, verbs in the order of `jobsched --help`."""
    root = group.program()
    context = Context(root, info_name="jobsched")
    known = group.verbs()
    listed = [name for section in group.SECTIONS.values() for name in section if name in known]
    names = [*listed, *(name for name in known if name not in listed)]
    verbs = tuple(_node(root, name, (name,), context) for name in names)
    flags = tuple(_flag(param) for param in root.params if "--dry-run" not in param.opts)
    return Node((), root.help or "", root.help or "", flags, (), verbs, usage="COMMAND [FLAGS]")


def _node(parent: Any, name: str, path: tuple[str, ...], above: Context) -> Node:
    command: Command = parent.get_command(above, name)
    context = Context(command, info_name=name, parent=above)
    text = (command.help or "").strip()
    verbs: tuple[Node, ...] = ()
    if isinstance(command, group.Group):
        verbs = tuple(_node(command, each, (*path, each), context) for each in command.list_commands(context))
    arguments = tuple(_argument(path, param) for param in command.params if param.param_type_name == "argument")
    return Node(
        path=path,
        summary=group.help_line(name) if len(path) == 1 else text.partition("\n")[0],
        text=text,
        flags=tuple(_own_flags(command)),
        arguments=arguments,
        verbs=verbs,
        program=_takes_program(command, name),
        usage=" ".join(_usage(piece) for piece in command.collect_usage_pieces(context)),
    )


def _takes_program(command: Any, name: str) -> bool:
    takes = getattr(getattr(command, "module", None), "TAKES_COMMAND_LINE", False)
    return takes if isinstance(takes, bool) else name in takes


def _usage(piece: str) -> str:
    return "[FLAGS]" if piece == "[OPTIONS]" else piece.strip("{}")


def _own_flags(command: Command) -> Iterator[Flag]:
    """Flags of this verb alone, and --dry-run where it is honoured."""
    runs_dry = getattr(command.callback, "dry_runnable", False)
    for param in command.params:
        is_global = (param.name or "").startswith("global_")
        if param.param_type_name == "option" and (not is_global or (runs_dry and "--dry-run" in param.opts)):
            yield _flag(param)


def _flag(param: Any) -> Flag:
    names = tuple(sorted((*param.opts, *param.secondary_opts), key=lambda name: (name.startswith("--"), name)))
    kind = param.type.name.partition(" ")[0]
    metavar = None if param.is_flag else param.metavar or ("N" if kind in NUMBERS else "TEXT")
    default = param.default if isinstance(param.default, int | float | str) and not param.is_flag else None
    return Flag(
        names=names,
        metavar=metavar,
        help=param.help or "",
        default=None if default in (None, "") else str(default),
        repeatable=bool(param.multiple),
        source=next((OF_FLAG[name] for name in names if name in OF_FLAG), _source(metavar)) if metavar else "",
    )


def _argument(path: tuple[str, ...], param: Any) -> Argument:
    metavar = param.metavar or (param.name or "").upper()
    return Argument(
        metavar=metavar.strip("[]"),
        help=param.help or "",
        required=bool(param.required),
        many=param.nargs == -1,
        source=OF_ARGUMENT.get(path) or _named(path, metavar) or _source(metavar),
    )


def _named(path: tuple[str, ...], metavar: str) -> str:
    is_name = metavar.strip("[]").partition("|")[0].removesuffix("…") == "NAME"
    return NAMES_OF.get(path[0], "") if is_name and path[-1] != "add" else ""


def _source(metavar: str | None) -> str:
    plain = re.sub(r"\[.*\]$", "", (metavar or "").strip("[]")) if metavar else ""
    if _CHOICES.fullmatch(plain):
        return f"={plain}"
    return METAVARS.get(plain) or METAVARS.get(plain.removesuffix("…"), "")


def static_words() -> dict[str, tuple[tuple[str, str], ...]]:
    """Source → its words that no store is asked for, each with a line of help or ""."""
    from ...core.config import SETTINGS
    from ...core.model.priority import Priority
    from ...core.model.schedule import Catchup, Overlap
    from ...core.model.selection import FIELDS
    from ...core.model.states import State
    from ..commands import help as help_command
    from ..commands import ls
    from .json_schema import names

    def bare(words: Any) -> tuple[tuple[str, str], ...]:
        return tuple((str(word), "") for word in words)

    return {
        "ids": (("@last", "the job that was submitted last"),),
        "dead": (("@last", "the job that was submitted last"),),
        "types": _built_in_types(),
        "terms": tuple((word, field.help) for field in FIELDS.values() for word in _beginnings(field)),
        "states": bare(state.value for state in State),
        "priorities": bare(priority.word for priority in Priority),
        "topics": bare(help_command.TOPICS),
        "kinds": bare(names()),
        "formats": bare(invocation.FORMATS),
        "colours": bare(invocation.COLOURS),
        "time-styles": bare(invocation.TIME_STYLES),
        "log-formats": bare(("console", "json")),
        "log-levels": bare(("debug", "info", "warning", "error")),
        "groups": bare(ls.GROUPS),
        "catchups": bare(each.value for each in Catchup),
        "overlaps": bare(each.value for each in Overlap),
        "settings": tuple((setting.key, setting.help) for setting in SETTINGS),
    }


def values_of_fields() -> dict[str, str]:
    """Every word that names a field of a selection → the source of its values, of those that have one."""
    from ...core.model.selection.fields import NAMES

    return {name: OF_FIELD[field.name] for name, field in NAMES.items() if field.name in OF_FIELD}


def payload_words() -> dict[str, tuple[tuple[str, str], ...]]:
    """Built-in type → its payload's fields, `key=` where it takes text and `key:=` where JSON."""
    return {each.name: tuple(_payload_words(each.json_schema())) for each in _built_in_handlers()}


def _payload_words(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for row in field_rows(schema):
        if _PLAIN.fullmatch(row["field"]):
            yield f"{row['field']}{':=' if _NO_TEXT.match(row['kind']) else '='}", row["description"] or ""


def _beginnings(field: Field) -> tuple[str, ...]:
    """The field with each of its operators that is one character long; a payload's goes on with a name."""
    from ...core.model.selection.fields import OPERATORS

    return (
        (f"{field.name}.",)
        if field.kind == "args"
        else tuple(f"{field.name}{each}" for each in OPERATORS[field.kind] if len(each) == 1)
    )


def _built_in_types() -> tuple[tuple[str, str], ...]:
    return tuple((each.name, each.summary) for each in _built_in_handlers())


def _built_in_handlers() -> Iterator[Handler]:
    """What every installation has; types from packages and --import are known from the workers that run them."""
    from ...core.registry import BUILTIN_PACKAGE, Registry

    return (each for each in Registry().all() if each.function.__module__.startswith(f"{BUILTIN_PACKAGE}."))
