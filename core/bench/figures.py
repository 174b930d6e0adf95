"""What a benchmark found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a result.

    value: in `unit`. ratio: to the raw limit named in `against`, measured in the same run. more:
    further numbers, such as µs a job of each part. setting: what it was measured with.
    """

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str | None = None
    setting: dict[str, Any] = field(default_factory=dict)
    more: dict[str, float] = field(default_factory=dict)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie: nearest rank; 0.0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
