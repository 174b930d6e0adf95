"""`cron import`: a crontab's lines become schedules, or none of them does."""

from __future__ import annotations

from .. import arguments, diagnostics, invocation, output
from ..results import PARTIAL
from .applying import Wanted, apply_schedules
from .crontab import Taking, take_crontab
from .refusing import refuse, tell
from .toml import write_schedules


def import_crontab(file: str, how: Taking, *, partial: bool) -> int:
    """Store the schedules of a crontab, or print them as TOML (--dry-run), and return the exit code.

    partial: lines that cannot be taken are told and left out. UsageError: without that, one cannot.
    """
    taken = take_crontab(arguments.read_text(file, "FILE"), file, how)
    if partial:
        tell(taken.bad)
    else:
        refuse(taken.bad, file)
    for number, remark in taken.remarks:
        diagnostics.warn(f"line {number}: {remark}")
    if taken.left:
        diagnostics.note(f"{taken.left} lines of other users were left out")
    run = invocation.current()
    if run.dry_run and run.output == "auto" and not run.quiet:
        output.raw(write_schedules(taken.schedules))
        diagnostics.note("nothing was changed")
    else:
        with invocation.open_service() as service:
            apply_schedules(service, Wanted(file, taken.schedules, taken.places))
    return PARTIAL if taken.bad else 0
