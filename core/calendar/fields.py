"""The five fields of a cron expression, and what is wrong with them.

Beyond Debian's cron they may hold what cronsim adds: `L` and `LW` as the day of the month (its last day, its last
weekday), `5L` (the last Friday) and `MON#1` (the first Monday) as the day of the week, and `5/10` for `5-59/10`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..model.errors import UsageError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the numbers that it takes, and the names for them (of `low`, `low` + 1, …)."""

    name: str
    low: int
    high: int
    allowed: str
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        """The number that `text` stands for; None: for none of this field's."""
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        if re.fullmatch(r"[0-9]{1,4}", text) is None or not self.low <= int(text) <= self.high:
            return None
        return int(text)

    @property
    def count(self) -> int:
        return 7 if self.names is WEEKDAYS else self.high - self.low + 1


FIELDS = (
    Field("minute", 0, 59, "0 to 59"),
    Field("hour", 0, 23, "0 to 23"),
    Field("day of month", 1, 31, "1 to 31, L (the last day) or LW (the last weekday)"),
    Field("month", 1, 12, "1 to 12, or jan to dec", MONTHS),
    Field("day of week", 0, 7, "0 to 7 (0 and 7 are Sunday), or sun to sat", WEEKDAYS),
)
_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY = FIELDS
_NAMES = ", ".join(field.name for field in FIELDS)


def check_fields(expression: str) -> list[str]:
    """The five fields of `expression`, for cronsim. UsageError says which one is wrong, and why."""
    parts = expression.split()
    if len(parts) != len(FIELDS):
        raise _wrong_count(expression, parts)
    for index, (field, part) in enumerate(zip(FIELDS, parts, strict=True)):
        for term in part.split(","):
            wrong = _problem(field, term)
            if wrong is not None:
                why, better = wrong
                terms = [better if each == term else each for each in part.split(",")]
                example = " ".join([*parts[:index], ",".join(terms), *parts[index + 1 :]])
                shown = repr(term) if not term.isprintable() or not term else term
                raise UsageError(f"{field.name} {shown}: {why}", fix=_example(example, why))
    return [
        ",".join(_for_cronsim(field, term) for term in part.split(","))
        for field, part in zip(FIELDS, parts, strict=True)
    ]


def _for_cronsim(field: Field, term: str) -> str:
    """`20-20/2` is 20 alone. cronsim 2.8 takes it for `20/2`, which goes on to the field's end."""
    span, slash, _ = term.partition("/")
    first, dash, last = span.partition("-")
    return first if slash and dash and field.number(first) == field.number(last) else term


def _example(expression: str, why: str) -> str:
    """The fix: the expression with the bad term replaced, if nothing else is wrong with it."""
    try:
        check_fields(expression)
    except UsageError:
        expression = "0 9 * * 1-5"
    return f"write for example '{expression}'"


def _wrong_count(expression: str, parts: list[str]) -> UsageError:
    message = (
        f"{len(parts)} field{'' if len(parts) == 1 else 's'} in {expression!r} — a cron expression has five: {_NAMES}"
    )
    if len(parts) == 6 and _is_right(parts[1:]):
        return UsageError(
            f"{message}; there are no seconds",
            fix=f"write '{' '.join(parts[1:])}', or for less than a minute '@every 10s'",
        )
    if len(parts) > 5 and _is_right(parts[:5]):
        return UsageError(message, fix=f"write '{' '.join(parts[:5])}'; what is to run comes after the expression")
    return UsageError(message, fix="put it in quotes, or the shell replaces the stars: '*/5 * * * *'")


def _is_right(parts: list[str]) -> bool:
    return all(
        _problem(field, term) is None for field, part in zip(FIELDS, parts, strict=True) for term in part.split(",")
    )


def _problem(field: Field, term: str) -> tuple[str, str] | None:
    """Why `term` is none of this field's, and a term that is; None: it is one."""
    if field is _DAY and term.upper() in ("L", "LW"):
        return None
    if field is _WEEKDAY and re.fullmatch(r"(?i)[0-7]L|([0-7]|[a-z]+)#[1-5]", term):
        name = re.split("[#lL]", term)[0] if "#" in term else term[0]
        return None if field.number(name) is not None else (field.allowed, "mon#1")
    foreign = _foreign(field, term)
    if foreign is not None:
        return foreign
    body, slash, step = term.partition("/")
    if slash:
        wrong = _wrong_step(field, body, step)
        if wrong is not None:
            return wrong
    return _wrong_body(field, body)


def _wrong_body(field: Field, body: str) -> tuple[str, str] | None:
    """As `_problem`, for what stands before a step."""
    if body == "*":
        return None
    first, dash, last = body.partition("-")
    low = field.number(first)
    if not dash:
        return None if low is not None else (field.allowed, str(field.low))
    high = field.number(last)
    if low is None or high is None:
        return f"a range is two of {field.allowed}", f"{field.low}-{field.high}"
    if low > high:
        if field.names is WEEKDAYS and high == 0:
            return "the range runs backwards — Sunday is 7 at its end", f"{low}-7"
        return "the range runs backwards", f"{first}-{field.high},{field.low}-{last}"
    return None


def _wrong_step(field: Field, body: str, step: str) -> tuple[str, str] | None:
    if re.fullmatch(r"[0-9]{1,4}", step) is None:
        return "a step is a whole number", f"{body}/2"
    if int(step) == 0:
        return "a step is 1 or more", body if body == "*" else f"{body}/1"
    if int(step) > field.count:
        unit = {"minute": "m", "hour": "h"}.get(field.name)
        elsewhere = f" — for {step}{unit} and more, there is '@every {step}{unit}'" if unit and body == "*" else ""
        return f"a step is at most {field.count}{elsewhere}", f"{body}/{field.count}"
    return None


def _foreign(field: Field, term: str) -> tuple[str, str] | None:
    """As `_problem`, for what other programs understand."""
    if term == "":
        return "nothing before or after a comma", str(field.low)
    if "~" in term:
        return "random times are not supported — --jitter spreads them", _before(field, term, "~")
    if term == "?":
        return "it means * elsewhere", "*"
    if re.fullmatch(r"H(\(.*\))?(/\d+)?", term):
        return "hashed times are not supported — --jitter spreads them", str(field.low)
    if field is _DAY and re.fullmatch(r"(?i)\d+W", term):
        return "the nearest weekday is not supported — LW is the last one", "LW"
    if field is _DAY and re.fullmatch(r"(?i)L-\d+", term):
        return "days before the last are not supported — L is the last one", "L"
    return None


def _before(field: Field, term: str, sign: str) -> str:
    first = term.partition(sign)[0]
    return first if field.number(first) is not None else str(field.low)
