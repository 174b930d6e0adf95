"""Keys that come at once, as from a paste or over a slow line: each is for what the one before it has opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input

from jobsched.core.model.job import NewJob
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands
from jobsched.tests.tui.driving import burst, until, until_shown

Drive = Callable[..., Any]


@pytest.mark.parametrize("end", ["\r", "\n"])
async def test_a_line_right_after_the_colon_is_run(driven: Drive, service: Service, end: str) -> None:
    """From every screen, whatever is a key there; a program's end of line is one, too."""
    job_id = service.submit(NewJob("noop")).id
    line = "cancel 9 /SRCq:?3 lj"
    async with driven(view="jobs", read_only=True) as (app, pilot):
        await until_shown(pilot, "1 loaded")
        for key, text in (
            ("3", "1 loaded"),
            ("1", "attention"),
            ("4", "no worker"),
            ("6", "no schedule"),
            ("", "LIVE"),
        ):
            if key:
                await pilot.press(key)
            else:
                app.open_job(job_id, page=4)
                await until(pilot, lambda: app.active.id == "job", "the job is open")
            await until_shown(pilot, text)
            where = app.active.id
            burst(app, f":{line}{end}")
            await until_shown(pilot, "this line changes something")
            assert app.screen.query_one("#line", Input).value == line
            await pilot.press("escape")
            assert app.screen is app.screen_stack[0]
            assert app.active.id == where


async def test_the_key_after_the_help_is_the_helps(driven: Drive) -> None:
    """q closes it, and does not end the program; : is no key there."""
    async with driven(view="workers") as (app, pilot):
        await until_shown(pilot, "no worker runs")
        burst(app, "?:q")
        await until(pilot, lambda: app.screen is app.screen_stack[0], "the help is closed")
        await until_shown(pilot, "no worker runs")
        burst(app, "q")
        await until(pilot, lambda: not app.is_running, "the end")


async def test_words_right_after_the_palettes_key_are_looked_for(driven: Drive) -> None:
    """None is a key of the screen below."""
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "no job matches")
        burst(app, "\x10q:go to dead/")
        await until(pilot, lambda: len(app.screen_stack) == 2, "the palette is open")
        line = app.screen.query_one(Input)
        await until(pilot, lambda: line.value == "q:go to dead/", "every key is in its line")


async def test_a_number_right_after_the_key_of_a_change_is_typed_in_its_preview(
    driven: Drive, service: Service
) -> None:
    """And what was marked right before is what is changed."""
    ids = [job.id for job in service.submit_many([NewJob("noop")] * 3)]
    async with driven(view="jobs", typed=True) as (app, pilot):
        await until_shown(pilot, "3 loaded")
        burst(app, " j C2\r")
        await until_shown(pilot, "2 done")
        found = {job.id: job.state for job in await asyncio.to_thread(service.get_many, ids)}
        assert found == {ids[0]: State.CANCELLED, ids[1]: State.QUEUED, ids[2]: State.CANCELLED}
        assert app.active.id == "jobs"
        burst(app, "u2\r")
        await until(pilot, lambda: service.operations(by="ann@desk")[0].undone_at, "the change is undone")
        assert app.active.id == "jobs"


async def test_keys_for_a_preview_that_there_will_not_be_are_for_nothing(driven: Drive, service: Service) -> None:
    """They would be keys of the screen."""
    service.submit(NewJob("noop", queue="emails"))
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "1 loaded")
        burst(app, "u2q\r")
        await until_shown(pilot, "there is no change by ann@desk to undo")
        assert app.active.id == "jobs"
        await pilot.press("2")
        await until_shown(pilot, "limits:")
        burst(app, "P3\r")
        await until(pilot, lambda: len(app.screen_stack) == 1 and not service.queues()[0].paused, "Cancel was chosen")
        assert app.active.id == "queues"


async def test_keys_after_a_line_that_is_offered_are_at_its_end(driven: Drive, service: Service, hands: Hands) -> None:
    """None is a key of the dead letters."""
    service.submit(NewJob("fail", max_attempts=1))
    hands.run(dead=True)
    async with driven(view="dead", read_only=True) as (app, pilot):
        await until_shown(pilot, "it broke")
        burst(app, "K Da1q\r")
        await until_shown(pilot, "this line changes something")
        assert app.screen.query_one("#line", Input).value.endswith("--yes Da1q")
