"""How long to wait before the next attempt.

Exponential backoff with full jitter is the default: delays are spread evenly over [0, min(cap,
base · 2^(n-1))], which empties a thundering herd soonest (Marc Brooker, "Exponential Backoff And
Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass

from .durations import format_duration, parse_duration


class BackoffKind(enum.StrEnum):
    """How the delay grows with the number of failures."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Backoff:
    """The delay rule of a job.

    kind: `exponential` draws from [0, min(cap, base · 2^(n-1))]; `linear` is min(cap, base · n);
        `fixed` is base. n counts failed attempts, from 1.
    base: seconds, > 0. cap: seconds, >= base.
    """

    kind: BackoffKind = BackoffKind.EXPONENTIAL
    base: float = 5.0
    cap: float = 600.0

    def __post_init__(self) -> None:
        if not 0 < self.base <= self.cap:
            raise ValueError(f"backoff needs 0 < base <= cap, not base {self.base:g} s, cap {self.cap:g} s")

    def delay(self, failures: int, rng: random.Random | None = None) -> float:
        """Seconds until the next attempt after `failures` (>= 1) failed ones."""
        if self.kind is BackoffKind.FIXED:
            return self.base
        if self.kind is BackoffKind.LINEAR:
            return min(self.cap, self.base * failures)
        ceiling = min(self.cap, self.base * 2.0 ** min(failures - 1, 60))
        return (rng.uniform if rng else random.uniform)(0.0, ceiling)

    def __str__(self) -> str:
        base = f"{self.kind}:{format_duration(self.base)}"
        return base if self.kind is BackoffKind.FIXED else f"{base}..{format_duration(self.cap)}"


def parse_backoff(text: str) -> Backoff:
    """Read `KIND`, `KIND:BASE` or `KIND:BASE..CAP`, as in `exponential:5s..10m` ("exp" will do).

    ValueError says which part is wrong.
    """
    kind_word, _, spans = text.strip().lower().partition(":")
    word = "exponential" if kind_word == "exp" else kind_word
    try:
        kind = BackoffKind(word)
    except ValueError:
        raise ValueError(f"{kind_word!r} is not one of exponential, linear, fixed") from None
    if not spans:
        return Backoff(kind)
    base_text, _, cap_text = spans.partition("..")
    base = parse_duration(base_text)
    cap = parse_duration(cap_text) if cap_text else max(base, Backoff().cap)
    return Backoff(kind, base, cap)
