"""Days on which clocks did something rare."""

from __future__ import annotations

from datetime import UTC, datetime

ODDITIES = [
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),  # half an hour back
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),  # half an hour forward
    ("Antarctica/Troll", datetime(2026, 3, 29, tzinfo=UTC)),  # two hours forward
    ("Antarctica/Troll", datetime(2026, 10, 25, tzinfo=UTC)),  # two hours back
    ("Africa/Casablanca", datetime(2026, 2, 15, tzinfo=UTC)),  # back for Ramadan
    ("Africa/Casablanca", datetime(2026, 3, 22, tzinfo=UTC)),  # and forward again
    ("America/Santiago", datetime(2026, 9, 6, tzinfo=UTC)),  # there is no midnight
    ("Africa/Cairo", datetime(2024, 10, 31, tzinfo=UTC)),  # the last hour of a month comes twice
    ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC)),  # midnight comes twice
    (
        "America/Scoresbysund",
        datetime(2024, 3, 31, tzinfo=UTC),
    ),  # summer time came and the zone changed: nothing happened
    ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),  # there is no 30 December
    ("Pacific/Kwajalein", datetime(1993, 8, 20, tzinfo=UTC)),  # there is no 21 August
    ("Antarctica/Casey", datetime(2023, 3, 8, tzinfo=UTC)),  # three hours back
    ("Antarctica/Casey", datetime(2020, 10, 3, tzinfo=UTC)),  # three hours forward
    ("Asia/Pyongyang", datetime(2018, 5, 4, tzinfo=UTC)),  # half an hour forward for good
    ("America/Caracas", datetime(2016, 5, 1, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(1985, 12, 31, tzinfo=UTC)),  # a quarter of an hour forward
    ("Asia/Singapore", datetime(1932, 12, 31, tzinfo=UTC)),  # twenty minutes forward
    ("America/Argentina/San_Luis", datetime(2008, 1, 20, tzinfo=UTC)),  # summer time changed zones at its end
    ("Europe/London", datetime(1941, 5, 4, tzinfo=UTC)),  # double summer time
]
"""Zone and day."""
