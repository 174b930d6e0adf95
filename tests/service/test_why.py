"""Why a job does not run: every reason by its code, with the command that does away with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from jobsched.core.model.job import After, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.schedule import Overlap
from jobsched.core.service import Service
from jobsched.core.store import waiting
from jobsched.core.why import MOST_JOBS, Reason, explain
from jobsched.tests.store.hands import Hands
from jobsched.tests.store.ticking import Ticking

Connect = Callable[[], psycopg.Connection[Any]]


def why(service: Service, job_id: int) -> list[tuple[str, str | None]]:
    return [(each.code, each.fix) for each in explain(service, service.get(job_id))]


def only(service: Service, job_id: int) -> Reason:
    (reason,) = explain(service, service.get(job_id))
    return reason


def test_a_queue_without_workers_or_with_the_wrong_ones(service: Service, hands: Hands) -> None:
    """No worker serves it; none that does runs the type; --allow-commands is named for programs."""
    elsewhere = service.submit(NewJob("noop", queue="far")).id
    assert why(service, elsewhere) == [("rank", None)]
    hands.connection.execute("update jobsched.worker set queues = array['default']")
    assert why(service, elsewhere) == [("no-worker", "jobsched worker --queues far")]
    command = service.submit(NewJob("command", {"argv": ["true"]})).id
    assert why(service, command) == [("no-type", "jobsched worker --allow-commands")]
    mine = service.submit(NewJob("mine"), unchecked=True).id
    assert why(service, mine) == [("no-type", "jobsched worker --import MODULE")]
    Hands(hands.connection, "careful", types=("noop",), schemas={"mine": {"type": "object"}})
    assert why(service, mine) == [("no-type", "jobsched worker --allow-commands")]
    hands.connection.execute("delete from jobsched.worker")
    assert why(service, elsewhere) == [("no-worker", "jobsched worker")]


def test_a_paused_queue_says_who_and_why(service: Service) -> None:
    """And what else is in the way besides."""
    job = service.submit(NewJob("noop")).id
    service.pause_queue("default", by="ann", reason="printer on fire")
    reasons = explain(service, service.get(job))
    assert reasons[0].text == "queue default is paused by ann (printer on fire)"
    assert [each.code for each in reasons] == ["paused", "no-worker"]


def test_a_job_is_told_its_rank_and_an_estimate_with_its_basis(service: Service, hands: Hands) -> None:
    """Those of higher priority and those before it in its lane; what the queue did in the last minute."""
    ids = [made.id for made in service.submit_many([NewJob("noop")] * 7)]
    for _ in range(2):
        hands.run()
    assert "4 jobs of queue default start first" in only(service, ids[-1]).text
    assert "about 2m to go, at 2 jobs in the last minute" in only(service, ids[-1]).text
    first = only(service, ids[2]).text
    assert "0 jobs of queue default start first" in first
    assert "to go" not in first, "when it is next, that rate says nothing"


def test_limits_name_who_uses_them_up(service: Service, hands: Hands) -> None:
    """The jobs that run, the time of the next token, the holders of a key's turn."""
    service.submit_many([NewJob("noop")] * 3)
    hands.claim(2)
    service.set_queue("default", {"max_running": 2, "rate": 0.01, "burst": 1})
    hands.connection.execute("update jobsched.queue set tokens = 0")
    job = service.list()[0].id
    reasons = explain(service, service.get(job))
    assert [each.code for each in reasons] == ["limit", "rate", "rank"]
    assert reasons[0].text == "queue default runs 2 jobs, of which 2 may: jobs 1, 2"
    assert reasons[0].fix == "jobsched queue set default --max-running 3"
    assert "one every 1m40s: the next one in 1m" in reasons[1].text
    keyed = [service.submit(NewJob("noop", queue="other", concurrency_key="k")).id for _ in range(3)]
    reasons = explain(service, service.get(keyed[2]))
    assert [(each.code, each.job_id, each.depth) for each in reasons] == [
        ("key", keyed[2], 0), ("rank", keyed[0], 1),
    ]  # fmt: skip
    assert reasons[0].fix == "jobsched queue set other --key-limit 3"
    assert f"job {keyed[0]} had a turn first; 1 more come before this one" in reasons[0].text


def test_a_limit_that_was_lowered_is_told_with_one_that_is_enough(service: Service, hands: Hands) -> None:
    """For those that run beyond it, for those that come before, and for this job."""
    ids = [made.id for made in service.submit_many([NewJob("noop")] * 6)]
    hands.claim(3)
    service.set_queue("default", {"max_running": 1})
    (limit, _) = explain(service, service.get(ids[-1]))
    assert limit.text == "queue default runs 3 jobs, of which 1 may: jobs 1, 2, 3"
    assert limit.fix == "jobsched queue set default --max-running 6"


def test_more_urgent_jobs_of_other_queues_are_counted_where_the_same_workers_run_them(
    service: Service, hands: Hands
) -> None:
    """Not those that no such worker runs, nor those of paused queues or of queues that it does not serve."""
    job = service.submit(NewJob("noop")).id
    urgent = NewJob("noop", queue="other", priority=Priority.CRITICAL)
    service.submit_many([urgent, urgent, replace(urgent, priority=Priority.LOW)])
    service.submit(replace(urgent, type="odd"), unchecked=True)
    service.submit(replace(urgent, queue="paused"))
    service.pause_queue("paused", by="ann")
    said = "0 jobs of queue default start first; 2 more urgent ones of other queues do, too"
    assert said in only(service, job).text
    hands.connection.execute("update jobsched.worker set queues = array['default']")
    assert "other queues" not in only(service, job).text


