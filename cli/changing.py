"""One change to many jobs: selected, counted, previewed or confirmed, then made page by page.

However many jobs are selected, no more than a page of them is in memory, and each page is committed by
itself: what was done when something breaks is on stdout already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..core.model.errors import JobschedError, NothingSelected
from . import diagnostics, invocation, results, selection
from .who import user

if TYPE_CHECKING:
    from ..core.model.results import ItemResult, Verb
    from ..core.service import Service

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to jobs.

    verb: what it is remembered as, and as in "would {verb} 3 jobs". asking: as in "This {asking} 3 jobs.";
    done and running: what is said of a job afterwards (see results.Report). apply: does it.
    """

    verb: Verb
    asking: str
    done: str
    apply: Callable[[Sequence[int]], list[ItemResult]]
    running: str | None = None


def change(
    service: Service,
    chosen: selection.Chosen,
    what: Change,
    *,
    allow_empty: bool = False,
    order: Callable[[Iterator[Sequence[int]]], Iterator[Sequence[int]]] = lambda found: found,
) -> int:
    """Do it to every job that is chosen and return the exit code. order: gives the pages of ids in its own time.

    Exit 2 where nothing is selected (0 with `allow_empty`), 5 where some of it failed; more than 20 jobs are
    asked about, more than 1,000 by their number. --dry-run lists them instead.
    """
    count = _count(service, chosen)
    if not count:
        if allow_empty:
            return 0
        raise _nothing(chosen)
    if invocation.current().dry_run:
        return results.preview(pages(service, chosen, what.verb), what.verb)
    diagnostics.confirm(f"This {what.asking} {count} job{'s' if count != 1 else ''}.", count=count)
    report = results.Report(done=what.done, running=what.running)
    number = 0
    try:
        found = order(pages(service, chosen, what.verb))
        for own, page in service.change(what.verb, found, what.apply, by=user(), selection=chosen.words):
            number = own
            report.add(page)
    except JobschedError:
        if report.well:
            diagnostics.note(f"{report.well} of {count} jobs were {what.done} before this")
        raise
    code = report.close()
    if report.well and invocation.current().for_people:
        diagnostics.note(f"to undo it: jobsched undo {number}")
    return code


def pages(service: Service, chosen: selection.Chosen, verb: Verb | None = None) -> Iterator[Sequence[int]]:
    """The ids of what is chosen, a page at a time: in the order of the words, or in that which the change wants."""
    if chosen.where is not None:
        yield from service.pages_for(verb, chosen.where, page=PAGE)
        return
    ids = iter(chosen.ids or ())
    while page := list(islice(ids, PAGE)):
        yield page


def _count(service: Service, chosen: selection.Chosen) -> int:
    if chosen.where is None:
        return len(chosen.ids or ())
    return service.count(chosen.where)[0].count


def _nothing(chosen: selection.Chosen) -> NothingSelected:
    if chosen.everything:
        return NothingSelected("nothing selected — no job id was given", fix="jobsched ls shows the ids")
    return selection.nothing_matches()
