"""Schedules as TOML: what `cron apply` reads and `cron export` writes.

    [schedules.nightly]
    expression = "0 3 * * *"
    timezone = "Europe/Athens"
    type = "email"

    [schedules.nightly.payload]
    to = "ops@example.com"

What a table leaves out has its default, also when the schedule is there already: a file says all of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from ...core.calendar import check_zone
from ...core.model.backoff import Backoff, BackoffKind, parse_backoff
from ...core.model.durations import format_duration, parse_duration
from ...core.model.errors import JobschedError, UsageError
from ...core.model.job import NewJob, check_name
from ...core.model.priority import parse_priority
from ...core.model.schedule import Catchup, NewSchedule, Overlap
from ...core.model.text import DANGEROUS
from .. import arguments
from .refusing import BadEntry

TABLE = "schedules"
DEEPEST = 16
"""Payloads that are nested deeper are written as JSON: TOML of that kind is read by nobody."""
HEADER = "# jobsched cron apply -f FILE makes the store's schedules be as they are here.\n"


def read_schedules(text: str, source: str) -> tuple[list[NewSchedule], list[BadEntry]]:
    """Read a file's schedules; beside them, what is wrong with those that cannot be read.

    UsageError: it is no TOML (with the line), or holds something else than schedules.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source} is not TOML — {_lower(str(error))}", fix=f"edit {source}") from None
    except (RecursionError, ValueError) as error:  # too deep; a number of 5000 digits
        raise UsageError(f"{source} cannot be read — {error}", fix=f"edit {source}") from None
    tables = tree.pop(TABLE, {})
    if tree or not isinstance(tables, dict):
        wrong = next(iter(tree), TABLE)
        raise UsageError(
            f"{source} holds {wrong[:80]!r} — schedules are tables called [{TABLE}.NAME]", fix=f"edit {source}"
        )
    found, problems = [], []
    for name, table in tables.items():
        try:
            found.append(_schedule(name, table))
        except JobschedError as error:
            problems.append(BadEntry(place_of(name), error))
    return found, problems


def place_of(name: str) -> str:
    """How a schedule in a file is called to whoever has to mend it."""
    return f"schedule {name[:80]!r}"


def write_schedules(schedules: list[NewSchedule]) -> str:
    """Return a file from which `read_schedules` makes the same schedules; what has its default is left out."""
    import tomli_w

    if not schedules:
        return HEADER
    text = tomli_w.dumps({TABLE: {each.name: _table(each) for each in schedules}})
    # Outside of strings there are line ends alone; inside, tomli_w has escaped those.
    return f"{HEADER}\n{DANGEROUS.sub(lambda match: match[0] if match[0] == chr(10) else _spell(match[0]), text)}"


def _schedule(name: str, table: Any) -> NewSchedule:
    check_name("schedule", name)
    if not isinstance(table, dict):
        raise UsageError("it is no table", fix=f"begin it with [{TABLE}.{name}]")
    _refuse_unknown(table)
    values = {key: _read(key, value, READERS[key]) for key, value in table.items() if key in READERS}
    for key in ("expression", "type"):
        if key not in values:
            raise UsageError(f"it has no {key}", fix=f'{key} = "{EXAMPLES[key]}"')
    job = {JOB_NAMES[key]: values[key] for key in JOB_NAMES if key in values}
    own = {key: values[key] for key in values if key not in JOB_NAMES}
    zone = own.get("timezone", "UTC")
    for key in ("start", "end"):
        if key in table:
            own[key] = _time(key, table[key], zone)
    return NewSchedule(name=name, job=NewJob(**job, payload=_payload(table)), **own)


def _refuse_unknown(table: Mapping[str, Any]) -> None:
    for key in table:
        if key not in KEYS:
            from difflib import get_close_matches

            close = get_close_matches(key, KEYS, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(KEYS)}"
            raise UsageError(f"it has no option {key[:80]!r} — {hint}", fix="jobsched help schedules")


def _read(key: str, value: Any, reader: Callable[[Any], Any]) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise UsageError(f"{key}: {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not text in quotes")
    return value


def _span(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return parse_duration(str(value))
    return parse_duration(_text(value))


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is not a whole number")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{_shown(value)} is not a list of names in quotes")
    return tuple(value)


