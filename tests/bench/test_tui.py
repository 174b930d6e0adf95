"""How quick the screens are over millions of rows: `pytest -s tests/bench/test_tui.py`. Goals: DESIGN 9.

Textual's pilot itself takes a while for each key: that is measured on an app without a table and taken off.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from jobsched.core.host import memory_of
from jobsched.tests.bench.pressing import KEYS, Nothing, press
from jobsched.tests.tui.pager import Made, Pager, table
from jobsched.tui.widgets.log_ring import LogLine, LogRing
from jobsched.tui.widgets.paged_table import KEPT, PagedTable

SIZE = (160, 50)
FIRST_PAINT = 0.3
KEY = 0.05
GROWTH = 40 << 20


class Tabled(App[None]):
    """A table over a pager."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.table = table(Pager(rows))

    def compose(self) -> ComposeResult:
        yield self.table

    async def on_mount(self) -> None:
        self.table.focus()
        self.table.reload()


async def until_loaded(pilot: Pilot[None], shown: PagedTable[Made]) -> None:
    while not shown.rows:
        await pilot.pause()


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Other tests' garbage is not collected meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("rows", [1_000_000, 10_000_000])
async def test_millions_of_rows_cost_what_a_screen_of_them_costs(rows: int) -> None:
    """First paint, keys and memory stay within the goals; 100 refreshes leave cursor and marks where they are."""
    floor = Nothing()
    async with floor.run_test(size=SIZE) as pilot:
        floor_key = median(await press(pilot, *KEYS))
    memory = memory_of(os.getpid()).rss
    app = Tabled(rows)
    began = time.perf_counter()
    async with app.run_test(size=SIZE) as pilot:
        await until_loaded(pilot, app.table)
        await pilot.pause()
        paint = time.perf_counter() - began
        took = sorted(await press(pilot, *KEYS))
        held, marks = app.table.cursor_key, list(app.table.marks)
        began = time.perf_counter()
        for _ in range(100):
            app.table.source.count += 7  # type: ignore[attr-defined]
            await app.table.refresh_rows()
        refreshed = (time.perf_counter() - began) / 100
        await pilot.press("G")
        await pilot.pause()
        last = app.table.cursor_key
        for _ in range(3 * KEPT // SIZE[1]):
            await pilot.press("pageup")
        grown = memory_of(os.getpid()).rss - memory
        key, worst = median(took) - floor_key, took[-1] - floor_key
        sys.stdout.write(
            f"\n{rows:,} rows: first paint {paint * 1e3:.0f} ms with start-up, key {key * 1e3:.1f} ms"
            f" over the pilot's {floor_key * 1e3:.1f}, worst {worst * 1e3:.1f}; refresh {refreshed * 1e3:.1f} ms;"
            f" memory +{grown / (1 << 20):.1f} MiB, {len(app.table.rows)} rows kept\n"
        )
    assert paint < FIRST_PAINT + 0.3  # Textual's own start-up is in it
    assert key < KEY
    assert worst < 2 * KEY
    assert grown < GROWTH
    assert len(app.table.rows) <= KEPT + 200
    assert last == 1
    assert app.table.marks == dict.fromkeys(marks)
    assert held is not None


@pytest.mark.usefixtures("no_collector")
async def test_a_refresh_never_moves_the_cursor() -> None:
    """A hundred of them, while rows keep coming above: the same job under the cursor, on the same line."""
    app = Tabled(1_000_000)
    async with app.run_test(size=SIZE) as pilot:
        await until_loaded(pilot, app.table)
        await pilot.press("pagedown", "j", "j")
        held, line = app.table.cursor_key, app.table.seen_rows.index(app.table.rows[app.table._at])
        for _ in range(100):
            app.table.source.count += 7  # type: ignore[attr-defined]
            await app.table.refresh_rows()
            assert app.table.cursor_key == held
            assert app.table.seen_rows[line].number == held
        assert app.table.new_above == 200


@pytest.mark.usefixtures("no_collector")
async def test_a_log_takes_lines_faster_than_jobs_write_them() -> None:
    """More than 100,000 lines a second into a full ring, in bounded memory."""

    class Logged(App[None]):
        ring = LogRing()

        def compose(self) -> ComposeResult:
            yield self.ring

    app = Logged()
    at = datetime(2026, 5, 1, tzinfo=UTC)
    lines = [LogLine(at, "stdout", f"line {n} of a job that has much to say about itself") for n in range(200_000)]
    async with app.run_test(size=SIZE) as pilot:
        memory = memory_of(os.getpid()).rss
        began = time.perf_counter()
        for start in range(0, len(lines), 1000):
            app.ring.extend(lines[start : start + 1000])
        await pilot.pause()
        took = time.perf_counter() - began
        grown = memory_of(os.getpid()).rss - memory
    sys.stdout.write(f"\n{len(lines) / took:,.0f} lines/s, memory +{grown / (1 << 20):.1f} MiB\n")
    assert len(lines) / took > 100_000
    assert grown < 20 << 20
