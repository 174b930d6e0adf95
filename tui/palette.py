"""What the command palette offers: every screen, every filter of states, a job by its number, the program's verbs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from ..core.model.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

VIEWS = ("overview", "queues", "jobs", "workers", "dead", "cron", "activity")
LINES = ("doctor", "verify", "handlers ls", "db status", "config list", "queue ls", "help")


class Everything(Provider):
    """Hits for what somebody types into the palette."""

    async def discover(self) -> Hits:
        for title, call, help_ in self._entries():
            yield DiscoveryHit(title, call, help=help_)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        app: Any = self.app
        if query.strip().isascii() and query.strip().isdecimal():
            job_id = int(query.strip()[:18])
            yield Hit(1.0, f"job {job_id}", partial(app.open_job, job_id), help="show it in full")
        for title, call, help_ in self._entries():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), call, help=help_)

    def _entries(self) -> Iterator[tuple[str, Callable[[], None], str]]:
        app: Any = cast("Any", self.app)
        for name in VIEWS:
            yield f"go to {name}", partial(app.action_view, name), "a screen"
        for state in State:
            yield f"jobs that are {state.value}", partial(app.show_jobs, f"state:{state.value}"), "a filter"
        for line in LINES:
            yield f"run {line}", partial(app.offer_line, line), f"jobsched {line}"
