"""What may be asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobsched.core.model.errors import UsageError
from jobsched.core.model.job import After, NewJob

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "job",
    [
        NewJob("noop"),
        NewJob("a.b_c:d/e@f+g-h", queue="Q1", tags=("x",) * 20),
        NewJob("noop", max_attempts=1, timeout=0.001, delay=0, idempotency_key="k" * 255),
        NewJob("noop", max_attempts=100, run_at=NOW, idempotency_key="naïve key"),
    ],
)
def test_sensible_jobs_are_accepted(job: NewJob) -> None:
    """The limits themselves are inside."""
    job.check()


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (NewJob(""), "type ''"),
        (NewJob("no spaces"), "type"),
        (NewJob("x" * 129), "128 characters"),
        (NewJob("-x"), "a letter or digit first"),
        (NewJob("esc\x1b[31m"), "not a name"),
        (NewJob("noop\n"), "not a name"),
        (NewJob("noop", queue="a b"), "queue"),
        (NewJob("noop", tags=("ok", "not ok")), "tag"),
        (NewJob("noop", tags=("x",) * 21), "at most 20"),
        (NewJob("noop", max_attempts=0), "1 to 100"),
        (NewJob("noop", max_attempts=101), "1 to 100"),
        (NewJob("noop", timeout=0), "more than zero"),
        (NewJob("noop", timeout=float("nan")), "more than zero"),
        (NewJob("noop", delay=-1), "negative"),
        (NewJob("noop", delay=1, run_at=NOW), "both a time and a delay"),
        (NewJob("noop", run_at=NOW.replace(tzinfo=None)), "no zone"),
        (NewJob("noop", idempotency_key=""), "idempotency key"),
        (NewJob("noop", idempotency_key="k" * 256), "idempotency key"),
        (NewJob("noop", idempotency_key="a\nb"), "idempotency key"),
        (NewJob("noop", unique_key=5), "unique key"),  # type: ignore[arg-type]
        (NewJob("noop", concurrency_key=b"k"), "concurrency key"),  # type: ignore[arg-type]
        (NewJob("noop", concurrency_key="a\u202eb"), "concurrency key"),
        (NewJob("noop", after=5), "After"),  # type: ignore[arg-type]
        (NewJob("noop", after=None), "After"),  # type: ignore[arg-type]
        (NewJob("noop", after=(5,)), "After"),  # type: ignore[arg-type]
        (NewJob("noop", after=(After("5"),)), "After"),  # type: ignore[arg-type]
        (NewJob("noop", after=(After(5, "okay"),)), "After"),  # type: ignore[arg-type]
        (NewJob("noop", after=(After(5),) * 101), "at most 100"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(job: NewJob, said: str) -> None:
    """Exit 2, on one printable line, before anything is sent."""
    with pytest.raises(UsageError) as caught:
        job.check()
    assert said in caught.value.message
    assert caught.value.message.isprintable()
