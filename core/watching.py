"""Watching a store: the part of `Service` that screens ask every second. Nothing here reads a big table whole."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .store import jobs
from .submitting import Submitting

if TYPE_CHECKING:  # every command that opens the store loads this module
    from .model.job import Job
    from .model.results import Event, TailCursor
    from .model.watching import DeadKind, Flow, Totals, WatchedQueue

PROBE_SECONDS = 10.0
BROADCAST = "jobsched"
MOST_CHANNELS = 100
"""Workers whose wake-ups are listened to."""


class Watching(Submitting):
    """Questions that cost the same however much is in the store."""

    @contextmanager
    def reading(self, patience: float) -> Iterator[None]:
        """Within, everything that this thread asks is one transaction that only reads.

        patience: seconds for each statement; TryAgain after them. For a Service with a single connection.
        """
        from .store import watch

        with self.store.connection() as own, watch.reading(own, patience):
            yield

    def look(self, ids: Sequence[int]) -> builtins.list[Job]:
        """Return those of these jobs that are still in the store, in the order of `ids`."""
        with self.store.connection() as own:
            found = jobs.get_jobs(own, ids)
        return [found[job_id] for job_id in ids if job_id in found]

    def totals(self) -> Totals:
        """Return the server's own counters of what passed through the store; rates are their differences."""
        from .store import watch

        with self.store.connection() as own:
            return watch.totals(own)

    def watched_queues(self) -> builtins.list[WatchedQueue]:
        """Return every queue, by name, with counts that stop at ten thousand."""
        from .store import watch

        with self.store.connection() as own:
            return watch.queues(own)

    def flow(self) -> Flow:
        """Return what came and went within the last minute, from a sample of the newest."""
        from .store import watch

        with self.store.connection() as own:
            return watch.flow(own)

    def dead_kinds(self, *, limit: int = 500) -> builtins.list[DeadKind]:
        """Return dead jobs by what went wrong, the most frequent first, of the newest twenty thousand."""
        from .store import watch

        with self.store.connection() as own:
            return watch.dead_kinds(own, limit)

    def newest_events(self, *, limit: int = 200) -> builtins.list[Event]:
        """Return the newest ends and failed attempts, newest first. `tail` is what misses none."""
        from .store import watch

        with self.store.connection() as own:
            return watch.events(own, limit)

    def ended_since(self, cursor: TailCursor | None) -> tuple[builtins.list[Event], TailCursor]:
        """Return up to a thousand ends and failed attempts after `cursor`, each exactly once, and where to go on.

        cursor: None gives nothing but where to begin. Somebody's open transaction delays what committed after it began.
        """
        from .store import tail

        with self.store.connection() as own:
            events = [] if cursor is None else tail.tail_page(own, cursor)
            return events, events[-1].cursor if events else cursor or tail.tail_start(own)

    def notices(self, workers: Collection[int], until: Callable[[], bool]) -> Iterator[str]:
        """Yield "" as soon as nothing is missed, and then a word whenever somebody tells workers something.

        workers: ids of those whose wake-ups are of interest. until: asked twice a second. On a connection
        of its own. StoreUnreachable: it is lost.
        """
        from .store.connect import translated
        from .store.listen import STARTED, listen

        channels = [BROADCAST, *(f"jobsched_worker_{each}" for each in builtins.list(workers)[:MOST_CHANNELS])]
        conn = self.store.connect("jobsched tui", direct=True)
        try:
            with translated(self.store.shown_url):
                for channel, payload in listen(conn, channels, probe=PROBE_SECONDS, until=until):
                    yield "" if channel == STARTED else payload
        finally:
            conn.close()
