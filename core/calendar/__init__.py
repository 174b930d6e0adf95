"""When a schedule is due: cron expressions, intervals and single times, exact in every time zone.

Pure arithmetic over instants; no store, no clock of its own.

    calendar    what every kind of schedule can be asked
    fields      the five fields of an expression, and what is wrong with them
    pattern     which wall-clock minutes an expression names
    zones       time zones: their names, and when their offset from UTC changes
    notes       what a change of the clocks does to a tick, in words
    cron        from wall-clock minutes to instants, with Debian cron's rules for clocks that are changed
    interval    `@every`, which counts elapsed time
    once        `@at`
    parsing     from an expression to its calendar
    jitter      how much later a tick's job runs
    crontab     crontab files
"""

from __future__ import annotations

from .calendar import Calendar
from .jitter import jitter
from .parsing import parse
from .zones import check_zone

__all__ = ["Calendar", "check_zone", "jitter", "parse"]
