"""What a selection is made of: an immutable tree whose `str` reads back as the same tree."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from ..durations import UNITS
from ..priority import Priority
from ..states import State

BARE = re.compile(r'[^\s,"]+')
"""What a value may be made of without quotes."""
BARE_SEGMENT = re.compile(r'[^\s.:=~<>,"]+')
"""The same for a part of a payload's path."""
JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,29})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
"""Numbers of a payload that can be asked for."""
Operator = Literal[">", ">=", "<", "<="]


class Wild(enum.Enum):
    """What a glob leaves open."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern over a whole text: literal pieces and wildcards, in order.

    Without any wildcard it is looked for anywhere in the text. The case of ASCII letters does not matter.
    """

    parts: tuple[str | Wild, ...]

    @property
    def anywhere(self) -> bool:
        return not any(isinstance(part, Wild) for part in self.parts)

    def __str__(self) -> str:
        written = "".join(part.value if isinstance(part, Wild) else _literal(part) for part in self.parts)
        return written or '""'


@dataclass(frozen=True, slots=True)
class Ago:
    """A moment so many seconds before now, by the store's clock."""

    seconds: float

    def __str__(self) -> str:
        return f"-{span(self.seconds)}"


@dataclass(frozen=True, slots=True)
class JsonWord:
    """A payload's value as it was written: `42` is that number or that text, `"42"` only the text."""

    text: str
    quoted: bool = False

    def __str__(self) -> str:
        return f'"{_escaped(self.text)}"' if self.quoted else self.text


Scalar = str | int | float | State | Priority | datetime | Ago | JsonWord


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` to `high`, both included."""

    low: Scalar
    high: Scalar


Value = Scalar | Between


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Equal to one of the values, or within one of the ranges."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """Fits one of the patterns."""

    globs: tuple[Glob, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """Larger or smaller than a value. Of priorities, the more urgent is the larger."""

    operator: Operator
    value: Scalar


Test = AnyOf | Like | Compare


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one field. What a job does not have passes no test, so the opposite holds for it.

    field: a name in FIELDS. path: into the payload, for `args` alone. negated: the opposite is asked for.
    """

    field: str
    test: Test
    negated: bool = False
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = ".".join((self.field, *(_segment(part) for part in self.path)))
        return f"{'-' if self.negated else ''}{name}{self._tested()}"

    def _tested(self) -> str:
        match self.test:
            case Compare(operator, value):
                return f"{operator}{self._word(value)}"
            case Like(globs):
                return "~" + ",".join(map(str, globs))
            case AnyOf(values):
                return ("=" if self.path else ":") + ",".join(map(self._value, values))

    def _value(self, value: Value) -> str:
        if isinstance(value, Between):
            return f"{self._word(value.low)}..{self._word(value.high)}"
        return self._word(value)

    def _word(self, value: Scalar) -> str:
        match value:
            case State():
                return value.value
            case Priority():
                return value.word
            case Ago() | JsonWord():
                return str(value)
            case datetime():
                return value.isoformat()
            case float():
                return span(value)
            case int():
                return str(value)
            case _:
                return quoted(value)


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs for which every condition holds."""

    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.conditions))

    def __and__(self, other: Selection) -> Selection:
        return Selection(self.conditions + other.conditions)


def quoted(text: str) -> str:
    """Return `text` as a value that means just that: with quotes where it needs them."""
    return text if BARE.fullmatch(text) else f'"{_escaped(text)}"'


def span(seconds: float) -> str:
    """Return a duration that is read back as exactly `seconds`."""
    for unit in ("d", "h", "m"):
        count = seconds / UNITS[unit]
        if seconds and count == int(count):
            return f"{int(count)}{unit}"
    return f"{format(Decimal(repr(float(seconds))), 'f').removesuffix('.0')}s"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _literal(text: str) -> str:
    """A piece of a glob that is no wildcard."""
    return text if BARE.fullmatch(text) and not set(text) & {"*", "?"} else f'"{_escaped(text)}"'


def _segment(text: str) -> str:
    return text if BARE_SEGMENT.fullmatch(text) else f'"{_escaped(text)}"'