def _word(kind: type[Catchup | Overlap]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value not in tuple(kind):
            raise ValueError(f"{_shown(value)} is not one of {', '.join(kind)}")
        return kind(value)

    return read


READERS: dict[str, Callable[[Any], Any]] = {
    "expression": _text,
    "timezone": _text,
    "type": _text,
    "queue": _text,
    "priority": lambda value: parse_priority(_text(value)),
    "max_attempts": _count,
    "backoff": lambda value: parse_backoff(_text(value)),
    "timeout": _span,
    "unique": _text,
    "concurrency_key": _text,
    "tags": _names,
    "jitter": _span,
    "catchup": _word(Catchup),
    "overlap": _word(Overlap),
}
KEYS = (*READERS, "start", "end", "payload", "payload_json")
JOB_NAMES = {
    "type": "type", "queue": "queue", "priority": "priority", "max_attempts": "max_attempts", "backoff": "backoff",
    "timeout": "timeout", "unique": "unique_key", "concurrency_key": "concurrency_key", "tags": "tags",
}  # fmt: skip
"""Option of a job in the file → its name in NewJob."""
EXAMPLES = {"expression": "0 3 * * *", "type": "noop"}


def _time(key: str, value: Any, zone: str) -> datetime:
    """An instant in UTC; without an offset it is the zone's time."""
    try:
        moment = _moment(value)
        if moment.tzinfo is None:
            check_zone(zone)
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{key}: {_shown(value)} is not a time like 2026-05-01T14:30:00Z") from None


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise ValueError(value)


def _payload(table: Mapping[str, Any]) -> dict[str, Any]:
    if "payload_json" in table:
        if "payload" in table:
            raise UsageError("it has both payload and payload_json — a job has one payload")
        payload = arguments.load_json(_read("payload_json", table["payload_json"], _text), "payload_json")
    else:
        payload = table.get("payload", {})
    if not isinstance(payload, dict):
        raise UsageError("its payload is not a table — a job's payload is an object", fix='payload = { key = "value" }')
    _refuse_times(payload, "payload")
    return payload


def _refuse_times(value: Any, path: str) -> None:
    """TOML has dates and times, JSON none."""
    if isinstance(value, date | time):
        raise UsageError(f"{path} is a TOML date or time — payloads are JSON", fix=f'{path} = "{value}"')
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        _refuse_times(each, f"{path}.{key}")


def _table(schedule: NewSchedule) -> dict[str, Any]:
    job = schedule.job
    table: dict[str, Any] = {
        "expression": schedule.expression,
        "timezone": schedule.timezone,
        "type": job.type,
        "queue": job.queue,
        "priority": job.priority.word if job.priority is not None else None,
        "max_attempts": job.max_attempts,
        "backoff": _spell_backoff(job.backoff) if job.backoff is not None else None,
        "timeout": _spell_span(job.timeout) if job.timeout is not None else None,
        "unique": job.unique_key,
        "concurrency_key": job.concurrency_key,
        "tags": list(job.tags),
        "jitter": _spell_span(schedule.jitter),
        "start": schedule.start,
        "end": schedule.end,
        "catchup": schedule.catchup.value,
        "overlap": schedule.overlap.value,
    }
    table = {key: value for key, value in table.items() if value not in (None, []) and value != DEFAULTS.get(key)}
    payload = dict(job.payload)
    if payload:
        table |= {"payload": payload} if _is_toml(payload, DEEPEST) else {"payload_json": _json(payload)}
    return table


DEFAULTS: dict[str, Any] = {each.name: each.default for each in fields(NewSchedule) if each.default is not MISSING} | {
    "jitter": "0s"
}


def _spell_span(seconds: float) -> str:
    """In the words of everywhere else where those say all of it."""
    words = format_duration(seconds)
    return words if parse_duration(words) == seconds else f"{seconds}s"


def _spell_backoff(backoff: Backoff) -> str:
    base = f"{backoff.kind}:{_spell_span(backoff.base)}"
    return base if backoff.kind is BackoffKind.FIXED else f"{base}..{_spell_span(backoff.cap)}"


def _is_toml(value: Any, depth: int) -> bool:
    """Whether TOML can hold a payload's value: it has no null."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        return value is not None
    return depth > 0 and all(_is_toml(each, depth - 1) for each in inner)


def _json(payload: Mapping[str, Any]) -> str:
    import json

    return json.dumps(payload, ensure_ascii=False)


def _spell(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
