"""What a response's status and its Retry-After say about asking again."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later (RFC 9110, 8470, 6585)."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_RETRY_AFTER = 86400.0
"""Seconds: a server may put a job off until tomorrow, not for ever."""


def retry_after(text: str | None) -> float | None:
    """Seconds from 0 to MAX_RETRY_AFTER, from seconds or an HTTP date (RFC 9110, 10.2.3); None if neither."""
    if not text:
        return None
    if text.strip().isdecimal():
        return min(float(text), MAX_RETRY_AFTER)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:  # the form of asctime, which is UTC too (RFC 9110, 5.6.7)
        when = when.replace(tzinfo=UTC)
    return min(max(0.0, (when - datetime.now(UTC)).total_seconds()), MAX_RETRY_AFTER)
