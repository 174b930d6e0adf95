"""Retention: what is deleted when, with what, and what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.errors import JobNotFound
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import Catchup
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.core.store import fleet, leases
from jobsched.core.store.retention import prune
from jobsched.tests.store.hands import Hands
from jobsched.tests.store.ticking import Ticking

DAY = 86400.0


def age(connection: Any, days: float) -> None:
    """Let all outcomes be older."""
    connection.execute(
        "update jobsched.outcome set finished_at = finished_at - make_interval(secs => %s)", (days * DAY,)
    )


def finish(service: Service, hands: Hands) -> dict[State, int]:
    """One job of each final state."""
    ids = {}
    ids[State.SUCCEEDED] = service.submit(NewJob("noop")).id
    hands.run()
    ids[State.DEAD] = service.submit(NewJob("noop")).id
    hands.run(dead=True)
    ids[State.CANCELLED] = service.submit(NewJob("noop")).id
    service.cancel([ids[State.CANCELLED]], by="ann")
    return ids


def test_finished_jobs_go_when_their_time_is_over(service: Service, hands: Hands, settings: Settings) -> None:
    """Succeeded and cancelled after a week, dead after ninety days, live ones never."""
    ids = finish(service, hands)
    queued = service.submit(NewJob("noop")).id
    age(hands.connection, 6.9)
    assert prune(hands.connection, settings) == 0
    age(hands.connection, 0.2)
    assert prune(hands.connection, settings) == 2
    assert [job.id for job in service.list()] == [queued, ids[State.DEAD]]
    age(hands.connection, 83)
    assert prune(hands.connection, settings) == 1
    assert [job.id for job in service.list()] == [queued]


def test_zero_keeps_jobs_for_ever(service: Service, hands: Hands, settings: Settings) -> None:
    """Each kind by itself."""
    ids = finish(service, hands)
    age(hands.connection, 10_000)
    assert prune(hands.connection, settings.replace(retention__succeeded=0.0, retention__dead=0.0)) == 0
    assert prune(hands.connection, settings.replace(retention__succeeded=0.0)) == 1
    assert {job.id for job in service.list()} == {ids[State.SUCCEEDED], ids[State.CANCELLED]}


def test_all_that_is_kept_about_a_job_goes_with_it(service: Service, hands: Hands, settings: Settings) -> None:
    """Attempts, output and checkpoint: nothing is left over."""
    job_id = service.submit(NewJob("noop")).id
    (job,) = hands.claim()
    leases.write_output(hands.connection, [(job_id, job.token, 0, 1, "log", "said")])
    leases.save_checkpoint(hands.connection, job_id, job.token, "{}")
    hands.fail(job, dead=True)
    age(hands.connection, 91)
    assert prune(hands.connection, settings) == 1
    for table in ("job", "outcome", "attempt_log", "job_output", "checkpoint"):
        assert hands.connection.execute(f"select count(*) from jobsched.{table}").fetchone() == (0,)
    with pytest.raises(JobNotFound):
        service.get(job_id)


def test_batches_are_as_large_as_asked_for(service: Service, hands: Hands, settings: Settings) -> None:
    """The pruner calls again while a batch is full."""
    service.load([NewJob("noop", queue="q") for _ in range(25)])
    service.purge("q")
    age(hands.connection, 8)
    assert [prune(hands.connection, settings, batch=10) for _ in range(4)] == [10, 10, 5, 0]


def test_a_key_outlives_its_job_until_its_window_is_over(service: Service, hands: Hands, settings: Settings) -> None:
    """Meanwhile it answers with the id of a job that is gone."""
    short = settings.replace(retention__succeeded=DAY)
    first = service.submit(NewJob("noop", idempotency_key="k"))
    hands.run()
    age(hands.connection, 2)
    assert prune(hands.connection, short) == 1
    again = service.submit(NewJob("noop", idempotency_key="k"))
    assert (again.id, again.created, again.state) == (first.id, False, None)
    hands.connection.execute("update jobsched.idempotency set expires_at = expires_at - interval '6 days'")
    fresh = service.submit(NewJob("noop", {"other": 1}, idempotency_key="k"))
    assert fresh.created
    hands.connection.execute("update jobsched.idempotency set expires_at = now() - interval '1 second'")
    prune(hands.connection, short)
    assert hands.connection.execute("select count(*) from jobsched.idempotency").fetchone() == (0,)


def test_a_job_that_is_being_retried_is_not_deleted(
    service: Service, hands: Hands, settings: Settings, connect: Any
) -> None:
    """Whoever has the row first decides; the other one passes it by."""
    job_id = service.submit(NewJob("noop")).id
    hands.run(dead=True)
    age(hands.connection, 91)
    other = connect()
    with other.transaction():
        other.execute("select from jobsched.outcome for update")
        assert prune(hands.connection, settings) == 0
    service.retry([job_id], by="ann")
    assert prune(hands.connection, settings) == 0
    assert service.get(job_id).state is State.QUEUED


def test_workers_that_ended_are_forgotten_with_the_last_jobs_that_they_ran(
    service: Service, hands: Hands, settings: Settings
) -> None:
    """Until then `show` can name them; one that lives, or whose leases wait for the reaper, stays."""
    service.submit(NewJob("noop"))
    stopped, lost = Hands(hands.connection, "stopped"), Hands(hands.connection, "lost")
    lost.claim()
    fleet.end(hands.connection, stopped.id)
    fleet.bury(hands.connection, [lost.id])

    def left(days: float, settings: Settings = settings) -> list[str]:
        hands.connection.execute(
            "update jobsched.worker set ended_at = ended_at - make_interval(secs => %s)", (days * DAY,)
        )
        prune(hands.connection, settings)
        return [name for (name,) in hands.connection.execute("select name from jobsched.worker order by id")]

    assert left(89.9) == ["hands", "stopped", "lost"]
    assert left(0.2, settings.replace(retention__succeeded=0.0)) == ["hands", "stopped", "lost"]
    assert left(0) == ["hands", "lost"]
    fleet.reap(hands.connection, lost_limit=20)
    assert left(0) == ["hands"]


def test_ticks_are_forgotten_when_they_are_old_and_were_decided_long_ago(
    service: Service, hands: Hands, settings: Settings
) -> None:
    """One that somebody backfilled lately stays, or it could be backfilled again; 0 keeps all."""
    connection = hands.connection
    connection.execute(
        "insert into jobsched.tick (schedule_id, scheduled_for, decided_at, state, reason, by, origin) "
        "select n, now() - interval '40 days', now() - interval '1 day' * n, 'missed', 'x', 'ann', 'backfill' "
        "from unnest(array[1, 29, 31, 40]) n"
    )
    assert prune(connection, settings.replace(retention__ticks=0.0)) == 0
    assert prune(connection, settings) == 2
    assert connection.execute("select schedule_id from jobsched.tick order by 1").fetchall() == [(1,), (29,)]


def test_the_newest_tick_of_a_schedule_stays_as_long_as_the_schedule(
    service: Service, hands: Hands, settings: Settings
) -> None:
    """It says until when all is decided: without it, a tick of long ago would be found to be missing, and fire."""
    ticking = Ticking(hands.connection, service)
    ticking.add("yearly", catchup=Catchup.ALL)
    ticking.decide(301, "yearly")
    hands.connection.execute("update jobsched.tick set decided_at = scheduled_for")

    assert prune(hands.connection, settings) == 4
    assert ticking.ticks("yearly") == [(300, "fired")]
    assert ticking.frontier("yearly") == 300
    service.cron.remove("yearly", by="ann")
    hands.connection.execute(
        "insert into jobsched.tick (schedule_id, scheduled_for, decided_at, state, reason, by, origin) "
        "select 7, now() - interval '40 days', now() - interval '40 days', 'missed', 'x', 'ann', 'schedule'"
    )
    assert prune(hands.connection, settings) == 1
