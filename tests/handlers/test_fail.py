"""fail: as often as it is asked to, and no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobsched.handlers.fail import fail

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)


def run(payload: dict[str, Any], context: RecordingContext) -> dict[str, int]:
    return asyncio.run(fail(payload, context))


def test_it_fails_so_many_times_in_all(context: RecordingContext) -> None:
    """Attempts that a person's retry grants count from 1 again; the failures before them are not forgotten."""
    payload = {"message": "invalid_job", "times": 2}
    for attempt in (1, 2):
        context.attempt = attempt
        with pytest.raises(RuntimeError, match="invalid_job"):
            run(payload, context)
    context.attempt = 1
    assert run(payload, context) == {"attempts": 1}


def test_it_fails_for_ever_or_not_at_all(context: RecordingContext) -> None:
    """Without `times` each attempt fails; without the words none does."""
    for attempt in (1, 2, 3):
        context.attempt = attempt
        with pytest.raises(RuntimeError, match="on fire"):
            run({"message": "on fire", "why": "invalid_job"}, context)
    assert run({"message": "fine", "times": 2}, context) == {"attempts": 3}
