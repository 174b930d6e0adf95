"""Completion for bash, zsh and fish: print the script, or --install it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ...core.model.errors import Conflict, PermissionDenied
from .. import arguments, diagnostics, output
from ..reference.scripts import FILES, MADE, folder
from ..text import tick

Shell = Annotated[str, typer.Argument(metavar="bash|zsh|fish", show_default=False)]


def command(
    shell: Shell,
    install: Annotated[bool, typer.Option("--install", help="Write it to where the shell looks for it.")] = False,
) -> None:
    """Print a shell's completion script, or write it to its place below your home.

    No file of yours is edited: where the shell needs a line in its start-up file, the line is printed.
    """
    arguments.choice("SHELL", shell, tuple(FILES))
    script = (folder() / FILES[shell]).read_text(encoding="utf-8")
    if not install:
        output.line(script.removesuffix("\n"), escaped=True)
        return
    place = _place(shell)
    _write(place, script)
    output.line(f"{tick()} {place}")
    for line in _next(shell, place):
        diagnostics.note(line)


def _place(shell: str) -> Path:
    """Where the shell finds a user's own completions."""
    if shell == "fish":
        return _base("XDG_CONFIG_HOME", ".config") / "fish" / "completions" / "jobsched.fish"
    data = _base("XDG_DATA_HOME", ".local/share")
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_jobsched"
    own = os.environ.get("BASH_COMPLETION_USER_DIR")
    return (Path(own) if own else data / "bash-completion") / "completions" / "jobsched"


def _base(variable: str, otherwise: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if os.path.isabs(value) else Path.home() / otherwise


def _write(place: Path, script: str) -> None:
    """Put the script there, whole or not at all. Conflict: there is one that jobsched did not make."""
    try:
        if place.exists() and MADE not in place.read_text(encoding="utf-8", errors="replace"):
            raise Conflict(f"{place} is there and is not jobsched's own", fix=f"rm {shlex.quote(str(place))}")
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = place.with_name(f".{place.name}.{os.getpid()}")
        scratch.write_text(script, encoding="utf-8")
        scratch.replace(place)
    except OSError as error:
        raise PermissionDenied(f"{place} cannot be written — {error.strerror}") from None


def _next(shell: str, place: Path) -> list[str]:
    """What is left to do."""
    if shell == "fish":
        return ["Every fish that starts from now on completes jobsched."]
    if shell == "bash":
        return [
            "With the package bash-completion, every bash that starts from now on completes jobsched.",
            f"Without it, add to ~/.bashrc:  source {shlex.quote(str(place))}",
        ]
    return [
        "Add to ~/.zshrc, before compinit, unless it is there:",
        f"  fpath=({shlex.quote(str(place.parent))} $fpath)",
        "  autoload -Uz compinit && compinit",
    ]
