"""Text from the store made safe for a terminal, and values in words. Imports next to nothing."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import Any

from ..core.model.durations import format_duration
from ..core.model.signs import COLOURS, SYMBOLS, unicode_wanted
from ..core.model.states import State
from ..core.model.text import DANGEROUS

__all__ = [
    "COLOURS",
    "SYMBOLS",
    "colour_wanted",
    "escape",
    "escape_json",
    "escape_output",
    "escape_tsv",
    "escape_yaml",
    "iso",
    "paint",
    "shorten",
    "show_time",
    "symbol",
    "tick",
    "unicode_wanted",
    "width",
]

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}
_JSON_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}

_ANSI = {
    "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "bright_black": 90, "bold": 1,
    "default": 39,
}  # fmt: skip


def escape(text: str) -> str:
    """Return `text` on one line, with everything that could move a cursor or hide text spelled out."""
    return DANGEROUS.sub(_spell, text)


def escape_tsv(text: str) -> str:
    """Like `escape`, with backslashes doubled, so that a program can undo it."""
    return escape(text.replace("\\", "\\\\"))


def escape_json(text: str) -> str:
    """Return JSON text in which what `escape` spells out is a \\uXXXX escape: the same JSON value."""
    return DANGEROUS.sub(_spell_json, text)


def escape_yaml(text: str) -> str:
    """The same for JSON text that is read as YAML, which has no surrogate pairs."""
    return DANGEROUS.sub(lambda match: _JSON_SHORT.get(match[0]) or _spell_yaml(ord(match[0])), text)


def escape_output(text: str) -> str:
    """Escape a job's output for a terminal: lines and tabs stay, everything else is spelled out."""
    return DANGEROUS.sub(lambda match: match[0] if match[0] in "\n\t" else _spell(match), text.replace("\r\n", "\n"))


def _spell(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _spell_yaml(code: int) -> str:
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _spell_json(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char in _JSON_SHORT:
        return _JSON_SHORT[char]
    if code < 65536:
        return f"\\u{code:04x}"
    code -= 65536
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def shorten(text: str, width: int) -> str:
    """Return the first line of `text`, escaped, at most `width` characters."""
    safe = escape(text.strip().partition("\n")[0])
    return safe if len(safe) <= width else safe[: width - 1] + ("…" if unicode_wanted() else "~")


def width(text: str) -> int:
    """How many columns of a terminal the (escaped) text takes."""
    import unicodedata

    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in ("W", "F")) for char in text
    )


def symbol(state: State) -> str:
    """The state's sign: colour is never the only difference."""
    return SYMBOLS[state][0 if unicode_wanted() else 1]


def tick() -> str:
    """The sign for "done"."""
    return symbol(State.SUCCEEDED)


def paint(text: str, colour: str, *, wanted: bool) -> str:
    """Return `text` in that colour; unchanged where colour is not wanted."""
    return f"\x1b[{_ANSI[colour]}m{text}\x1b[0m" if wanted else text


def colour_wanted(choice: str, terminal: bool, environ: Any = None) -> bool:
    """Whether to write colour: --color, NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM=dumb, in that order."""
    env = os.environ if environ is None else environ
    if choice != "auto":
        return choice == "always"
    if env.get("NO_COLOR"):
        return False
    if _forced(env.get("FORCE_COLOR")) or _forced(env.get("CLICOLOR_FORCE")):
        return True
    if env.get("CLICOLOR") == "0" or env.get("TERM") == "dumb":
        return False
    return terminal


def _forced(value: str | None) -> bool:
    return bool(value) and value not in ("0", "false")


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds: 2026-05-01T14:30:00.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_time(moment: datetime, style: str, *, now: datetime | None = None) -> str:
    """A time as --time asks: relative, local, utc or epoch (seconds)."""
    if style == "epoch":
        return f"{moment.timestamp():.3f}"
    if style == "local":
        return moment.astimezone().isoformat(sep=" ", timespec="seconds")
    if style == "utc":
        return iso(moment)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{_rough(seconds)} ago" if seconds > 0 else f"in {_rough(-seconds)}"


def _rough(seconds: float) -> str:
    return format_duration(float(round(seconds)))
