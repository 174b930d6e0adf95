"""Keys that lead from lists into a job, the log in a file, panels alone, and a terminal that nobody looks at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events

from jobsched.core.model.job import NewJob
from jobsched.core.service import Service
from jobsched.core.store import leases
from jobsched.tests.store.hands import Hands
from jobsched.tests.tui.driving import until, until_shown
from jobsched.tui.keymap import known

Drive = Callable[..., Any]


@pytest.fixture
def dead(service: Service, hands: Hands) -> int:
    """A dead job that said something."""
    job_id = service.submit(NewJob("fail", {"user": 42}, max_attempts=1)).id
    (job,) = hands.claim()
    leases.write_output(hands.connection, [(job.job_id, job.token, 0, job.attempt, "stdout", "one\n\x1b[1mtwo\n")])
    hands.fail(job, dead=True)
    return job_id


@pytest.mark.parametrize("view", ["jobs", "dead"])
async def test_a_letter_opens_a_page_of_the_job_under_the_cursor(driven: Drive, dead: int, view: str) -> None:
    """In the dead letters it is the newest of its kind, and `a` is all of them there."""
    keys = {"l": "\\x1b[1mtwo", "w": "error       it broke", "e": "#1 failed", "o": "it waits for no job"}
    if view == "jobs":
        keys["a"] = '"user": 42'
    async with driven(view=view) as (app, pilot):
        for key, text in keys.items():
            await until_shown(pilot, "1 loaded" if view == "jobs" else "1 dead jobs of 1 kinds")
            await pilot.press(key)
            await until_shown(pilot, text, f"{dead}  fail")
            await pilot.press("escape")
        await until(pilot, lambda: app.active.id == view, "back where it was opened")


def test_the_new_keys_can_be_others() -> None:
    """They have names."""
    assert {"jobs_log", "jobs_why", "jobs_payload", "dead_attempts", "overview_zoom", "job_save"} <= set(known())


async def test_the_log_is_saved_and_nothing_is_overwritten(
    driven: Drive, dead: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S asks for a path; the file holds what the job said, byte by byte; a second time is refused."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"job-{dead}.log"
    async with driven() as (app, pilot):
        app.open_job(dead)
        await until_shown(pilot, "error       it broke")
        await pilot.press("S")
        await until_shown(pilot, file.name)
        await pilot.press("enter")
        await until_shown(pilot, "12 characters are in")
        assert file.read_bytes() == b"one\n\x1b[1mtwo\n"
        file.write_text("mine")
        await pilot.press("S", "enter")
        await until_shown(pilot, "nothing is overwritten")
        assert file.read_text() == "mine"
        await pilot.press("S", *"/none/x", "enter")
        await until_shown(pilot, "cannot be made")
        await pilot.press("S", "escape")
        await until(pilot, lambda: app.focused is app.active.ring, "the log has the keys")
        assert app.active.id == "job"


async def test_a_panel_or_the_table_is_shown_alone(driven: Drive, service: Service) -> None:
    """z again shows all; Tab goes from panel to panel."""
    for name in ("a1", "a2", "a3", "a4", "a5", "a6"):
        service.submit(NewJob("noop", queue=name))
    async with driven() as (app, pilot):
        await until_shown(pilot, "throughput", "RUN/SLOTS", "and 4 more")
        await pilot.press("z")
        await until(pilot, lambda: not app.active.query_one("#panels").display, "the table alone")
        await pilot.press("2", "1", "z")
        await until_shown(pilot, "throughput", "RUN/SLOTS")
        attention = app.active.query_one("#attention")
        while app.focused is not attention:
            await pilot.press("tab")
        await pilot.press("z")
        shown = await until_shown(pilot, "a6: 1 queued, no worker")
        assert "throughput" not in shown
        assert "RUN/SLOTS" not in shown
        await pilot.press("2", "1")
        assert app.focused is attention
        await pilot.press("z")
        await until_shown(pilot, "throughput", "RUN/SLOTS", "and 4 more")


async def test_nobody_looks_so_it_is_not_asked(driven: Drive, service: Service) -> None:
    """The header says so; whoever comes back sees what is there now, at once."""
    async with driven(view="queues") as (app, pilot):
        await until_shown(pilot, "no queue yet", "listen ok")
        app.post_message(events.AppBlur())
        await until_shown(pilot, "paused (no focus)")
        asked = app.feed._answered
        service.submit(NewJob("noop", queue="new"))
        app.feed.nudge()
        await until(pilot, lambda: not app.feed._nudged.is_set(), "the feed was woken")
        for _ in range(10):
            await pilot.pause()
        assert app.feed._answered == asked
        app.post_message(events.AppFocus())
        await until_shown(pilot, "new")
        assert "no focus" not in await until_shown(pilot, "● live")
