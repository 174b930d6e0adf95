"""Schedules as TOML: what is written is read back as it was, and what cannot be read is told by table and line."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobsched.cli.schedules.toml import read_schedules, write_schedules
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.errors import UsageError
from jobsched.core.model.job import NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.schedule import Catchup, NewSchedule, Overlap
from jobsched.core.model.text import DANGEROUS

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
SPANS = st.floats(0.001, 1e9)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@st.composite
def backoffs(draw: st.DrawFn) -> Backoff:
    base = draw(SPANS)
    kind = draw(st.sampled_from(BackoffKind))
    return Backoff(kind, base, max(base, 600.0) if kind is BackoffKind.FIXED else base + draw(SPANS))


SCHEDULES = st.builds(
    NewSchedule,
    name=NAMES,
    expression=st.sampled_from(["0 3 * * *", "@every 90s", "@daily", "@at 2030-12-01T09:00:00Z"]),
    job=st.builds(
        NewJob,
        type=NAMES,
        payload=st.dictionaries(TEXTS, VALUES, max_size=4),
        queue=st.none() | NAMES,
        priority=st.none() | st.sampled_from(Priority),
        max_attempts=st.none() | st.integers(1, 100),
        backoff=st.none() | backoffs(),
        timeout=st.none() | SPANS,
        unique_key=st.none() | TEXTS,
        concurrency_key=st.none() | TEXTS,
        tags=st.lists(NAMES, max_size=3).map(tuple),
    ),
    timezone=st.sampled_from(["UTC", "Europe/Athens"]),
    jitter=st.just(0.0) | SPANS,
    start=st.none() | TIMES,
    end=st.none() | TIMES,
    catchup=st.sampled_from(Catchup),
    overlap=st.sampled_from(Overlap),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SCHEDULES, max_size=4, unique_by=lambda each: each.name))
def test_what_is_written_is_read_back_as_it_was(schedules: list[NewSchedule]) -> None:
    """Every option, any payload, any text in it; and no character that a terminal might obey."""
    text = write_schedules(schedules)

    assert read_schedules(text, "file") == (schedules, [])
    assert DANGEROUS.search(text.replace("\n", "")) is None


def test_what_has_its_default_is_left_out() -> None:
    """A file says what somebody chose, and no more."""
    assert tomllib.loads(write_schedules([NewSchedule("tick", "@hourly", NewJob("noop"))])) == {
        "schedules": {"tick": {"expression": "@hourly", "type": "noop"}}
    }


def test_a_payload_that_toml_cannot_hold_is_written_as_json() -> None:
    """TOML has no null."""
    schedule = NewSchedule("tick", "@hourly", NewJob("noop", {"a": [None, {"b": None}], "c": "\u202e"}))
    text = write_schedules([schedule])

    assert "payload_json" in text
    assert read_schedules(text, "file") == ([schedule], [])


def read_one(body: str) -> NewSchedule:
    """The schedule of a table with expression and type, and what `body` adds."""
    (schedule,), bad = read_schedules(f'[schedules.x]\nexpression = "@daily"\ntype = "noop"\n{body}', "file")
    assert not bad
    return schedule


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-05-01T14:30:00Z", datetime(2026, 5, 1, 14, 30, tzinfo=UTC)),
        ("2026-05-01 14:30:00+02:00", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01T14:30:00", datetime(2026, 5, 1, 11, 30, tzinfo=UTC)),
        ("2026-05-01", datetime(2026, 4, 30, 21, 0, tzinfo=UTC)),
        ('"2026-05-01 14:30"', datetime(2026, 5, 1, 11, 30, tzinfo=UTC)),
        ('"2026-05-01T14:30Z"', datetime(2026, 5, 1, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_the_zones(written: str, instant: datetime) -> None:
    """TOML's own dates and times, or text; here the zone is three hours ahead."""
    assert read_one(f'timezone = "Europe/Athens"\nstart = {written}').start == instant


def test_spans_are_words_or_seconds() -> None:
    """As on the command line."""
    assert read_one('jitter = "1m30s"').jitter == 90
    assert read_one("jitter = 2.5").jitter == timedelta(seconds=2.5).total_seconds()
    assert read_one("timeout = 90").job.timeout == 90


