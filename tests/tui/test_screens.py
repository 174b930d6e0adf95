"""Every screen over a real store: what it shows, and where Enter leads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.job import After, NewJob
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.service import Service
from jobsched.core.store import leases
from jobsched.tests.store.hands import Hands
from jobsched.tests.tui.driving import until, until_shown
from jobsched.tui.app import JobschedApp
from jobsched.tui.screens.jobs import JobsView

Drive = Callable[..., Any]
ASCII_TEXTS = ("throughput", "(paused)", "x dead", "* live", "+1", "nightly", "x dead")


@pytest.fixture
def busy(service: Service, hands: Hands) -> dict[str, int]:
    """A store with one job of each kind in it."""
    ids = {"done": service.submit(NewJob("noop")).id}
    hands.run()
    ids["dead"] = service.submit(NewJob("fail", queue="emails", max_attempts=1)).id
    hands.run(dead=True, queue="emails")
    ids["running"] = service.submit(NewJob("noop")).id
    hands.claim()
    ids["queued"] = service.submit(NewJob("noop", queue="emails")).id
    ids["waits"] = service.submit(NewJob("noop", after=(After(ids["running"]),))).id
    service.pause_queue("emails", by="ann", reason="smtp is down")
    service.cron.add(NewSchedule("nightly", "0 3 * * *", NewJob("noop"), "Europe/Athens"), by="ann@desk")
    return ids


async def test_every_screen_shows_what_it_is_for(driven: Drive, busy: dict[str, int]) -> None:
    """One key each; header and tabs stay."""
    async with driven() as (_, pilot):
        shown = await until_shown(pilot, "throughput", "emails", "emails is paused by ann", "listen ok")
        assert "RW" in shown
        for key, texts in {
            "2": ("RUN/SLOTS", "emails ⏸", "default"),
            "3": ("● running", "✖ dead", "✔ succeeded", "○ queued", "◌ blocked"),
            "4": ("hands", "● live", "runs noop, fail"),
            "5": ("it broke", "1 dead jobs of 1 kinds", "▲1"),
            "6": ("nightly", "0 3 * * *", "Europe/Athens", "overlap allow"),
            "7": ("✔ succeeded", "↻ failed", "it broke"),
            "1": ("attention",),
        }.items():
            await pilot.press(key)
            assert "1 Overview" in await until_shown(pilot, *texts)


async def test_a_job_is_shown_in_full(driven: Drive, busy: dict[str, int], service: Service, hands: Hands) -> None:
    """Six pages; Escape leads back to where it was opened."""
    async with driven(view="dead") as (_, pilot):
        await until_shown(pilot, "it broke")
        await pilot.press("enter")
        await until_shown(pilot, "fail  ✖ dead  attempt 1/1", "queue       emails", "error       it broke")
        await pilot.press("2")
        await until_shown(pilot, "#1 failed", "RuntimeError: it broke", "Traceback")
        await pilot.press("3")
        await until_shown(pilot, '"payload": {}')
        await pilot.press("4")
        await until_shown(pilot, "END")
        await pilot.press("5")
        await until_shown(pilot, "it waits for no job")
        await pilot.press("right_square_bracket")
        await until_shown(pilot, '"max_attempts": 1')
        await pilot.press("escape")
        await until_shown(pilot, "1 dead jobs of 1 kinds")


async def test_a_job_that_waits_says_why(driven: Drive, busy: dict[str, int]) -> None:
    """With the command that ends it, and the job that it waits for."""
    async with driven() as (app, pilot):
        app.open_job(busy["waits"])
        await until_shown(pilot, "why", str(busy["running"]))
        await pilot.press("5")
        await until_shown(pilot, f"after  job {busy['running']}:ok, ● running")


async def test_a_log_grows_while_it_is_watched(driven: Drive, service: Service, hands: Hands) -> None:
    """Escape sequences in it are shown, not obeyed; a pattern leaves lines out."""
    job_id = service.submit(NewJob("noop")).id
    (job,) = hands.claim()

    def say(chunk: int, text: str) -> None:
        leases.write_output(hands.connection, [(job.job_id, job.token, chunk, job.attempt, "stdout", text)])

    say(0, "first li")
    async with driven() as (app, pilot):
        app.open_job(job_id, page=4)
        await until_shown(pilot, "first li", "LIVE")
        say(1, "ne\n\x1b[31msecond\n")
        await until_shown(pilot, "first line")
        assert "\n first line\n" in await until_shown(pilot, "\\x1b[31msecond")
        await pilot.press("slash", *"first", "enter")
        await until_shown(pilot, "only with 'first': 1")
        hands.succeed(job)
        await until_shown(pilot, "END")


async def test_the_filter_leaves_jobs_out(driven: Drive, busy: dict[str, int]) -> None:
    """A word that is wrong is named, and the filter stays as it was; `Y` copies the same as a command."""
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "✔ succeeded")
        await pilot.press("slash", *"state:dead queue:emails", "enter")
        view = app.screen.query_one(JobsView)
        await until(pilot, lambda: [job.id for job in view.table.rows] == [busy["dead"]], "the dead job alone")
        await pilot.press("Y")
        assert app.clipboard == "jobsched ls -f 'state:dead queue:emails'"
        await pilot.press("y")
        assert app.clipboard == str(busy["dead"])
        await until_shown(pilot, "1 that match")
        await pilot.press("slash", *" stat:x", "enter")
        await until_shown(pilot, "there is no field 'stat'")
        assert [job.id for job in view.table.rows] == [busy["dead"]]


async def test_a_queue_leads_to_its_jobs(driven: Drive, busy: dict[str, int]) -> None:
    """Enter on a queue shows them."""
    async with driven(view="queues") as (app, pilot):
        await until_shown(pilot, "emails")
        chosen = app.active.chosen_id()
        await pilot.press("enter")
        await until_shown(pilot, f"filter: queue:{chosen}", "ATT")


async def test_an_answer_that_comes_after_the_screens_were_closed_is_dropped(driven: Drive) -> None:
    """Whoever leaves does not wait for the store, and it answers nevertheless."""
    async with driven() as (app, pilot):
        await until_shown(pilot, "throughput")
    await app._tick()
    app._draw_around()


async def test_new_jobs_are_announced_and_f_follows_them(driven: Drive, service: Service) -> None:
    """Nothing shifts until somebody asks for it."""
    first = service.submit(NewJob("noop")).id
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "○ queued")
        service.submit_many([NewJob("noop")] * 3)
        await until_shown(pilot, "↑ 3 new (g)")
        assert app.active.chosen_id() == str(first)
        await pilot.press("f")
        await until_shown(pilot, "following", "4 loaded")


async def test_any_line_of_the_program_can_be_run(
    driven: Drive, service: Service, settings: Settings, environ: dict[str, str]
) -> None:
    """As a process of its own, over the same store; its exit code is shown."""
    service.submit(NewJob("noop", queue="mine"))
    own = environ | {"JOBSCHED_DATABASE_URL": settings["database_url"]}
    async with driven(environ=own) as (_, pilot):
        await until_shown(pilot, "mine")
        await pilot.press("colon", *"queue ls --no-header", "enter")
        await until_shown(pilot, "exit code 0", "mine  false")
        await pilot.press("escape")
        await until_shown(pilot, "throughput")


async def test_help_says_which_keys_there_are(driven: Drive) -> None:
    """Those of the screen that is seen, and those that work everywhere."""
    async with driven(view="workers") as (_, pilot):
        await until_shown(pilot, "no worker runs")
        await pilot.press("question_mark")
        await until_shown(pilot, "Drain", "Copy command", "upper-case letters")


async def test_the_palette_finds_jobs_and_screens(driven: Drive, busy: dict[str, int]) -> None:
    """A number is a job's."""
    async with driven() as (_, pilot):
        await until_shown(pilot, "emails")
        await pilot.press("ctrl+p", *str(busy["dead"]))
        await until_shown(pilot, "show it in full")
        await pilot.press("down", "enter")
        await until_shown(pilot, "error       it broke")


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12)])
async def test_a_small_terminal_is_enough(driven: Drive, busy: dict[str, int], size: tuple[int, int]) -> None:
    """Every screen has its table, and no line is longer than the terminal is wide."""
    async with driven(size=size) as (app, pilot):
        await until_shown(pilot, "emails")
        for key, text in {"2": "QUEUED", "3": "STATE", "4": "WORKER", "5": "COUNT", "6": "NEXT", "7": "WHAT"}.items():
            await pilot.press(key)
            shown = await until_shown(pilot, text)
            assert all(len(line) <= size[0] for line in shown.splitlines())
        app.open_job(busy["dead"])
        await until_shown(pilot, "attempt 1/1")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
