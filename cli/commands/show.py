"""A job in full: record, attempts, output, what to do next."""

from __future__ import annotations

from .. import invocation, output
from ..describing import COLUMNS, show_jobs
from ..selection import FilterFlag, Ids, read_ids


def command(ids: Ids = None, filters: FilterFlag = None) -> None:
    """Show jobs in full; -v adds tracebacks. In a pipe: one line each; -o json has everything."""
    if output.fields_asked(COLUMNS):
        return
    with invocation.open_service() as service:
        show_jobs(service, read_ids(ids, service, filters))
