"""One fingerprint for all errors that are the same mistake.

Made of the exception's class, the innermost frame outside the standard library, and the message
with everything that varies (numbers, hex, quoted words, paths) taken out.
"""

from __future__ import annotations

import hashlib
import re

_VARIABLE = (
    (re.compile(r"0x[0-9a-fA-F]+"), "<hex>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b"), "<uuid>"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "<text>"),
    (re.compile(r"(?<![\w/])/[^\s:,]+"), "<path>"),
    (re.compile(r"\d+"), "<n>"),
)


def fingerprint(error_class: str, message: str, place: str = "") -> str:
    """Return 12 hex digits. place: `file.py:function` of the innermost frame of interest."""
    normal = message[:1000]
    for pattern, name in _VARIABLE:
        normal = pattern.sub(name, normal)
    return hashlib.sha256(f"{error_class}\n{normal}\n{place}".encode()).hexdigest()[:12]