def test_workers_that_are_lost_or_end_serve_nothing(service: Service, hands: Hands) -> None:
    """They are named; a job that one of them still has is waited for."""
    running, queued = (service.submit(NewJob("noop")).id for _ in range(2))
    hands.claim()
    hands.connection.execute("update jobsched.worker set command = 'drain'")
    assert only(service, queued).text == "no worker serves queue default: worker hands is told to end"
    hands.connection.execute("update jobsched.worker set heartbeat_at = now() - interval '5 min'")
    reason = only(service, queued)
    assert reason.text == "no worker serves queue default: worker hands has been silent for 5m"
    assert reason.fix == "jobsched worker"
    assert "which has been silent for 5m: a living worker takes the job over" in only(service, running).text
    assert only(service, running).fix == "jobsched worker"
    Hands(hands.connection, "other")
    assert (only(service, queued).code, only(service, running).fix) == ("rank", None)


def test_a_job_that_nothing_blocks_any_more_waits_for_a_worker_to_look(service: Service, connect: Connect) -> None:
    """Its submitter died, or whoever ended its parent did; and where no worker lives, nobody will look."""
    theirs = connect()
    theirs.autocommit = False
    job = service.submit(NewJob("noop", unique_key="u"), connection=theirs).id
    theirs.commit()
    parent = service.submit(NewJob("noop")).id
    child = service.submit(NewJob("noop", after=(After(parent),))).id
    hands = Hands(connect())
    assert hands.run() == parent
    hands.connection.execute("delete from jobsched.worker")
    assert why(service, job) == [("unsettled", "jobsched worker"), ("no-worker", "jobsched worker")]
    assert why(service, child) == [("dependency", "jobsched worker"), ("no-worker", "jobsched worker")]
    Hands(hands.connection)
    assert why(service, job) == [("unsettled", None)]


def test_a_held_job_whose_parent_ended_otherwise_is_told_what_releasing_it_would_do(
    service: Service, hands: Hands
) -> None:
    """The parent has to be run again first."""
    parent = service.submit(NewJob("noop")).id
    child = service.submit(NewJob("noop", after=(After(parent),), hold=True)).id
    service.cancel([parent], by="ann")
    held, dependency = explain(service, service.get(child))
    assert (held.code, dependency.fix) == ("held", f"jobsched retry {parent}")
    assert "once nobody holds it, it is cancelled" in dependency.text


def test_a_queue_that_somebody_deleted_is_told(service: Service, hands: Hands) -> None:
    """Workers of every queue read their names from its table."""
    job = service.submit(NewJob("noop")).id
    hands.connection.execute("delete from jobsched.queue")
    assert why(service, job)[0] == ("unknown-queue", "jobsched queue set default --key-limit 1")


def test_of_a_wide_and_deep_web_of_parents_each_job_is_told_once_and_not_all_of_them(service: Service) -> None:
    """Four layers of forty would be more lines than anybody reads, and more than any store could answer."""
    layer: list[int] = []
    for _ in range(4):
        after = tuple(After(each) for each in layer)
        made = service.submit_many([NewJob("noop", queue="web", after=after, hold=not after)] * 40)
        layer = [each.id for each in made]
    job = service.submit(NewJob("noop", after=tuple(After(each) for each in layer))).id
    reasons = explain(service, service.get(job))
    assert len({each.job_id for each in reasons}) <= MOST_JOBS + 1
    assert sum(each.code == "dependency" and each.job_id == job for each in reasons) == 40
    assert any(each.code == "held" for each in reasons)


def test_a_chain_of_parents_is_followed_to_what_holds_it_up(service: Service) -> None:
    """One level in for each."""
    first = service.submit(NewJob("noop", hold=True)).id
    second = service.submit(NewJob("noop", after=(After(first),))).id
    third = service.submit(NewJob("noop", after=(After(second),))).id
    reasons = explain(service, service.get(third))
    assert [(each.code, each.job_id, each.depth) for each in reasons] == [
        ("dependency", third, 0), ("dependency", second, 1), ("held", first, 2), ("no-worker", third, 0),
    ]  # fmt: skip
    assert reasons[2].fix == f"jobsched release {first}"


def test_a_schedules_job_says_what_it_waits_for(service: Service, hands: Hands) -> None:
    """For its jitter, or for the job before it, with which it is not to overlap."""
    ticking = Ticking(hands.connection, service)
    ticking.add("spread", jitter=86400.0 * 365 * 100)
    ticking.add("buffered", overlap=Overlap.BUFFER_ONE)
    (spread,) = ticking.decide(61, "spread").ticks
    first, second = (ticking.decide(seconds, "buffered").ticks[0] for seconds in (61, 121))
    assert spread.job_id
    assert first.job_id
    assert second.job_id

    assert only(service, spread.job_id).code == "jitter"
    assert "of schedule spread, whose jitter lets it run in" in only(service, spread.job_id).text
    waits = explain(service, service.get(second.job_id))[0]
    assert (waits.code, waits.job_id) == ("dependency", second.job_id)
    assert "jobs of schedule buffered are not to overlap" in waits.text


@pytest.mark.parametrize(
    ("how", "code"), [("later", "time"), ("failed", "backoff"), ("runs", "running"), ("done", "ended")]
)
def test_whatever_else_a_job_does_is_said(service: Service, hands: Hands, how: str, code: str) -> None:
    """Its time, its backoff, its worker, its end."""
    job = service.submit(NewJob("noop", delay=60 if how == "later" else None)).id
    if how != "later":
        (claimed,) = hands.claim()
        if how == "failed":
            hands.fail(claimed)
        elif how == "done":
            hands.succeed(claimed)
    waiting.sweep(hands.connection, thorough=True)
    assert only(service, job).code == code
