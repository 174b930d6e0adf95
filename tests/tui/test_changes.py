"""Changes from the screens: always a preview, Cancel by default, and the command line that does the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input

from jobsched.core.config import Settings
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands
from jobsched.tests.tui.driving import screen, until, until_shown
from jobsched.tui import acting
from jobsched.tui.screens.preview import Preview

Drive = Callable[..., Any]


def dead(service: Service, hands: Hands, count: int) -> list[int]:
    """Make dead jobs that failed alike."""
    service.submit_many([NewJob("fail", max_attempts=1)] * count)
    return [hands.run(dead=True) for _ in range(count)]


async def states(service: Service, ids: list[int]) -> set[State]:
    """Where these jobs are, asked for outside of the app's loop."""
    return {job.state for job in await asyncio.to_thread(service.get_many, ids)}


async def test_dead_letters_are_run_again_after_a_preview(
    driven: Drive, service: Service, hands: Hands, connection: Any
) -> None:
    """It says how many, which and what the command is; Enter alone changes nothing."""
    ids = dead(service, hands, 3)
    connection.execute("update jobsched.outcome set fingerprint = '0123456789ab'")
    async with driven(view="dead") as (app, pilot):
        await until_shown(pilot, "it broke")
        await pilot.press("R")
        await until_shown(pilot, "Run again 3 jobs?", "3 dead", "$ jobsched dlq retry 0123456789ab", "Cancel")
        await pilot.press("Y")
        assert app.clipboard == "jobsched dlq retry 0123456789ab"
        await pilot.press("enter")
        await until_shown(pilot, "3 dead jobs of 1 kinds")
        assert await states(service, ids) == {State.DEAD}
        await pilot.press("R")
        await until_shown(pilot, "Run again 3 jobs?")
        await pilot.press("right", "enter")
        await until_shown(pilot, "no job is dead")
        assert await states(service, ids) == {State.QUEUED}


async def test_marked_jobs_are_changed_and_no_others(driven: Drive, service: Service) -> None:
    """What the preview names is what is changed, whatever came meanwhile."""
    ids = [job.id for job in service.submit_many([NewJob("noop")] * 4)]
    async with driven(view="jobs") as (_, pilot):
        await until_shown(pilot, "4 loaded")
        await pilot.press("space", "j", "space", "C")
        await until_shown(pilot, "Cancel 2 jobs?", f"$ jobsched cancel {ids[3]} {ids[1]}")
        await pilot.press("right", "enter")
        await until_shown(pilot, "2 done")
        assert await states(service, [ids[1], ids[3]]) == {State.CANCELLED}
        assert await states(service, [ids[0], ids[2]]) == {State.QUEUED}


async def test_jobs_are_moved_to_another_lane(driven: Drive, service: Service) -> None:
    """The queues that there are and the priorities are offered; the preview says which command does the same."""
    ids = [job.id for job in service.submit_many([NewJob("noop", queue=queue) for queue in ("a", "a", "b")])]
    async with driven(view="jobs") as (_, pilot):
        await until_shown(pilot, "3 loaded")
        await pilot.press("j", "space", "space", "M")
        await until_shown(pilot, "move to", "queue a", "queue b", "priority high")
        await pilot.press("j", "enter")
        await until_shown(pilot, "Move 2 jobs to queue b?", f"$ jobsched move --to b {ids[1]} {ids[0]}")
        await pilot.press("right", "enter")
        await until_shown(pilot, "2 done — u undoes it")
        assert {job.queue for job in await asyncio.to_thread(service.get_many, ids)} == {"b"}
        await pilot.press("enter", "M")
        await until_shown(pilot, "move to")
        await pilot.press("end", "enter")
        await until_shown(pilot, "Move 1 job to priority low?")
        await pilot.press("escape")


async def test_a_preview_fits_on_the_smallest_terminal(driven: Drive, service: Service) -> None:
    """What is asked, the command and both buttons are seen at 40 columns and 12 lines."""
    service.submit_many([NewJob("noop", queue="a-queue-with-a-long-name")] * 3)
    async with driven(view="jobs", size=(40, 12)) as (app, pilot):
        await until(pilot, lambda: app.screen.query_one("#jobs-table").rows, "jobs")  # type: ignore[attr-defined]
        await pilot.press("v", "G", "v", "C")
        await until(pilot, lambda: isinstance(app.screen, Preview), "the preview")
        await pilot.pause()
        for each in ("#command", "#cancel", "#do"):
            region = app.screen.query_one(each).region
            assert region.height >= 1
            assert region.bottom <= 12, each
        await pilot.press("escape")


