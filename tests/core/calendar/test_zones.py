"""Time zones: which names are good, and when offsets change."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from jobsched.core.calendar import check_zone, zones
from jobsched.core.calendar.zones import find_zone
from jobsched.core.model.errors import UsageError
from jobsched.tests.core.calendar.histories import changes

START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "US/Eastern"])
def test_ianas_names_are_zones(name: str) -> None:
    """Also the old ones, and those without a city."""
    check_zone(name)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("europe/berlin", "write Europe/Berlin"),
        ("Berlin", "write Europe/Berlin"),
        ("New York", "write America/New_York"),
        ("America/NewYork", "write America/New_York"),
        ("Europe/Berlinn", "write Europe/Berlin"),
    ],
)
def test_a_name_that_is_nearly_right_is_refused_with_the_right_one(name: str, fix: str) -> None:
    """Case matters: not every machine's files would be found by another."""
    with pytest.raises(UsageError, match=rf"there is no time zone '{name}'") as caught:
        check_zone(name)

    assert fix in (caught.value.fix or "")
    for each in re.findall(r"\w+/\w+", caught.value.fix or ""):
        check_zone(each)


@pytest.mark.parametrize(
    "name",
    [
        *("", "America", "localtime", "right/UTC", "posix/UTC", "Factory", "../etc/passwd", "/etc/localtime"),
        *("zone.tab", "UTC\0", "\udcff", "UTC ", "x" * 10000, "+02:00", "tzdata.zi"),
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    """Also files that lie beside the zones, and what means something else on every machine."""
    with pytest.raises(UsageError, match="there is no time zone"):
        check_zone(name)


@pytest.mark.parametrize(
    "name", ["UTC", "America/New_York", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Tokyo", "Antarctica/Casey"]
)
def test_changes_of_offset_are_found(name: str) -> None:
    """The same as by looking at every hour."""
    zone = find_zone(name)
    found, instant = [], START
    while change := zone.change_between(instant, END):
        found.append((change, zone.offset(change)))
        instant = change
    assert found == list(changes(name, START, END)[1:])


def test_a_change_is_found_from_the_second_before_it_until_its_own() -> None:
    """In (after, until], across the end of a year too, and not beyond."""
    zone = find_zone("America/New_York")
    change = datetime(2026, 3, 8, 7, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert zone.change_between(change - second, change) == change
    assert zone.change_between(change, change + timedelta(days=200)) is None
    assert zone.change_between(datetime(2025, 12, 1, tzinfo=UTC), change) == change
    assert zone.change_between(datetime(2025, 12, 1, tzinfo=UTC), change - second) is None
    assert zone.newest_change(change) == change
    assert zone.newest_change(change - second) == datetime(2025, 11, 2, 6, tzinfo=UTC)
    assert find_zone("UTC").newest_change(change) is None


def test_zones_are_there_where_the_system_has_none() -> None:
    """The package tzdata has them; a container without /usr/share/zoneinfo schedules like any other machine."""
    program = (
        "from jobsched.core.calendar import parse, check_zone\n"
        "from datetime import datetime, UTC\n"
        "import zoneinfo\n"
        "assert zoneinfo.TZPATH == (), zoneinfo.TZPATH\n"
        "check_zone('US/Eastern')\n"
        "print(parse('30 2 * * *', 'America/New_York', anchor=datetime.now(UTC))"
        ".next_after(datetime(2026, 3, 8, tzinfo=UTC)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONTZPATH": ""}, capture_output=True, text=True, check=False
    )
    assert result.stdout == "2026-03-08 07:00:00+00:00\n", result.stderr


def test_a_zone_whose_data_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file may be damaged, or gone since the names were read."""
    monkeypatch.setattr(zones, "_names", lambda: frozenset({"Mars/Base"}))
    with pytest.raises(UsageError, match="Mars/Base cannot be read on this machine"):
        zones.find_zone("Mars/Base")
