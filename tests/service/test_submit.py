"""Submitting: what is refused, what is stored, and one job per idempotency key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobsched.core.config import Settings
from jobsched.core.handler import handler
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.errors import (
    IdempotencyConflict,
    PayloadInvalid,
    PayloadTooLarge,
    UnknownJobType,
    UsageError,
)
from jobsched.core.model.job import NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.model.states import State
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands

HOSTILE = "'; drop table jobsched.job; -- \x1b[2J [red] \u202e $1 %s %(x)s \\ \t\n"


def count(service: Service) -> int:
    return len(service.list(limit=10_000))


def test_a_job_comes_back_as_it_was_asked_for(service: Service) -> None:
    """Every option is stored, and read again in one statement."""
    new = NewJob(
        "noop", {"text": HOSTILE, "list": [1, None, {"a": 0.5}]}, queue="mail", priority=Priority.HIGH, max_attempts=7,
        backoff=Backoff(BackoffKind.LINEAR, 1.5, 20), timeout=12.5, idempotency_key="k' --", tags=("a", "b:c"),
    )  # fmt: skip
    submitted = service.submit(new)
    job = service.get(submitted.id)
    assert submitted.created
    assert submitted.state is State.QUEUED
    assert (job.type, job.payload, job.queue, job.priority) == ("noop", new.payload, "mail", Priority.HIGH)
    assert (job.max_attempts, job.backoff, job.timeout) == (7, Backoff(BackoffKind.LINEAR, 1.5, 20.0), 12.5)
    assert (job.idempotency_key, job.tags, job.state, job.attempt) == ("k' --", ("a", "b:c"), State.QUEUED, 0)
    assert job.created_at.utcoffset() == timedelta(0)


def test_what_is_not_said_is_what_the_handler_declares(service: Service) -> None:
    """Defaults come from the local handler, then from jobsched."""
    assert service.check(NewJob("noop")) == replace(
        NewJob("noop"), queue="default", priority=Priority.DEFAULT, max_attempts=3, backoff=Backoff()
    )
    assert count(service) == 0


def test_a_job_waits_until_its_time_by_the_clock_of_the_database(service: Service) -> None:
    """A delay or a time in the future schedules; one that has passed queues at once."""
    late = service.submit(NewJob("noop", delay=3600))
    at = service.submit(NewJob("noop", run_at=datetime.now(UTC) + timedelta(hours=1)))
    past = service.submit(NewJob("noop", run_at=datetime.now(UTC) - timedelta(hours=1)))
    assert [each.state for each in (late, at, past)] == [State.SCHEDULED, State.SCHEDULED, State.QUEUED]
    job = service.get(late.id)
    assert job.run_at is not None
    assert job.run_at - job.created_at == timedelta(hours=1)


def test_the_sixth_job_of_a_loop_is_like_the_first(service: Service) -> None:
    """A program that loops is served by a statement prepared by hand, with the same result."""
    ids = [service.submit(NewJob("noop", {"n": n, "text": HOSTILE}, tags=("t",), timeout=2)).id for n in range(20)]
    jobs = service.get_many(ids)
    assert [job.payload["n"] for job in jobs] == list(range(20))
    assert {job.payload["text"] for job in jobs} == {HOSTILE}
    assert len({(job.state, job.tags, job.timeout, job.queue, job.priority, job.submitter) for job in jobs}) == 1


def test_a_statement_that_the_session_forgot_is_prepared_again(service: Service) -> None:
    """What resets a session (DISCARD ALL of a pooler) costs nobody a job."""
    for _ in range(10):
        service.submit(NewJob("noop"))
    with service.store.connection() as connection:
        connection.execute("discard all")
    assert service.get(service.submit(NewJob("noop")).id).state is State.QUEUED


def test_an_error_of_the_store_in_a_loop_is_one_of_ours(service: Service) -> None:
    """The prepared statement reports errors like any other."""
    for _ in range(10):
        service.submit(NewJob("noop"))
    with service.store.connection() as connection:
        connection.execute("alter table jobsched.job add constraint none check (type <> 'noop')  not valid")
    with pytest.raises(Exception, match="none") as caught:
        service.submit(NewJob("noop"))
    assert type(caught.value).__module__ == "jobsched.core.model.errors"


def test_an_unknown_type_is_refused_with_the_name_that_is_like_it(service: Service) -> None:
    """A typo is told at once, with exit code 2, unless the submitter insists."""
    with pytest.raises(UnknownJobType, match="nooop") as caught:
        service.submit(NewJob("nooop"))
    assert caught.value.exit_code == 2
    assert "'noop'" in (caught.value.fix or "")
    assert service.get(service.submit(NewJob("nooop"), unchecked=True).id).type == "nooop"


def test_a_payload_that_does_not_fit_names_field_and_expectation(service: Service) -> None:
    """The handler's model is asked before anything is stored."""
    with pytest.raises(PayloadInvalid) as caught:
        service.submit(NewJob("image_resize", {"source": {"url": 5}, "\x1b[31m": 1}))
    assert caught.value.problems
    assert all(where and expected for where, expected in caught.value.problems)
    assert caught.value.message.isprintable()
    assert count(service) == 0


