"""Schedules: every use case of `jobsched cron`. Whoever has a `Service` finds it as `service.cron`.

service.cron.add(NewSchedule("report", "0 9 * * 1-5", NewJob("pdf_invoice", {…}), "Europe/Berlin"), by="ann@host")
service.cron.history("report")
"""

from __future__ import annotations

import builtins
import random
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from .calendar.cron import EARLIEST
from .model.errors import PayloadInvalid, TryAgain, UsageError
from .model.hiding import HIDDEN
from .model.job import NewJob, check_name
from .model.results import Submitted
from .model.schedule import Action, Change, NewSchedule, Origin, Overlap, Schedule, Tick, TickState, Trouble
from .store import schedules, ticks
from .store.decide import decide
from .store.enqueue import ensure_queues, hide_fields, run
from .store.jobs import Connection, job_states
from .store.schedule_troubles import find_troubles
from .store.schedules import ScheduleRow
from .store.ticks import NOW, Asked, Decided
from .submitting import Submitting, words
from .timetable import Timetable, Verdict

MAX_LIST = 10_000
MAX_BACKFILL = 100_000
BACKFILL_BATCH = 500
LOOKS = 5
"""How often a change is tried that others cross."""
PATIENCE = 10.0
"""Seconds to wait for whoever is deciding a schedule's ticks; the server ends what takes longer than five."""
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.1
_MOMENT = timedelta(microseconds=1)


