"""Why a job does not run: every reason by its code, with the command that does away with it."""

from __future__ import annotations

import pytest

from jobsched.core.model.job import After, NewJob
from jobsched.core.model.schedule import Overlap
from jobsched.core.service import Service
from jobsched.core.store import waiting
from jobsched.core.why import Reason, explain
from jobsched.tests.store.hands import Hands
from jobsched.tests.store.ticking import Ticking


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


def test_limits_name_who_uses_them_up(service: Service, hands: Hands) -> None:
    """The jobs that run, the time of the next token, the holders of a key's turn."""
    service.submit_many([NewJob("noop")] * 3)
    hands.claim(2)
    service.set_queue("default", {"max_running": 2, "rate": 0.01, "burst": 1})
    hands.connection.execute("update jobsched.queue set tokens = 0")
    job = service.list()[0].id
    reasons = explain(service, service.get(job))
    assert [each.code for each in reasons] == ["limit", "rate", "rank"]
    assert reasons[0].text == "queue default runs its 2 jobs: jobs 1, 2"
    assert reasons[0].fix == "jobsched queue set default --max-running 3"
    keyed = [service.submit(NewJob("noop", queue="other", concurrency_key="k")).id for _ in range(3)]
    reason = only(service, keyed[2])
    assert (reason.code, reason.fix) == ("key", "jobsched queue set other --key-limit 2")
    assert f"job {keyed[0]} had a turn first; 1 more come before this one" in reason.text


def test_a_chain_of_parents_is_followed_to_what_holds_it_up(service: Service) -> None:
    """One level in for each."""
    first = service.submit(NewJob("noop", hold=True)).id
    second = service.submit(NewJob("noop", after=(After(first),))).id
    third = service.submit(NewJob("noop", after=(After(second),))).id
    reasons = explain(service, service.get(third))
    assert [(each.code, each.job_id, each.depth) for each in reasons] == [
        ("dependency", third, 0), ("dependency", second, 1), ("held", first, 2),
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
