"""The store against a small model: whatever submitters, workers, people and housekeeping do, in whatever order,
each job goes only where the transition table lets it, no stale word is heard, every invariant holds, and once
people let go and time passes, every job ends, those that wait for others as these have ended."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from jobsched.core.config import Settings, load
from jobsched.core.model.errors import Conflict
from jobsched.core.model.job import After, Condition, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.states import FINAL, State, may_follow
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import fleet, leases, limits, retention, verify, waiting
from jobsched.core.store.leases import Claimed, Ending
from jobsched.core.store.store import Store

from . import leasing

QUEUES = ("plain", "few", "slow")
KEYS = ("", "", "a", "b")
TABLES = (
    "job", "ready", "delayed", "blocked", "lease", "outcome", "attempt_log", "job_output", "checkpoint",
    "idempotency", "dependency", "slot", "unique_active", "worker", "queue",
)  # fmt: skip


class StoreMachine(RuleBasedStateMachine):
    """Three workers by hand, a submitter, an operator and the housekeeping. `held` is what each worker believes
    to own; `owner` what the model says: the token of each job's newest lease, while that stands. `ends` are the
    states in which each job was ever seen ended; `freed` are jobs that somebody ran although they waited."""

    db: psycopg.Connection[Any]
    store: Store
    settings: Settings

    @initialize()
    def empty(self) -> None:
        for table in TABLES:
            self.db.execute(f"truncate jobsched.{table}".encode())
        self.service = Service(self.settings, store=self.store, registry=Registry())
        self.workers = [leasing.worker(self.db) for _ in range(3)]
        self.held: dict[int, list[Claimed]] = {worker: [] for worker in self.workers}
        self.owner: dict[int, int] = {}
        self.states: dict[int, State] = {}
        self.after: dict[int, tuple[After, ...]] = {}
        self.ends: dict[int, set[State]] = {}
        self.freed: set[int] = set()
        self.paused: set[str] = set()
        self.tokens: set[int] = set()
        self.service.set_queue("plain", {"key_limit": 1})
        self.service.set_queue("few", {"max_running": 2, "key_limit": 2})
        self.service.set_queue("slow", {"rate": 0.001, "burst": 3})

    # ---- submitters -----------------------------------------------------------------------------

    @rule(
        queue=st.sampled_from(QUEUES), priority=st.sampled_from(list(Priority)), key=st.sampled_from(KEYS),
        unique=st.sampled_from(["", "", "u"]), idempotent=st.sampled_from(["", "", "i"]), hold=st.booleans(),
        later=st.booleans(), parents=st.lists(st.integers(0, 30), max_size=2, unique=True),
        condition=st.sampled_from(list(Condition)), attempts=st.integers(1, 3),
    )  # fmt: skip
    def submit(
        self, queue: str, priority: Priority, key: str, unique: str, idempotent: str, hold: bool, later: bool,
        parents: list[int], condition: Condition, attempts: int,
    ) -> None:  # fmt: skip
        known = sorted(self.states)
        after = {known[number % len(known)] for number in parents} if known else set()
        new = NewJob(
            "noop", queue=queue, priority=priority, max_attempts=attempts, delay=3600 if later else None,
            idempotency_key=idempotent or None, unique_key=unique or None, concurrency_key=key or None, hold=hold,
            after=tuple(After(each, condition) for each in sorted(after)),
        )  # fmt: skip
        try:
            made = self.service.submit(new)
        except Conflict:
            return  # a parent has ended otherwise
        if made.created:
            assert made.id not in self.states
            self.states[made.id] = self.service.get(made.id).state
            self.after[made.id] = new.after
        else:
            assert made.id in self.states
            assert idempotent or self.states[made.id] not in FINAL

    # ---- workers --------------------------------------------------------------------------------

    @rule(worker=st.integers(0, 2), n=st.integers(1, 5))
    def claim(self, worker: int, n: int) -> None:
        self._take(worker, leasing.claim(self.db, self.workers[worker], n, queues=QUEUES))

    @rule(worker=st.integers(0, 2), n=st.integers(1, 5), queue=st.sampled_from(["few", "slow"]))
    def claim_limited(self, worker: int, n: int, queue: str) -> None:
        def take(room: int) -> list[Claimed]:
            return leases.claim(
                self.db, worker_id=self.workers[worker], queues=[queue] * 4, priorities=[0, 1, 2, 3], cursors=[0] * 4,
                types=["noop"], solo=True, n=room, limited=queue,
            )  # fmt: skip

        self._take(worker, limits.claim_limited(self.db, queue, n, take).jobs)

    def _take(self, worker: int, jobs: list[Claimed]) -> None:
        for job in jobs:
            assert self.states[job.job_id] is State.QUEUED
            assert job.queue not in self.paused
            assert job.token not in self.tokens
            assert job.token > self.owner.get(job.job_id, 0)
            self.tokens.add(job.token)
            self.owner[job.job_id] = job.token
            self.held[self.workers[worker]].append(job)

    @rule(
        worker=st.integers(0, 2), which=st.integers(0, 10),
        how=st.sampled_from(["succeeded", "retrying", "dead", "queued", "scheduled", "crashed"]),
    )  # fmt: skip
    def end(self, worker: int, which: int, how: str) -> None:
        """Speak for a job that this worker believes to own; whether it does, the model knows."""
        held = self.held[self.workers[worker]]
        assume(held)
        job = held.pop(which % len(held))
        owns = self.owner.get(job.job_id) == job.token and self.states.get(job.job_id) is State.RUNNING  # or forgotten
        if how == "succeeded":
            heard = leases.succeed(self.db, self.workers[worker], leasing.success([job]))
        else:
            heard = leases.end_attempts(self.db, self.workers[worker], [self._ending(job, how)])
        assert heard == ({job.token} if owns else set()), (job.job_id, how, owns)
        if owns:
            waiting.after_end(self.db, [job.job_id])

    def _ending(self, job: Claimed, how: str) -> Ending:
        """As a keeper words it. crashed: alone in its process, so it pays with a crash and runs alone again."""
        unspent = {"attempt": job.attempt - 1}
        if how == "crashed":
            crashes = job.crashes + 1
            then = "dead" if crashes >= self.settings["crash_limit"] else "queued"
            return leasing.ending(job, then, kind="crashed", **unspent)._replace(crashes=crashes, solo=True)
        if how in ("queued", "scheduled"):
            return leasing.ending(job, how, **unspent)
        last = job.attempt >= job.max_attempts
        return leasing.ending(job, "dead" if how == "retrying" and last else how, kind="failed", delay=60.0)

    @rule(worker=st.integers(0, 2))
    def die(self, worker: int) -> None:
        """Declared dead, reaped, and replaced; what it still says of its jobs comes from beyond."""
        old = self.workers[worker]
        leasing.bury(self.db, old)
        fleet.reap(self.db, lost_limit=20)
        new = self.workers[worker] = leasing.worker(self.db)
        self.held[new] = self.held.pop(old)
        waiting.sweep(self.db, thorough=True)

    # ---- people ---------------------------------------------------------------------------------

    @rule(
        what=st.sampled_from(["cancel", "retry", "hold", "release", "discard", "move"]),
        which=st.lists(st.integers(0, 30), max_size=3),
    )
    def change(self, what: str, which: list[int]) -> None:
        known = sorted(self.states)
        assume(known)
        ids = list(dict.fromkeys(known[number % len(known)] for number in which))
        call = getattr(self.service, what)
        results = call(ids) if what == "release" else call(ids, by="ann", **(_lane(which) if what == "move" else {}))
        if what == "retry":
            self.freed |= {each.id for each in results if each.ok}

    @rule(queue=st.sampled_from(QUEUES))
    def purge(self, queue: str) -> None:
        self.service.purge(queue)

    @rule(queue=st.sampled_from(QUEUES), pause=st.booleans())
    def pause_or_resume(self, queue: str, pause: bool) -> None:
        if pause:
            self.service.pause_queue(queue, by="ann")
            self.paused.add(queue)
        else:
            self.service.resume_queue(queue)
            self.paused.discard(queue)

    @rule(limit=st.integers(2, 4))
    def raise_key_limit(self, limit: int) -> None:
        (now,) = [each.key_limit for each in self.service.queues() if each.name == "few"]
        self.service.set_queue("few", {"key_limit": max(limit, now)})

    # ---- housekeeping, and the clock ------------------------------------------------------------

    @rule()
    def time_passes(self) -> None:
        """An hour, by moving what waits for it; buckets fill."""
        self.db.execute("update jobsched.delayed set run_at = run_at - interval '1 hour'")
        self.db.execute("update jobsched.blocked set run_at = run_at - interval '1 hour'")
        self.db.execute("update jobsched.queue set refilled_at = refilled_at - interval '1 hour'")

    @rule()
    def forget(self) -> None:
        """A month later for what has ended: retention deletes it, whoever waits for it."""
        month = "interval '100 days'"
        self.db.execute(f"update jobsched.outcome set finished_at = finished_at - {month}".encode())
        self.db.execute(f"update jobsched.attempt_log set finished_at = finished_at - {month}".encode())
        self.db.execute(f"update jobsched.job set created_at = created_at - {month}".encode())
        self.db.execute(f"update jobsched.lease set queued_since = queued_since - {month}".encode())
        retention.prune(self.db, self.settings)
        kept = {job_id for (job_id,) in self.db.execute("select id from jobsched.job")}
        assert all(state.is_final for job_id, state in self.states.items() if job_id not in kept)
        self.states = {job_id: state for job_id, state in self.states.items() if job_id in kept}

    @rule()
    def promote(self) -> None:
        keys = {(each.queue, each.key) for each in leases.promote(self.db) if each.key is not None}
        waiting.settle(self.db, (), keys=keys)

    @rule()
    def sweep(self) -> None:
        waiting.sweep(self.db, thorough=True)

    # ---- what always holds ----------------------------------------------------------------------

    @invariant()
    def every_job_went_where_it_may(self) -> None:
        now = {job.id: job.state for job in self.service.get_many(sorted(self.states))} if self.states else {}
        for job_id, state in now.items():
            before = self.states[job_id]
            assert state is before or _reachable(before, state), f"job {job_id}: {before} → {state}"
            if state.is_final:
                self.ends.setdefault(job_id, set()).add(state)
        self.states = now

    @invariant()
    def every_invariant_holds(self) -> None:
        broken = [each for each in verify.verify(self.db, self.settings) if each.violations]
        assert broken == []

    # ---- in the end -----------------------------------------------------------------------------

    def teardown(self) -> None:
        if hasattr(self, "service"):
            self._let_everything_end()
            self.service.close()

    def _let_everything_end(self) -> None:
        """People let go, time passes, one worker lives and does what it gets: nothing is stuck."""
        for worker in range(len(self.workers)):
            self.die(worker)
        for queue in QUEUES:
            self.service.resume_queue(queue)
        self.service.release([job.id for job in self.service.list(limit=1000) if job.held_by is not None])
        self.paused.clear()
        self.every_job_went_where_it_may()
        for _ in range(len(self.states) + 5):
            self.time_passes()
            self.promote()
            waiting.sweep(self.db, thorough=True)
            self.every_job_went_where_it_may()
            self.claim(0, 100)
            for queue in ("few", "slow"):
                self.claim_limited(0, 100, queue)
            self.every_job_went_where_it_may()
            while self.held[self.workers[0]]:
                self.end(0, 0, "succeeded")
            self.every_job_went_where_it_may()
            if all(state.is_final for state in self.states.values()):
                break
        stuck = {job_id: state for job_id, state in self.states.items() if not state.is_final}
        assert stuck == {}
        for job_id, parents in self.after.items():
            if self.states.get(job_id) is State.SUCCEEDED and job_id not in self.freed:
                for parent in parents:
                    assert self.ends[parent.id] & _WANTED[parent.condition], (job_id, parent)


_WANTED = {Condition.OK: {State.SUCCEEDED}, Condition.FAIL: {State.DEAD, State.CANCELLED}, Condition.ANY: FINAL}


def _lane(which: list[int]) -> dict[str, Any]:
    """Where to move jobs to: to a queue, a priority or both, as the numbers say."""
    number = sum(which)
    queue, priority = QUEUES[number % 3], list(Priority)[number % 4]
    return [{"queue": queue}, {"priority": priority}, {"queue": queue, "priority": priority}][len(which) % 3]


def _reachable(before: State, after: State) -> bool:
    """By one transition, or by two where an operation settles what it has moved."""
    return may_follow(before, after) or any(may_follow(before, way) and may_follow(way, after) for way in State)


@pytest.mark.timeout(900)
def test_the_store_is_as_its_model_says(store: Store, database_url: str, tmp_path: Any) -> None:
    """Up to sixty steps in each of some lives, and then as many as it takes until every job has ended."""
    examples = int(os.environ.get("JOBSCHED_TEST_MACHINE_EXAMPLES", "8"))
    with psycopg.connect(database_url, autocommit=True) as db:
        StoreMachine.db, StoreMachine.store = db, store
        StoreMachine.settings = load(environ={}, cwd=tmp_path).replace(database_url=database_url)
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            StoreMachine,
            settings=settings(
                max_examples=examples, stateful_step_count=60, deadline=None, print_blob=True, database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
