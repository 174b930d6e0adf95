"""Completion scripts for bash, zsh and fish: tables from the command tree, and the logic of each shell.

Not typer's own: they start Python at every tab, and zsh evaluates what they print, so that whoever may name a
job could run a program in a colleague's shell. Here static words are in the script, and those of the store
come from files that the shell reads and checks itself (vocabulary.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..group import ALIASES
from .scripts import MADE
from .tree import PROGRAM, Flag, Node, payload_words, static_words, values_of_fields

LONGEST_HELP = 60
HEADERS = {
    "bash": "# bash completion for jobsched",
    "zsh": "#compdef jobsched\n# zsh completion for jobsched",
    "fish": "# fish completion for jobsched",
}
NOTE = f"; {MADE} by `make generated`, not to be edited."


def script(shell: str, program: Node) -> str:
    """Return the completion script of a shell, whole."""
    logic = Path(__file__).with_name(f"logic.{shell}").read_text(encoding="utf-8")
    render = _fish_table if shell == "fish" else _posix_table
    tables = "\n".join(render(table) for table in _tables(program))
    return f"{HEADERS[shell]}{NOTE}\n\n{tables}\n{_aliases(shell)}\n{logic}"


@dataclass(frozen=True, slots=True)
class _Table:
    """A function from one word, or a pair of them, to a text: the first arm that fits answers."""

    name: str
    arms: tuple[tuple[tuple[str, ...], str], ...]
    pairs: bool = False


def _tables(program: Node) -> Iterator[_Table]:
    nodes = list(program.walk())
    named = {" ".join(node.path): node for node in nodes}
    yield _Table("verbs", tuple(((path,), _lines_of_verbs(node)) for path, node in named.items() if node.verbs))
    flags = [((path or "-",), _lines_of_flags(node.flags)) for path, node in named.items() if node.flags]
    yield _Table("flags", tuple(sorted(flags)))
    yield _Table("value", tuple(_values(program)), pairs=True)
    yield _Table("place", tuple(_places(nodes)), pairs=True)
    yield _Table("payload", tuple(((kind,), _lines(found)) for kind, found in payload_words().items() if found))
    yield _Table("term", tuple(((name,), source) for name, source in values_of_fields().items()))
    words = {source: _lines(found) for source, found in static_words().items()}
    sources = {each.source for node in nodes for each in node.flags}
    sources |= {each.source for node in nodes for each in node.arguments}
    choices = {source for source in sources if source.startswith("=")}
    words |= {source: _lines((word, "") for word in source[1:].split("|")) for source in choices}
    yield _Table("static", tuple(((source,), text) for source, text in sorted(words.items())))


def _values(program: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """`PATH FLAG` → `-` and the source of the flag's value; nothing for flags that take none.

    What a verb's flag means goes before what it means elsewhere (`tail -n 5`).
    """
    own: dict[str, list[str]] = {}
    taken: list[str] = []
    for node in program.walk():
        for flag in node.flags if node.path else ():
            keys = [f"{' '.join(node.path)} {name}" for name in flag.names]
            if flag.metavar:
                own.setdefault(f"-{flag.source}", []).extend(keys)
            else:
                taken.extend(keys)
    if taken:
        yield tuple(taken), ""
    for source, keys in sorted(own.items()):
        yield tuple(keys), source
    for flag in program.flags:
        if flag.metavar:
            yield tuple(f"* {name}" for name in flag.names), f"-{flag.source}"


def _places(nodes: Iterable[Node]) -> Iterator[tuple[tuple[str, ...], str]]:
    """`PATH NUMBER` → the source of that positional argument; `PATH --` → program where one follows."""
    for node in nodes:
        path = " ".join(node.path)
        if node.program:
            yield (f"{path} --",), PROGRAM
        for number, argument in enumerate(node.arguments):
            if argument.source:
                yield (f"{path} *" if argument.many else f"{path} {number}",), argument.source


def _lines_of_verbs(node: Node) -> str:
    return _lines((verb.path[-1], verb.summary) for verb in node.verbs)


def _lines_of_flags(flags: Iterable[Flag]) -> str:
    return _lines((name, flag.help) for flag in flags for name in reversed(flag.names))


def _lines(words: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{word}\t{_brief(about)}\n" for word, about in words)


def _brief(text: str) -> str:
    """Help for one line of a listing."""
    first = text.partition("\n")[0].rstrip(".")
    return first if len(first) <= LONGEST_HELP else first[: LONGEST_HELP - 1].rsplit(" ", 1)[0] + " …"


def _posix_table(table: _Table) -> str:
    """A table as a function that sets REPLY; the text is the same in bash and zsh."""
    arms = []
    for keys, text in table.arms:
        arms.append(f"        ({'|'.join(_posix_pattern(key) for key in keys)})")
        arms.append(f"            REPLY={_posix(text)} ;;")
    subject = '"$1 $2"' if table.pairs else '"$1"'
    head = [f"_jobsched_{table.name}() {{", f"    case {subject} in"]
    return "\n".join([*head, *arms, "        (*) REPLY= ;;", "    esac", "}\n"])


def _fish_table(table: _Table) -> str:
    """A table as a function that prints."""
    arms = []
    for keys, text in table.arms:
        arms.append(f"        case {' '.join(_fish(key) for key in keys)}")
        arms.append(f"            printf %s {_fish(text)}" if text else "            return")
    subject = '"$argv[1] $argv[2]"' if table.pairs else '"$argv[1]"'
    return "\n".join([f"function __jobsched_{table.name}", f"    switch {subject}", *arms, "    end", "end\n"])


def _aliases(shell: str) -> str:
    """Other words for verbs: bash and zsh set `word`, fish prints it."""
    if shell == "fish":
        arms = "".join(f"        case ' {alias}'\n            echo {verb}\n" for alias, verb in ALIASES.items())
        other = "        case '*'\n            echo -- $argv[2]\n"
        return f'function __jobsched_alias\n    switch "$argv[1]"\n{arms}{other}    end\nend\n'
    arms = "".join(f"        (' {alias}') word={verb} ;;\n" for alias, verb in ALIASES.items())
    return f'_jobsched_alias() {{\n    case "$1" in\n{arms}    esac\n}}\n'


def _posix_pattern(key: str) -> str:
    """A key as a pattern of `case`: quoted, but for the `*` of "any verb" or "any place"."""
    if key.startswith("* "):
        return "*" + _posix(key[1:])
    return _posix(key[:-1]) + "*" if key.endswith(" *") else _posix(key)


def _posix(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    """In fish a quoted `*` of `case` is a pattern still."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
