"""Tables: cursor and marks by key, pages that come when they are needed, nothing that shifts."""

from __future__ import annotations

import asyncio

import pytest
from rich.cells import cell_len

from jobsched.core.model.errors import TryAgain
from jobsched.tests.tui.driving import Around, drawn, until
from jobsched.tests.tui.pager import Made, Pager, Sparse, table
from jobsched.tui.look import Look
from jobsched.tui.widgets import paged_table
from jobsched.tui.widgets.paged_table import KEPT
from jobsched.tui.widgets.virtual_table import Column, Marked, VirtualTable

SIZE = (100, 20)


def names(*words: str) -> VirtualTable[str]:
    shown = VirtualTable([Column("NAME", 10, lambda word: word, grow=1)], lambda word: word, id="names")
    shown.set_rows(words)
    return shown


async def test_cursor_and_marks_stay_with_their_rows() -> None:
    """Whatever is put above or taken away; where the cursor's row is gone, it stays in its place."""
    shown = names("a", "b", "c", "d")
    async with Around(shown).run_test(size=SIZE) as pilot:
        await pilot.press("j", "space")
        assert (shown.cursor, list(shown.marks)) == ("c", ["b"])
        shown.set_rows(["x", "a", "b", "c", "d"])
        assert (shown.cursor, list(shown.marks)) == ("c", ["b"])
        shown.set_rows(["x", "a", "d"])
        assert (shown.cursor, list(shown.marks)) == ("d", [])


async def test_a_range_marks_what_lies_between() -> None:
    """v here, v there; Escape takes all marks away."""
    shown = names("a", "b", "c", "d")
    async with Around(shown).run_test(size=SIZE) as pilot:
        await pilot.press("j", "v", "j", "j", "v")
        assert list(shown.marks) == ["b", "c", "d"]
        await pilot.press("escape")
        assert not shown.marks


async def test_enter_opens_the_row_under_the_cursor() -> None:
    """And so does a double click; nothing where there is no row."""
    opened: list[object] = []

    class Listening(Around):
        def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
            opened.append(message.key)

    shown = names("a", "b")
    async with Listening(shown).run_test(size=SIZE) as pilot:
        await pilot.press("j", "enter")
        await pilot.click(shown, offset=(5, 1), times=2)
        shown.set_rows([])
        await pilot.press("enter")
        assert opened == ["b", "a"]
        assert "nothing here" in drawn(shown)[1]


async def test_lines_have_the_width_of_the_table_whatever_is_in_the_cells() -> None:
    """Hostile names change no layout: every line is as wide as the widget."""
    shown = names("\x1b[2J", "東" * 60, "e" + "\u0301" * 500, "[bold]x[/]", "\u202eabc", "x" * 10_000)
    async with Around(shown).run_test(size=(37, 12)):
        for y in range(12):
            assert shown.render_line(y).cell_length == 37
        assert "[bold]x[/]" in "\n".join(drawn(shown))


@pytest.mark.parametrize("name", ["emails", "newsletter", "letters-to-everybody", "東東東東東東東東", "x" * 9_000])
@pytest.mark.parametrize("look", [Look(), Look(ascii_only=True)])
def test_a_mark_behind_a_text_is_never_cut(name: str, look: Look) -> None:
    """The text is, and its first letters stay; the long mark is there where it leaves room for all of it."""
    marked = Marked(name, ("(paused)", "||"))
    for width in range(8, 60):
        shown = marked.fit(width, look)
        assert cell_len(shown) == width
        whole = f"{look.text(name)} (paused)"
        assert shown.rstrip().endswith("||" if cell_len(whole) > width else whole)
        assert shown[:2] == look.text(name)[:2]


async def test_a_narrow_table_leaves_out_what_matters_least() -> None:
    """Columns go by their number; those without one stay."""
    shown = table(Pager(10))
    async with Around(shown).run_test(size=(57, 10)) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        assert drawn(shown)[0].split() == ["ID", "STATE", "TYPE", "QUEUE"]
        await pilot.resize_terminal(160, 10)
        await until(pilot, lambda: "ERROR" in drawn(shown)[0], "all columns")