async def test_what_is_refused_is_said(driven: Drive, service: Service, hands: Hands) -> None:
    """With the first reason."""
    service.submit(NewJob("noop"))
    hands.run()
    async with driven(view="jobs") as (_, pilot):
        await until_shown(pilot, "✔ succeeded")
        await pilot.press("C")
        await until_shown(pilot, "Cancel 1 job?")
        await pilot.press("right", "enter")
        await until_shown(pilot, "0 done, 1 refused")


async def test_many_jobs_want_their_number_typed(
    driven: Drive, service: Service, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another number does nothing."""
    monkeypatch.setattr("jobsched.tui.screens.preview.TYPED", 2)
    ids = dead(service, hands, 3)
    async with driven(view="dead") as (_, pilot):
        await until_shown(pilot, "it broke")
        await pilot.press("D")
        await until_shown(pilot, "Discard 3 jobs?", "type 3 to go on")
        await pilot.press("4", "enter")
        assert await states(service, ids) == {State.DEAD}
        await pilot.press("backspace", "3", "enter")
        await until_shown(pilot, "no job is dead")
        assert await states(service, ids) == {State.CANCELLED}


async def test_what_was_changed_is_undone(driven: Drive, service: Service) -> None:
    """By the same person, after a preview; the command line knows of it."""
    ids = [job.id for job in service.submit_many([NewJob("noop")] * 3)]
    async with driven(view="jobs") as (_, pilot):
        await until_shown(pilot, "3 loaded")
        await pilot.press("u")
        await until_shown(pilot, "there is no change by ann@desk to undo")
        await pilot.press("v", "G", "v", "C")
        await until_shown(pilot, "Cancel 3 jobs?")
        await pilot.press("right", "enter")
        await until_shown(pilot, "3 done — u undoes it")
        (change,) = service.operations(by="ann@desk")
        assert (change.verb, change.jobs, change.selection) == ("cancel", 3, " ".join(map(str, reversed(ids))))
        await pilot.press("u")
        await until_shown(pilot, f"Undo change {change.id}?", f"$ jobsched undo {change.id}")
        await pilot.press("right", "enter")
        await until(pilot, lambda: service.operation(change.id).undone_at, "the change is undone")
        assert await states(service, ids) == {State.QUEUED}


async def test_all_that_match_are_changed(driven: Drive, service: Service) -> None:
    """The ones that are not loaded, too, and no others."""
    mine = [job.id for job in service.submit_many([NewJob("noop", queue="mine")] * 450)]
    other = [job.id for job in service.submit_many([NewJob("noop")] * 2)]
    async with driven(view="jobs") as (app, pilot):
        await pilot.press("slash", *"queue:mine", "enter")
        await until_shown(pilot, "200 loaded", "450 that match")
        await pilot.press("asterisk")
        await until_shown(pilot, "all 450 that match are marked")
        await pilot.press("H")
        await until_shown(pilot, "Hold 450 jobs?", "450 mine", "$ jobsched hold -f queue:mine")
        await pilot.press("right", "enter")
        await until_shown(pilot, "450 done")
        assert await states(service, mine) == {State.BLOCKED}
        assert await states(service, other) == {State.QUEUED}
        await pilot.press("escape")
        await until(pilot, lambda: "are marked" not in screen(app), "nothing is marked")


async def test_kinds_of_dead_jobs_that_share_a_fingerprint_are_told_apart(
    driven: Drive, service: Service, hands: Hands
) -> None:
    """By queue and type, in what is changed and in the command line."""
    ids = dead(service, hands, 2)
    service.submit(NewJob("fail", queue="other", max_attempts=1))
    other = hands.run(dead=True, queue="other")
    async with driven(view="dead") as (_, pilot):
        await until_shown(pilot, "3 dead jobs of 2 kinds")
        await pilot.press("R")
        await until_shown(pilot, "Run again 2 jobs?", "-f 'state:dead fingerprint:print queue:default")
        await pilot.press("right", "enter")
        await until_shown(pilot, "2 done", "1 dead jobs of 1 kinds")
        assert await states(service, ids) == {State.QUEUED}
        assert await states(service, [other]) == {State.DEAD}


async def test_dead_jobs_without_a_fingerprint_are_one_kind(
    driven: Drive, service: Service, hands: Hands, connection: Any
) -> None:
    """They are found as such, and those with one are left alone."""
    bare = dead(service, hands, 2)
    connection.execute("update jobsched.outcome set fingerprint = null")
    (other,) = dead(service, hands, 1)
    async with driven(view="dead") as (_, pilot):
        await until_shown(pilot, "3 dead jobs of 2 kinds")
        await pilot.press("D")
        await until_shown(pilot, "Discard 2 jobs?")
        await pilot.press("right", "enter")
        await until_shown(pilot, "2 done", "1 dead jobs of 1 kinds")
        assert await states(service, bare) == {State.CANCELLED}
        assert await states(service, [other]) == {State.DEAD}


async def test_a_canary_is_a_command_line_to_be_run(
    driven: Drive, service: Service, hands: Hands, settings: Settings, environ: dict[str, str]
) -> None:
    """Without a worker three jobs are tried, and the others stay dead."""
    ids = dead(service, hands, 5)
    own = environ | {"JOBSCHED_DATABASE_URL": settings["database_url"]}
    async with driven(view="dead", environ=own) as (app, pilot):
        await until_shown(pilot, "it broke")
        await pilot.press("K")
        await until_shown(pilot, "--canary 3 --rate 50/s --timeout 1m --yes")
        line = app.screen.query_one("#line", Input)
        line.value = line.value.replace("1m", "1s")
        await pilot.press("enter")
        await until_shown(pilot, "exit code")
        assert Counter(job.state for job in await asyncio.to_thread(service.get_many, ids)) == {
            State.QUEUED: 3,
            State.DEAD: 2,
        }


async def test_production_wants_every_number_typed(driven: Drive, service: Service) -> None:
    """Be it one job; the header says where one is."""
    ids = [service.submit(NewJob("noop")).id]
    async with driven(view="jobs", typed=True, profile="prod") as (_, pilot):
        await until_shown(pilot, "1 loaded", "jobsched prod RW")
        await pilot.press("C")
        await until_shown(pilot, "type 1 to go on")
        await pilot.press("enter")
        assert await states(service, ids) == {State.QUEUED}
        await pilot.press("1", "enter")
        await until_shown(pilot, "1 done")
        assert await states(service, ids) == {State.CANCELLED}


async def test_a_queue_is_paused_and_goes_on(driven: Drive, service: Service) -> None:
    """The same key for both; whoever was at the keyboard is on record."""
    service.submit(NewJob("noop", queue="emails"))
    async with driven(view="queues") as (_, pilot):
        await until_shown(pilot, "emails")
        await pilot.press("P")
        await until_shown(pilot, "Pause queue emails?", "$ jobsched queue pause emails")
        await pilot.press("right", "enter")
        await until_shown(pilot, "paused by ann@desk")
        await pilot.press("P")
        await until_shown(pilot, "Resume queue emails?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: not service.queues()[0].paused, "the queue goes on")


async def test_a_schedule_is_paused_and_makes_a_job(driven: Drive, service: Service) -> None:
    """Each with its preview."""
    service.cron.add(NewSchedule("nightly", "0 3 * * *", NewJob("noop")), by="ann@desk")
    async with driven(view="cron") as (_, pilot):
        await until_shown(pilot, "nightly", "in ")
        await pilot.press("P")
        await until_shown(pilot, "Pause schedule nightly?", "$ jobsched cron pause nightly")
        await pilot.press("right", "enter")
        await until_shown(pilot, "paused by ann@desk")
        await pilot.press("R")
        await until_shown(pilot, "$ jobsched cron trigger nightly")
        await pilot.press("right", "enter")
        await until(pilot, service.list, "the job")


async def test_read_only_changes_nothing(driven: Drive, service: Service) -> None:
    """Keys say so, and so does a command line that might change something."""
    ids = [service.submit(NewJob("noop")).id]
    async with driven(view="jobs", read_only=True) as (_, pilot):
        await until_shown(pilot, "1 loaded", "RO")
        await pilot.press("C")
        await until_shown(pilot, "read-only")
        await pilot.press("colon", *f"cancel {ids[0]}", "enter")
        await until_shown(pilot, "this line changes something")
        assert await states(service, ids) == {State.QUEUED}


def test_a_command_line_can_be_pasted() -> None:
    """Whatever is in its words."""
    assert acting.command_line(["ls", "--queue", "a b", "$(id)"]) == "jobsched ls --queue 'a b' '$(id)'"
