"""A source of made-up rows, as many as one likes: row n of `count` has the number n, the newest the largest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from jobsched.tui.widgets.paged_table import PagedTable, Part
from jobsched.tui.widgets.virtual_table import Column

FAR = 1 << 62
SPAN = 1000
QUEUES = ("default", "emails", "reports")


@dataclass(frozen=True, slots=True)
class Made:
    """A row."""

    number: int
    seen: int = 0


class Pager:
    """Rows 1 to `count`. gate: where it is given, pages wait for it."""

    def __init__(self, count: int, gate: asyncio.Event | None = None) -> None:
        self.count = count
        self.gate = gate
        self.looks = 0
        self.pages = 0

    async def newest(self, limit: int) -> Part[Made]:
        return await self.below(self.count + 1, limit)

    async def since(self, row: Made, limit: int) -> Sequence[Made]:
        return await self._page(self.count, min(limit, self.count - row.number))

    async def oldest(self, limit: int) -> Sequence[Made]:
        """One less than a page, as a real source that only comes near."""
        return await self._page(min(limit - 1, self.count), limit)

    async def below(self, number: int, limit: int) -> Part[Made]:
        rows = await self._page(number - 1, limit)
        return Part(rows, rows[-1].number if len(rows) == limit else None)

    async def above(self, row: Made, limit: int) -> Sequence[Made]:
        highest = min(self.count, row.number + limit)
        return await self._page(highest, highest - row.number)

    async def again(self, rows: Sequence[Made]) -> Sequence[Made]:
        self.looks += 1
        return [Made(row.number, self.looks) for row in rows]

    async def _page(self, highest: int, limit: int) -> list[Made]:
        self.pages += 1
        if self.gate is not None:
            await self.gate.wait()
        return [Made(number) for number in range(highest, max(0, highest - limit), -1)]


class Sparse(Pager):
    """Of the rows 1 to `count` only every `every`th, looked for among a thousand numbers in each of the `steps`."""

    def __init__(self, count: int, every: int) -> None:
        super().__init__(count)
        self.every = every
        self.steps = asyncio.Semaphore(0)

    async def since(self, row: Made, limit: int) -> Sequence[Made]:
        return [made for made in await super().since(row, FAR) if made.number % self.every == 0][:limit]

    async def below(self, number: int, limit: int) -> Part[Made]:
        await self.steps.acquire()
        part = await super().below(min(number, self.count + 1), SPAN)
        return Part([row for row in part.rows if row.number % self.every == 0][:limit], part.rest)


def table(source: Pager) -> PagedTable[Made]:
    """Eight columns, as the table of jobs has."""
    return PagedTable(
        [
            Column("ID", 10, lambda row: str(row.number), right=True),
            Column("STATE", 11, lambda row: ("● running", "cyan")),
            Column("TYPE", 12, lambda row: "resize_img", grow=1),
            Column("QUEUE", 10, lambda row: QUEUES[row.number % 3]),
            Column("ATT", 5, lambda row: "1/3", right=True, drop=1),
            Column("AGE", 6, lambda row: f"{row.seen}s", right=True, drop=2),
            Column("WORKER", 10, lambda row: f"host-{row.number % 7}", drop=3),
            Column("ERROR", 10, lambda row: f"no. {row.number} broke", grow=2, drop=4),
        ],
        lambda row: row.number,
        source,
        id="made",
    )
