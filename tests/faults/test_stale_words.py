"""A worker that was stopped past its lease comes back: nothing that it says is heard."""

from __future__ import annotations

import signal

import pytest

from .fleet import Fleet, until

LEASE = {"JOBSCHED_LEASE": "10s"}


@pytest.mark.parametrize("word", ["talk", "fail", "end"])
def test_a_worker_that_overslept_its_lease_can_neither_talk_nor_fail_nor_complete(fleet: Fleet, word: str) -> None:
    """Its jobs spoke while it was stopped; it finds their words when it wakes up, and the new owner's count."""
    sleeper = fleet.start("-c", "4", "--name", "sleeper", **LEASE)
    (job,) = fleet.submit("puppet")
    (stale,) = fleet.until_began(1)
    sleeper.signal(signal.SIGSTOP)
    (fleet.folder / f"do-{stale.token}").write_text(word)
    told = {"talk": "talked", "fail": "failed", "end": "ended"}[word]
    until(lambda: fleet.told(told), "the job has spoken")
    fleet.db.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '20 s'")
    fleet.start("-c", "4", "--name", "owner", **LEASE)
    fresh = fleet.until_began(2)[1]

    sleeper.signal(signal.SIGCONT)
    sleeper.until_says("this worker was declared dead")
    sleeper.until_says("worker ready")

    assert fleet.rows("select token, progress, attempt from jobsched.lease") == [(fresh.token, None, 1)]
    assert fleet.rows("select token from jobsched.job_output union all select token from jobsched.checkpoint") == []
    assert fleet.rows("select token, kind from jobsched.attempt_log") == [(stale.token, "lost")]
    (fleet.folder / f"do-{fresh.token}").write_text("end")
    assert fleet.until_ended(1) == {"succeeded": 1}
    assert fleet.rows("select token from jobsched.outcome") == [(fresh.token,)]
    assert fleet.service.get(job).worker == "owner"


def test_a_worker_that_overslept_cannot_extend_its_lease(fleet: Fleet) -> None:
    """Its heartbeat comes back without a row, so it begins anew under another id, with nothing in hand."""
    sleeper = fleet.start("-c", "4", "--name", "sleeper", **LEASE)
    fleet.submit("puppet")
    fleet.until_began(1)
    ((old,),) = fleet.rows("select id from jobsched.worker")
    sleeper.signal(signal.SIGSTOP)
    fleet.db.execute("update jobsched.worker set heartbeat_at = heartbeat_at - interval '20 s'")
    fleet.start("-c", "4", "--name", "owner", **LEASE)
    fleet.until_began(2)
    before = fleet.rows("select heartbeat_at, ended_at from jobsched.worker where id = %s", old)

    sleeper.signal(signal.SIGCONT)
    until(lambda: len(fleet.rows("select 1 from jobsched.worker where name = 'sleeper'")) == 2, "it registers anew")

    assert fleet.rows("select heartbeat_at, ended_at from jobsched.worker where id = %s", old) == before
    assert fleet.rows("select worker_id from jobsched.lease where worker_id = %s", old) == []
    assert not sleeper.runners() or fleet.rows("select count(*) from jobsched.lease") == [(1,)]
