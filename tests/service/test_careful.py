"""Retrying with care: canaries first, no faster than asked, and not on and on when jobs fail again."""

from __future__ import annotations

import pytest

from jobsched.cli.careful import carefully, read_rate
from jobsched.core.model.errors import CanaryFailed, WaitTimeout
from jobsched.core.model.job import NewJob
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands


def dead_jobs(service: Service, hands: Hands, count: int) -> list[int]:
    found = []
    for _ in range(count):
        service.submit(NewJob("noop"))
        found.append(hands.run(dead=True))
    return found


def test_the_rest_goes_on_when_the_canaries_succeed(service: Service, hands: Hands) -> None:
    """And stops as soon as one of it is dead again."""
    ids = dead_jobs(service, hands, 7)
    pages = carefully(service, [ids[:4], ids[4:]], canary=2, rate=2.0, timeout=30.0)
    assert next(pages) == ids[:2]
    service.retry(ids[:2], by="me")
    hands.run()
    hands.run()
    assert next(pages) == ids[2:4]
    service.retry(ids[2:4], by="me")
    hands.run(dead=True)
    with pytest.raises(CanaryFailed, match="is dead again"):
        next(pages)


def test_nothing_goes_on_when_a_canary_fails(service: Service, hands: Hands) -> None:
    """It names the job; one that does not end in time is no success either."""
    ids = dead_jobs(service, hands, 3)
    pages = carefully(service, [ids], canary=2, rate=None, timeout=30.0)
    service.retry(next(pages), by="me")
    hands.run()
    failed = hands.run(dead=True)
    with pytest.raises(CanaryFailed, match="1 of 2 canaries") as caught:
        next(pages)
    assert caught.value.fix == f"jobsched show {failed}"
    pages = carefully(service, [[failed]], canary=1, rate=None, timeout=0.01)
    service.retry(next(pages), by="me")
    with pytest.raises(WaitTimeout):
        next(pages)


@pytest.mark.parametrize(
    ("text", "rate"), [("50/s", 50.0), ("30/m", 0.5), ("36/h", 0.01), ("7", 7.0), (" 2.5/S ", 2.5)]
)
def test_a_rate_is_read(text: str, rate: float) -> None:
    """Jobs a second, a minute or an hour."""
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0", "-1/s", "5/d", "5/", "nan", "inf", "1e9"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="50/s"):
        read_rate(text)
