"""Shows the demo's jobs while they run: a table that is redrawn on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..core.model.durations import format_duration
from ..core.model.errors import WaitTimeout
from ..core.model.job import Job
from . import diagnostics, invocation
from .text import COLOURS, colour_wanted, escape, shorten, symbol

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from .demo_jobs import Act
    from .demo_scene import Scene

STEP_SECONDS = 0.1


def watch(scene: Scene, acts: Sequence[Act], ids: Sequence[int], seconds: float) -> list[Job]:
    """Return the jobs when all have ended. WaitTimeout: they have not, `seconds` from now."""
    deadline = time.monotonic() + seconds
    with ExitStack() as stack:
        show: Callable[[list[Job]], None] = _Board(acts, stack).show if _on_terminal() else _Lines(acts).show
        while True:
            jobs = scene.service.get_many(ids)
            show(jobs)
            if all(job.state.is_final for job in jobs):
                return jobs
            scene.check_worker()
            if time.monotonic() > deadline:
                open_ = ", ".join(str(job.id) for job in jobs if not job.state.is_final)
                raise WaitTimeout(f"jobs {open_} have not ended within {seconds:.0f} s", fix=f"read {scene.log}")
            time.sleep(STEP_SECONDS)


def _on_terminal() -> bool:
    return invocation.stderr_is_terminal() and not invocation.current().quiet


class _Lines:
    """One line for each change of state, and for each failed attempt."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._acts = acts
        self._seen: dict[int, tuple[object, int]] = {}

    def show(self, jobs: list[Job]) -> None:
        for act, job in zip(self._acts, jobs, strict=True):
            now = (job.state, job.attempt)
            if self._seen.get(job.id) != now:
                self._seen[job.id] = now
                diagnostics.note(f"{symbol(job.state)} {job.id} {job.state:<9} {job.type:<12} {_story(act, job)}")


class _Board:
    """A table that is redrawn in place."""

    def __init__(self, acts: Sequence[Act], stack: ExitStack) -> None:
        from rich.console import Console
        from rich.live import Live

        wanted = colour_wanted(invocation.current().color, terminal=True)
        console = Console(file=sys.stderr, no_color=not wanted, highlight=False, markup=False, emoji=False)
        self._acts = acts
        self._live: Live = stack.enter_context(Live(console=console, auto_refresh=False, transient=True))

    def show(self, jobs: list[Job]) -> None:
        self._live.update(self._table(jobs), refresh=True)

    def _table(self, jobs: list[Job]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for act, job in zip(self._acts, jobs, strict=True):
            state = Text(f"{symbol(job.state)} {job.state:<9}", style=COLOURS[job.state])
            table.add_row(state, Text(job.type), Text(_story(act, job), no_wrap=True, overflow="ellipsis"))
        return table


def _story(act: Act, job: Job) -> str:
    """What it is, how far it is, and what went wrong last."""
    words = [act.what]
    if job.attempt > 1:
        words.append(f"attempt {job.attempt} of {job.max_attempts}")
    if job.progress is not None and not job.state.is_final:
        words.append(f"{job.progress:.0%} {escape(job.progress_message or '')}".strip())
    if job.state.is_final and job.run is not None:
        words.append(format_duration(job.run))
    if job.error:
        words.append(shorten(job.error, 60))
    return " · ".join(words)