WRONG = [
    ("jitter = true", "jitter: True is not text in quotes"),
    ('jitter = "soon"', "jitter: 'soon' is not a duration"),
    ("queue = 3", "queue: 3 is not text in quotes"),
    ('priority = "urgent"', "priority: 'urgent' is not one of critical"),
    ('max_attempts = "3"', "max_attempts: '3' is not a whole number"),
    ("tags = [1]", "tags: [1] is not a list of names in quotes"),
    ('catchup = "some"', "catchup: 'some' is not one of none, last, all"),
    ('overlap = "queue"', "overlap: 'queue' is not one of allow, skip, buffer-one, cancel-other"),
    ("catchup = []", "catchup: [] is not one of none, last, all"),
    ('start = "tomorrow"', "start: 'tomorrow' is not a time like"),
    ("end = 14:30:00", "end: datetime.time(14, 30) is not a time like"),
    ('jiter = "1s"', "it has no option 'jiter' — did you mean jitter?"),
    ("colour = 1", "it has no option 'colour' — there are expression, timezone"),
    ("payload = [1]", "its payload is not a table"),
    ("payload = {when = 2026-05-01}", "payload.when is a TOML date or time"),
    ("payload = {list = [1, {at = 14:30:00}]}", "payload.list.1.at is a TOML date or time"),
    ('payload_json = "{"', "payload_json is not JSON"),
    ('payload_json = "[]"', "its payload is not a table"),
    ('payload = {}\npayload_json = "{}"', "it has both payload and payload_json"),
    ('timezone = "Europe/Athen"\nstart = 2026-05-01', "there is no time zone 'Europe/Athen'"),
]


@pytest.mark.parametrize(("body", "said"), WRONG, ids=[body for body, _ in WRONG])
def test_a_table_that_makes_no_sense_is_told_by_its_name(body: str, said: str) -> None:
    """Which schedule, which option, and what was expected; the others are read."""
    good = '[schedules.y]\nexpression = "@daily"\ntype = "noop"'
    text = f'[schedules.x]\nexpression = "@daily"\ntype = "noop"\n{body}\n{good}'
    (schedule,), (bad,) = read_schedules(text, "file")

    assert schedule.name == "y"
    assert bad.place == "schedule 'x'"
    assert said in bad.error.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[schedules.x]\nexpression = \n", "at line 2"),
        ('[schedules.x]\ntype = "a"\n[schedules.x]\ntype = "b"\n', "at line 3"),
        ('[schedules.x]\ntype = "a"\ntype = "b"\n', "at line 3"),
        ('expression = "@daily"', "holds 'expression' — schedules are tables called [schedules.NAME]"),
        ("[[schedules]]\nname = 'x'", "holds 'schedules' — schedules are tables called [schedules.NAME]"),
        ("[schedule.x]", "holds 'schedule'"),
        ("x = " + "[" * 5000, "cannot be read"),
    ],
)
def test_a_file_that_is_no_toml_or_no_schedules_is_refused_whole(text: str, said: str) -> None:
    """TOML's own complaint with its line; two tables of one name are TOML that makes no sense."""
    with pytest.raises(UsageError) as caught:
        read_schedules(text, "file")

    assert said in caught.value.message


@pytest.mark.parametrize("table", ["x = 3", "x = {}", 'x = {type = "noop"}', 'x = {expression = "@daily"}'])
def test_a_schedule_needs_an_expression_and_a_type(table: str) -> None:
    """And it is a table."""
    found: tuple[list[NewSchedule], list[Any]] = read_schedules(f"[schedules]\n{table}", "file")

    assert found[0] == []
    assert len(found[1]) == 1


def test_a_name_that_is_none_is_refused() -> None:
    """Names are the same everywhere."""
    _, (bad,) = read_schedules('[schedules."a b"]\nexpression = "@daily"\ntype = "noop"', "file")

    assert "is not a name" in bad.error.message


def test_no_schedules_are_an_empty_file() -> None:
    """Which is read as none."""
    assert read_schedules(write_schedules([]), "file") == ([], [])
