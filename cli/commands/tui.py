"""Watch and steer everything on one screen."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from ...core.model.signs import unicode_wanted
from .. import arguments, invocation, last, output
from ..output import Column
from ..who import user

VIEWS = ("overview", "queues", "jobs", "workers", "dead", "cron", "activity")
KEYS = (Column("name"), Column("keys", "list"), Column("what"))
INSTEAD = "jobsched tui --plain — or jobsched ls, jobsched tail -o jsonl and jobsched queue ls, line by line"


def command(
    view: Annotated[
        str, typer.Option("--view", metavar="NAME", help=f"Where to begin: {', '.join(VIEWS)}.")
    ] = "overview",
    filter_: Annotated[
        str | None,
        typer.Option("--filter", "-f", metavar="SELECTION", help="Begin with these jobs (jobsched help selection)."),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Look, and change nothing.")] = False,
    refresh: Annotated[str, typer.Option("--refresh", metavar="SPAN", help="How often to look: 250ms to 30s.")] = "1s",
    ascii_: Annotated[bool, typer.Option("--ascii", help="Nothing beyond ASCII, as with LANG=C.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines and a numbered menu: for screen readers and dumb terminals.")
    ] = False,
    keys: Annotated[bool, typer.Option("--keys", help="List the keys, by the names that [keymap] knows.")] = False,
) -> int:
    """Watch queues, jobs, workers and dead letters, and change them; ? shows the keys."""
    chosen = arguments.choice("--view", view, VIEWS)
    if filter_ is not None:
        from ...core.model.selection import parse

        parse(filter_, me=user(), last=lambda: 1)  # what is wrong with it is said before the screen is taken
    interval = arguments.read("--refresh", refresh, parse_duration)
    if interval is None or not 0.25 <= interval <= 30:
        raise UsageError(f"--refresh is {refresh} — it must be 250ms to 30s")
    if keys:
        return _list_keys()
    if not plain:
        _need_terminal()
    return _show(
        view="jobs" if filter_ else chosen or VIEWS[0],
        filter_=filter_ or "",
        read_only=read_only,
        interval=interval,
        ascii_only=ascii_ or not unicode_wanted(),
        plain=plain,
    )


def _show(*, view: str, filter_: str, read_only: bool, interval: float, ascii_only: bool, plain: bool) -> int:
    from ...tui.options import Options

    run = invocation.current()
    options = Options(
        settings=run.settings,
        by=user(),
        profile=run.settings.profile or "",
        read_only=read_only or run.settings["tui.read_only"],
        typed=run.settings["tui.production"],
        ascii_only=ascii_only,
        interval=interval,
        view=view,
        filter=filter_,
        environ={} if run.database_url is None else {"JOBSCHED_DATABASE_URL": run.database_url},
        last=last.recall,
    )
    if plain:
        from ...tui.plain import run as say

        return say(options)
    from ...tui.app import run as show
    from ...tui.keymap import read_keymap

    return show(replace(options, keymap=read_keymap(run.settings["keymap"])))


def _list_keys() -> int:
    from ...tui.keymap import known

    output.emit(
        "tui.key", KEYS, ({"name": key.name, "keys": list(key.keys), "what": key.what} for key in known().values())
    )
    return 0


def _need_terminal() -> None:
    """UsageError where there is no screen to draw on: escape codes in a pipe help nobody."""
    if not (invocation.stdin_is_terminal() and invocation.stdout_is_terminal() and invocation.stderr_is_terminal()):
        raise UsageError("the screens need a terminal — stdin, stdout or stderr is none", fix=INSTEAD)
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError("the screens need a terminal that can move its cursor — TERM is dumb", fix=INSTEAD)
