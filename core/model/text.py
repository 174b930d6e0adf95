"""Text that other people wrote, made safe to show: no terminal commands, no reordering, one line."""

from __future__ import annotations

import re

# C0 and C1 controls, DEL, invisible formatting and bidi marks (CVE-2021-42574, "Trojan Source"), line and
# paragraph separators, lone surrogates, tags. The zero-width joiners stay: names and emoji need them.
DANGEROUS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""What a terminal might obey, or an eye not see."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """Return `text` on one line, with what is DANGEROUS escaped: `\\n`, `\\x1b`, `\\u202e`. Seen, not obeyed."""
    return text if text.isascii() and text.isprintable() else DANGEROUS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
