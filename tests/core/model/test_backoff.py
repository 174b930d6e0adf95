"""How long a failed job waits."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.model.backoff import Backoff, BackoffKind, parse_backoff


@given(failures=st.integers(1, 10_000), seed=st.integers())
def test_full_jitter_stays_between_zero_and_the_doubled_ceiling(failures: int, seed: int) -> None:
    """[0, min(cap, base · 2^(n-1))], also after so many failures that the power would overflow."""
    delay = Backoff(base=5, cap=600).delay(failures, random.Random(seed))
    assert 0 <= delay <= min(600, 5 * 2.0 ** min(failures - 1, 60))


def test_full_jitter_spreads_over_the_whole_range() -> None:
    """A herd that failed together does not come back together."""
    rng = random.Random(1)
    delays = [Backoff(base=8, cap=600).delay(4, rng) for _ in range(2000)]
    for quarter in range(4):
        share = sum(quarter * 16 <= delay < (quarter + 1) * 16 for delay in delays)
        assert 400 < share < 600


def test_linear_and_fixed_are_exact() -> None:
    """They are chosen where the delay must be foreseeable."""
    linear = Backoff(BackoffKind.LINEAR, base=10, cap=25)
    assert [linear.delay(n) for n in (1, 2, 3, 99)] == [10, 20, 25, 25]
    fixed = Backoff(BackoffKind.FIXED, base=7, cap=7)
    assert [fixed.delay(n) for n in (1, 2, 50)] == [7, 7, 7]


@pytest.mark.parametrize(("base", "cap"), [(0, 10), (-1, 10), (10, 5), (float("nan"), 10)])
def test_a_rule_that_cannot_work_is_refused(base: float, cap: float) -> None:
    """0 < base <= cap, said with both numbers."""
    with pytest.raises(ValueError, match="0 < base <= cap"):
        Backoff(base=base, cap=cap)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("exponential", Backoff()),
        ("exp:2s", Backoff(base=2)),
        ("EXP:5s..10m", Backoff(base=5, cap=600)),
        ("linear:1m", Backoff(BackoffKind.LINEAR, 60, 600)),
        ("fixed:20m", Backoff(BackoffKind.FIXED, 1200, 1200)),
        (" fixed:250ms..1s ", Backoff(BackoffKind.FIXED, 0.25, 1)),
    ],
)
def test_rules_are_read_from_text(text: str, meant: Backoff) -> None:
    """`KIND`, `KIND:BASE` or `KIND:BASE..CAP`; a base above the default cap raises the cap."""
    assert parse_backoff(text) == meant


@pytest.mark.parametrize("text", ["", "random", "exp:soon", "exp:5s..", "exp:10s..5s", "exp:0s", "fixed:-1s"])
def test_text_that_means_no_rule_is_refused(text: str) -> None:
    """With ValueError, except where the cap is merely left out."""
    if text == "exp:5s..":
        assert parse_backoff(text) == Backoff(base=5)
        return
    with pytest.raises(ValueError):
        parse_backoff(text)


@given(st.sampled_from(BackoffKind), st.integers(1, 3600), st.integers(0, 3600))
def test_a_rule_is_shown_as_it_is_read(kind: BackoffKind, base: int, more: int) -> None:
    """`str` gives what `parse_backoff` takes, to the precision that is shown."""
    shown = str(Backoff(kind, base, base + more))
    again = parse_backoff(shown)
    assert str(again) == shown