async def test_ascii_terminals_get_ascii() -> None:
    """Cursor, marks, cut text and the names themselves."""
    shown = VirtualTable([Column("NAME", 6, lambda word: word)], lambda word: word, look=Look(ascii_only=True))
    shown.set_rows(["東京", "abcdefghijk"])
    async with Around(shown).run_test(size=SIZE) as pilot:
        await pilot.press("space")
        assert all(line.isascii() for line in drawn(shown))
        assert drawn(shown)[1].startswith(" +")


async def test_pages_come_as_the_cursor_moves_and_memory_stays_bounded() -> None:
    """Down and up again through a million rows: never more than the window."""
    shown = table(Pager(1_000_000))
    async with Around(shown).run_test(size=(100, 40)) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        for _ in range(40):
            await pilot.press("pagedown")
        deepest = shown.cursor
        assert deepest is not None
        assert deepest.number < 1_000_000 - 1200
        assert len(shown.rows) <= KEPT + 200
        numbers = [row.number for row in shown.rows]
        assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))
        for _ in range(45):
            await pilot.press("pageup")
        assert shown.cursor_key == 1_000_000


async def test_the_last_row_of_millions_is_one_key_away() -> None:
    """And the first one again."""
    shown = table(Pager(10_000_000))
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        await pilot.press("G")
        await until(pilot, lambda: shown.cursor_key == 1, "the last row")
        await pilot.press("k", "k")
        assert shown.cursor_key == 3
        await pilot.press("g")
        await until(pilot, lambda: shown.cursor_key == 10_000_000, "the first row")


async def test_keys_do_not_wait_for_pages() -> None:
    """While a page is on its way, the cursor moves among what is there, and stops at its end."""
    gate = asyncio.Event()
    gate.set()
    source = Pager(1000, gate)
    shown = table(source)
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        gate.clear()
        for _ in range(20):
            await pilot.press("pagedown")
        assert shown.cursor_key == 801
        gate.set()
        await until(pilot, lambda: len(shown.rows) > 200, "the page")
        assert shown.cursor_key == 801


def numbers(shown: paged_table.PagedTable[Made]) -> list[int]:
    return [row.number for row in shown.rows]


async def test_a_page_whose_place_has_gone_is_read_anew() -> None:
    """It was on its way to one end of the window while the page for the other end came, and took away that end."""
    source = Pager(1_000_000)
    shown = table(source)
    async with Around(shown).run_test(size=(100, 40)) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        for _ in range(40):
            await pilot.press("pagedown")
        await until(pilot, lambda: not shown._asked and numbers(shown)[0] < 1_000_000, "a window further down")
        gate = source.gate = asyncio.Event()
        await pilot.press(*["pageup"] * 40, *["pagedown"] * 40)
        assert shown._asked == {"above", "below"}
        gate.set()
        await until(pilot, lambda: not shown._asked, "pages")
        assert numbers(shown) == list(range(numbers(shown)[0], numbers(shown)[0] - len(shown.rows), -1))


async def test_rows_of_another_filter_are_not_left_there_without_an_answer() -> None:
    """What is shown fits what is said to be shown; once there is an answer, that is shown."""

    class Mute(Pager):
        mute = True

        async def newest(self, limit: int) -> paged_table.Part[Made]:
            if self.mute:
                raise TryAgain("it took too long")
            return await super().newest(limit)

    shown = table(Pager(10))
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        source = Mute(3)
        shown.set_source(source)
        await until(pilot, lambda: not shown.rows, "none of the others")
        assert "no answer yet" in drawn(shown)[1]
        source.mute = False
        while not shown.rows:
            await shown.refresh_rows()
            await pilot.pause()
        assert numbers(shown) == [3, 2, 1]
        source.mute = True
        shown.reload()
        await pilot.pause()
        assert numbers(shown) == [3, 2, 1]


