"""The ticks of a schedule, and what becomes of those that nobody was there for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest

from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import Catchup, NewSchedule
from jobsched.core.timetable import MADE_UP, MISSED, Due, Timetable, due_ticks

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def timetable(expression: str = "0 * * * *", created_at: datetime = NOON, **options: Any) -> Timetable:
    return Timetable(NewSchedule("s", expression, NewJob("noop"), **options), created_at)


def hours(due: Due) -> list[tuple[int, bool]]:
    """The hours of the ticks, and whether each one fires."""
    return [(verdict.tick.hour, verdict.missed is None) for verdict in due.verdicts]


def look(catchup: Catchup, *, until: datetime, **options: Any) -> Due:
    """What is to become of the hourly ticks since noon, with a grace of a minute."""
    return due_ticks(timetable(), catchup, NOON, until, 60.0, **options)


def test_ticks_keep_to_start_and_end() -> None:
    """Both belong to it."""
    bounded = timetable(start=NOON + HOUR, end=NOON + 3 * HOUR)
    assert [tick.hour for tick in bounded.after(NOON - 24 * HOUR)] == [13, 14, 15]
    assert bounded.next_after(NOON + 3 * HOUR) is None


def test_an_interval_counts_from_the_second_in_which_the_schedule_was_made() -> None:
    """Its ticks are whole seconds, wherever one begins to look."""
    made = NOON + timedelta(seconds=7, microseconds=654321)
    ticks = timetable("@every 90s", made).after(NOON + timedelta(minutes=2))
    assert list(islice(ticks, 2)) == [NOON + timedelta(seconds=187), NOON + timedelta(seconds=277)]


@pytest.mark.parametrize("catchup", list(Catchup))
def test_a_tick_in_time_fires_whatever_the_catch_up(catchup: Catchup) -> None:
    """A minute late is in time."""
    assert hours(look(catchup, until=NOON + HOUR + timedelta(seconds=59))) == [(13, True)]


def test_without_catch_up_what_is_older_than_the_grace_is_missed() -> None:
    """And what is younger fires."""
    due = look(Catchup.NONE, until=NOON + 4 * HOUR + timedelta(seconds=10))
    assert hours(due) == [(13, False), (14, False), (15, False), (16, True)]
    assert {verdict.missed for verdict in due.verdicts[:-1]} == {MISSED}


def test_the_last_one_makes_up_for_all_that_were_missed() -> None:
    """It alone fires."""
    due = look(Catchup.LAST, until=NOON + 4 * HOUR - timedelta(seconds=10))
    assert hours(due) == [(13, False), (14, False), (15, True)]
    assert due.verdicts[0].missed == MADE_UP


def test_a_tick_in_time_makes_up_for_what_was_missed_before_it() -> None:
    """Two jobs at the same moment would be one too many."""
    due = look(Catchup.LAST, until=NOON + 4 * HOUR + timedelta(seconds=10))
    assert hours(due) == [(13, False), (14, False), (15, False), (16, True)]


def test_all_fire_in_batches_oldest_first() -> None:
    """No batch drops anything: the next one goes on from where it ends."""
    first = look(Catchup.ALL, until=NOON + 5 * HOUR, most=3)
    assert (hours(first), first.more) == ([(13, True), (14, True), (15, True)], True)
    rest = due_ticks(timetable(), Catchup.ALL, first.until, NOON + 5 * HOUR, 60.0, 3)
    assert (hours(rest), rest.more) == ([(16, True), (17, True)], False)


def test_of_a_long_downtime_the_newest_missed_ticks_are_told_apart() -> None:
    """A year of seconds is not walked through; the oldest one that is told says since when the others were missed."""
    every = timetable("@every 1s", NOON - timedelta(days=365))
    due = due_ticks(every, Catchup.NONE, NOON - timedelta(days=365), NOON, 60.0, 1000)
    missed = [verdict for verdict in due.verdicts if verdict.missed is not None]
    assert len(missed) == 1000
    assert (missed[-1].tick, due.until) == (NOON - timedelta(seconds=61), NOON)
    assert "from 2025-03-01 12:00:00 UTC" in (missed[0].missed or "")
    assert {verdict.missed for verdict in missed[1:]} == {MISSED}


@pytest.mark.parametrize("hours_east", [0, 2, -2])
def test_a_start_where_time_begins_is_none(hours_east: int) -> None:
    """There is no moment before it to count from."""
    beginning = datetime.min.replace(tzinfo=timezone(timedelta(hours=hours_east)))
    every = timetable(start=beginning)
    assert every.next_after(NOON) == NOON + HOUR
    assert list(islice(every.after(beginning), 1)) == [datetime(2, 1, 1, 1, tzinfo=UTC)]
    assert every.calendar.notes(datetime(2, 1, 1, 1, tzinfo=UTC)) == ""


def test_nothing_is_due_between_two_ticks() -> None:
    """Nor after the last one."""
    assert look(Catchup.ALL, until=NOON + HOUR / 2).verdicts == []
    ended = timetable(end=NOON)
    assert due_ticks(ended, Catchup.LAST, NOON, NOON + 9 * HOUR, 60.0).verdicts == []
