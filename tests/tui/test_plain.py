"""The line mode: what is said on each screen, what is announced, and that nothing changes without a yes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobsched.core import config
from jobsched.core.config import Settings
from jobsched.core.model.job import After, NewJob
from jobsched.core.model.results import OutputChunk
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import embedded, leases
from jobsched.tests.faults.fleet import until
from jobsched.tests.store.hands import Hands
from jobsched.tui import plain_lines
from jobsched.tui.feed import Direct
from jobsched.tui.options import Options
from jobsched.tui.plain import Plain
from jobsched.tui.plain_input import Lines

Step = str | Callable[[], object]
Session = Callable[..., str]


class Script(Lines):
    """Lines of a test. What is no line but a call is made while the next line is waited for: then the time is over."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = list(steps)
        self.waits: list[float | None] = []

    def next(self, wait: float | None) -> str | None:
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, str):
                return step
            step()
            self.waits.append(wait)
            if wait is not None:
                return None
        raise EOFError


def hold(settings: Settings, *steps: Step, **options: Any) -> str:
    """A session of these steps; what was said."""
    out, store = io.StringIO(), Direct(settings)
    try:
        assert Plain(Options(settings, by="ann@desk", **options), store, Script(steps), out).run() == 0
    finally:
        store.close()
    return out.getvalue()


@pytest.fixture
def session(settings: Settings) -> Session:
    """session("3", "q"): what is said when these lines are written."""
    return lambda *steps, **options: hold(settings, *steps, **options)


@pytest.fixture
def ids(service: Service, hands: Hands) -> dict[str, int]:
    """One job of each kind; their numbers are larger than those of the screens."""
    service.submit_many([NewJob("noop")] * 8)
    service.cancel(list(range(1, 9)), by="ann@desk")
    found = {"dead": service.submit(NewJob("fail", queue="emails", max_attempts=1)).id}
    hands.run(dead=True, queue="emails")
    found["running"] = service.submit(NewJob("noop")).id
    hands.claim()
    found["queued"] = service.submit(NewJob("noop", queue="emails")).id
    found["waits"] = service.submit(NewJob("noop", {"user": 42}, after=(After(found["running"]),))).id
    service.pause_queue("emails", by="ann", reason="smtp is down")
    return found


def test_every_screen_is_lines_that_say_what_they_are_about(session: Session, ids: dict[str, int]) -> None:
    """By the numbers of the menu, with no sign that a terminal obeys."""
    said = session("2", "3", "4", "5", "6", "7", "q")
    for text in (
        "1 overview, 2 queues, 3 jobs",
        "attention: emails is paused by ann: smtp is down",
        "queue emails: paused, 1 queued",
        "  paused: by ann",
        f"job {ids['waits']}: blocked, noop, queue default",
        "worker hands: live",
        f"1 dead, 1 within the last hour: fail in queue emails, last 0s ago, such as job {ids['dead']}"[:50],
        "no schedule yet",
        f"job {ids['dead']} dead, fail",
    ):
        assert text in said
    assert said.replace("\n", "").isprintable()
    assert said.isascii()


def test_a_number_opens_a_job_and_letters_say_more_of_it(session: Session, ids: dict[str, int]) -> None:
    """A letter with a number is of that job; job 5 is no screen."""
    said = session(str(ids["waits"]), "a", "o", "w", f"e {ids['dead']}", "l", "job 5", "q")
    assert f"summary of job {ids['waits']}" in said
    assert "why: " in said
    assert '  "user": 42' in said
    assert f"after: job {ids['running']}:ok, running" in said
    assert "attempt 1: failed" in said
    assert "  RuntimeError: it broke" in said
    assert f"log of job {ids['dead']}" in said
    assert "summary of job 5" in said


