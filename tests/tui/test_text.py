"""What other people wrote, on its way to the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from jobsched.core.model.text import DANGEROUS
from jobsched.tui.text import fit, lines, safe

HOSTILE = [
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\x1b[2J\x1b[H\x9b31m",
    "abc\u202egnp.exe\u2066x\u2069",
    "[red]markup[/red] [link=file:///etc/passwd]x[/]",
    "$(touch pwned) `id`",
    "line 1\nline 2\r\ttab\x00",
    "x" * 10_000,
    "東京" * 50,
    "e" + "\u0301" * 200,
    "👨\u200d👩\u200d👧 \u2764\ufe0f 🏳\ufe0f\u200d🌈 👍🏽",
    "\ud800 lone \U000e0041 tag \ue000 private",
    "نص عربي עברית",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_a_cell_has_its_width_whatever_is_in_it(text: str, width: int) -> None:
    """Exactly so many cells, nothing that a terminal obeys, few marks on one character."""
    for ascii_only in (False, True):
        shown = fit(text, width, ascii_only=ascii_only)
        assert cell_len(shown) == width
        assert not DANGEROUS.search(shown)
        assert len(shown) <= 3 * width
        assert shown.isascii() or not ascii_only


@given(st.text(max_size=60), st.integers(min_value=1, max_value=30))
def test_any_text_fits(text: str, width: int) -> None:
    """Of whatever Unicode has."""
    assert cell_len(fit(text, width)) == width
    assert not DANGEROUS.search(safe(text))


def test_what_is_harmless_stays_as_it_is() -> None:
    """Letters with marks are composed; wide ones stay; what controls do is spelled out."""
    assert safe("café e\u0301 東京 Ελλάδα") == "café é 東京 Ελλάδα"
    assert safe("a\x1b[1mb") == "a\\x1b[1mb"
    assert fit("longenough", 6) == "longe…"
    assert fit("7", 3, right=True) == "  7"
    assert lines("one\ttwo\nthree\x07") == ["one    two", "three\\x07"]