@pytest.mark.parametrize(("how", "mark"), [("unicode", "⏸"), ("ascii", "||"), ("no-color", "⏸")])
async def test_what_is_paused_has_its_mark_on_a_small_terminal(
    driven: Drive, service: Service, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], how: str, mark: str
) -> None:
    """Queues and schedules, however long their names are."""
    if how == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    names = ("newsletter", "letters-to-everybody-in-the-world")
    for name in names:
        service.submit(NewJob("noop", queue=name))
        service.pause_queue(name, by="ann")
        service.cron.add(NewSchedule(name, "0 3 * * *", NewJob("noop"), "Europe/Athens"), by="ann@desk")
        service.cron.pause(name, by="ann")
    async with driven(view="queues", size=size, ascii_only=how == "ascii") as (_, pilot):
        for key, title in (("2", "QUEUE"), ("6", "SCHEDULE"), ("1", "QUEUE")):
            await pilot.press(key)
            shown = await until_shown(pilot, f" {title} ", "newsl")
            lines = [line for line in shown.splitlines() if line[2:].startswith(tuple(name[:4] for name in names))]
            assert len(lines) == len(names)
            assert all(mark in line or "(paused)" in line for line in lines), shown


async def test_hostile_names_and_payloads_break_nothing(
    driven: Drive, service: Service, hands: Hands, connection: Any
) -> None:
    """Escape sequences, marks that reorder text, markup, ten thousand characters, wide and combining ones."""
    evil = "\x1b]0;x\x07\x1b[2J\u202e[red]x[/red] $(id) `id`\n" + "東" * 200 + "e" + "\u0301" * 300 + "y" * 10_000
    job_id = service.submit(NewJob("fail", {"[bold]k": evil}, max_attempts=1)).id
    hands.run(dead=True)
    connection.execute("update jobsched.outcome set error = %s", (evil,))
    connection.execute("update jobsched.attempt_log set message = %s, traceback = %s", (evil, evil))
    connection.execute("update jobsched.worker set name = %s, host = %s", (evil, evil))
    async with driven(size=(100, 30)) as (app, pilot):
        for key, text in {"3": "✖ dead", "4": "HEARD OF", "5": "COUNT", "7": "✖ dead"}.items():
            await pilot.press(key)
            _check(await until_shown(pilot, text, "\\x1b]0;x"), app)
        app.open_job(job_id)
        for key in "1236":
            await pilot.press(key)
            _check(await until_shown(pilot, "\\u202e" if key != "3" else "[bold]k"), app)


def _check(shown: str, app: JobschedApp) -> None:
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert all(strip.cell_length == 100 for strip in app.screen._compositor.render_strips())


async def test_ascii_terminals_get_ascii_alone(driven: Drive, busy: dict[str, int]) -> None:
    """Frames, signs, bars and what is in the jobs."""
    async with driven(ascii_only=True) as (app, pilot):
        texts = {
            "1": "throughput",
            "2": "(paused)",
            "3": "x dead",
            "4": "* live",
            "5": "+1",
            "6": "nightly",
            "7": "x dead",
        }
        for key, text in texts.items():
            await pilot.press(key)
            shown = await until_shown(pilot, text)
            assert shown.isascii(), [line for line in shown.splitlines() if not line.isascii()]
        app.open_job(busy["dead"])
        assert (await until_shown(pilot, "attempt 1/1", "it broke")).isascii()
