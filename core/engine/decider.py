"""Decides the ticks that timers say are due, and keeps what it knows of schedules up to date.

All it knows may be old: another scheduler may have decided the same ticks, somebody may have changed a schedule.
The store refuses then, and what it has is read again. So any number of deciders may run, and one that was stopped
for an hour does no harm when it goes on.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from ..clocks import lease_clock
from ..metrics import SchedulerMetrics
from ..model.errors import UsageError
from ..store.decide import decide
from ..store.link import Conn, Link, LinkStopped
from ..store.ticks import Asked, Decisions
from ..store.timings import Timing, read_revisions, read_sum, read_timings
from ..store.wake import wake
from .plans import Plan
from .store_clock import StoreClock

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LOOK_EVERY = 1.0
"""Seconds between two looks for changes that nobody told of, and for ticks that no timer told of."""
OVERDUE = timedelta(seconds=1)
EARLY = timedelta(seconds=0.15)
"""So much before a tick its timer goes off: a thousand of them take a while to be looked at, and nothing but one
statement is left to do when they are due."""
SOON = EARLY + timedelta(seconds=0.05)
"""A tick that is due so soon is waited for; a timer that goes off before is one of a clock that was set."""
MOST_SCHEDULES = 1000
MOST_ALONE = 20
"""Schedules that one turn decides together, and of those that are decided by themselves."""
MOST_MISSED = 200_000
"""Missed ticks that are written down one by one after a downtime, of all schedules."""
FEWEST_MISSED = 10
RETRY = 0.02
"""Seconds until a schedule is looked at again that somebody else was just deciding."""
TOLD_APART = 10
"""Ticks of one turn that have a line each in the log."""


class Timers(Protocol):
    """Tells when ticks are due: calls `Decider.due` with ids."""

    def put(self, plans: Collection[Plan]) -> None:
        """Set the timers of these schedules, each to its next tick."""
        ...

    def drop(self, schedule_id: int) -> None:
        """Forget a schedule's timer, if there is one."""
        ...

    def correct(self, plans: Collection[Plan]) -> None:
        """Set all of them anew, if this host's clock and the database's stand otherwise to each other than they did."""
        ...


