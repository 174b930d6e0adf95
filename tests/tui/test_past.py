"""The overview as it was: step back, step forth, and now again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jobsched.core.model.job import NewJob
from jobsched.core.model.watching import Flow, Totals
from jobsched.core.service import Service
from jobsched.tests.tui.driving import until, until_shown
from jobsched.tui.past import KEPT, Past
from jobsched.tui.questions import Board

Drive = Callable[..., Any]
BEGAN = datetime(2026, 5, 1, 14, 2, 11, tzinfo=UTC)


def board(second: int) -> Board:
    """What is seen so many seconds later: two jobs have come every second."""
    totals = Totals(BEGAN + timedelta(seconds=second), 2 * second, second, second, 0, 0, 0)
    return Board([], Flow({}, {}, None), [], totals)


def test_what_is_shown_stays_while_time_goes_on() -> None:
    """Until it is forgotten: then it is the oldest that is not."""
    past = Past()
    past.step(-1)
    assert past.shown is None
    for second in range(10):
        past.add(board(second))
    assert past.as_of is None
    past.step(-3)
    assert past.as_of == BEGAN + timedelta(seconds=6)
    past.add(board(10))
    assert past.as_of == BEGAN + timedelta(seconds=6)
    assert [each.submitted for each in past.until_shown] == [None, *([2.0] * 6)]
    past.step(-100)
    assert past.as_of == BEGAN
    for second in range(11, KEPT + 20):
        past.add(board(second))
    assert past.as_of == BEGAN + timedelta(seconds=20)
    past.step(KEPT)
    assert past.as_of is None
    past.step(-1)
    past.live()
    assert past.as_of is None


async def test_the_overview_steps_through_what_it_saw(driven: Drive, service: Service) -> None:
    """The header says when that was; nothing is changed there; 0 is now."""
    service.submit(NewJob("noop", queue="early"))
    async with driven() as (app, pilot):
        await until_shown(pilot, "early", "listen ok")
        await until(pilot, lambda: len(app.active.past.until_shown) >= 2, "a second look")
        service.submit(NewJob("noop", queue="late"))
        await until_shown(pilot, "early", "late:")
        app.feed.paused = True
        for _ in range(20):
            await pilot.press("left_square_bracket")
        shown = await until_shown(pilot, "as of", "early")
        assert "late:" not in shown
        assert f"as of {app.active.past.until_shown[0].at:%H:%M:%S} UTC" in shown
        await pilot.press("P")
        await until_shown(pilot, "this is how it was")
        assert app.screen is app.screen_stack[0]
        app.feed.paused = False
        app.feed.nudge()
        await pilot.press("right_square_bracket", "0")
        assert "as of" not in await until_shown(pilot, "late:")
        await pilot.press("left_square_bracket", "2")
        assert "as of" not in await until_shown(pilot, "scheduled 0")
