"""Reads what the user typed into values; every complaint names the flag and the accepted forms."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..core.model.errors import PayloadInvalid, UsageError
from ..core.model.payload import MAX_PAYLOAD_BYTES
from ..core.model.states import State, parse_state

Value = TypeVar("Value")


def read(flag: str, text: str | None, reader: Callable[[str], Value]) -> Value | None:
    """Return `reader(text)`, None for None. UsageError names the flag and says what was expected."""
    if text is None:
        return None
    try:
        return reader(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from None


def choice(flag: str, word: str | None, known: Sequence[str]) -> str | None:
    """Return `word` if it is one of `known`, None for None. UsageError lists them."""
    if word is not None and word not in known:
        raise UsageError(f"{flag}: {word[:40]!r} is not one of {', '.join(known)}")
    return word


def states(words: Iterable[str]) -> tuple[State, ...]:
    """Read state names, comma-separated or one by one."""
    found = []
    for word in (part for text in words for part in text.split(",") if part.strip()):
        try:
            found.append(parse_state(word))
        except ValueError:
            from difflib import get_close_matches

            names = [state.value for state in State]
            close = get_close_matches(word.lower(), names, 1)
            hint = f"did you mean {close[0]}?" if close else f"it is one of {', '.join(names)}"
            raise UsageError(f"--state: there is no state {word[:40]!r} — {hint}") from None
    return tuple(found)


def payload(fields: Iterable[str], args: str | None) -> dict[str, Any]:
    """Build a payload from `--args` (JSON, @FILE or -) and `key=text`, `key:=JSON`, `key@FILE` fields.

    Fields win over --args. UsageError, PayloadInvalid: what is wrong, and where.
    """
    result = _object(args) if args is not None else {}
    for field in fields:
        key, value = _field(field)
        result[key] = value
    return result


def pairs(flag: str, items: Iterable[str]) -> dict[str, str]:
    """Read `KEY=VALUE` words into a dict."""
    found = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(f"{flag} {item[:60]!r} is not KEY=VALUE")
        found[key] = value
    return found


def load_json(text: str, where: str) -> Any:
    """Parse strict JSON. PayloadInvalid says where it stops being JSON."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        raise PayloadInvalid(
            f"{where} is not JSON — {error.msg} at line {error.lineno}, column {error.colno}",
            fix='quote it for the shell: \'{"key": "value"}\'',
        ) from None
    except RecursionError:
        raise PayloadInvalid(f"{where} is nested too deeply to be read") from None
    except ValueError as error:
        raise PayloadInvalid(f"{where} is not JSON — {error}") from None


def read_text(source: str, where: str, *, limit: int | None = None) -> str:
    """Return the text of a file, or of stdin for `-`. UsageError: it cannot be read, or is not UTF-8."""
    try:
        if source == "-":
            data = sys.stdin.buffer.read() if limit is None else sys.stdin.buffer.read(limit + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read() if limit is None else file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{where}: {source} cannot be read — {error.strerror}") from None
    except ValueError:  # Python's own: the path holds a NUL
        raise UsageError(f"{where}: {source!r} is no path") from None
    if limit is not None and len(data) > limit:
        raise UsageError(f"{where}: {source} is larger than {limit:,} bytes", fix="put it into the object store")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: {source} is not UTF-8 — byte {error.start}") from None


def _object(args: str) -> dict[str, Any]:
    if args == "-" or args.startswith("@"):
        args = read_text(args.removeprefix("@"), "--args", limit=4 * MAX_PAYLOAD_BYTES)
    value = load_json(args, "--args")
    if not isinstance(value, dict):
        raise PayloadInvalid(
            f"--args is {args.strip()[:40]!r} — a job's payload is a JSON object",
            fix='--args \'{"key": "value"}\'',
        )
    return value


def _field(text: str) -> tuple[str, Any]:
    """Split at the first of `:=`, `=` and `@`."""
    found = [(text.find(mark), -len(mark), mark) for mark in (":=", "=", "@") if text.find(mark) > 0]
    if not found:
        raise UsageError(
            f"{text[:60]!r} is not a payload field — write key=text, key:=JSON or key@FILE",
            fix="a program to run goes behind --: jobsched submit -- CMD",
        )
    at, _, mark = min(found)
    key, value = text[:at], text[at + len(mark) :]
    if mark == ":=":
        return key, load_json(value, f"{key}:=")
    return key, value if mark == "=" else read_text(value, f"{key}@", limit=MAX_PAYLOAD_BYTES)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _unique_keys(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in items:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found
