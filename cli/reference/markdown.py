"""docs/cli.md: every command, argument and flag, from the command tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..commands.help import EXIT_CODES
from ..group import ALIASES, SECTIONS
from .tree import Argument, Flag, Node

HEAD = """\
# The command line

<!-- Made from the command tree by `make generated`; not to be edited. -->

stdout carries data and stderr talk. On a terminal a listing is a table, in a pipe TSV; `-o json` and `-o jsonl` are
for programs, their fields only ever grow. Flags go before the verb or after it; a verb's own flags after it. What
follows `--` is a program to run. `jobsched COMMAND --help` says the same as this page, `jobsched help TOPIC` explains
what concerns all commands.
"""


def reference(program: Node) -> str:
    """Return the page, whole."""
    return "\n".join(_page(program))


def exit_codes() -> list[tuple[str, str]]:
    """Code and meaning, as `jobsched help exit-codes` has them."""
    return re.findall(r"^ *(\d+)  (.*)$", EXIT_CODES, re.MULTILINE)


def aliases(name: str) -> list[str]:
    """Other words for a verb."""
    return [alias for alias, verb in ALIASES.items() if verb == name]


def _page(program: Node) -> Iterator[str]:
    yield HEAD
    yield from _contents(program)
    yield "## Flags of every command\n"
    yield from _flags(program.flags)
    yield "## Exit codes\n"
    yield from _table(("code", "meaning"), exit_codes())
    yield "With `--propagate`, the job's own exit code.\n"
    for noun in program.verbs:
        yield from _command(noun, 2)
        for verb in noun.verbs:
            yield from _command(verb, 3)


def _contents(program: Node) -> Iterator[str]:
    by_name = {node.path[0]: node for node in program.verbs}
    listed = {name for names in SECTIONS.values() for name in names}
    more = {"More": tuple(name for name in by_name if name not in listed)}
    for title, names in (SECTIONS | more).items():
        nodes = [by_name[name] for name in names if name in by_name]
        if nodes:
            yield f"**{title}**\n"
            yield from _table(("command", ""), ((f"[`{n.path[0]}`](#{_anchor(n)})", _cell(n.summary)) for n in nodes))


def _command(node: Node, level: int) -> Iterator[str]:
    yield f"{'#' * level} jobsched {' '.join(node.path)}\n"
    if not node.verbs:
        yield f"```text\njobsched {' '.join(node.path)} {node.usage}\n```\n"
    yield node.text + "\n"
    others = aliases(node.path[0]) if len(node.path) == 1 else []
    if others:
        yield f"Also: {', '.join(f'`jobsched {word}`' for word in others)}.\n"
    yield from _arguments(node.arguments)
    yield from _flags(node.flags)


def _arguments(arguments: Iterable[Argument]) -> Iterator[str]:
    rows = [(f"`{argument.metavar}`", _cell(argument.help)) for argument in arguments if argument.help]
    if rows:
        yield from _table(("argument", ""), rows)


def _flags(flags: Iterable[Flag]) -> Iterator[str]:
    rows = [(_names(flag), f"`{flag.default}`" if flag.default else "", _cell(flag.help)) for flag in flags]
    if rows:
        yield from _table(("flag", "default", ""), rows)


def _names(flag: Flag) -> str:
    value = f" {flag.metavar}" if flag.metavar else ""
    return ", ".join(f"`{name}`" for name in (*flag.names[:-1], f"{flag.names[-1]}{value}")).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")


def _anchor(node: Node) -> str:
    return f"jobsched-{'-'.join(node.path)}"