def test_a_model_s_own_words_are_told_as_they_are(service: Service) -> None:
    """Without pydantic's "Value error" before them."""
    with pytest.raises(PayloadInvalid, match="does not fit email — payload: give either to or recipient"):
        service.submit(NewJob("email", {"subject": "x"}))


def test_a_type_of_a_live_worker_is_checked_against_its_schema(service: Service, hands: Hands) -> None:
    """A submitter without the handler uses what workers published; the fields are named."""
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    Hands(hands.connection, "remote", types=("mail_x", "free"), schemas={"mail_x": schema})
    assert service.job_types()["mail_x"] == schema
    assert service.submit(NewJob("mail_x", {"to": "a"})).created
    assert service.submit(NewJob("free", {"any": "thing"})).created
    with pytest.raises(PayloadInvalid, match="to") as caught:
        service.submit(NewJob("mail_x", {"to": 5}))
    assert caught.value.problems[0][0] == "to"
    assert "string" in caught.value.problems[0][1]


def test_what_a_handler_declares_holds_for_submitters_that_do_not_have_it(service: Service, hands: Hands) -> None:
    """Queue, attempts, backoff and timeout come with the schema; what makes no sense is passed over."""

    @handler("report", queue="reports", max_attempts=7, timeout=90, backoff=Backoff(BackoffKind.FIXED, 2, 2))
    def report(payload: dict[str, str]) -> None:
        """Nothing."""

    declared = report.jobsched_handler.published({})  # type: ignore[attr-defined]
    broken = {"type": "object", "x-jobsched": {"queue": "\x1b[31m", "max_attempts": 10**6}}
    Hands(hands.connection, "remote", types=("report", "odd"), schemas={"report": declared, "odd": broken})

    job = service.get(service.submit(NewJob("report", {"month": "5"})).id)
    assert (job.queue, job.max_attempts, job.timeout, str(job.backoff)) == ("reports", 7, 90.0, "fixed:2s")
    assert service.get(service.submit(NewJob("odd")).id).queue == "default"
    assert service.get(service.submit(NewJob("report", queue="urgent")).id).queue == "urgent"


def test_a_published_schema_is_never_fetched_from_elsewhere(service: Service, hands: Hands) -> None:
    """A reference to another document is an error, not a request to some host."""
    Hands(hands.connection, "remote", types=("evil",), schemas={"evil": {"$ref": "http://127.0.0.1:1/x"}})
    with pytest.raises(UsageError, match="schema"):
        service.submit(NewJob("evil"))


@pytest.mark.parametrize(
    ("payload", "error", "words"),
    [
        ({"a": "x" * (1 << 20)}, PayloadTooLarge, "1,048,576"),
        ({"a": ["\0"]}, PayloadInvalid, "NUL"),
        ({"a": "\ud800"}, PayloadInvalid, "surrogate"),
        ({"a": float("nan")}, PayloadInvalid, "JSON"),
        ({"a": b"x"}, PayloadInvalid, "JSON"),
        (["a"], PayloadInvalid, "a list"),
    ],
)
def test_what_postgres_cannot_hold_is_refused_at_the_door(
    service: Service, payload: object, error: type[UsageError], words: str
) -> None:
    """Nothing is stored, and the message says why."""
    with pytest.raises(error, match=words):
        service.submit(NewJob("noop", payload))  # type: ignore[arg-type]
    assert count(service) == 0


@pytest.mark.parametrize(
    "new",
    [
        NewJob("no op"),
        NewJob("noop", queue="a b"),
        NewJob("noop", queue="'; --"),
        NewJob("noop", max_attempts=0),
        NewJob("noop", max_attempts=101),
        NewJob("noop", timeout=0),
        NewJob("noop", timeout=float("inf")),
        NewJob("noop", delay=-1),
        NewJob("noop", delay=float("nan")),
        NewJob("noop", delay=float("inf")),
        NewJob("noop", run_at=datetime(2030, 1, 1)),
        NewJob("noop", idempotency_key="a\nb"),
        NewJob("noop", idempotency_key=""),
        NewJob("noop", tags=("a,b",)),
    ],
)
def test_options_out_of_range_are_refused(service: Service, new: NewJob) -> None:
    """Bad options are usage errors, checked before the store is asked."""
    with pytest.raises(UsageError):
        service.submit(new)


