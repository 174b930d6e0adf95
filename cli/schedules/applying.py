"""Makes the store's schedules be as a file has them, and tells what that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...core.model.errors import NothingSelected, UsageError
from ...core.model.hiding import HIDDEN
from ...core.model.schedule import Action, NewSchedule
from ...core.timetable import Timetable
from .. import diagnostics, invocation, output
from ..output import Column
from ..who import user
from .refusing import BadEntry, refuse
from .upcoming import warn_if_over

if TYPE_CHECKING:
    from ...core.model.schedule import Change
    from ...core.service import Service

COLUMNS = (
    Column("name"),
    Column("action"),
    Column("fields", "list"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file has. places: where each schedule is in it, by name, as "line 7"."""

    source: str
    schedules: Sequence[NewSchedule]
    places: Mapping[str, str]


def apply_schedules(service: Service, wanted: Wanted, *, prune: bool = False, unchecked: bool = False) -> None:
    """Apply all of them or nothing, or show what that would do (--dry-run). prune: remove the others.

    What is removed is named by nobody, so it is always asked about. UsageError: some cannot be stored; each is told.
    NothingSelected: a file without schedules would remove all of them.
    """
    if output.fields_asked(COLUMNS):
        return
    if prune and not wanted.schedules:
        raise NothingSelected(
            "nothing selected — a file without schedules would remove every one that there is",
            fix="jobsched cron ls -q | jobsched cron rm -",
        )
    dry_run = invocation.current().dry_run
    refuse(list(_wrong(service, wanted, unchecked)), wanted.source)
    changes = _apply(service, wanted, prune, unchecked, dry_run=dry_run or prune)
    if prune and not dry_run:
        gone = sum(change.action is Action.REMOVED for change in changes)
        diagnostics.confirm(f"This removes {gone} schedules.", count=gone, always=gone > 0)
        changes = _apply(service, wanted, prune, unchecked, dry_run=False)
    output.emit("schedule.change", COLUMNS, map(_row, changes))
    _warn(wanted.schedules, changes)
    _sum_up(changes)


def _apply(service: Service, wanted: Wanted, prune: bool, unchecked: bool, *, dry_run: bool) -> list[Change]:
    try:
        return service.cron.apply(wanted.schedules, prune=prune, dry_run=dry_run, by=user(), unchecked=unchecked)
    except UsageError:
        for spec in filter(_has_hidden, wanted.schedules):
            try:
                service.cron.apply([spec], dry_run=True, by=user(), unchecked=unchecked)
            except UsageError as error:
                raise BadEntry(wanted.places[spec.name], error).placed() from None
        raise


def _wrong(service: Service, wanted: Wanted, unchecked: bool) -> Iterator[BadEntry]:
    """What cannot be stored, as far as that can be told without what is stored: hidden fields need it."""
    now = datetime.now(UTC)
    for spec in wanted.schedules:
        try:
            spec.check()
            Timetable(spec, now)
            service.check(spec.job, unchecked=unchecked or _has_hidden(spec))
        except UsageError as error:
            yield BadEntry(wanted.places[spec.name], error)


def _has_hidden(spec: NewSchedule) -> bool:
    return HIDDEN in [value for value in spec.job.payload.values() if isinstance(value, str)]


def _row(change: Change) -> dict[str, Any]:
    return {"name": change.name, "action": change.action.value, "fields": list(change.fields)}


def _warn(specs: Sequence[NewSchedule], changes: Sequence[Change]) -> None:
    """Point out those among what is new that have no tick to come."""
    now = datetime.now(UTC)
    new = {change.name for change in changes if change.action in (Action.ADDED, Action.CHANGED)}
    for spec in specs:
        if spec.name in new:
            warn_if_over(spec, Timetable(spec, now), now)


def _sum_up(changes: Sequence[Change]) -> None:
    counts = Counter(change.action for change in changes)
    told = ", ".join(f"{counts[action]} {action.value}" for action in Action if counts[action]) or "no schedules"
    diagnostics.note(f"{told}; nothing was changed" if invocation.current().dry_run else told)
