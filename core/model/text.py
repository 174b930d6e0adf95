"""Text that other people wrote, made safe to show: no terminal commands, no reordering, one line."""

from __future__ import annotations

import re

_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINE_BREAKS = (0x2028, 0x2029)
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_UNSAFE = re.compile(
    "["
    + "".join(re.escape(chr(code)) for code in (*_CONTROLS, *_BIDI, *_LINE_BREAKS, 0xFEFF))
    + "\ud800-\udfff"  # lone surrogates: no encoder takes them
    + "]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """Return `text` with control characters, ESC, bidi marks, line breaks and lone surrogates escaped.

    They are written as `\\n`, `\\x1b` or `\\u202e`: seen, not obeyed (CVE-2021-42574, "Trojan Source").
    """
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
