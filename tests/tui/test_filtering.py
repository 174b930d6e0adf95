"""The filter bar: what it offers while somebody writes, how jobs are sorted, which columns there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.job import NewJob
from jobsched.core.model.selection import FIELDS, parse
from jobsched.core.service import Service
from jobsched.tests.tui.driving import burst, until, until_shown
from jobsched.tui.filtering import FilterLine, candidates, offers
from jobsched.tui.screens.job import JobDetail
from jobsched.tui.screens.jobs import JobsView

Drive = Callable[..., Any]
KNOWN = {"queues": ["emails", "default", "new york"], "types": ["send_email"], "tags": ["nightly"]}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("sta", ["state:", "started:"]),
        ("-sta", ["-state:", "-started:"]),
        ("state:d", ["state:dead"]),
        ("state:dead,run", ["state:dead,running"]),
        ("state:dead queue:", ["state:dead queue:emails", "state:dead queue:default", 'state:dead queue:"new york"']),
        ("queue:emails", []),
        ("priority:h", ["priority:high"]),
        ("args", ["args."]),
        ("age:", []),
        ("nothing", []),
        ("type:s", ["type:send_email"]),
        ("tag~n", ["tag~nightly"]),
    ],
)
def test_words_are_ended(text: str, first: list[str]) -> None:
    """Fields, states, priorities, and names from the store; nothing where anything may come."""
    assert candidates(text, KNOWN)[:3] == first[:3]


def test_all_fields_are_offered_and_what_is_offered_can_be_read() -> None:
    """Every field but `id`, which is written without its name."""
    assert {each.rstrip(":.") for each in candidates("", KNOWN)} == set(FIELDS) - {"id"}
    for text in ("state:", "queue:", "priority:", "type:", "tag:"):
        assert [str(parse(each)) for each in candidates(text, KNOWN)] == candidates(text, KNOWN)


def test_more_than_there_is_room_for_are_counted() -> None:
    """Eight, and how many more."""
    assert offers("", {}).endswith(f"+{len(FIELDS) - 1 - 8}")
    assert offers("state:dead queue:", KNOWN) == 'queue:emails  queue:default  state:dead queue:"new york"'


async def test_tab_takes_what_is_offered(driven: Drive, service: Service) -> None:
    """The names are those of this store."""
    wanted = service.submit(NewJob("noop", queue="emails")).id
    service.submit(NewJob("noop"))
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "2 loaded")
        await pilot.press("slash", *"que")
        await until_shown(pilot, "queue:")
        await pilot.press("tab", *"em")
        await until_shown(pilot, "queue:emails")
        await pilot.press("tab", "enter")
        view = app.screen.query_one(JobsView)
        await until(pilot, lambda: [job.id for job in view.table.rows] == [wanted], "the one job in it")


async def test_keys_right_after_the_slash_are_the_filters(driven: Drive, service: Service) -> None:
    """However quickly they come: they would be changes and choosers in the table."""
    job_id = service.submit(NewJob("noop")).id
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "1 loaded")
        for text in ("/sCRH*lq/c state:dead", "/ 2:?/"):
            burst(app, text)
            line = app.screen.query_one("#filter", FilterLine)
            await until(pilot, lambda line=line, text=text: line.value.endswith(text[1:]), "every key is in the filter")
            assert app.screen is app.screen_stack[0]
            assert app.active.id == "jobs"
            assert not app.screen.query_one(JobsView).table.every
        assert line.value == "sCRH*lq/c state:dead/ 2:?/"
        await pilot.press("escape")
        app.open_job(job_id, page=4)
        await until(pilot, lambda: isinstance(app.active, JobDetail), "the job is open")
        await until_shown(pilot, "LIVE")
        burst(app, "/RCwq6/")
        grep = app.active.query_one("#grep")
        await until(pilot, lambda: grep.value == "RCwq6/", "every key is in the pattern")
        assert app.screen is app.screen_stack[0]


async def test_the_key_of_the_filter_is_a_character_as_soon_as_it_was_pressed(driven: Drive) -> None:
    """Also when the next one is read before the line has heard that the keys are its own."""
    async with driven(view="jobs") as (app, pilot):
        await until(pilot, lambda: app.screen.focused is not None, "the table has the keys")
        view = app.screen.query_one(JobsView)
        assert view.check_action("filter", ())
        view.action_filter()
        assert not view.check_action("filter", ())


async def test_the_whole_grammar_is_understood(driven: Drive, service: Service, settings: Settings) -> None:
    """Payload, patterns, negation, mine; and what is wrong is told with its place unchanged."""
    with Service(settings, submitter="ann@desk") as hers:
        wanted = hers.submit(NewJob("noop", {"user": 42})).id
    service.submit_many([NewJob("noop", {"user": 7}), NewJob("fail", {"user": 42})])
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "3 loaded")
        view = app.screen.query_one(JobsView)
        await pilot.press("slash", *"args.user=42 -type~fa* @mine age<1h", "enter")
        await until(pilot, lambda: [job.id for job in view.table.rows] == [wanted], "the one job")
        await pilot.press("slash", *" age>", "enter")
        await until_shown(pilot, "age")
        assert [job.id for job in view.table.rows] == [wanted]


async def test_jobs_are_sorted(driven: Drive, service: Service) -> None:
    """The command line that is copied sorts them, too."""
    ids = [service.submit(NewJob("noop", queue=name)).id for name in ("b", "a", "c")]
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "3 loaded")
        await pilot.press("s")
        await until_shown(pilot, "sort by", "-queue")
        chooser = app.screen.query_one("OptionList")
        chooser.highlighted = [each.prompt.plain for each in chooser.options].index("queue")
        await pilot.press("enter")
        view = app.screen.query_one(JobsView)
        await until(
            pilot, lambda: [job.id for job in view.table.rows] == [ids[1], ids[0], ids[2]], "the order of their queues"
        )
        await until_shown(pilot, "by queue, the first 200")
        await pilot.press("Y")
        assert app.clipboard == "jobsched ls --sort queue"


async def test_columns_are_chosen(driven: Drive, service: Service) -> None:
    """Escape leaves them as they are."""
    service.submit(NewJob("noop", {"user": 42}))
    async with driven(view="jobs") as (app, pilot):
        await until_shown(pilot, "1 loaded", "ATT")
        for key in ("enter", "escape"):
            await pilot.press("c")
            await until_shown(pilot, "PAYLOAD", "space, then Enter")
            chooser = app.screen.query_one("SelectionList")
            chooser.select(16 if key == "enter" else 10)
            chooser.deselect(4)
            await pilot.press(key)
            assert "SUBMITTER" not in await until_shown(pilot, '{"user": 42}')
