"""The selection grammar: what it reads, what it refuses and where, what it matches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.model.backoff import Backoff
from jobsched.core.model.errors import SelectionInvalid
from jobsched.core.model.job import Job
from jobsched.core.model.priority import Priority
from jobsched.core.model.selection import Selection, matches, parse
from jobsched.core.model.states import State

from .selections import SELECTIONS

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def job(**changes: Any) -> Job:
    """A dead job of the queue emails, two hours old."""
    fields: dict[str, Any] = {
        "id": 12, "type": "send_mail", "state": State.DEAD, "queue": "emails", "priority": Priority.HIGH,
        "payload": {"user": 42, "name": "Ann", "a": {"b": ["x", "*y"]}, "ok": True, "none": None, "big": 4.5},
        "attempt": 3, "max_attempts": 3, "crashes": 0, "losses": 1, "backoff": Backoff(), "timeout": None,
        "tags": ("nightly", "eu"), "idempotency_key": None, "submitter": "ann@host",
        "created_at": NOW - timedelta(hours=2), "finished_at": NOW - timedelta(minutes=30),
        "wait": 0.5, "run": 90.0, "worker": "host-3", "error": 'smtp: "Timeout" after 100% of 30 s',
    }  # fmt: skip
    return Job(**fields | changes)


@given(SELECTIONS)
def test_a_selection_is_read_as_it_was_written(selection: Selection) -> None:
    """`str` of any tree reads back as the same tree: screens and scripts may pass it on."""
    assert parse(str(selection)) == selection


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_nothing_that_can_be_typed_breaks_the_reader(text: str) -> None:
    """Either it is read, or the error points into the text."""
    try:
        parse(text)
        return
    except SelectionInvalid as invalid:
        error = invalid
    assert 0 <= error.start < error.end <= max(len(text), error.start) + 1
    assert error.text == text


@pytest.mark.parametrize(
    "text",
    [
        "12", "10..20", "id:12", "id>=12", "5,12", "state:dead", "state:running,dead", "STATE:Dead", "state=deadletter",
        "queue:emails", "queue~e*s", "queue~MAIL", "type~send_*", "name~send_*", "type:send_mail,other",
        "priority:high", "priority>=default", "priority<critical", "priority:low..high",
        "attempt>=3", "attempt:2..4", "losses>0", "age>1h", "age:1h..3h", "wait<1s", "run>=90s", "run:1m30s",
        "created>-3h", "created<-1h", "finished>-1h", 'created>"3h ago"',
        "created:2026-05-01T09:00Z..2026-05-01T11:00Z",
        "tag:nightly", "tag:x,eu", "tag~night", "worker:host-3", "worker~*", "submitter:ann@host", "@mine", "@last",
        "error~timeout", 'error~"100% of"', "error~smtp*s", 'error~"\\"Timeout\\""', "error~??tp*",
        "args.user=42", "args.user:42", "args.user>41", "args.big<=4.5", "args.name:Ann", "args.name~a?n",
        "args.a.b.0=x",
        'args.a.b.-1:"*y"', 'args.a.b.1~"*"', "args.ok=true", "args.none=null", "payload.user=42",
        "-state:succeeded", "-held~*", "-key~*", "-args.user=43", "-tag:x", 'args.user=42 state:dead  -tag:"x y"',
    ],
)  # fmt: skip
def test_a_job_fits(text: str) -> None:
    """Each of these is true of one dead job; its opposite is not."""
    assert matches(parse(text, me="ann@host", last=lambda: 12, now=NOW), job(), now=NOW)
    if " " not in text and not text.startswith("-"):
        assert not matches(parse(f"-{text}", me="ann@host", last=lambda: 12, now=NOW), job(), now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "13", "1..11", "state:queued", "queue:mail", "type~mail*", "priority>high", "attempt>3", "age<2h", "run>90s",
        "created>-1h", "due>-1h", "held:ann", 'error~"*"*', "error~100?of", 'args.user="42"', "args.ok=1",
        "args.none=0",
        "args.a.b.9=x", "args.a.b=x", "args.name>3", "args.user~42", "args.missing=null", "-worker~*", "key:x",
        "state:dead queue:other",
    ],
)  # fmt: skip
def test_a_job_does_not_fit(text: str) -> None:
    """What is not there passes no test; text and numbers are told apart where quotes say so."""
    assert not matches(parse(text, now=NOW), job(), now=NOW)


def test_a_running_job_has_run_since_it_started() -> None:
    """So `state:running run>10m` finds what hangs."""
    running = job(state=State.RUNNING, run=None, finished_at=None, started_at=NOW - timedelta(minutes=11))
    assert matches(parse("run>10m"), running, now=NOW)
    assert not matches(parse("run>12m"), running, now=NOW)


@pytest.mark.parametrize(
    ("text", "pointed_at", "message"),
    [
        ("state:ded", "ded", "there is no state 'ded' — did you mean dead?"),
        ("queue:a stat:dead", "stat", "there is no field 'stat' — did you mean state?"),
        ("timeout", "timeout", "did you mean type~timeout or error~timeout?"),
        ("", "", "the filter is empty"),
        ("  ", "  ", "the filter is empty"),
        ("!state:dead", "!", "with a minus: -state:dead"),
        ("state!=dead", "!=", "did you mean -state:VALUE?"),
        ("queue", "queue", "did you mean queue:VALUE?"),
        ("queue:", "", "a value is missing here"),
        ("queue:a,", "", "a value is missing here"),
        ('error~"abc', '"abc', "never closed"),
        ("age>soon", "soon", "is not a duration"),
        ("age~2h", "~", "age cannot be compared by ~ — there is : < <= > >="),
        ("attempt:3.5", "3.5", "is not a whole number"),
        ("created>1h", "1h", "an hour ago is -1h"),
        ("created:today", "today", "compared by < or >"),
        ("attempt>1,2", "2", "takes one value"),
        ("args=1", "args", "did you mean args.user=42?"),
        ("args.n>many", "many", "is not a number"),
        ("queue.x:1", "queue.x", "queue has no parts"),
        ("args.:1", ".", "a name is missing after the dot"),
        ("@yours", "@yours", "there are @mine and @last"),
        ("@mine", "@mine", "is not known"),
        ("12x", "12x", "is not a whole number"),
        ("priority:urgent", "urgent", "one of critical, high, default, low"),
        ("error~a\0b", "\0", "no job can have this character"),
    ],
)
def test_an_error_points_at_what_is_wrong(text: str, pointed_at: str, message: str) -> None:
    """And says what was probably meant."""
    with pytest.raises(SelectionInvalid) as caught:
        parse(text)
    assert message in caught.value.message
    assert text[caught.value.start : caught.value.end] == pointed_at


def test_a_filter_has_a_size() -> None:
    """Nobody types more; a program that makes so much has made a mistake."""
    with pytest.raises(SelectionInvalid, match="at most 20,000"):
        parse("queue:" + "x" * 20_000)
