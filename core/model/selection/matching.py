"""Whether a job fits a selection, in plain Python: what the compiled query is held to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from ..job import Job
from ..priority import Priority
from ..states import State
from .expression import (
    JSON_NUMBER,
    Ago,
    AnyOf,
    Between,
    Compare,
    Condition,
    Glob,
    JsonWord,
    Like,
    Scalar,
    Selection,
    Test,
    Wild,
)
from .fields import FIELDS

_INDEX = re.compile(r"\s*[+-]?\d{1,9}", re.ASCII)

_TEXTS: dict[str, Callable[[Job], str | None]] = {
    "queue": lambda job: job.queue,
    "type": lambda job: job.type,
    "submitter": lambda job: job.submitter,
    "worker": lambda job: job.worker,
    "error": lambda job: job.error,
    "fingerprint": lambda job: job.fingerprint,
    "key": lambda job: job.idempotency_key,
    "unique": lambda job: job.unique_key,
    "concurrency": lambda job: job.concurrency_key,
    "held": lambda job: job.held_by,
    "schedule": lambda job: job.schedule,
}
_TIMES: dict[str, Callable[[Job], datetime | None]] = {
    "created": lambda job: job.created_at,
    "started": lambda job: job.started_at,
    "finished": lambda job: job.finished_at,
    "due": lambda job: job.run_at,
    "tick": lambda job: job.scheduled_for,
}


def matches(selection: Selection, job: Job, *, now: datetime) -> bool:
    """Whether every condition holds for the job as it stands. now: the store's time."""
    return all(_holds(condition, job, now) != condition.negated for condition in selection.conditions)


def like(glob: Glob, text: str) -> bool:
    """Whether the text fits the pattern; the case of ASCII letters does not matter."""
    pattern = "".join(
        (".*" if part is Wild.MANY else ".") if isinstance(part, Wild) else re.escape(folded(part))
        for part in glob.parts
    )
    search = re.search if glob.anywhere else re.fullmatch
    return search(pattern, folded(text), re.DOTALL) is not None


def json_values(word: JsonWord) -> Iterator[Any]:
    """The JSON values that a word of a selection stands for: its text, and what it is read as without quotes."""
    yield word.text
    if not word.quoted and (JSON_NUMBER.fullmatch(word.text) or word.text in ("true", "false", "null")):
        yield json.loads(word.text)


def _holds(condition: Condition, job: Job, now: datetime) -> bool:
    if condition.field == "args":
        return _payload(condition.test, _dig(job.payload, condition.path))
    return any(_passes(condition.test, value, now) for value in _values(condition.field, job, now))


def _values(field: str, job: Job, now: datetime) -> Iterator[Any]:
    """The values of a field, None where the job has none."""
    match FIELDS[field].kind:
        case "tags":
            yield from job.tags
        case "text":
            yield _TEXTS[field](job)
        case "time":
            yield _TIMES[field](job)
        case "span":
            yield _span(field, job, now)
        case _:
            yield getattr(job, field)


def _span(field: str, job: Job, now: datetime) -> float | None:
    if field == "age":
        return (now - job.created_at).total_seconds()
    if field == "run" and job.state is State.RUNNING and job.started_at is not None:
        return (now - job.started_at).total_seconds()
    return job.run if field == "run" else job.wait


def _passes(test: Test, value: Any, now: datetime) -> bool:
    if value is None:
        return False
    match test:
        case Like(globs):
            return any(like(glob, value) for glob in globs)
        case Compare(operator, bound):
            return compare(operator, _rank(value, now), _rank(bound, now))
        case AnyOf(values):
            return any(_equal(wanted, value, now) for wanted in values)


def _equal(wanted: Any, value: Any, now: datetime) -> bool:
    if isinstance(wanted, Between):
        return bool(_rank(wanted.low, now) <= _rank(value, now) <= _rank(wanted.high, now))
    return bool(_rank(wanted, now) == _rank(value, now))


def compare(operator: str, value: Any, bound: Any) -> bool:
    """`value` `operator` `bound`."""
    match operator:
        case ">":
            return bool(value > bound)
        case ">=":
            return bool(value >= bound)
        case "<":
            return bool(value < bound)
        case _:
            return bool(value <= bound)


def _rank(value: Scalar, now: datetime) -> Any:
    """What is compared: the more urgent priority is the larger, a time ago is a time."""
    if isinstance(value, Priority):
        return -int(value)
    return now - timedelta(seconds=value.seconds) if isinstance(value, Ago) else value


class _Nothing:
    """There is no such value in the payload; JSON's null is one."""


def _dig(value: Any, path: tuple[str, ...]) -> Any:
    """Follow the path as Postgres' `#>` does: names into objects, numbers into arrays."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, _Nothing)
        elif isinstance(value, list) and _INDEX.fullmatch(part):
            index = int(part)
            value = value[index] if -len(value) <= index < len(value) else _Nothing
        else:
            return _Nothing
    return value


def _payload(test: Test, value: Any) -> bool:
    match test:
        case Like(globs):
            return isinstance(value, str) and any(like(glob, value) for glob in globs)
        case Compare(operator, JsonWord(text)):
            return _is_number(value) and compare(operator, value, json.loads(text))
        case Compare():
            return False
        case AnyOf(values):
            return any(
                _same(each, value) for word in values if isinstance(word, JsonWord) for each in json_values(word)
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(wanted: Any, value: Any) -> bool:
    """Equality of JSON: true is not 1, and 1 is 1.0."""
    if _is_number(wanted) and _is_number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and bool(wanted == value)


def folded(text: str) -> str:
    """The text with its ASCII letters in lower case, as `lower` makes them in the collation "C"."""
    return text.translate(_LOWER)


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