def test_jobs_come_page_by_page_and_are_filtered(session: Session, service: Service) -> None:
    """n reads on where the last page ended; wrong words are named and the filter stays."""
    made = [job.id for job in service.submit_many([NewJob("noop")] * 45)]
    service.submit(NewJob("fail", queue="emails"))
    said = session("/queue:default", "n", "n", "n", "/stat:x", "r", "q")
    first, *_, again = said.split("jobs that fit queue:default, as of")[1:]
    assert [f"job {each}:" in first for each in made] == [True] * 45
    assert "that was all" in first
    assert "there is no field 'stat'" in first
    assert f"job {made[-1]}:" in again
    assert f"job {made[0]}:" not in again
    assert "queue emails" not in first


def test_nothing_is_changed_without_a_yes(session: Session, ids: dict[str, int], service: Service) -> None:
    """The question shows the command line; Enter is no, and so is the end of the input."""
    words = f"cancel {ids['queued']} {ids['waits']}"
    said = session(words, "", words)
    assert "Cancel 2 jobs?" in said
    assert f"the command line that does the same: jobsched {words}" in said
    assert said.count("nothing was changed") == 2
    assert service.get(ids["queued"]).state is State.QUEUED
    assert "2 done" in session(words, "yes", "q")
    assert service.get(ids["queued"]).state is State.CANCELLED


def test_changes_are_undone_and_queues_paused(session: Session, ids: dict[str, int], service: Service) -> None:
    """u undoes the last; `all` is what fits the filter."""
    said = session("/queue:emails state:queued", "hold all", "y", "u", "y", "resume emails", "y", "resume emails", "q")
    assert "Hold 1 job?" in said
    assert "Undo change" in said
    assert "queue emails goes on" in said
    assert "queue emails is not paused" in said
    assert service.get(ids["queued"]).state is State.QUEUED
    assert "there is none — write /SELECTION first" in session("hold all")


def test_workers_are_told_to_end(session: Session, ids: dict[str, int], service: Service, connection: Any) -> None:
    """By name, or by number where two have it; nobody tells one that is lost."""
    (worker,) = service.workers()
    said = session("drain hands", "no", f"stop {worker.id}", "yes", "drain", "drain nobody", "q")
    assert "Drain worker hands?" in said
    assert f"the command line that does the same: jobsched workers drain {worker.id}" in said
    assert f"worker hands on {worker.host}" in said
    assert "jobs   0 running" in said
    assert "worker hands was told to stop" in said
    assert "drain wants the name of a worker" in said
    assert "there is no worker 'nobody'" in said
    assert service.workers()[0].command == "stop"
    assert f"number {worker.id}" in session("4", "q")
    other = Hands(connection, lease_seconds=3600.0)
    said = session("drain hands", "q")
    assert "2 workers are called 'hands' — write drain and one of" in said
    assert str(worker.id) in said.rpartition("one of")[2]
    assert str(other.id) in said.rpartition("one of")[2]
    connection.execute("update jobsched.worker set heartbeat_at = now() - interval '1 day'")
    assert "worker hands is lost" in session("stop hands", "q")


def test_schedules_are_paused_resumed_and_triggered(session: Session, service: Service) -> None:
    """A queue of the same name is another thing."""
    service.cron.add(NewSchedule("nightly", "0 3 * * *", NewJob("noop"), "Europe/Athens"), by="ann@desk")
    said = session(
        "pause schedule nightly", "", "resume schedule nightly", "pause schedule nightly", "y",
        "pause schedule nightly", "q",
    )  # fmt: skip
    assert "Pause schedule nightly?" in said
    assert "when   0 3 * * * (Europe/Athens)" in said
    assert "the command line that does the same: jobsched cron pause nightly" in said
    assert "nothing was changed" in said
    assert "schedule nightly is not paused" in said
    assert "schedule nightly: paused\n" in said
    assert "schedule nightly is paused" in said
    assert service.cron.list()[0].paused_by == "ann@desk"
    said = session("6", "resume schedule nightly", "y", "trigger nightly", "y", "q")
    assert "schedule nightly: paused, 0 3" in said
    assert "schedule nightly: resumed" in said
    assert "Make a job of schedule nightly now?" in said
    (job,) = service.list()
    assert f"[no]: job {job.id}\n" in said
    assert service.cron.list()[0].paused_at is None
    said = session("trigger", "trigger x", "pause schedule", "resume schedule x", "pause nightly", "pause", "q")
    assert said.count("wants the name of a schedule") == 2
    assert said.count("there is no schedule 'x'") == 2
    assert "there is no queue 'nightly'" in said
    assert "pause wants the name of a queue, or schedule and the name of one" in said


