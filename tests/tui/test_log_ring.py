"""The end of a log: bounded, followed until somebody scrolls, honest about what it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime

from jobsched.tests.tui.driving import Around, drawn
from jobsched.tui.widgets.log_ring import LogLine, LogRing

AT = datetime(2026, 5, 1, 14, 2, 11, 123000, tzinfo=UTC)
SIZE = (40, 11)


def said(*texts: str) -> list[LogLine]:
    return [LogLine(AT, "stdout", text) for text in texts]


def numbered(first: int, count: int) -> list[LogLine]:
    return said(*(f"line {n}" for n in range(first, first + count)))


async def test_the_end_is_followed_until_somebody_scrolls_up() -> None:
    """Then the place stays, and what came since is counted; going to the end follows again."""
    ring = LogRing(now=lambda: AT)
    async with Around(ring).run_test(size=SIZE) as pilot:
        ring.extend(numbered(0, 100))
        assert drawn(ring)[9] == "line 99"
        await pilot.press("k")
        ring.extend(numbered(100, 1204))
        assert drawn(ring)[9] == "line 98"
        assert "paused at 14:02:11, 1,204 behind" in drawn(ring)[10]
        await pilot.press("f")
        assert drawn(ring)[9] == "line 1303"
        assert ring.status.startswith("LIVE")


async def test_the_ring_is_bounded_and_says_what_it_left_out() -> None:
    """A paused view stays on its line as long as that is kept."""
    ring = LogRing(capacity=50, now=lambda: AT)
    async with Around(ring).run_test(size=SIZE) as pilot:
        ring.extend(numbered(0, 60))
        await pilot.press("k")
        top = drawn(ring)[0]
        ring.extend(numbered(60, 10))
        assert drawn(ring)[0] == top
        assert len(ring.lines) == 50
        await pilot.press("f")
        assert "20 older ones left out" in ring.status


async def test_long_lines_are_broken_or_scrolled() -> None:
    """w breaks them at the width; l and h go by half a screen."""
    ring = LogRing()
    async with Around(ring).run_test(size=SIZE) as pilot:
        ring.extend(said("abcdefghij" * 9))
        assert drawn(ring)[0] == "abcdefghij" * 4
        await pilot.press("l")
        assert drawn(ring)[0] == "abcdefghij" * 4
        assert ring._left == 20
        await pilot.press("w")
        assert drawn(ring)[:3] == ["abcdefghij" * 4, "abcdefghij" * 4, "abcdefghij"]
        ring.clear()
        ring.extend(said("東京" * 15))
        assert drawn(ring)[:2] == ["東京" * 10, "東京" * 5]


async def test_a_pattern_shows_only_lines_that_have_it() -> None:
    """Whatever their case; what comes later is held to it as well."""
    ring = LogRing()
    async with Around(ring).run_test(size=(80, 11)):
        ring.extend(said("an Error here", "fine"))
        ring.set_pattern("error")
        ring.extend(said("fine too", "another error"))
        assert drawn(ring)[:3] == ["an Error here", "another error", ""]
        ring.set_pattern("")
        assert len([line for line in drawn(ring)[:10] if line]) == 4


async def test_a_line_that_comes_in_pieces_is_one_line() -> None:
    """Whatever is said in between; but another source, or one whose line has ended, begins a new one."""
    ring = LogRing(capacity=3)
    async with Around(ring).run_test(size=SIZE):
        ring.add(AT, "stdout", "one\nhal", source=1)
        assert drawn(ring)[:3] == ["one", "hal", ""]
        ring.add(AT, "stdout", "f, ", source=1)
        ring.add(AT, "stderr", "oops\n", source=1)
        ring.add(AT, "stdout", "and more\r", source=1)
        assert drawn(ring)[:4] == ["one", "half, and more", "oops", ""]
        ring.add(AT, "stdout", "\nlast", source=1)
        ring.add(AT, "stdout", "first", source=2)
        assert drawn(ring)[:3] == ["oops", "last", "first"]
        ring.add(AT, "stdout", "\na\nb\n", source=2)
        ring.add(AT, "stdout", " lost\n", source=1)
        assert drawn(ring)[:3] == ["a", "b", " lost"]


async def test_a_line_that_grows_keeps_the_pattern_the_place_and_a_bound() -> None:
    """It may fit only once it is whole."""
    ring = LogRing(now=lambda: AT)
    async with Around(ring).run_test(size=SIZE) as pilot:
        ring.set_pattern("error")
        ring.add(AT, "stdout", "an err")
        assert drawn(ring)[0] == ""
        ring.add(AT, "stdout", "or")
        assert drawn(ring)[0] == "an error"
        ring.set_pattern("")
        ring.add(AT, "stdout", "\n" + "\n".join(f"line {n}" for n in range(50)))
        await pilot.press("k")
        top = drawn(ring)[0]
        for _ in range(30):
            ring.add(AT, "stdout", "x" * 1000)
        assert drawn(ring)[0] == top
        assert max(len(line.text) for line in ring.lines) <= 10_001


async def test_times_are_shown_where_they_are_wanted() -> None:
    """In front of each line, to the millisecond."""
    ring = LogRing()
    async with Around(ring).run_test(size=SIZE) as pilot:
        ring.extend(said("hello"))
        await pilot.press("t")
        assert drawn(ring)[0] == "14:02:11.123 hello"


async def test_hostile_output_is_shown_not_obeyed() -> None:
    """Escape sequences are spelled out; every line keeps the width."""
    ring = LogRing()
    async with Around(ring).run_test(size=SIZE):
        ring.add(AT, "stderr", "\x1b[2Jgone\nb\u202eidi\n[red]x[/red]\n" + "y" * 20_000)
        assert drawn(ring)[:3] == ["\\x1b[2Jgone", "b\\u202eidi", "[red]x[/red]"]
        assert all(ring.render_line(y).cell_length == 40 for y in range(11))
