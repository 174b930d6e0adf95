"""Man pages from the command tree: jobsched(1), and one for each command, as jobsched-submit(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...core.version import VERSION
from .markdown import aliases, exit_codes
from .tree import Argument, Flag, Node

FILES = (
    ("$XDG_CONFIG_HOME/jobsched/config.toml, ~/.config/jobsched/config.toml", "Your settings."),
    (".jobsched.toml", "Settings of the working directory, or of one above it; where the store is not among them."),
    ("/etc/jobsched/config.toml", "Settings of this machine."),
    ("$XDG_CACHE_HOME/jobsched/words", "What completion knows; may be removed."),
)


def pages(program: Node) -> dict[str, str]:
    """Return file name → man page."""
    found = {"jobsched.1": "\n".join([*_main(program), ""])}
    for node in program.verbs:
        found[f"jobsched-{node.path[0]}.1"] = "\n".join([*_command(node), ""])
    return found


def _main(program: Node) -> Iterator[str]:
    yield from _head("jobsched", program.summary)
    yield from ("\\fBjobsched\\fR \\fICOMMAND\\fR [\\fIFLAGS\\fR]", ".SH DESCRIPTION")
    yield _text(
        "stdout carries data and stderr talk. On a terminal a listing is a table, in a pipe TSV. Each command has"
    )
    yield _text("a page of its own, and help: jobsched COMMAND --help.")
    yield ".SH COMMANDS"
    for node in program.verbs:
        yield from _item(f"\\fBjobsched\\-{_text(node.path[0])}\\fR(1)", node.summary)
    yield ".SH FLAGS OF EVERY COMMAND"
    yield from _flags(program.flags)
    yield ".SH EXIT STATUS"
    for code, meaning in exit_codes():
        yield from _item(f"\\fB{code}\\fR", meaning)
    yield _text("With --propagate, the job's own exit code.")
    yield ".SH FILES"
    for path, meaning in FILES:
        yield from _item(f"\\fI{_text(path)}\\fR", meaning)
    yield from (".SH ENVIRONMENT", _text("Every setting has a variable: jobsched help environment."))


def _command(node: Node) -> Iterator[str]:
    name = f"jobsched-{node.path[0]}"
    yield from _head(name, node.summary)
    leaves = node.verbs or (node,)
    for position, leaf in enumerate(leaves):
        if position:
            yield ".br"
        yield f"\\fBjobsched {_text(' '.join(leaf.path))}\\fR {_text(leaf.usage)}"
    if not node.verbs:
        yield ".SH DESCRIPTION"
        yield from _body(node)
    for leaf in node.verbs:
        yield f".SH {_text(leaf.path[-1]).upper()}"
        yield from _body(leaf)
    yield from (".SH SEE ALSO", "\\fBjobsched\\fR(1), for flags that every command takes and for exit codes")


def _body(node: Node) -> Iterator[str]:
    for position, paragraph in enumerate(node.text.split("\n\n")):
        if position:
            yield ".PP"
        yield from (_text(line) for line in paragraph.splitlines())
    others = aliases(node.path[0]) if len(node.path) == 1 else []
    if others:
        yield from (".PP", f"Also: {_text(', '.join(f'jobsched {word}' for word in others))}.")
    yield from _arguments(node.arguments)
    yield from _flags(node.flags)


def _head(name: str, summary: str) -> Iterator[str]:
    yield '.\\" Made from the command tree by `make generated`; not to be edited.'
    yield f'.TH {name.upper()} 1 "" "jobsched {VERSION}" "jobsched"'
    yield from (".SH NAME", f"{_text(name)} \\- {_text(summary.rstrip('.'))}", ".SH SYNOPSIS")


def _arguments(arguments: Iterable[Argument]) -> Iterator[str]:
    for argument in arguments:
        if argument.help:
            yield from _item(f"\\fI{_text(argument.metavar)}\\fR", argument.help)


def _flags(flags: Iterable[Flag]) -> Iterator[str]:
    for flag in flags:
        value = f" \\fI{_text(flag.metavar)}\\fR" if flag.metavar else ""
        default = f" Default: {flag.default}." if flag.default else ""
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in flag.names)
        yield from _item(names + value, f"{flag.help}{default}")


def _item(title: str, text: str) -> Iterator[str]:
    yield from (".TP", title, _text(" ".join(text.split())))


def _text(text: str) -> str:
    """Text that roff shows as it is: no escape, no request at the beginning of a line, real minus signs."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
