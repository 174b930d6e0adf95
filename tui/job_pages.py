"""Jobs as the pages that a table reads, newest first, however few of how many fit.

A page that is found at once is asked for whole. Where that takes too long, because next to nothing fits, the store
is read by spans of ids, one at each call: what was found is shown, the keys of the table work, and nobody's
question waits longer than for one span.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..core.model.errors import TryAgain
from .questions import PATIENCE
from .widgets.paged_table import Part

if TYPE_CHECKING:
    from ..core.model.job import Job
    from ..core.model.selection import Selection

STEP = 0.3
"""Seconds after which a page is looked for by spans, and a span is made smaller."""
QUICK = 0.1
"""Seconds below which the next span is made larger."""
FIRST_SPAN, LEAST_SPAN = 4096, 256
GROWTH = 4
FAR = 1 << 62


class Jobs:
    """ask: the feed's. wanted: None is every job. With `sort` there is one page, in that order."""

    def __init__(self, ask: Callable[..., object], wanted: Selection | None = None, sort: str | None = None) -> None:
        self._ask = ask
        self.wanted = wanted
        self.sort = sort
        self.is_slow = False
        """Whether pages are read by spans."""
        self._span = FIRST_SPAN
        self._looked_to = 0
        self._newer: list[Job] = []

    async def newest(self, limit: int) -> Part[Job]:
        """The first page; where it is not found at once, what the newest jobs have of it."""
        if self.sort:
            return Part(await self._select(None, limit, self.wanted, PATIENCE), None)
        return await self.below(FAR, limit)

    async def since(self, row: Job, limit: int) -> Sequence[Job]:
        """Those that are newer than `row`, at most a page. By spans: what has been found of them so far; each number
        is looked at once, so that what comes to fit later is not found."""
        if self.wanted is None:
            return [job for job in await self._select(None, limit, None, STEP) if job.id > row.id]
        if not self.is_slow:
            try:
                return await self._within(row.id, FAR, limit)
            except TryAgain:
                self.is_slow = True
        low = max(row.id, self._looked_to)
        high = min(low + 1 + self._span, await self._end())
        found = await self._span_of(low, high, limit) if low + 1 < high else ()
        if found is not None:
            self._looked_to = max(low, high - 1)
            self._newer = [*found, *self._newer][:limit]
        return [job for job in self._newer if job.id > row.id]

    async def below(self, number: int, limit: int) -> Part[Job]:
        """The page below a number, or what one span has of it."""
        if not self.is_slow:
            try:
                rows = await self._within(0, number, limit)
            except TryAgain:
                self.is_slow = self.wanted is not None
                if not self.is_slow:
                    raise
            else:
                return Part(rows, rows[-1].id if len(rows) == limit else None)
        number = min(number, await self._end())
        low = max(0, number - 1 - self._span)
        found = await self._span_of(low, number, limit)
        if found is None:
            return Part((), number)  # a smaller one, next time
        if len(found) == limit:
            return Part(found, found[-1].id)
        return Part(found, low + 1 if low else None)

    async def above(self, row: Job, limit: int) -> Sequence[Job]:
        """Jobs right before `row`, none where there is none."""
        end = await self._end()
        low = row.id
        found: Sequence[Job] = ()
        while not found and low + 1 < end:
            high = low + 1 + self._span
            some = await self._span_of(low, high, limit)
            if some is None or (len(some) == limit and self._shrink(limit)):
                continue  # there may be others between `row` and these
            low, found = high - 1, some
        return found

    async def oldest(self, limit: int) -> Sequence[Job]:
        """The last jobs: a page, or less where there are no more."""
        if self.sort:
            return (await self.newest(limit)).rows
        end = await self._end()
        low = 0
        found: Sequence[Job] = ()
        while len(found) < limit and low + 1 < end:
            high = low + 1 + self._span
            some = await self._span_of(low, high, limit)
            if some is None or (len(some) == limit and self._shrink(limit)):
                continue
            low, found = high - 1, [*some, *found]
        return found[-limit:]

    async def again(self, rows: Sequence[Job]) -> Sequence[Job]:
        """These jobs as they stand."""
        ids = [row.id for row in rows]
        return await self._ask(lambda service: service.look(ids))  # type: ignore[misc, no-any-return]

    async def _end(self) -> int:
        """The number above that of every job."""
        newest = await self._select(None, 1, None, STEP)
        return newest[0].id + 1 if newest else 1

    async def _span_of(self, low: int, high: int, limit: int) -> Sequence[Job] | None:
        """What there is between two numbers, and a span for the next time; None: it took too long."""
        began = time.monotonic()
        try:
            found = await self._within(low, high, limit)
        except TryAgain:
            if not self._shrink(LEAST_SPAN):
                raise
            return None
        if time.monotonic() - began < QUICK and len(found) < limit:
            self._span = min(FAR, self._span * GROWTH)
        return found

    def _shrink(self, least: int) -> bool:
        """Make the span smaller, unless it is so small already."""
        smaller = max(least, self._span // GROWTH)
        shrunk, self._span = smaller < self._span, min(self._span, smaller)
        return shrunk

    async def _within(self, low: int, high: int, limit: int) -> Sequence[Job]:
        """A page of those whose numbers are between the two, newest first."""
        from ..core.model.selection import Condition, Selection
        from ..core.model.selection.expression import Compare

        wanted = self.wanted
        if wanted is not None or low:
            others = () if wanted is None else wanted.conditions
            wanted = Selection((*others, Condition("id", Compare(">", low))))
        return await self._select(high, limit, wanted, STEP)

    async def _select(self, before: int | None, limit: int, wanted: Selection | None, patience: float) -> Sequence[Job]:
        sort = self.sort
        return await self._ask(  # type: ignore[misc, no-any-return]
            lambda service: service.select(wanted, before=before, limit=limit, sort=sort, patience=patience)
        )