def test_careful_stores_are_careful_of_workers_and_schedules(
    session: Session, ids: dict[str, int], service: Service
) -> None:
    """As of jobs: production wants a number, read-only says the command line alone."""
    service.cron.add(NewSchedule("nightly", "0 3 * * *", NewJob("noop")), by="ann@desk")
    lines = ("drain hands", "stop hands", "pause schedule nightly", "trigger nightly")
    count = len(service.list())
    said = session(*(step for line in lines for step in (line, "yes")), "q", typed=True)
    assert said.count("write 1 to do it") == said.count("nothing was changed") == len(lines)
    said = session(*lines, "q", read_only=True)
    number = service.workers()[0].id
    for words in (f"workers drain {number}", f"workers stop {number}", "cron pause nightly", "cron trigger nightly"):
        assert f"read-only — jobsched {words}" in said
    assert service.workers()[0].command is None
    assert service.cron.list()[0].paused_at is None
    assert len(service.list()) == count
    session("drain hands", "1", "q", typed=True)
    assert service.workers()[0].command == "drain"


@pytest.mark.parametrize(("options", "answer"), [({"typed": True}, "yes"), ({"read_only": True}, "yes")])
def test_careful_stores_want_more_or_nothing(
    session: Session, ids: dict[str, int], service: Service, options: dict[str, bool], answer: str
) -> None:
    """Production wants the number; read-only says the command line alone."""
    said = session(f"cancel {ids['queued']}", answer, "q", **options)
    assert "write 1 to do it" in said if "typed" in options else f"read-only — jobsched cancel {ids['queued']}" in said
    assert service.get(ids["queued"]).state is State.QUEUED
    if "typed" in options:
        assert "1 done" in session(f"cancel {ids['queued']}", "1", "q", **options)


def heard(service: Service, act: Callable[[], object], events: int) -> Callable[[], None]:
    """A step that acts and waits until so many events more can be read: an open transaction, of another database of
    the server too, delays them."""

    def step() -> None:
        before = service.ended_since(None)[1]
        act()
        until(lambda: len(service.ended_since(before)[0]) == events, f"{events} events")

    return step


def test_what_has_ended_is_announced_at_enter(session: Session, service: Service, hands: Hands) -> None:
    """Once; the job that is open is named."""
    made = [job.id for job in service.submit_many([NewJob("noop")] * 9)]
    one = made[-1]

    def work() -> None:
        hands.run()
        hands.run(dead=True)
        service.cancel([one], by="ann")

    said = session(str(one), heard(service, work, 4), "", "", "q")
    assert f"3 jobs ended, 1 dead, 1 cancelled, 1 attempt failed; job {one} is cancelled" in said
    assert said.count("ended, ") == 1
    assert "nothing has changed" in said


def test_whoever_watches_hears_it_without_asking(session: Session, service: Service, hands: Hands) -> None:
    """Only what has changed; not before somebody asks for it."""
    service.submit_many([NewJob("noop")] * 3)
    run = heard(service, hands.run, 1)
    said = session(run, "watch 10s", run, lambda: None, "watch off", run, "q")
    assert "changes are said every 10s" in said
    assert said.count("jobs ended") == 1
    assert "\n2 jobs ended\n" in said
    assert "nothing has changed" not in said


def test_a_store_that_goes_away_is_asked_for_until_it_is_back(home: Path, environ: dict[str, str]) -> None:
    """It is said once, and again when somebody asks; the session goes on."""
    settings = config.load(environ=environ)
    said = hold(
        settings, "4", lambda: embedded.stop(home), "3", lambda: None, "",
        lambda: embedded.start(home), "4", "q",
    )  # fmt: skip
    assert said.count("the store is unreachable") == 1
    assert said.count("the store is still unreachable") == 1
    assert said.count("the store is back") == 1
    assert said.count("no worker runs") >= 2


