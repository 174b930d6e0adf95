"""Schedules that nobody would add on purpose, and rows that somebody changed behind jobsched's back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from jobsched.core.model.errors import UsageError
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.service import Service

HOURLY = NewSchedule("hourly", "0 * * * *", NewJob("noop"))


@pytest.mark.parametrize("option", ["start", "end"])
@pytest.mark.parametrize(("time", "hours_east"), [(datetime.min, 2), (datetime.max, -2)], ids=["first", "last"])
def test_a_bound_beyond_the_years_of_python_is_refused(
    service: Service, option: str, time: datetime, hours_east: int
) -> None:
    """Stored, it could be read by nobody, schedulers among them."""
    beyond = time.replace(tzinfo=timezone(timedelta(hours=hours_east)))
    with pytest.raises(UsageError, match="is not between the years 1 and 9999"):
        service.cron.add(replace(HOURLY, **{option: beyond}), by="ann")
    assert service.cron.list() == []


def test_bounds_at_the_ends_of_time_are_none(service: Service) -> None:
    """What was there first and what comes last are years like others; a backfill of all time asks for none of them."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    schedule = service.cron.add(replace(HOURLY, expression="@yearly", start=first, end=last), by="ann")
    assert schedule.next_at is not None
    ticks = service.cron.backfill("hourly", first, last, by="ann", dry_run=True)
    assert (ticks[0].scheduled_for.year, ticks[-1].scheduled_for.year) == (3, datetime.now(UTC).year)
