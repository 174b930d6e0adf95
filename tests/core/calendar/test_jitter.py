"""How much later a tick's job runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.calendar import jitter

TICK = datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_every_host_finds_the_same() -> None:
    """These figures hold for every version: one that changed them would run jobs at two times."""
    assert jitter(1, TICK, 60) == 15.510330543900967
    assert jitter(2, TICK, 60) == 45.334975260202356
    assert jitter(1, TICK + timedelta(minutes=1), 60) == 50.87466708493138


@given(
    st.integers(1, 2**63 - 1),
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.floats(0.001, 1e6),
)
def test_it_stays_below_its_limit(schedule_id: int, tick: datetime, seconds: float) -> None:
    """At least 0, less than `seconds`; and the same for the same instant in another zone."""
    found = jitter(schedule_id, tick, seconds)
    assert 0 <= found < seconds
    assert jitter(schedule_id, tick, 0) == 0
    assert jitter(schedule_id, tick.astimezone(ZoneInfo("Asia/Tokyo")), seconds) == found


def test_a_thousand_schedules_are_spread_evenly() -> None:
    """No tenth of the time gets much more than a tenth of them, over schedules and over ticks."""
    over_schedules = [jitter(number, TICK, 10) for number in range(1000)]
    over_ticks = [jitter(7, TICK + timedelta(minutes=number), 10) for number in range(1000)]
    for found in (over_schedules, over_ticks):
        assert all(70 < sum(int(each) == second for each in found) < 130 for second in range(10))