def test_hostile_names_and_payloads_are_spelled_out(
    session: Session, service: Service, hands: Hands, connection: Any
) -> None:
    """Whatever a job holds, on every screen."""
    evil = "\x1b]0;x\x07\x1b[2J\u202e[red]x[/red] $(id)\r\n\x9b31m" + "y" * 5000
    service.submit_many([NewJob("noop")] * 8)
    job_id = service.submit(NewJob("fail", {"k\x1b[1m": evil}, queue="emails", max_attempts=1)).id
    (job,) = hands.claim(queue="emails")
    leases.write_output(hands.connection, [(job.job_id, job.token, 0, job.attempt, "stdout", evil)])
    hands.fail(job, dead=True, message=evil)
    connection.execute("update jobsched.attempt_log set message = %s, traceback = %s", (evil, evil))
    connection.execute("update jobsched.worker set name = %s, host = %s", (evil, evil))
    connection.execute(
        "update jobsched.queue set paused_at = now(), paused_by = %s, pause_reason = %s where name = 'emails'",
        (evil, evil),
    )
    for options in ({}, {"ascii_only": True}):
        said = session("2", "3", "4", "5", "7", str(job_id), "a", "e", "l", f"retry {job_id}", "no", "q", **options)
        assert said.replace("\n", "").isprintable()
        assert said.count("\\x1b]0;x") >= 6
        assert said.isascii() or not options


def test_lines_of_the_program_are_run(
    session: Session, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Their output is made safe, their exit code said; read-only runs only what changes nothing."""
    monkeypatch.setenv("JOBSCHED_DATABASE_URL", database_url)
    said = session(f":show {ids['dead']}", ":nonsense", ":tui", ":ls '", "q")
    assert "it broke" in said
    assert "exit code 0" in said
    assert "exit code 2" in said
    assert "that is here" in said
    assert "No closing quotation" in said
    assert "\x1b" not in said
    assert "read-only: this line changes something" in session(":cancel 9", read_only=True)


def test_what_is_nothing_is_said(session: Session) -> None:
    """With the way to the help; the help names every screen."""
    said = session("nonsense", "l", "cancel", "retry x", "cancel 99", "job x", "watch soon", "99", "pause x", "?", "n")
    for text in (
        "'nonsense' is nothing that can be done here — fix: ?",
        "log is of a job",
        "cancel wants the numbers of jobs, or all",
        "'x'",
        "there is no job 99",
        "is not the number of a job",
        "'soon' is not a duration",
        "there is no queue 'x'",
        "7 activity",
        "that was all",
    ):
        assert text in said


def pieces(*said: tuple[str, str]) -> Iterator[OutputChunk]:
    for number, (stream, text) in enumerate(said):
        yield OutputChunk(1, number, 1, stream, datetime(2026, 5, 1, tzinfo=UTC), text)


def test_a_line_of_a_log_that_came_in_two_pieces_is_one() -> None:
    """Each stream has its own open line; the last one need not have ended."""
    found = list(pieces(("stdout", "one\nhal"), ("stderr", "bad"), ("stdout", "f\nrest")))
    assert plain_lines.log(lambda after: found) == ["stdout: rest", "stderr: bad", "stdout: half", "stdout: one"]


def test_lines_are_read_as_they_were_written() -> None:
    """Several at once, pieces of one, bytes that are no text, the end without a newline."""
    reading, writing = os.pipe()
    lines = Lines(reading)
    assert lines.next(0.0) is None
    os.write(writing, b"one\ntwo\nth")
    assert [lines.next(0.0), lines.next(0.0), lines.next(0.0)] == ["one", "two", None]
    os.write(writing, b"ree\n\xff")
    os.close(writing)
    assert [lines.next(0.0), lines.next(0.0)] == ["three", "\ufffd"]
    with pytest.raises(EOFError):
        lines.next(None)
    os.close(reading)


def test_it_does_not_load_textual() -> None:
    """A dumb terminal needs none of it."""
    code = "import sys, jobsched.tui.plain; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