def test_the_same_key_from_eight_submitters_makes_one_job(settings: Settings) -> None:
    """However they race, all get the one id, and one of them made it."""

    def submit(number: int) -> list[tuple[int, bool]]:
        with Service(settings) as mine:
            return [
                (made.id, made.created)
                for made in (mine.submit(NewJob("noop", {"x": 1}, idempotency_key=f"k{n}")) for n in range(20))
            ]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(submit, range(8)))
    for column in zip(*answers, strict=True):
        assert len({job_id for job_id, _ in column}) == 1
        assert sum(created for _, created in column) == 1
    with Service(settings) as service:
        assert count(service) == 20


def test_batches_that_share_keys_in_other_orders_do_not_deadlock(settings: Settings) -> None:
    """Keys are taken in their own order, whatever the batch's is."""
    keys = [f"k{n:03}" for n in range(300)]

    def submit(number: int) -> int:
        order = keys if number % 2 else keys[::-1]
        with Service(settings) as mine:
            return sum(made.created for made in mine.submit_many([NewJob("noop", idempotency_key=k) for k in order]))

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(submit, range(6))) == 300


def test_the_same_key_with_another_payload_is_a_conflict_and_stores_nothing(service: Service) -> None:
    """A key stands for one request: type and payload."""
    first = service.submit(NewJob("noop", {"x": 1}, idempotency_key="k"))
    with pytest.raises(IdempotencyConflict, match=str(first.id)):
        service.submit(NewJob("noop", {"x": 2}, idempotency_key="k"))
    with pytest.raises(IdempotencyConflict):
        service.submit(NewJob("fail", {"x": 1}, idempotency_key="k"))
    with pytest.raises(IdempotencyConflict):
        service.submit_many([NewJob("noop"), NewJob("noop", {"x": 3}, idempotency_key="k"), NewJob("noop")])
    with pytest.raises(IdempotencyConflict):
        service.submit_many(
            [NewJob("noop", {"x": 4}, idempotency_key="n"), NewJob("noop", {"x": 5}, idempotency_key="n")]
        )
    assert count(service) == 1


def test_a_key_that_comes_twice_in_one_call_makes_one_job(service: Service) -> None:
    """The second one is answered with the first one's id; plain jobs keep their places."""
    new = [NewJob("noop", {"n": 0}), NewJob("noop", idempotency_key="k"), NewJob("noop", {"n": 2})]
    a, b, c, d = service.submit_many([*new, NewJob("noop", idempotency_key="k")])
    assert (d.id, d.created, b.created) == (b.id, False, True)
    assert [service.get(each.id).payload.get("n") for each in (a, c)] == [0, 2]


def test_a_key_gives_its_job_whatever_became_of_it(service: Service, hands: Hands) -> None:
    """A finished job still answers for its key, with its state."""
    new = NewJob("noop", idempotency_key="k")
    first = service.submit(new)
    hands.run()
    again = service.submit(new)
    assert (again.id, again.created, again.state) == (first.id, False, State.SUCCEEDED)


def test_a_key_is_free_again_when_its_window_has_passed(service: Service, hands: Hands) -> None:
    """The window counts from the job's end, by the database's clock."""
    new = NewJob("noop", {"a": 1}, idempotency_key="k")
    first = service.submit(new)
    hands.run()
    hands.connection.execute("update jobsched.outcome set finished_at = finished_at - interval '6 days 23 hours'")
    assert service.submit(new).id == first.id
    hands.connection.execute("update jobsched.outcome set finished_at = finished_at - interval '2 hours'")
    second = service.submit(replace(new, payload={"a": 2}))
    assert second.created
    assert second.id != first.id


def test_many_are_stored_in_their_order_or_not_at_all(service: Service) -> None:
    """Ids grow with the order of the input; one bad job stores none."""
    made = service.submit_many([NewJob("noop", {"n": n}, delay=60 if n % 3 == 0 else None) for n in range(500)])
    ids = [each.id for each in made]
    assert ids == sorted(ids)
    assert [job.payload["n"] for job in service.get_many(ids)] == list(range(500))
    with pytest.raises(UnknownJobType):
        service.submit_many([NewJob("noop"), NewJob("nope")])
    assert count(service) == 500
    assert service.submit_many([]) == []


def test_more_than_a_statement_takes_are_still_all_or_none(service: Service) -> None:
    """Beyond ten thousand, several statements share a transaction."""
    new = [NewJob("noop", {"n": n}) for n in range(10_001)]
    made = service.submit_many(new)
    assert [each.id for each in made] == sorted({each.id for each in made})
    assert service.counts()[0].by_state == {State.QUEUED: 10_001}
