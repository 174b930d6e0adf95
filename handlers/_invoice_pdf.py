"""Draws an invoice. Not a handler, and read only by one that runs: fpdf takes a second to load.

The same invoice gives the same bytes: the creation date is the invoice's, and fpdf2 makes the file's
id from that and the content.
"""

from __future__ import annotations

import logging
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpdf import FPDF, FontFace, XPos, YPos
from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import MethodReturnValue, TableBordersLayout, TextDirection
from fpdf.fonts import TTFFont

from . import _fonts

if TYPE_CHECKING:
    from PIL.Image import Image

    from ._invoice import Invoice, Item, Party
    from ._invoice_totals import LineTotal, Totals

MARGIN = 18.0
"""Millimetres, as all lengths here."""
LOGO_BOX = (55.0, 22.0)
LABELS = (
    "Invoice Number Date Due From To Tax ID Description Quantity Unit price Discount Tax Amount Net Subtotal Total "
    "rate Page of Every line and the tax of every rate is rounded half up to 0123456789.,%-·"
)
ROUNDING = "Every line, and the tax of every rate, is rounded half up to {unit} {currency}."
GREY = 110
PAGES = "\u200e\u200f\u200e"
"""Stands for the number of pages until it is known; `clean` leaves no such text to anybody else."""
_NOT_PRINTED = frozenset({"Cc", "Cs", "Co", "Cn"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that could make a printed amount read backwards."""
_UNSEEN = re.compile("[\ufe00-\ufe0f\u180b-\u180f\u2060-\u206f\ufeff\U000e0000-\U000e01ef]")
"""Variation selectors and the like: there is nothing to print, and most fonts would show a box."""
TOTALS_WIDTH = 90.0
BIDI_CHARACTERS = 400
COLUMNS = (66, 22, 26, 20, 14, 26)
HEADINGS = ("Description", "Quantity", "Unit price", "Discount", "Tax", "Amount")
ROW_PADDING, LINE_HEIGHT = 1, 4.6
ROW_LINES = 20
"""A description of more lines goes on in the next row."""


def render(
    invoice: Invoice, totals: Totals, logo: Image | None, unit: Decimal, check: Callable[[], None] = lambda: None
) -> tuple[bytes, set[str]]:
    """Return the PDF and the characters for which no font has a glyph (printed as a replacement).

    check: called before each piece of text, to stop by an exception: the longest invoices take minutes.
    """
    with tempfile.TemporaryDirectory(prefix="jobsched-fonts-") as folder:
        text = LABELS + clean(invoice.model_dump_json())
        pdf = _InvoicePdf(invoice, check)
        try:
            pdf.missing = _fonts.install(pdf, text, Path(folder))
            pdf.add_page()
            _draw_head(pdf, invoice, logo)
            _draw_lines(pdf, invoice, totals)
            _draw_totals(pdf, invoice, totals)
            _draw_end(pdf, invoice, unit)
            return bytes(pdf.output()), pdf.missing
        finally:
            pdf.close_fonts()


def clean(text: str) -> str:
    """Return `text` without control characters, without what has no shape, and without marks that turn
    its direction round."""
    return "".join(
        " " if unicodedata.category(character) in _NOT_PRINTED and character != "\n" else character
        for character in _UNSEEN.sub("", text)
        if character not in _DIRECTIONS
    )


def money(amount: Decimal) -> str:
    """`1234.5` as `1,234.50`: the decimals are those that the amount was rounded to."""
    return f"{amount:,f}"


def plain(number: Decimal) -> str:
    """`19.00` as `19`, `2.50` as `2.5`."""
    return f"{number.normalize():f}"


# Fonts hold tables for other programs; that they are left out of the PDF is no news.
logging.getLogger("fontTools.subset").setLevel(logging.ERROR)


class _InvoicePdf(FPDF):
    """Pages with a footer that says which invoice and which page of how many it is."""

    def __init__(self, invoice: Invoice, check: Callable[[], None]) -> None:
        super().__init__(format="A4")
        self._check = check
        self.missing: set[str] = set()
        self._number = invoice.number
        self.colour = tuple(int(invoice.brand.colour[start : start + 2], 16) for start in (1, 3, 5))
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, margin=MARGIN + 4)
        self.set_creation_date(datetime.combine(invoice.date, time(), UTC))
        self.set_title(f"Invoice {invoice.number}")
        self.set_author(clean(invoice.seller.name))
        self.set_creator("jobsched")
        self.alias_nb_pages(PAGES)

    def footer(self) -> None:
        """The number of pages is known at the end only, and fpdf2 cannot put it into shaped text."""
        self.set_y(-MARGIN)
        self.set_text_shaping(False)
        self.set_font(_fonts.MAIN, "", 8)
        self.set_text_color(GREY)
        self.cell(0, 6, f"Invoice {self._number} · Page {self.page_no()} of {PAGES}", align="C")
        self.set_text_color(0)
        self.set_text_shaping(True)

    def close_fonts(self) -> None:
        """Close their files, which only a PDF that was finished has closed."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def multi_cell(self, *args: Any, **options: Any) -> Any:
        """Paragraphs, measuring, and each cell of a table come by here."""
        self._check()
        return super().multi_cell(*args, **options)

    def _preload_bidirectional_text(self, text: str, markdown: bool) -> Any:
        """Cut `text` into runs of one direction, each line by itself.

        Instead of fpdf2's own, which takes all lines for one paragraph, and more.
        """
        if not self.text_shaping:
            return super()._preload_bidirectional_text(text, markdown)
        fragments: list[Any] = []
        for line in re.findall("[^\n]*\n|[^\n]+", text):
            base = auto_detect_base_direction(line)
            self.text_shaping["paragraph_direction"] = base
            for backwards, run in _runs(line, base):
                self.text_shaping["fragment_direction"] = TextDirection.RTL if backwards else TextDirection.LTR
                fragments += self._preload_font_styles(run, False)
        return tuple(fragments)

    def fit(self, text: str) -> str:
        """Return `text` as it can be printed."""
        return "".join(
            "\N{REPLACEMENT CHARACTER}" if character in self.missing else character for character in clean(text)
        )

    def paragraph(self, text: str, *, size: float = 9, style: str = "", width: float = 0, align: str = "L") -> None:
        """Print a paragraph from the present x, then go below it."""
        self.set_font(_fonts.MAIN, style, size)
        x = self.get_x()
        self.multi_cell(width, size * 0.5, self.fit(text), align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_x(x)


def _runs(line: str, base: TextDirection) -> Iterator[tuple[bool, str]]:
    """The runs of a line in the order of reading, and whether each goes from right to left.

    fpdf2 puts runs of two levels in order (UAX #9, rule L2). A number within right-to-left text that is
    itself within left-to-right text is of a third: it is handed on turned round and as a part of the
    text around it, which turns it back.
    """
    if not any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in line):
        yield False, line
        return
    # fpdf2 goes over neutral characters by recursion, so not too many at once.
    for start in range(0, len(line), BIDI_CHARACTERS):
        paragraph = BidiParagraph(line[start : start + BIDI_CHARACTERS], base, preserve_bn_chars=True)
        for level, run in groupby(paragraph.characters, key=lambda each: each.embedding_level):
            characters = "".join(each.character for each in run)
            turned = level == 2 and base is TextDirection.LTR
            yield level % 2 == 1 or turned, characters[::-1] if turned else characters


def _draw_head(pdf: _InvoicePdf, invoice: Invoice, logo: Image | None) -> None:
    top, right = pdf.get_y(), pdf.w - MARGIN - 70
    if logo is not None:
        scale = min(LOGO_BOX[0] / logo.width, LOGO_BOX[1] / logo.height)
        pdf.image(logo, MARGIN, top, logo.width * scale, logo.height * scale)
        pdf.set_y(top + logo.height * scale + 3)
    pdf.set_text_color(*pdf.colour)
    pdf.paragraph(invoice.brand.name or invoice.seller.name, size=15, style="B", width=95)
    pdf.set_text_color(0)
    below = pdf.get_y()
    pdf.set_xy(right, top)
    pdf.set_text_color(*pdf.colour)
    pdf.paragraph("Invoice", size=20, style="B", width=70, align="R")
    pdf.set_text_color(0)
    pdf.paragraph(f"Number {invoice.number}", width=70, align="R")
    pdf.paragraph(f"Date {invoice.date.isoformat()}", width=70, align="R")
    if invoice.due_date:
        pdf.paragraph(f"Due {invoice.due_date.isoformat()}", width=70, align="R")
    pdf.set_xy(MARGIN, max(below, pdf.get_y()) + 4)
    pdf.set_draw_color(*pdf.colour)
    pdf.line(MARGIN, pdf.get_y(), pdf.w - MARGIN, pdf.get_y())
    pdf.set_y(pdf.get_y() + 4)
    _draw_parties(pdf, invoice)


def _draw_parties(pdf: _InvoicePdf, invoice: Invoice) -> None:
    top, half = pdf.get_y(), pdf.epw / 2
    ends = []
    for label, party, x in (("From", invoice.seller, MARGIN), ("To", invoice.buyer, MARGIN + half)):
        pdf.set_xy(x, top)
        _draw_party(pdf, label, party, half - 4)
        ends.append(pdf.get_y())
    pdf.set_xy(MARGIN, max(ends) + 6)


def _draw_party(pdf: _InvoicePdf, label: str, party: Party, width: float) -> None:
    pdf.set_text_color(GREY)
    pdf.paragraph(label, size=8, width=width)
    pdf.set_text_color(0)
    pdf.paragraph(party.name, size=10, style="B", width=width)
    for each in party.address:
        pdf.paragraph(each, width=width)
    if party.tax_id:
        pdf.paragraph(f"Tax ID {party.tax_id}", width=width)
    if party.email:
        pdf.paragraph(party.email, width=width)


def _draw_lines(pdf: _InvoicePdf, invoice: Invoice, totals: Totals) -> None:
    """The table of lines; its header is repeated on every page. The totals never stand on a page alone:
    the last line goes with them."""
    pdf.set_font(_fonts.MAIN, "", 8.5)
    pairs = zip(invoice.items, totals.lines, strict=True)
    rows = [row for item, line in pairs for row in _rows(pdf, item, line)]
    if len(rows) > 1:
        _draw_table(pdf, [HEADINGS, *rows[:-1]], headed=True)
    pdf.set_font(_fonts.MAIN, "", 8.5)
    needed = _height_of(pdf, rows[-1]) + _height_of_totals(invoice, totals)
    breaks = pdf.will_page_break(needed) and needed < pdf.eph - LINE_HEIGHT - 2 * ROW_PADDING
    if breaks and len(rows) > 1:
        pdf.add_page()
    headed = breaks or len(rows) == 1
    _draw_table(pdf, [HEADINGS, rows[-1]] if headed else rows[-1:], headed=headed)
    pdf.set_y(pdf.get_y() + 5)


def _rows(pdf: _InvoicePdf, item: Item, line: LineTotal) -> list[tuple[str, ...]]:
    """The item as a row; a long description goes on in more rows, or it might not fit on any page."""
    first, *more = _pieces(pdf, pdf.fit(item.description))
    amounts = (
        f"{plain(item.quantity)} {pdf.fit(item.unit)}".strip(),
        money(item.unit_price),
        money(-line.discount) if line.discount else "",
        f"{plain(item.tax_rate)}%",
        money(line.net),
    )
    return [(first, *amounts), *((piece, *[""] * len(amounts)) for piece in more)]


def _pieces(pdf: _InvoicePdf, text: str) -> list[str]:
    """Cut `text` after every ROW_LINES lines, as they are broken in the column of descriptions."""
    if len(text) <= 10 * ROW_LINES and "\n" not in text:
        return [text]  # measuring takes as long as drawing
    lines = _measure(pdf, text, COLUMNS[0], MethodReturnValue.LINES)
    return ["\n".join(lines[start : start + ROW_LINES]) for start in range(0, len(lines), ROW_LINES)]


def _measure(pdf: _InvoicePdf, text: str, column: float, what: MethodReturnValue) -> Any:
    """Height (mm) or lines of a cell, as the table will make it."""
    width = column * pdf.epw / sum(COLUMNS) - 2 * ROW_PADDING
    return pdf.multi_cell(width, LINE_HEIGHT, text, dry_run=True, output=what)


def _draw_table(pdf: _InvoicePdf, rows: list[tuple[str, ...]], *, headed: bool) -> None:
    pdf.set_font(_fonts.MAIN, "", 8.5)
    pdf.set_draw_color(200)
    heading = FontFace(emphasis="BOLD", color=_readable_on(pdf.colour), fill_color=pdf.colour)
    with pdf.table(
        col_widths=COLUMNS,
        text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT", "RIGHT"),
        first_row_as_headings=headed,
        headings_style=heading,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=LINE_HEIGHT,
        padding=ROW_PADDING,
    ) as table:
        for row in rows:
            table.row(row)


def _height_of(pdf: _InvoicePdf, row: tuple[str, ...]) -> float:
    """Of a row of the table, in mm."""
    heights = [_measure(pdf, text, column, MethodReturnValue.HEIGHT) for text, column in zip(row, COLUMNS, strict=True)]
    return float(max(heights)) + 2 * ROW_PADDING


def _amounts(totals: Totals) -> list[tuple[str, Decimal]]:
    rows = [("Subtotal", totals.subtotal)]
    if totals.discount:
        rows += [("Discount", -totals.discount), ("Net", totals.net)]
    return rows + [(f"Tax {plain(each.rate)}% of {money(each.net)}", each.tax) for each in totals.taxes]


def _height_of_totals(invoice: Invoice, totals: Totals) -> float:
    """In mm, with the gap above them and the words below."""
    return 5 + 5.5 * (len(_amounts(totals)) + 1) + 4 + (0 if invoice.notes else 12)


def _draw_totals(pdf: _InvoicePdf, invoice: Invoice, totals: Totals) -> None:
    if pdf.will_page_break(_height_of_totals(invoice, totals) - 5) and pdf.get_y() > pdf.t_margin + 20:
        pdf.add_page()
    rows = [(label, f"{money(amount)} {invoice.currency}", 9, "") for label, amount in _amounts(totals)]
    total = ("Total", f"{money(totals.total)} {invoice.currency}", 12, "B")
    # Amounts of twenty digits would run into what stands before them.
    fits = all(_width(pdf, *row) < TOTALS_WIDTH for row in (*rows, total))
    left = pdf.w - MARGIN - (TOTALS_WIDTH if fits else pdf.epw)
    for row in rows:
        _draw_amount(pdf, left, *row)
    pdf.set_draw_color(*pdf.colour)
    pdf.line(left, pdf.get_y() + 1, pdf.w - MARGIN, pdf.get_y() + 1)
    pdf.set_y(pdf.get_y() + 2)
    _draw_amount(pdf, left, *total)


def _width(pdf: _InvoicePdf, label: str, amount: str, size: float, style: str) -> float:
    """Of a row of the totals, in mm, with a gap."""
    pdf.set_font(_fonts.MAIN, style, size)
    return float(pdf.get_string_width(label) + pdf.get_string_width(amount)) + 6


def _draw_amount(pdf: _InvoicePdf, left: float, label: str, amount: str, size: float, style: str) -> None:
    pdf.set_font(_fonts.MAIN, style, size)
    pdf.set_x(left)
    pdf.cell(0, 5.5, label)
    pdf.set_x(left)
    pdf.cell(0, 5.5, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _draw_end(pdf: _InvoicePdf, invoice: Invoice, unit: Decimal) -> None:
    pdf.set_xy(MARGIN, pdf.get_y() + 6)
    if invoice.notes:
        pdf.paragraph(invoice.notes)
        pdf.set_y(pdf.get_y() + 3)
    pdf.set_text_color(GREY)
    pdf.paragraph(ROUNDING.format(unit=unit, currency=invoice.currency), size=7.5)
    pdf.set_text_color(0)


def _readable_on(colour: tuple[int, ...]) -> tuple[int, int, int]:
    """White or black, by the relative luminance of what it is printed on (WCAG 2.1)."""
    channels = [value / 255 for value in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)