async def test_the_newest_rows_are_shown_and_those_below_follow() -> None:
    """None between them is left out."""
    source = Pager(1000)
    shown = table(source)
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        source.count += 50
        shown.show_newest(await source.newest(200))
        for _ in range(20):
            await pilot.press("pagedown")
        await until(pilot, lambda: len(shown.rows) > 200, "the page below")
        assert numbers(shown) == list(range(1050, 1050 - len(shown.rows), -1))


async def test_new_rows_are_announced_and_nothing_shifts() -> None:
    """They are shown when somebody asks for them."""
    source = Pager(5000)
    shown = table(source)
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        before = [row.number for row in shown.seen_rows]
        source.count += 37
        await shown.refresh_rows()
        assert [row.number for row in shown.seen_rows] == before
        assert "37 new" in drawn(shown)[0]
        await pilot.press("g")
        await until(pilot, lambda: shown.cursor_key == 5037, "the new first row")
        assert "new" not in drawn(shown)[0]


async def test_what_is_seen_is_looked_at_again() -> None:
    """Only that: the rest of the window is as old as it is."""
    source = Pager(5000)
    shown = table(source)
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        await until(pilot, lambda: shown.rows, "rows")
        await shown.refresh_rows()
        assert [row.seen for row in shown.rows[:20]] == [1] * shown.body_height + [0] * (20 - shown.body_height)


async def test_rows_that_are_hard_to_find_are_looked_for_part_by_part() -> None:
    """Each is shown as soon as it is found, and below the last one it is said how far that has come."""
    source = Sparse(20_000, 997)
    shown = table(source)
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        source.steps.release()
        source.steps.release()
        await until(pilot, lambda: len(shown.rows) == 2, "the first rows")
        assert "looking for more below #18,001" in drawn(shown)[3]
        await pilot.press("j")
        assert shown.cursor_key == 18_943
        for _ in range(19):  # of the last thousand it does not know that they are the last
            source.steps.release()
        await until(pilot, lambda: shown._rest is None, "the last number")
        assert [row.number for row in shown.rows] == list(range(19_940, 0, -997))
        assert not any("looking for" in line for line in drawn(shown))
        source.count = 21_500
        await shown.refresh_rows()
        assert shown.new_above == 1
        await shown.catch_up()
        assert shown.rows[0].number == 20_937
        assert len(shown.rows) == 21


async def test_what_was_looked_for_in_vain_is_not_looked_for_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search of the whole store is repeated after five times what it took."""
    now = 1000.0
    monkeypatch.setattr(paged_table, "monotonic", lambda: now)
    source = Sparse(2000, 3000)
    shown = table(source)
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        now += 2.0
        for _ in range(100):
            source.steps.release()
        await until(pilot, lambda: shown._idle_until == now + 10.0, "the end of the search")
        assert shown.empty in drawn(shown)[1]
        asked = source.pages
        now += 9.0
        await shown.refresh_rows()
        await pilot.pause()
        assert source.pages == asked
        now += 2.0
        source.count = 3000
        await shown.refresh_rows()
        await until(pilot, lambda: shown.rows, "the row that has come")


@pytest.mark.parametrize("key", ["pagedown", "j", "G"])
async def test_an_empty_table_takes_any_key(key: str) -> None:
    """There is nothing to move to."""
    shown = table(Pager(0))
    async with Around(shown).run_test(size=SIZE) as pilot:
        shown.reload()
        await pilot.press(key, "space", "v", "g")
        assert shown.cursor is None
        assert shown.rows == []


def test_made_rows_are_what_they_say() -> None:
    """The pager's own rule: numbers from the newest down."""
    part = asyncio.run(Pager(5).below(3, 10))
    assert [row.number for row in part.rows] == [2, 1]
    assert part.rest is None
