"""Which buckets and keys there may be: those that mean the same in S3 and in a folder.

Keys are made from payload fields (`invoices/<number>.pdf`), so a key that could climb out of its
bucket is refused here, at the door, whatever the store behind it would make of it.
"""

from __future__ import annotations

import re
import unicodedata

from ..model.errors import UsageError

MAX_KEY_BYTES = 1024
MAX_SEGMENT_BYTES = 255
"""The longest file name that every common file system holds."""
BUCKET_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def check_bucket(bucket: str) -> None:
    """Raise UsageError unless `bucket` is 3 to 63 of a-z, 0-9 and -, not first or last."""
    if not BUCKET_PATTERN.fullmatch(bucket):
        raise UsageError(f"bucket {bucket[:80]!r} is not a bucket's name — 3 to 63 of a-z, 0-9 and -, no - at the ends")


def check_key(key: str) -> None:
    """Raise UsageError unless `key` is a relative path of plain segments.

    Refused: more than MAX_KEY_BYTES of UTF-8 (or MAX_SEGMENT_BYTES in one segment), a leading or
    doubled or trailing slash, `.` and `..`, backslashes, control and invisible characters.
    """
    problem = key_problem(key)
    if problem:
        raise UsageError(f"object key {key[:80]!r} cannot be used — {problem}")


def key_problem(key: str) -> str | None:
    """Why `key` cannot be a key, in words; None if it can."""
    if not key:
        return "it is empty"
    if any(unicodedata.category(character) in _UNSEEN for character in key):
        return "it holds control or invisible characters"
    if len(key.encode()) > MAX_KEY_BYTES:
        return f"it is longer than {MAX_KEY_BYTES} bytes"
    if "\\" in key:
        return "it holds a backslash"
    if key.startswith("/"):
        return "it starts with a slash"
    for segment in key.split("/"):
        if segment in ("", ".", ".."):
            return f"it has the path segment {segment!r}"
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            return f"a path segment is longer than {MAX_SEGMENT_BYTES} bytes"
    return None
