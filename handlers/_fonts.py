"""Fonts for PDFs, so that a name of any script is printed: Noto Sans for Latin, Greek and Cyrillic,
FiraGO for Arabic, Hebrew, Thai, Devanagari and Georgian, Noto Sans CJK, and two of symbols. All come
as wheels. A font is loaded only for text that needs it, so most documents carry Noto Sans alone.
Not a handler."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fpdf import FPDF
    from fpdf.fonts import TTFFont

MAIN = "sans"
_MAIN_FACES = {"": "NotoSans_Regular", "B": "NotoSans_Bold"}
_FALLBACKS: tuple[tuple[str, dict[str, str]], ...] = (
    ("scripts", {"": "FiraGO_Regular", "B": "FiraGO_Bold"}),
    ("cjk", {}),
    ("symbols", {"": "NotoSansSymbols_Regular"}),
    ("symbols2", {"": "NotoSansSymbols2_Regular"}),
)
_KANA, _HANGUL = re.compile("[\u3040-\u30ff]"), re.compile("[\u1100-\u11ff\uac00-\ud7af]")
_JAPANESE, _KOREAN, _CHINESE = 0, 1, 2
"""Faces of the collection: one character may be drawn differently in each language."""
_IGNORABLE = frozenset("\n\u200c\u200d")


def install(pdf: FPDF, text: str, folder: Path) -> set[str]:
    """Give `pdf` the fonts that `text` needs; return the characters that none of them has.

    folder: where font files are kept until the PDF has been written out.
    """
    _add(pdf, MAIN, _MAIN_FACES, folder)
    missing = _without(pdf, MAIN, set(text) - _IGNORABLE)
    chosen = []
    for family, faces in _FALLBACKS:
        if not missing:
            break
        if family == "cjk":
            _add_cjk(pdf, family, text)
        else:
            _add(pdf, family, faces, folder)
        left = _without(pdf, family, missing)
        if left != missing:
            chosen.append(family)
        missing = left
    pdf.set_fallback_fonts(chosen, exact_match=False)
    # Joins Arabic letters, places combining marks, orders right-to-left text.
    pdf.set_text_shaping(True)
    return missing


def _add(pdf: FPDF, family: str, faces: dict[str, str], folder: Path) -> None:
    for style, name in faces.items():
        path = folder / f"{name}.ttf"
        path.write_bytes(importlib.import_module(f"pymupdf_fonts.{name}").fontbuffer)
        pdf.add_font(family, style, path)


def _add_cjk(pdf: FPDF, family: str, text: str) -> None:
    from noto_cjk_sans_otc import FONT_PATH

    face = _JAPANESE if _KANA.search(text) else _KOREAN if _HANGUL.search(text) else _CHINESE
    pdf.add_font(family, "", str(FONT_PATH), collection_font_number=face)


def _without(pdf: FPDF, family: str, characters: set[str]) -> set[str]:
    """Those of `characters` that the font lacks."""
    known = cast("TTFFont", pdf.fonts[family]).cmap
    return {character for character in characters if ord(character) not in known}
