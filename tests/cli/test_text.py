"""Text from the store, made safe to show."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.cli.text import colour_wanted, escape, escape_json, escape_output, escape_tsv, shorten, unicode_wanted

HOSTILE = "a\x1b[31mred\x9b2J\u202egnp.exe\n\t\r\x00[red]b[/red]\u2028\U000e0041"


@given(st.text(st.characters()))
def test_nothing_escaped_can_move_a_cursor_or_hide(text: str) -> None:
    """No control, format (joiners aside), surrogate or separator character is left."""
    left = {char for char in escape(text) if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")}
    assert not left
    assert not set(escape(text)) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff")


@given(st.text())
def test_json_is_the_same_value_after_escaping(text: str) -> None:
    """escape_json changes the spelling of JSON, never its meaning."""
    assert json.loads(escape_json(json.dumps({"k": text}, ensure_ascii=False))) == {"k": text}


def test_json_of_hostile_text_has_no_raw_control_character() -> None:
    """A terminal that shows JSON is as safe as one that shows a table."""
    shown = escape_json(json.dumps(HOSTILE, ensure_ascii=False))
    assert shown.isprintable()


def test_tsv_cells_hold_neither_tab_nor_newline_and_can_be_undone() -> None:
    """Backslashes are doubled, so an escaped newline differs from a typed one."""
    assert escape_tsv("a\tb\n\\n") == "a\\tb\\n\\\\n"


def test_output_on_a_terminal_keeps_lines_and_tabs_only() -> None:
    """A job's output may not repaint the screen that shows it."""
    assert escape_output("a\tb\r\nc\x1b[2J") == "a\tb\nc\\e[2J"


def test_names_in_every_script_stay_readable() -> None:
    """Escaping is for what deceives, not for what is foreign."""
    assert escape("Zoë 東京 שלום 👩\u200d🚀") == "Zoë 東京 שלום 👩\u200d🚀"


def test_long_text_is_cut_to_its_first_line() -> None:
    """A 10 kB error takes one line."""
    assert len(shorten("x" * 10_000 + "\nmore", 80)) == 80


@pytest.mark.parametrize(
    ("environ", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, False, True),
        ({"CLICOLOR": "0"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_the_environment_decides_about_colour(environ: dict[str, str], terminal: bool, wanted: bool) -> None:
    """NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR and TERM=dumb mean what they mean elsewhere."""
    assert colour_wanted("auto", terminal, environ) is wanted


def test_the_colour_flag_wins_over_the_environment() -> None:
    """--color is the user's last word."""
    assert colour_wanted("always", False, {"NO_COLOR": "1"})
    assert not colour_wanted("never", True, {"FORCE_COLOR": "1"})


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C"}, False),
        ({}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LC_CTYPE": "UTF-8"}, True),
    ],
)
def test_symbols_are_ascii_where_the_locale_is(environ: dict[str, str], wanted: bool) -> None:
    """LANG=C gets ASCII, also after Python has coerced LC_CTYPE (PEP 538)."""
    assert unicode_wanted(environ) is wanted
