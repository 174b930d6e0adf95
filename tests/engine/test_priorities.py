"""Which job a worker takes next: priorities over all queues, with limits or without, and aging."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobsched.core.config import Settings
from jobsched.core.model.job import NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store.store import Store

from .claiming import Bench

CRITICAL, HIGH, DEFAULT, LOW = Priority


@pytest.fixture
def bench(store: Store, settings: Settings) -> Iterator[Bench]:
    """See `Bench`; its queue `few` has a limit that is never reached."""
    with Service(settings, store=store, registry=Registry()) as service:
        made = Bench(store, service)
        service.set_queue("few", {"max_running": 100})
        yield made
        made.conn.close()


@pytest.mark.parametrize("queue", ["default", "few"])
def test_a_job_that_has_waited_too_long_gets_its_turn_beside_jobs_that_have_just_come(bench: Bench, queue: str) -> None:
    """In a queue with a limit as well: of a constant stream of urgent jobs two at most start before it."""
    (low,) = bench.submit(LOW, queue=queue)
    bench.age(low)
    bench.submit(HIGH, 3, queue=queue)

    taken = bench.take(6, aging=60.0, then=lambda: bench.submit(HIGH, queue=queue))

    assert low in taken[:2]


def test_without_aging_priorities_are_strict(bench: Bench) -> None:
    """However long somebody has waited."""
    (low,) = bench.submit(LOW)
    bench.age(low)
    bench.submit(HIGH, 3)

    assert low not in bench.take(6, then=lambda: bench.submit(HIGH))


def test_jobs_of_paused_queues_take_no_turns_from_others_that_have_waited(bench: Bench) -> None:
    """Nobody can start them, however long they wait."""
    ids = bench.submit(LOW)
    for number in range(5):
        ids += bench.submit(LOW, queue=f"paused-{number}")
        bench.service.pause_queue(f"paused-{number}", by="ann")
    bench.age(*ids)
    bench.submit(HIGH, 3)

    assert ids[0] in bench.take(6, aging=60.0, then=lambda: bench.submit(HIGH))[:2]


@pytest.mark.parametrize(("first", "second"), [("default", "few"), ("few", "default")])
def test_higher_priorities_come_first_whether_or_not_their_queue_has_a_limit(
    bench: Bench, first: str, second: str
) -> None:
    """A queue with a limit is neither before nor behind the others."""
    low = bench.submit(LOW, 3, queue=second)
    high = bench.submit(HIGH, 3, queue=first)
    default = bench.submit(DEFAULT, 3, queue=second)
    critical = bench.submit(CRITICAL, 3, queue=first)

    assert bench.take(12) == [*critical, *high, *default, *low]


def test_jobs_that_are_claimed_together_start_in_the_order_of_their_priorities(bench: Bench) -> None:
    """Whichever was submitted first."""
    jobs = [job for priority in reversed(Priority) for job in bench.submit(priority)]

    assert bench.take(4, room=10) == jobs[::-1]


def test_queues_with_and_without_limits_take_turns_at_equal_priority(bench: Bench) -> None:
    """Neither keeps the other waiting, however much there is in it."""
    one, other = bench.submit(DEFAULT, 10, queue="few"), bench.submit(DEFAULT, 10)

    taken = bench.take(10)

    assert sum(each in one for each in taken) == sum(each in other for each in taken) == 5


@pytest.mark.parametrize("queue", ["default", "few"])
def test_a_job_that_was_committed_late_is_found_behind_others(bench: Bench, queue: str) -> None:
    """Its place had been given out before jobs that have long been taken: looking from the start finds it."""
    late = bench.store.connect("late")
    late.autocommit = False
    bench.submit(LOW, queue=queue)
    first = bench.service.submit(NewJob("noop", queue=queue), connection=late).id
    others = bench.submit(DEFAULT, 5, queue=queue)
    seen: list[None] = []

    def then() -> None:
        seen.append(None)
        if len(seen) == 6:
            late.commit()

    taken = bench.take(7, then=then)

    assert taken[:5] == others
    assert taken[6] == first
    late.close()