class Cron:
    """The use cases over one service. `by` is who does it: user@host, as on jobs."""

    def __init__(self, service: Submitting) -> None:
        self._service = service

    # Reading

    def list(self) -> builtins.list[Schedule]:
        """Return every schedule, by name."""
        with self._service.store.connection() as own:
            return schedules.list_schedules(own)

    def get(self, name: str) -> Schedule:
        """Return a schedule. ScheduleNotFound; UsageError, here as below: none can be called so."""
        check_name("schedule", name)
        with self._service.store.connection() as own:
            return schedules.get_schedule(own, name)

    def history(
        self,
        name: str | None = None,
        *,
        limit: int = 50,
        before: datetime | tuple[datetime, str] | None = None,
        states: Collection[TickState] = (),
    ) -> builtins.list[Tick]:
        """Return one page of ticks, newest first, at one time by name: of one schedule, or of all of them.

        limit: 1 to 10,000. before: only ticks before this aware time. With the name of a schedule, also those at this
        time of schedules that come after it: so the page behind a tick begins. states: any of these; none is all.
        ScheduleNotFound.
        """
        before, after = before if isinstance(before, tuple) else (before, None)
        if after is not None:
            check_name("schedule", after)
        if not 1 <= limit <= MAX_LIST:
            raise UsageError(f"the limit is {limit} — it must be 1 to {MAX_LIST:,}")
        _check_aware("before", before)
        if name is not None:
            check_name("schedule", name)
        with self._service.store.connection() as own:
            schedule_id = None if name is None else schedules.get_schedule(own, name).id
            return ticks.list_ticks(own, schedule_id, limit=limit, before=before, after=after, states=states)

    def check(self) -> builtins.list[Trouble]:
        """Return what is wrong with schedules, by name, going by the newest ticks of each; nothing if all is well."""
        with self._service.store.connection() as own:
            return find_troubles(own, grace=self._service.settings["cron.grace"])

    def is_running(self) -> bool:
        """Return whether a scheduler is connected to the store, on whatever host."""
        with self._service.store.connection() as own:
            return schedules.has_scheduler(own)

    # Changing

    def add(self, new: NewSchedule, *, by: str, unchecked: bool = False) -> Schedule:
        """Store a schedule, whose first tick is the first one after now.

        unchecked: neither the job's type nor its payload need be known here. Raises what `submit` raises of the
        job; UsageError: expression, zone or another option; Conflict: the name is taken.
        """
        row = self._row(new, None, None, unchecked=unchecked)
        with self._service.store.connection() as own:
            self._prepare(own, [row])
            schedules.add(own, row, words("by", by, 200))
            return schedules.get_schedule(own, new.name)

    def edit(self, name: str, new: NewSchedule, *, by: str, unchecked: bool = False) -> Schedule:
        """Replace all that a schedule is, its name too. Where it gets other times, ticks before now are not made up.

        A payload field that is hidden, and given as "(hidden)", stays what it is. The rest is as for `add`.
        ScheduleNotFound.
        """
        check_name("schedule", name)
        words("by", by, 200)
        for _ in range(LOOKS):
            with self._service.store.connection() as own:
                before = schedules.get_schedule(own, name)
                stored = schedules.payloads(own, [before.id]).get(before.id, {})
                row = self._row(new, before, stored, unchecked=unchecked)
                self._prepare(own, [row])
                if schedules.edit(own, before, row, by):
                    return schedules.get_schedule(own, new.name)
        raise _restless(name)

    def remove(self, name: str, *, by: str) -> Schedule:
        """Delete a schedule and what is known of its ticks; return what it was. Its jobs stay. ScheduleNotFound."""
        check_name("schedule", name)
        words("by", by, 200)
        with self._service.store.connection() as own:
            schedule = schedules.get_schedule(own, name)
            if not schedules.remove(own, schedule):
                raise schedules.not_found(own, name)
            schedules.forget(own, schedule.id)
        return schedule

    def pause(self, name: str, *, by: str, reason: str | None = None) -> Schedule:
        """Let no tick fire until somebody resumes it. ScheduleNotFound."""
        check_name("schedule", name)
        reason = words("reason", reason, 500) if reason else None
        with self._service.store.connection() as own:
            return schedules.pause(own, name, by=words("by", by, 200), reason=reason)

    def resume(self, name: str, *, by: str) -> Schedule:
        """Let the next ticks fire; those while it was paused are not made up. ScheduleNotFound."""
        check_name("schedule", name)
        words("by", by, 200)
        with self._service.store.connection() as own:
            return schedules.resume(own, name)

    def trigger(self, name: str, *, by: str) -> Submitted:
        """Make a schedule's job now, whatever its overlap says and though it be paused; a tick notes it.

        Where an active job has its unique key, that one is returned. ScheduleNotFound.
        """
        check_name("schedule", name)
        with self._service.store.connection() as own:
            schedule = schedules.get_schedule(own, name)
            asked = Asked(schedule.id, [Verdict(NOW)], 0.0, ticks.is_keyed(schedule))
            tick = self._decide(own, name, asked, words("by", by, 200), Origin.TRIGGER)[0]
            job_id = tick.job_id or tick.holder
            assert job_id is not None
            standing = job_states(own, [job_id]).get(job_id)
            return Submitted(job_id, tick.job_id is not None, None if standing is None else standing[0])

    def backfill(
        self, name: str, start: datetime, end: datetime, *, by: str, dry_run: bool = False
    ) -> builtins.list[Tick]:
        """Fire the ticks in [start, end) (aware) that have not, each at most once; return them, oldest first.

        Only what is past fires. Of a schedule whose jobs are not to overlap, each job waits for the one before it.
        dry_run: only say which ones. UsageError: the span is empty, or has more than MAX_BACKFILL ticks.
        ScheduleNotFound.
        """
        check_name("schedule", name)
        _check_aware("start", start)
        _check_aware("end", end)
        if end <= start:
            raise UsageError(f"the end {end.isoformat()} does not come after the start {start.isoformat()}")
        words("by", by, 200)
        with self._service.store.connection() as own:
            schedule = schedules.get_schedule(own, name)
            wanted = _unfired(own, schedule, start, min(end, ticks.time_now(own)))
            if dry_run:
                now = datetime.now(UTC)
                return [Tick(name, tick, TickState.FIRED, now, by=by, origin=Origin.BACKFILL) for tick in wanted]
            alone = ticks.is_keyed(schedule) or schedule.spec.overlap is not Overlap.ALLOW
            fired: builtins.list[Decided] = []
            for first in range(0, len(wanted), BACKFILL_BATCH):
                verdicts = [Verdict(tick) for tick in wanted[first : first + BACKFILL_BATCH]]
                asked = Asked(schedule.id, verdicts, schedule.spec.jitter, alone)
                fired += self._decide(own, name, asked, by, Origin.BACKFILL)
            states = job_states(own, [each.job_id for each in fired if each.job_id is not None])
        return [
            Tick(
                name, each.tick, each.state, each.now, each.job_id, each.reason, by, Origin.BACKFILL,
                states[each.job_id][0] if each.job_id in states else None,
            )
            for each in fired
        ]  # fmt: skip

    def apply(
        self,
        specs: Sequence[NewSchedule],
        *,
        prune: bool = False,
        dry_run: bool = False,
        by: str,
        unchecked: bool = False,
    ) -> builtins.list[Change]:
        """Make the schedules be those of a list, all or nothing; return what that means for each, by name.

        prune: remove those that the list has not. dry_run: change nothing. The rest is as for `add` and `edit`.
        UsageError: two of them have one name. TryAgain: somebody else changed schedules at this moment.
        """
        words("by", by, 200)
        names = [spec.name for spec in specs]
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise UsageError(f"two schedules are called {twice[0]!r} — give each a name of its own")
        with self._service.store.connection() as own:
            there = {each.spec.name: each for each in schedules.list_schedules(own)}
            raw = schedules.payloads(own, [there[name].id for name in names if name in there])
            rows: dict[str, ScheduleRow] = {}
            changes: builtins.list[Change] = []
            for spec in specs:
                before = there.get(spec.name)
                stored = None if before is None else raw[before.id]
                rows[spec.name] = row = self._row(spec, before, stored, unchecked=unchecked)
                changes.append(_change(before, stored, row))
            gone = [each for name, each in there.items() if prune and name not in rows]
            changes += [Change(each.spec.name, Action.REMOVED) for each in gone]
            if not dry_run:
                self._apply(own, changes, there, rows, by)
                for each in gone:
                    schedules.forget(own, each.id)
        return sorted(changes, key=lambda change: change.name)

    def _apply(
        self,
        own: Connection,
        changes: Sequence[Change],
        there: Mapping[str, Schedule],
        rows: Mapping[str, ScheduleRow],
        by: str,
    ) -> None:
        self._prepare(own, list(rows.values()))
        with own.transaction():
            for name, action in [(change.name, change.action) for change in changes]:
                match action:
                    case Action.ADDED:
                        schedules.add(own, rows[name], by)
                    case Action.CHANGED if not schedules.edit(own, there[name], rows[name], by):
                        raise _restless(name)
                    case Action.REMOVED if not schedules.remove(own, there[name]):
                        raise _restless(name)

    def _decide(self, own: Connection, name: str, asked: Asked, by: str, origin: Origin) -> builtins.list[Decided]:
        """Have ticks decided, waiting for whoever is deciding others of this schedule; return those that are new."""
        deadline = time.monotonic() + PATIENCE
        pause = FIRST_PAUSE
        while True:
            decisions = decide(own, [asked], by=by, origin=origin)
            if asked.id in decisions.accepted and (decisions.ticks or origin is Origin.BACKFILL):
                self._service.wake(own, decisions.ready)
                return decisions.ticks
            schedules.get_schedule(own, name)  # or it may be gone
            if time.monotonic() > deadline:
                raise _restless(name)
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _row(
        self, new: NewSchedule, before: Schedule | None, stored: Mapping[str, Any] | None, *, unchecked: bool
    ) -> ScheduleRow:
        """Return the row to store. before, stored: what it replaces, and that one's payload with all that is hidden."""
        new.check()
        new = replace(new, expression=Timetable(new, datetime.now(UTC)).calendar.expression)  # with single blanks
        if before is not None and stored is not None:
            kept = {
                name: stored[name]
                for name, value in new.job.payload.items()
                if value == HIDDEN == before.job.payload.get(name)
            }
            new = replace(new, job=replace(new.job, payload={**new.job.payload, **kept}))
        try:
            row = ScheduleRow(new, self._service.submission.row(new.job, unchecked=unchecked))
        except PayloadInvalid as error:  # which is no word on what is hidden, where the field holds no text
            for field, _ in error.problems:
                if new.job.payload.get(field) == HIDDEN:
                    raise _valueless(field) from None
            raise
        for name in self._service.submission.secrets.get(new.job.type, ()):
            if new.job.payload.get(name) == HIDDEN and (stored is None or stored.get(name) != HIDDEN):
                raise _valueless(name)
        return row

    def _prepare(self, own: Connection, rows: Sequence[ScheduleRow]) -> None:
        """Make known what jobs need to be known before the first of them: queues, and fields to hide."""
        if rows:
            run(own, ensure_queues(sorted({row.job.options.queue for row in rows})))
            run(own, hide_fields(self._service.secrets_of([row.job for row in rows])))


