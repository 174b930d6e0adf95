"""Declaring handlers: what is read from a function, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from jobsched.core.handler import Context, Handler, Retry, Snooze, handler
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.errors import ConfigError, UsageError


class Report(BaseModel):
    month: str


def declared(function: object) -> Handler:
    found = function.jobsched_handler  # type: ignore[attr-defined]
    assert isinstance(found, Handler)
    return found


def test_a_plain_function_with_a_dict_takes_any_object() -> None:
    """The defaults: queue default, three attempts, exponential backoff, no timeout, a thread."""

    @handler("plain")
    def plain(payload: dict[str, Any]) -> int:
        """First line.

        More.
        """
        return len(payload)

    found = declared(plain)
    assert plain({"a": 1}) == 1
    assert (found.name, found.queue, found.max_attempts, found.timeout) == ("plain", "default", 3, None)
    assert found.backoff == Backoff()
    assert (found.is_async, found.wants_context, found.payload_model, found.isolation) == (False, False, None, "shared")
    assert found.json_schema() == {"type": "object"}
    assert found.summary == "First line."


def test_an_async_function_with_a_model_and_a_context() -> None:
    """The annotation is the payload's contract and becomes its JSON Schema."""

    @handler("report", aliases=("rep",), queue="slow", max_attempts=5, timeout=60, isolation="process",
             backoff=Backoff(BackoffKind.FIXED, 1, 1), commands=True, examples=({"month": "May"},))  # fmt: skip
    async def report(payload: Report, context: Context) -> None:
        context.log(payload.month)

    found = declared(report)
    assert found.payload_model is Report
    assert (found.is_async, found.wants_context, found.commands) == (True, True, True)
    assert found.json_schema()["required"] == ["month"]
    assert (found.aliases, found.queue, found.max_attempts) == (("rep",), "slow", 5)
    assert (found.timeout, found.isolation) == (60, "process")


def test_mappings_any_and_nothing_are_dicts() -> None:
    """Whoever does not annotate, or loosely, gets any JSON object."""

    @handler("a")
    def first(payload): ...  # type: ignore[no-untyped-def]

    @handler("b")
    def second(payload: Mapping[str, Any]) -> None: ...

    @handler("c")
    def third(payload: Any) -> None: ...

    assert [declared(each).payload_model for each in (first, second, third)] == [None, None, None]


def test_a_signature_that_cannot_be_called_is_refused() -> None:
    """At import, with the function's name, not when the first job runs."""
    with pytest.raises(ConfigError, match="takes 0 parameters"):

        @handler("none")
        def none() -> None: ...

    with pytest.raises(ConfigError, match="takes 3 parameters"):

        @handler("many")
        def many(a: dict[str, Any], b: Context, c: int) -> None: ...

    with pytest.raises(ConfigError, match="annotated"):

        @handler("number")
        def number(payload: int) -> None: ...


@pytest.mark.parametrize("attempts", [0, 101])
def test_attempts_out_of_range_are_refused(attempts: int) -> None:
    """1 to 100, as for a job."""
    with pytest.raises(ConfigError, match="1 to 100"):

        @handler("x", max_attempts=attempts)
        def function(payload: dict[str, Any]) -> None: ...


@pytest.mark.parametrize("name", ["", "two words", "esc\x1b", "x" * 129])
def test_a_name_that_is_none_is_refused_also_as_alias(name: str) -> None:
    """Types are names in shells, URLs and metrics."""
    with pytest.raises(UsageError, match="not a name"):
        handler(name)(lambda payload: None)
    with pytest.raises(UsageError, match="not a name"):
        handler("fine", aliases=(name,))(lambda payload: None)


def test_retry_and_snooze_carry_their_delay() -> None:
    """None for a retry means: what the job's backoff says."""
    assert Retry().delay is None
    assert Retry("busy", delay=3).delay == 3
    assert Snooze(60).delay == 60
    assert str(Retry("busy")) == "busy"
