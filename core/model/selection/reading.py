"""Reads a selection. Every complaint knows the place in the text that it is about.

    selection = term (blanks term)*                 all must hold
    term      = ["-"] (field operator values | ids | "@mine" | "@last")
    field     = a name of FIELDS | "args" ("." segment)+
    operator  = ":" | "=" | "~" | ">" | ">=" | "<" | "<="
    values    = value ("," value)*                  any may hold
    value     = (bare | "…")+                       in quotes, \\" and \\\\ stand for " and \\
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from ..durations import parse_duration
from ..errors import SelectionInvalid
from ..priority import Priority, parse_priority
from ..states import State, parse_state
from ..times import parse_since
from .expression import (
    BARE,
    BARE_SEGMENT,
    JSON_NUMBER,
    Ago,
    AnyOf,
    Between,
    Compare,
    Condition,
    Glob,
    JsonWord,
    Like,
    Operator,
    Scalar,
    Selection,
    Test,
    Value,
    Wild,
)
from .fields import NAMES, OPERATORS, Field

MAX_TEXT = 20_000
MAX_NUMBER = (1 << 63) - 1
_NAME = re.compile(r"[^\W\d]\w*")
_OPERATOR = re.compile(r">=|<=|!=|[:=~<>]")
_WHOLE = re.compile(r"\d{1,19}", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")
_SPELLED: dict[str, Operator] = {">": ">", ">=": ">=", "<": "<", "<=": "<="}


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """One value as it was written. start, end: where."""

    pieces: tuple[_Piece, ...]
    start: int
    end: int

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def quoted(self) -> bool:
        return any(piece.quoted for piece in self.pieces)


def parse(
    text: str,
    *,
    me: str | None = None,
    last: Callable[[], int] | None = None,
    now: datetime | None = None,
) -> Selection:
    """Read a selection. SelectionInvalid (a UsageError) says what is wrong, where, and what may be meant.

    me: the submitter that `@mine` means. last: gives the id that `@last` means; without them the words
    are refused. now: for tests; what clock times are counted from.
    """
    return _Reader(text, me, last, now).selection()


class _Reader:
    """Goes through the text once, from left to right."""

    def __init__(self, text: str, me: str | None, last: Callable[[], int] | None, now: datetime | None) -> None:
        self.text = text
        self.at = 0
        self._me = me
        self._last = last
        self._now = now

    def selection(self) -> Selection:
        if len(self.text) > MAX_TEXT:
            raise SelectionInvalid(
                f"the filter has {len(self.text):,} characters — at most {MAX_TEXT:,}", text="", start=0, end=0
            )
        forbidden = _FORBIDDEN.search(self.text)
        if forbidden is not None:
            self._fail("no job can have this character", forbidden.start(), forbidden.end())
        conditions = []
        self._skip_blanks()
        while self.at < len(self.text):
            conditions.append(self._term())
            if self.at < len(self.text) and not self.text[self.at].isspace():
                self._fail("a blank is missing before this", self.at, self.at + 1)
            self._skip_blanks()
        if not conditions:
            self._fail(
                "the filter is empty — it would be every job", 0, len(self.text), fix="leave it out for every job"
            )
        return Selection(tuple(conditions))

    # Terms

    def _term(self) -> Condition:
        start = self.at
        if self.text[self.at] == "!":
            self._fail("the opposite is written with a minus: -state:dead", start, start + 1)
        negated = self.text[self.at] == "-"
        self.at += negated
        rest = self.text[self.at : self.at + 1]
        if rest == "@":
            field, test = self._at_word()
            return Condition(field, test, negated)
        if rest.isascii() and rest.isdecimal():
            return Condition("id", AnyOf(tuple(self._value(NAMES["id"], word) for word in self._words())), negated)
        field_, path = self._field(start)
        return Condition(field_.name, self._test(field_, start), negated, path)

    def _at_word(self) -> tuple[str, Test]:
        start = self.at
        word = self._take(BARE) or "@"
        if word == "@mine" and self._me is not None:
            return "submitter", AnyOf((self._me,))
        if word == "@last" and self._last is not None:
            return "id", AnyOf((self._last(),))
        return self._fail(f"{word[:40]} is not known — there are @mine and @last", start, self.at)

    def _field(self, start: int) -> tuple[Field, tuple[str, ...]]:
        at = self.at
        name = self._take(_NAME)
        field = NAMES.get((name or "").lower())
        if name is None or (field is None and not _OPERATOR.match(self.text, self.at)):
            self.at = at
            word = self._take(re.compile(r"\S+")) or self.text[at : at + 1]
            self._fail("it does not say of which field", at, self.at, meant=f"type~{word[:30]} or error~{word[:30]}")
        if field is None:
            self._fail(f"there is no field {name[:40]!r}", at, self.at, meant=_closest(name.lower(), list(NAMES)))
        path = self._path(field, start)
        return field, path

    def _path(self, field: Field, start: int) -> tuple[str, ...]:
        path = []
        while self.text.startswith(".", self.at):
            self.at += 1
            if self.text.startswith('"', self.at):
                path.append(self._quoted())
                continue
            segment = self._take(BARE_SEGMENT)
            if segment is None:
                self._fail("a name is missing after the dot", self.at - 1, self.at)
            path.append(segment)
        if path and field.kind != "args":
            self._fail(f"{field.name} has no parts", start, self.at)
        if field.kind == "args" and not path:
            self._fail("of the payload, name a value", start, self.at, meant="args.user=42")
        return tuple(path)

    # Tests

    def _test(self, field: Field, began: int) -> Test:
        start = self.at
        operator = self._take(_OPERATOR)
        if operator is None:
            self._fail(f"{field.name} is compared with nothing", began, start, meant=f"{field.name}:VALUE")
        if operator == "!=":
            self._fail("the opposite is written with a minus", start, self.at, meant=f"-{field.name}:VALUE")
        wanted = ":" if operator == "=" else operator
        if wanted not in OPERATORS[field.kind]:
            known = " ".join(OPERATORS[field.kind])
            self._fail(f"{field.name} cannot be compared by {operator} — there is {known}", start, self.at)
        words = self._words()
        if wanted == "~":
            return Like(tuple(_glob(word) for word in words))
        if wanted == ":":
            return AnyOf(tuple(self._value(field, word) for word in words))
        if len(words) > 1:
            self._fail(f"{operator} takes one value", words[1].start, words[-1].end)
        return Compare(_SPELLED[wanted], self._bound(field, words[0]))

    def _bound(self, field: Field, word: _Word) -> Scalar:
        if field.kind != "args":
            return self._scalar(field, word, word.text)
        if not JSON_NUMBER.fullmatch(word.text):
            self._fail(f"{word.text[:40]!r} is not a number", word.start, word.end)
        return JsonWord(word.text)

    def _value(self, field: Field, word: _Word) -> Value:
        if field.kind == "args":
            return JsonWord(word.text, word.quoted)
        if field.kind in ("id", "number", "span", "time", "priority") and ".." in word.text:
            low, _, high = word.text.partition("..")
            return Between(self._scalar(field, word, low), self._scalar(field, word, high))
        if field.kind == "time":
            self._fail(
                "a time is compared by < or >, or lies in a range", word.start, word.end, meant=f"{field.name}>-1h"
            )
        return self._scalar(field, word, word.text)

    def _scalar(self, field: Field, word: _Word, text: str) -> Scalar:
        try:
            match field.kind:
                case "state":
                    return parse_state(text)
                case "priority":
                    return parse_priority(text)
                case "id" | "number":
                    return _whole(text)
                case "span":
                    return parse_duration(text)
                case "time":
                    return self._time(text)
                case _:
                    return text
        except ValueError as error:
            problem, meant = _explain(field, text, error)
            self._fail(problem, word.start, word.end, meant=meant)

    def _time(self, text: str) -> datetime | Ago:
        bare = text.removesuffix(" ago").removesuffix("-ago")
        if text.startswith("-") or bare != text:
            return Ago(parse_duration(bare.removeprefix("-")))
        try:
            parse_duration(text)
        except ValueError:
            return parse_since(text, now=self._now)
        raise ValueError(f"{text!r} is a duration — an hour ago is -1h")

    # Words

    def _words(self) -> list[_Word]:
        words = [self._word()]
        while self.text.startswith(",", self.at):
            self.at += 1
            words.append(self._word())
        return words

    def _word(self) -> _Word:
        start = self.at
        pieces = []
        while self.at < len(self.text):
            if self.text[self.at] == '"':
                pieces.append(_Piece(self._quoted(), True))
                continue
            bare = self._take(BARE)
            if bare is None:
                break
            pieces.append(_Piece(bare, False))
        if not pieces:
            self._fail("a value is missing here", start, start + 1, meant='"" for an empty one')
        return _Word(tuple(pieces), start, self.at)

    def _quoted(self) -> str:
        start = self.at
        self.at += 1
        found: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return "".join(found)
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\"):
                self.at += 1
                char = self.text[self.at]
            found.append(char)
            self.at += 1
        return self._fail("this quote is never closed", start, len(self.text))

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def _skip_blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _fail(
        self, problem: str, start: int, end: int, *, meant: str | None = None, fix: str | None = None
    ) -> NoReturn:
        hint = f" — did you mean {meant}?" if meant else ""
        raise SelectionInvalid(problem + hint, text=self.text, start=start, end=max(end, start + 1), fix=fix)


def _glob(word: _Word) -> Glob:
    """Make a pattern: `*` and `?` stand for themselves in quotes."""
    parts: list[str | Wild] = []
    for piece in word.pieces:
        split = [piece.text] if piece.quoted else re.split(r"([*?])", piece.text)
        for text in filter(None, split):
            part = Wild(text) if not piece.quoted and text in ("*", "?") else text
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part is not Wild.MANY or parts[-1:] != [Wild.MANY]:
                parts.append(part)
    return Glob(tuple(parts))


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) > MAX_NUMBER:
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return int(text)


def _explain(field: Field, text: str, error: ValueError) -> tuple[str, str | None]:
    """What is wrong with a value, and what may be meant."""
    if field.kind not in ("state", "priority"):
        return str(error), None
    known = [state.value for state in State] if field.kind == "state" else [each.word for each in Priority]
    close = _closest(text.lower(), known)
    listed = "" if close else f" — it is one of {', '.join(known)}"
    return f"there is no {field.name} {text[:40]!r}{listed}", close


def _closest(word: str, known: list[str]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, 1)), None)