def _valueless(name: str) -> PayloadInvalid:
    return PayloadInvalid(
        f"the payload field {name} is {HIDDEN!r} — that is shown in the place of a value, and is none",
        problems=((name, "a value is needed"),),
        fix=f"give the value of {name}",
    )


def _unfired(own: Connection, schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """The ticks of a schedule in [start, end) that have not fired."""
    start = max(start, EARLIEST)
    end = max(start, end)
    found = list(islice(Timetable.of(schedule).between(start - _MOMENT, end - _MOMENT), MAX_BACKFILL + 1))
    if len(found) > MAX_BACKFILL:
        raise UsageError(
            f"schedule {schedule.spec.name} has more than {MAX_BACKFILL:,} ticks in that span",
            fix="backfill a shorter span, one after the other",
        )
    fired = {tick for tick, has_fired in ticks.known_ticks(own, schedule.id, found).items() if has_fired}
    return [tick for tick in found if tick not in fired]


def _change(before: Schedule | None, stored: Mapping[str, Any] | None, row: ScheduleRow) -> Change:
    """What storing `row` changes."""
    name = row.spec.name
    if before is None:
        return Change(name, Action.ADDED)
    asked = replace(before.spec, job=replace(before.spec.job, payload=stored or {}))
    different = [
        each.name for each in fields(NewSchedule) if each.name != "job" and _differs(asked, row.spec, each.name)
    ]
    different += [each.name for each in fields(NewJob) if _differs(asked.job, row.spec.job, each.name)]
    decided = replace(before.job, payload={})
    if not different and decided != replace(schedules.decided_job(row), payload={}):
        different.append("defaults")  # of its type: they are others by now
    return Change(name, Action.CHANGED if different else Action.UNCHANGED, tuple(different))


def _differs(one: object, other: object, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _check_aware(what: str, time_: datetime | None) -> None:
    if time_ is not None and time_.tzinfo is None:
        raise UsageError(f"{what} {time_.isoformat()} has no zone — give an aware datetime")


def _restless(name: str) -> TryAgain:
    return TryAgain(f"schedule {name} was changed or decided by others all the time", fix="run the same command again")