class Decider:
    """name: of the scheduler, written on ticks. grace: see the setting `cron.grace`."""

    def __init__(
        self,
        link: Link,
        clock: StoreClock,
        *,
        name: str,
        grace: float,
        metrics: SchedulerMetrics,
        log: FilteringBoundLogger,
    ) -> None:
        self.timers: Timers
        self.plans: dict[int, Plan] = {}
        self.loaded = threading.Event()
        self.last_ok = lease_clock()
        """When the store last answered."""
        self._link = link
        self._clock = clock
        self._name = name
        self._grace = grace
        self._metrics = metrics
        self._log = log
        self._stop = threading.Event()
        self._poked = threading.Event()
        self._lock = threading.Lock()
        self._due: set[int] = set()
        self._changed: set[int] = set()
        self._revisions: dict[int, int] = {}
        self._held: dict[int, float] = {}
        """Schedules that somebody else was just deciding, until when they are left to him."""
        self._next_look = 0.0

    # From any thread

    def stop(self) -> None:
        """End `run` after what is being decided."""
        self._stop.set()
        self._poked.set()

    def due(self, ids: Iterable[int]) -> None:
        """Ticks of these schedules are due."""
        with self._lock:
            self._due.update(ids)
        self._poked.set()

    def changed(self, schedule_id: int) -> None:
        """Somebody has added, changed or removed a schedule."""
        with self._lock:
            self._changed.add(schedule_id)
        self._poked.set()

    def look(self) -> None:
        """Words about changes may have been missed."""
        self._next_look = 0.0
        self._poked.set()

    # The loop

    def run(self) -> None:
        """Decide until stopped."""
        try:
            while not self._stop.is_set():
                self._poked.wait(self._link.run(self.once))
        except LinkStopped:
            return
        finally:
            self._link.close()

    def once(self, conn: Conn) -> float:
        """Do what there is to do; return the seconds until something may be due."""
        self._poked.clear()
        if not self.loaded.is_set() or time.monotonic() >= self._next_look:
            self._look(conn)
        with self._lock:
            changed, self._changed = self._changed, set()
        if changed:
            try:
                self._read(conn, changed)
            except BaseException:
                with self._lock:
                    self._changed |= changed
                raise
        wait = self._decide(conn)
        self.last_ok = lease_clock()
        return max(0.0, min(wait, self._next_look - time.monotonic()))

    def _look(self, conn: Conn) -> None:
        """Learn the time, changes that nobody told of, and ticks that no timer told of."""
        asked_at = lease_clock()
        found = read_sum(conn)
        self._clock.hear(found.now, asked_at, lease_clock())
        if not self.loaded.is_set():
            self._read(conn, None)
            self.loaded.set()
            self._log.info("schedules read", schedules=len(self._revisions), with_ticks=len(self.plans))
        elif found[:3] != (len(self._revisions), sum(self._revisions.values()), sum(self._revisions)):
            there = read_revisions(conn)
            different = {each for each, revision in there.items() if self._revisions.get(each) != revision}
            self._read(conn, different | (self._revisions.keys() - there.keys()))
        self.timers.correct(self.plans.values())
        line = self._clock.now() - OVERDUE
        overdue = [plan.id for plan in self.plans.values() if plan.next is not None and plan.next < line]
        with self._lock:
            self._due.update(overdue)
        self._next_look = time.monotonic() + LOOK_EVERY

    def _read(self, conn: Conn, ids: Collection[int] | None) -> None:
        """Read schedules anew: all, or these, of which some may be gone."""
        timings = read_timings(conn, ids)
        for gone in (self._revisions.keys() if ids is None else set(ids)) - {timing.id for timing in timings}:
            self._forget(gone)
            self._revisions.pop(gone, None)
        fresh = [plan for timing in timings if (plan := self._learn(timing)) is not None]
        self.timers.put(fresh)
        self._metrics.schedules = len(self._revisions)

    def _learn(self, timing: Timing) -> Plan | None:
        """Note what a schedule is by now; return its plan if it needs another timer."""
        known = self.plans.get(timing.id)
        if known is not None and known.revision == timing.revision and not timing.paused:
            if known.frontier != timing.decided_until:
                known.stand_at(timing.decided_until)
            return None
        told = self._revisions.get(timing.id) == timing.revision
        self._revisions[timing.id] = timing.revision
        self._forget(timing.id)
        if timing.paused:
            return None
        try:
            plan = Plan(timing)
        except UsageError as error:
            if not told:
                self._log.error("a schedule cannot be read here", schedule=timing.name, error=error.message)
            return None
        except Exception:  # noqa: BLE001 - it is told, and the others have their ticks
            if not told:
                self._log.exception("a schedule fails here: it is left alone", schedule=timing.name)
            return None
        self.plans[timing.id] = plan
        return plan if plan.next is not None else None

    def _forget(self, schedule_id: int) -> None:
        if self.plans.pop(schedule_id, None) is not None:
            self.timers.drop(schedule_id)

    # Deciding

    def _decide(self, conn: Conn) -> float:
        """Decide what is due, some of it; return the seconds until there may be more."""
        with self._lock:
            due = sorted(self._due)
        if not due:
            return LOOK_EVERY
        now = self._clock.now()
        asked, soon = self._choose(due, now)
        if not asked:
            return soon
        decisions = decide(conn, asked, by=self._name)
        refused: dict[int, datetime] = {}
        for each in asked:
            plan = self.plans[each.id]
            if each.id in decisions.accepted and each.until is not None:
                plan.decided(each.until)
            else:
                refused[each.id] = plan.frontier
        self._tell(decisions, len(refused))
        wake(conn, decisions.ready)
        if refused:
            self._read(conn, refused.keys())
            until = time.monotonic() + RETRY
            for schedule_id, frontier in refused.items():
                if schedule_id in self.plans and self.plans[schedule_id].frontier == frontier:
                    self._held[schedule_id] = until
        return 0.0

    def _choose(self, due: list[int], now: datetime) -> tuple[list[Asked], float]:
        """What to ask for: ticks that are on time first, so that a downtime's do not keep them waiting. The
        schedules that have nothing due are done with; of those that soon have, the seconds until then."""
        line = now - timedelta(seconds=self._grace)
        done, soon = [], LOOK_EVERY
        fresh: list[Plan] = []
        late: list[Plan] = []
        moment = time.monotonic()
        for schedule_id in due:
            plan = self.plans.get(schedule_id)
            held = self._held.get(schedule_id, 0.0) - moment
            if held > 0:
                soon = min(soon, held)
                continue
            self._held.pop(schedule_id, None)
            if plan is None or plan.next is None or plan.next > now + SOON:
                done.append(schedule_id)
            elif plan.next > now:
                soon = min(soon, (plan.next - now).total_seconds())
            else:
                (fresh if plan.next >= line else late).append(plan)
        with self._lock:
            self._due.difference_update(done)
        most = max(FEWEST_MISSED, MOST_MISSED // max(1, len(late)))
        room = {False: MOST_SCHEDULES, True: MOST_ALONE}
        asked: list[Asked] = []
        ticks = 0
        for plan in [*fresh, *late]:
            if room[plan.alone] == 0 or ticks >= 2 * MOST_SCHEDULES:
                continue
            ask = plan.ask(now, self._grace, most)
            if ask is not None:
                room[plan.alone] -= 1
                ticks += len(ask.verdicts)
                asked.append(ask)
        return asked, soon

    def _tell(self, decisions: Decisions, refused: int) -> None:
        told = [
            (self._name_of(each.schedule_id), each, (each.now - each.tick).total_seconds()) for each in decisions.ticks
        ]
        self._metrics.decided([(name, each.state.value, late) for name, each, late in told], refused)
        if len(told) > TOLD_APART:
            states = Counter(each.state.value for _, each, _ in told)
            self._log.info("ticks decided", **states, late=round(max(late for _, _, late in told), 3))
            return
        for name, each, late in told:
            self._log.info(
                f"tick {each.state.value}",
                schedule=name,
                scheduled_for=each.tick.isoformat(),
                job=each.job_id,
                late=round(late, 3),
                reason=each.reason,
            )

    def _name_of(self, schedule_id: int) -> str:
        plan = self.plans.get(schedule_id)
        return str(schedule_id) if plan is None else plan.name
