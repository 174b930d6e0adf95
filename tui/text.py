"""Text that other people wrote, cut to the cells of a screen: the one door through which it gets there.

A terminal and Rich must agree how wide each character is, or every column to its right is off. So what
terminals join, reorder or disagree about does not come through: controls and bidi marks are spelled out,
joiners and variation selectors are dropped, and no character carries more than two combining marks.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from ..core.model.text import printable

MAX_MARKS = 2
"""Combining marks that a character may carry: Vietnamese needs two, a zalgo text has dozens."""
LONGEST = 4
"""So many characters a cell are looked at, at most: the rest of a text of 10 kB would not be seen anyway."""
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def safe(text: str) -> str:
    """Return `text` on one line, with nothing in it that a terminal obeys or draws in its own way."""
    if text.isascii() and text.isprintable():
        return text
    shown = printable(unicodedata.normalize("NFC", text))
    return shown if shown.isascii() else "".join(_plain(shown))


def lines(text: str, *, most: int = 10_000) -> list[str]:
    """Return the lines of `text`, each made safe; tabs are blanks. most: further lines are left out."""
    return [safe(line.replace("\t", "    ")) for line in text.splitlines()[:most]]


@lru_cache(maxsize=8192)
def fit(text: str, width: int, *, right: bool = False, ascii_only: bool = False) -> str:
    """Return `text`, safe, in exactly `width` cells: filled with blanks, or cut, with a sign that it was.

    right: the blanks come first. ascii_only: for terminals that know nothing else; the rest is spelled out.
    """
    if width <= 0:
        return ""
    seen = LONGEST * width + LONGEST
    shown = in_ascii(safe(text[:seen])) if ascii_only else safe(text[:seen])
    length = cell_len(shown)
    if length > width or len(text) > seen:
        return set_cell_size(set_cell_size(shown, width - 1).rstrip() + ("~" if ascii_only else "…"), width)
    blanks = " " * (width - length)
    return blanks + shown if right else shown + blanks


def in_ascii(text: str) -> str:
    """Spell out what is not ASCII."""
    return text if text.isascii() else text.encode("ascii", "backslashreplace").decode()


def _plain(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            if kept and marks <= MAX_MARKS and not _selects(character):
                kept.append(character)
            continue
        marks = 0
        if category == "Cf" or ord(character) in _SKIN_TONES:
            continue
        kept.append("?" if category in ("Cn", "Co", "Cs") else character)
    return kept


def _selects(character: str) -> bool:
    """Whether it is a variation selector: those change the width of what is before them on some terminals."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
