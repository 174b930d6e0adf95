"""From an expression to its calendar, and what is wrong with it."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsched.core.calendar import parse
from jobsched.core.calendar.parsing import NICKNAMES
from jobsched.core.model.errors import UsageError

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"

WRONG = [
    ("61 * * * *", "minute 61: 0 to 59"),
    ("0 24 * * *", "hour 24: 0 to 23"),
    ("0 0 0 * *", "day of month 0: 1 to 31, L (the last day) or LW (the last weekday)"),
    ("0 0 32 * *", "day of month 32: 1 to 31"),
    ("0 0 1 13 *", "month 13: 1 to 12, or jan to dec"),
    ("0 0 1 january *", "month january: 1 to 12, or jan to dec"),
    ("0 0 * * 8", "day of week 8: 0 to 7 (0 and 7 are Sunday), or sun to sat"),
    ("0 0 * * funday", "day of week funday: 0 to 7"),
    ("-5 * * * *", "minute -5: a range is two of 0 to 59"),
    ("5- * * * *", "minute 5-: a range is two of 0 to 59"),
    ("50-10 * * * *", "minute 50-10: the range runs backwards"),
    ("0 0 * * fri-sun", "day of week fri-sun: the range runs backwards — Sunday is 7 at its end"),
    ("*/0 * * * *", "minute */0: a step is 1 or more"),
    ("*/90 * * * *", "minute */90: a step is at most 60 — for 90m and more, there is '@every 90m'"),
    ("0 */36 * * *", "hour */36: a step is at most 24 — for 36h and more, there is '@every 36h'"),
    ("*/x * * * *", "minute */x: a step is a whole number"),
    ("*/2/3 * * * *", "minute */2/3: a step is a whole number"),
    ("1,,2 * * * *", "minute '': nothing before or after a comma"),
    ("5~10 * * * *", "minute 5~10: random times are not supported — --jitter spreads them"),
    ("~ * * * *", "minute ~: random times are not supported"),
    ("H * * * *", "minute H: hashed times are not supported"),
    ("0 0 ? * 1", "day of month ?: it means * elsewhere"),
    ("0 0 15W * *", "day of month 15W: the nearest weekday is not supported — LW is the last one"),
    ("0 0 L-3 * *", "day of month L-3: days before the last are not supported — L is the last one"),
    ("L * * * *", "minute L: 0 to 59"),
    ("0 0 L/2 * *", "day of month L/2: 1 to 31"),
    ("0 0 * * mon#6", "day of week mon#6: 0 to 7"),
    ("0 0 * * foo#1", "day of week foo#1: 0 to 7"),
    ("٣ * * * *", "minute ٣: 0 to 59"),
    ("1_0 * * * *", "minute 1_0: 0 to 59"),
    ("0\x1b[31m * * * *", r"minute '0\x1b[31m': 0 to 59"),
    ("", "0 fields in '' — a cron expression has five: minute, hour, day of month, month, day of week"),
    ("* * * *", "4 fields in '* * * *' — a cron expression has five"),
    ("0 */5 * * * *", "6 fields in '0 */5 * * * *' — a cron expression has five"),
    ("0 0 12 * * ?", "6 fields in '0 0 12 * * ?' — a cron expression has five"),
    ("0 9 * * * echo hi", "7 fields in '0 9 * * * echo hi' — a cron expression has five"),
    ("bin docs etc", "3 fields in 'bin docs etc' — a cron expression has five"),
    ("0," * 600 + "0 * * * *", "an expression of 1209 characters — 1000 are the most"),
    ("@reboot", "@reboot: a schedule belongs to no machine that could be started"),
    ("@dayly", "@dayly is not known — there are @hourly, @daily"),
    ("@daily 5", "@daily 5: nothing comes after @daily"),
    ("@every", "@every : '' is not a duration like 30s"),
    ("@every 0", "@every 0: an interval is at least a second"),
    ("@every 999ms", "@every 999ms: an interval is at least a second"),
    ("@every -5s", "@every -5s: '-5s' is not a duration"),
    ("@every 200000d", "@every 200000d: '200000d' is more than a hundred years"),
    ("@at", "@at : this is no ISO 8601 time"),
    ("@at tomorrow", "@at tomorrow: this is no ISO 8601 time"),
    ("@at 2026-02-30T00:00", "@at 2026-02-30T00:00: this is no ISO 8601 time"),
    ("@at 0001-01-01T00:00+14:00", "@at 0001-01-01T00:00+14:00: this is no ISO 8601 time between the years"),
]
UNFIXED = {"@reboot", "0," * 600 + "0 * * * *"}
"""What cannot be mended by another expression."""


@pytest.mark.parametrize(("expression", "message"), WRONG)
def test_what_is_wrong_is_named_with_a_fix_that_works(expression: str, message: str) -> None:
    """The message names the field and why; the fix holds an expression that is right."""
    with pytest.raises(UsageError) as caught:
        parse(expression, BERLIN, anchor=ANCHOR)

    assert caught.value.message.startswith(message)
    if expression not in UNFIXED:
        better = re.findall("'([^']+)'", caught.value.fix or "")
        assert better
        assert all(parse(each, BERLIN, anchor=ANCHOR).fires for each in better)


def test_six_fields_are_told_what_seconds_are_written_as() -> None:
    """Others begin with seconds: the five that follow are proposed, and @every for less than a minute."""
    with pytest.raises(UsageError) as caught:
        parse("0 */5 * * * *", BERLIN, anchor=ANCHOR)

    assert caught.value.message.endswith("; there are no seconds")
    assert caught.value.fix == "write '*/5 * * * *', or for less than a minute '@every 10s'"


@pytest.mark.parametrize(("nickname", "fields"), NICKNAMES.items())
def test_a_nickname_is_due_when_its_fields_are(nickname: str, fields: str) -> None:
    """@daily is midnight, @weekly Sunday, in any case of letters; the expression stays as it was given."""
    named, plain = (parse(each, BERLIN, anchor=ANCHOR) for each in (nickname.upper(), fields))
    assert list(islice(named.after(ANCHOR), 30)) == list(islice(plain.after(ANCHOR), 30))
    assert named.expression == nickname.upper()


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("0 0 1 jan,FEB *", "0 0 1 1,2 *"),
        ("0 0 * * mon-Fri", "0 0 * * 1-5"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("5/20 * * * *", "5,25,45 * * * *"),
        ("20-20/2 1 * * *", "20 1 * * *"),
        (" \t0  9 * * *\n", "0 9 * * *"),
        ("007 01 * * *", "7 1 * * *"),
    ],
)
def test_different_words_for_the_same_fields_are_due_at_the_same_time(expression: str, same: str) -> None:
    """Names of months and days, Sunday as 7, steps from a number, blanks."""
    first, second = (parse(each, BERLIN, anchor=ANCHOR) for each in (expression, same))
    assert list(islice(first.after(ANCHOR), 50)) == list(islice(second.after(ANCHOR), 50))


def test_an_interval_counts_elapsed_time_from_its_anchor() -> None:
    """No change of the clocks matters; the anchor itself is no tick, and there are none before it."""
    calendar = parse("@every 1h30m", "America/New_York", anchor=datetime(2026, 3, 8, 5, tzinfo=UTC))
    assert [f"{tick:%H:%M}" for tick in islice(calendar.after(datetime(2026, 3, 8, 5, tzinfo=UTC)), 4)] == [
        "06:30",
        "08:00",
        "09:30",
        "11:00",
    ]
    assert calendar.next_after(datetime(2020, 1, 1, tzinfo=UTC)) == datetime(2026, 3, 8, 6, 30, tzinfo=UTC)
    assert calendar.next_after(datetime(2026, 3, 8, 6, 30, tzinfo=UTC)) == datetime(2026, 3, 8, 8, tzinfo=UTC)
    assert calendar.next_after(datetime(9999, 12, 31, 23, 30, tzinfo=UTC)) is None
    assert calendar.fires


@given(
    anchor=st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    instant=st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    seconds=st.integers(1000, 10**9).map(lambda milliseconds: milliseconds / 1000),
)
def test_an_interval_is_never_off_by_a_microsecond(anchor: datetime, instant: datetime, seconds: float) -> None:
    """Its ticks are whole multiples away from the anchor, however far, and the next is the first after."""
    calendar = parse(f"@every {seconds}s", BERLIN, anchor=anchor)
    every = timedelta(seconds=seconds)
    tick = calendar.next_after(instant)
    assert tick is not None
    assert tick > instant
    assert (tick - anchor) % every == timedelta(0)
    assert tick - every <= instant or tick - every == anchor


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("@at 2026-12-01T09:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("@at 2026-12-01 09:00:30", datetime(2026, 12, 1, 8, 0, 30, tzinfo=UTC)),
        ("@AT 2026-12-01t09:00z", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("@at 2026-12-01T09:00:00-05:00", datetime(2026, 12, 1, 14, tzinfo=UTC)),
        ("@at 2026-12-01", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("@at 2026-03-29T02:30", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # skipped: when clocks have been changed
        ("@at 2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice: the first
    ],
)
def test_a_single_time_is_due_once(text: str, instant: datetime) -> None:
    """Local time, unless it says otherwise; a changed clock means what it means for times of day."""
    calendar = parse(text, BERLIN, anchor=ANCHOR)
    assert list(calendar.after(ANCHOR)) == [instant]
    assert calendar.next_after(instant) is None
    assert calendar.next_after(instant - timedelta(microseconds=1)) == instant
    assert calendar.fires


PIECES = ["*", "0", "1", "5", "7", "23", "31", "59", "60", "mon", "SUN", "jan", "Dec", "L", "LW", "5L", "mon#1"]
SIGNS = ["", "", "", "-", "/", ",", "#", "/2", "-7", "~", "L"]
FIELD = st.tuples(*(st.sampled_from(each) for each in (PIECES, SIGNS, ["", *PIECES], SIGNS))).map("".join)


@settings(max_examples=300)
@given(st.lists(FIELD, min_size=5, max_size=5).map(" ".join))
def test_whatever_is_let_through_cronsim_reads(expression: str) -> None:
    """A field that our check lets through is right for cronsim too; only impossible days are found later."""
    try:
        parse(expression, BERLIN, anchor=ANCHOR)
    except UsageError:
        return
    with suppress(CronSimError):
        CronSim(expression, ANCHOR)
        return
    assert not parse(expression, BERLIN, anchor=ANCHOR).fires


@given(st.text(max_size=60))
def test_any_text_is_a_calendar_or_a_usage_error(text: str) -> None:
    """Nothing else comes out, whatever somebody types."""
    for each in (text, f"@{text}", f"@at {text}", f"@every {text}"):
        with suppress(UsageError):
            parse(each, BERLIN, anchor=ANCHOR).next_after(ANCHOR)


def test_a_calendar_shows_what_it_is_of() -> None:
    """For whoever looks at one."""
    assert repr(parse("0  9 * * *", BERLIN, anchor=ANCHOR)) == "Cron('0 9 * * *', 'Europe/Berlin')"
