"""Every screen as a picture: whatever changes how one looks is seen, and accepted with `make pictures`."""

from __future__ import annotations

import difflib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from jobsched.core import config
from jobsched.tests.tui.driving import until, until_shown
from jobsched.tests.tui.picture import picture, text_of
from jobsched.tests.tui.scene import NEWEST, NOW, Scene, StillFeed
from jobsched.tui.app import JobschedApp, Options

FOLDER = Path(__file__).with_name("snapshots")
MADE_WITH = FOLDER / "made-with.txt"
"""What drew the accepted pictures: another release of it may draw a frame or a shade in its own way."""
README = Path(__file__).parents[2] / "docs" / "tui.svg"
WRITE = "JOBSCHED_TEST_WRITE_GENERATED"
"""Set, pictures are written instead of compared: `make pictures`."""
WIDE, USUAL, SMALL = (120, 40), (80, 24), (60, 20)
DEAD = NEWEST - 3
Step = Callable[[JobschedApp, Pilot[None]], Awaitable[object]]


async def _stay(app: JobschedApp, pilot: Pilot[None]) -> None:
    """Nothing more than the view itself."""


async def _job(app: JobschedApp, pilot: Pilot[None]) -> None:
    app.open_job(DEAD)
    await until_shown(pilot, "order-77120")


async def _attempts(app: JobschedApp, pilot: Pilot[None]) -> None:
    app.open_job(DEAD, page=2)
    await until_shown(pilot, "#3 failed")


async def _log(app: JobschedApp, pilot: Pilot[None]) -> None:
    app.open_job(DEAD, page=4)
    await until_shown(pilot, "END")


async def _bulk(app: JobschedApp, pilot: Pilot[None]) -> None:
    """Every dead job is to run again: so many that the number has to be typed."""
    app.show_jobs("state:dead")
    await until_shown(pilot, "1,273 that match")
    await pilot.press("asterisk", "R")
    await until_shown(pilot, "Do it")
    app.screen.query_one(Input).cursor_blink = False


async def _help(app: JobschedApp, pilot: Pilot[None]) -> None:
    await pilot.press("question_mark")
    await until_shown(pilot, "Half a page up")


async def _past(app: JobschedApp, pilot: Pilot[None]) -> None:
    """Ten looks back."""
    for _ in range(10):
        await pilot.press("left_square_bracket")
    await until_shown(pilot, "as of 09:40:57")


async def _zoom(app: JobschedApp, pilot: Pilot[None]) -> None:
    """What needs somebody has the whole screen."""
    app.set_focus(app.screen.query_one("#attention"))
    await pilot.press("z")
    await until(pilot, lambda: not app.screen.query_one("#overview-queues").display, "the table is away")


@dataclass(frozen=True)
class Shot:
    """One picture. step: what is done on the view before it is taken. options: of the screens."""

    name: str
    view: str
    size: tuple[int, int] = WIDE
    step: Step = _stay
    no_color: bool = False
    ascii_only: bool = False


VIEWS = ("overview", "queues", "jobs", "workers", "dead", "cron", "activity")
SHOTS = [
    *(Shot(view, view) for view in VIEWS),
    Shot("job", "dead", step=_job),
    Shot("job-attempts", "dead", step=_attempts),
    Shot("job-log", "dead", step=_log),
    Shot("bulk", "jobs", step=_bulk),
    Shot("overview-past", "overview", step=_past),
    Shot("overview-zoomed", "overview", USUAL, _zoom),
    Shot("help", "jobs", step=_help),
    *(
        Shot(f"{name}-{size[0]}x{size[1]}", view, size, step)
        for size in (USUAL, SMALL)
        for name, view, step in (
            ("overview", "overview", _stay), ("jobs", "jobs", _stay), ("dead", "dead", _stay), ("job", "dead", _job),
        )
    ),
    *(Shot(f"{view}-no-color", view, USUAL, no_color=True) for view in ("overview", "jobs", "dead")),
    *(Shot(f"{view}-ascii", view, USUAL, ascii_only=True) for view in ("overview", "queues", "jobs", "dead")),
    Shot("queues-ascii-60x20", "queues", SMALL, ascii_only=True),
]  # fmt: skip


@asynccontextmanager
async def looking(shot: Shot, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[JobschedApp, Pilot[None]]]:
    """The screens over the scene, at rest, where the shot is to be taken."""
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if shot.no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    feed = StillFeed(Scene())
    options = Options(
        config.load(environ={}), by="ann@desk", profile="shop", ascii_only=shot.ascii_only, view=shot.view
    )
    app = JobschedApp(options, feed=feed, now=lambda: NOW)
    async with app.run_test(size=shot.size, tooltips=False) as pilot:
        await pilot.pause()
        feed.nudge()
        await until(pilot, lambda: feed.looked, "the store was looked at")
        await shot.step(app, pilot)
        await pilot.wait_for_scheduled_animations()
        await pilot.pause()
        yield app, pilot


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
async def test_a_screen_looks_as_its_picture(shot: Shot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Text, places and colours of everything on it."""
    async with looking(shot, monkeypatch) as (app, _):
        drawn = picture(app)
    compare(drawn, FOLDER / f"{shot.name}.svg", tmp_path)


async def test_the_readme_shows_what_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its picture is drawn by this program, and shows on a page that loads nothing from elsewhere."""
    async with looking(Shot("tui", "overview", (110, 22)), monkeypatch) as (app, _):
        drawn = picture(app)
    assert not any(word in drawn for word in ("<script", "<image", "url(http", "@import", "@font-face", "href"))
    compare(drawn, README, tmp_path)


def test_no_picture_is_left_of_a_screen_that_is_gone() -> None:
    """And all together are small enough for a clone."""
    found = {path.stem: path.stat().st_size for path in FOLDER.glob("*.svg")}
    assert set(found) == {shot.name for shot in SHOTS}
    assert sum(found.values()) < 2_000_000


def drawn_by() -> str:
    """The libraries that draw, with their versions."""
    return " ".join(f"{name} {version(name)}" for name in ("textual", "rich")) + "\n"


def compare(drawn: str, accepted: Path, folder: Path) -> None:
    """Fail unless the picture is the accepted one; `make pictures` accepts it instead. Where other
    releases draw, which whoever installs jobsched afresh may have, the text alone counts."""
    if os.environ.get(WRITE):
        accepted.parent.mkdir(exist_ok=True)
        accepted.write_text(drawn)
        MADE_WITH.write_text(drawn_by())
        return
    before = accepted.read_text() if accepted.exists() else ""
    if drawn == before:
        return
    if MADE_WITH.read_text() != drawn_by() and text_of(drawn) == text_of(before):
        return
    new = folder / accepted.name
    new.write_text(drawn)
    words = difflib.unified_diff(text_of(before).splitlines(), text_of(drawn).splitlines(), lineterm="", n=0)
    said = "\n".join([line for line in words if line[:3] not in ("---", "+++", "@@ ")][:20]) or "only places or colours"
    pytest.fail(f"{accepted.stem} looks different now: {new}\n{said}\nif it should: make pictures", pytrace=False)
