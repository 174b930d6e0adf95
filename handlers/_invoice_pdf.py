"""Draws an invoice. Not a handler, and read only by one that runs: fpdf takes a second to load.

The same invoice gives the same bytes: the creation date is the invoice's, and fpdf2 makes the file's
id from that and the content.
"""

from __future__ import annotations

import logging
import tempfile
import unicodedata
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from fpdf import FPDF, FontFace, XPos, YPos
from fpdf.enums import TableBordersLayout

from . import _fonts

if TYPE_CHECKING:
    from PIL.Image import Image

    from ._invoice import Invoice, Party
    from ._invoice_totals import Totals

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


def render(invoice: Invoice, totals: Totals, logo: Image | None, unit: Decimal) -> tuple[bytes, set[str]]:
    """Return the PDF and the characters for which no font has a glyph (printed as a replacement)."""
    with tempfile.TemporaryDirectory(prefix="jobsched-fonts-") as folder:
        text = LABELS + clean(invoice.model_dump_json())
        pdf = _InvoicePdf(invoice)
        pdf.missing = _fonts.install(pdf, text, Path(folder))
        pdf.add_page()
        _draw_head(pdf, invoice, logo)
        _draw_lines(pdf, invoice, totals)
        _draw_totals(pdf, invoice, totals)
        _draw_end(pdf, invoice, unit)
        return bytes(pdf.output()), pdf.missing


def clean(text: str) -> str:
    """Return `text` without control characters and without marks that turn its direction round."""
    return "".join(
        " " if unicodedata.category(character) in _NOT_PRINTED and character != "\n" else character
        for character in text
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

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(format="A4")
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
    """The table of lines; its header is repeated on every page."""
    pdf.set_font(_fonts.MAIN, "", 8.5)
    pdf.set_draw_color(200)
    heading = FontFace(emphasis="BOLD", color=_readable_on(pdf.colour), fill_color=pdf.colour)
    with pdf.table(
        col_widths=(66, 22, 26, 20, 14, 26),
        text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT", "RIGHT"),
        headings_style=heading,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=4.6,
        padding=1,
    ) as table:
        table.row(("Description", "Quantity", "Unit price", "Discount", "Tax", "Amount"))
        for item, line in zip(invoice.items, totals.lines, strict=True):
            table.row(
                (
                    pdf.fit(item.description),
                    f"{plain(item.quantity)} {pdf.fit(item.unit)}".strip(),
                    money(item.unit_price),
                    money(-line.discount) if line.discount else "",
                    f"{plain(item.tax_rate)}%",
                    money(line.net),
                )
            )
    pdf.set_y(pdf.get_y() + 5)


def _draw_totals(pdf: _InvoicePdf, invoice: Invoice, totals: Totals) -> None:
    rows = [("Subtotal", totals.subtotal)]
    if totals.discount:
        rows += [("Discount", -totals.discount), ("Net", totals.net)]
    rows += [(f"Tax {plain(each.rate)}% of {money(each.net)}", each.tax) for each in totals.taxes]
    height = 5.5 * (len(rows) + 1) + 4 + (0 if invoice.notes else 12)
    if pdf.will_page_break(height) and height < pdf.eph:
        pdf.add_page()
    for label, amount in rows:
        _draw_amount(pdf, label, f"{money(amount)} {invoice.currency}", 9, "")
    pdf.set_draw_color(*pdf.colour)
    pdf.line(pdf.w - MARGIN - 90, pdf.get_y() + 1, pdf.w - MARGIN, pdf.get_y() + 1)
    pdf.set_y(pdf.get_y() + 2)
    _draw_amount(pdf, "Total", f"{money(totals.total)} {invoice.currency}", 12, "B")


def _draw_amount(pdf: _InvoicePdf, label: str, amount: str, size: float, style: str) -> None:
    pdf.set_font(_fonts.MAIN, style, size)
    pdf.set_x(pdf.w - MARGIN - 90)
    pdf.cell(50, 5.5, label)
    pdf.cell(40, 5.5, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


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
