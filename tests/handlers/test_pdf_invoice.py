"""The `pdf_invoice` handler: what is printed, what it adds up to, and that it is always the same."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from pypdf import PdfReader
from pypdf.generic import ByteStringObject, TextStringObject

from jobsched.core.handler import Cancelled, Discard
from jobsched.handlers._invoice import Invoice
from jobsched.handlers._invoice_totals import calculate
from jobsched.handlers.pdf_invoice import pdf_invoice

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)


def invoice(**changes: Any) -> dict[str, Any]:
    """A small valid invoice."""
    return {
        "number": "2026-0042",
        "date": "2026-01-31",
        "seller": {"name": "Example GmbH", "address": ["Hauptstraße 1"]},
        "buyer": {"name": "Buyer Ltd"},
        "items": [
            {"description": "Consulting", "quantity": "7.5", "unit_price": "120.00", "tax_rate": 19},
            {"description": "Handbook", "quantity": 2, "unit_price": "29.90", "tax_rate": 7},
        ],
        **changes,
    }


def printed(context: RecordingContext, payload: dict[str, Any]) -> PdfReader:
    result = pdf_invoice(Invoice.model_validate(payload), context)
    (file,) = result["files"]
    return PdfReader(io.BytesIO(context.objects.get(file["bucket"], file["key"])))


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def test_the_totals_are_printed_and_returned(context: RecordingContext) -> None:
    """Subtotal, tax by rate, and total, in the currency."""
    payload = Invoice.model_validate(invoice(discount={"percent": 5}))
    result = pdf_invoice(payload, context)
    assert (result["total"], result["currency"]) == ("1078.24", "EUR")
    assert result["taxes"] == [
        {"rate": "7", "net": "56.81", "tax": "3.98"},
        {"rate": "19", "net": "855.00", "tax": "162.45"},
    ]
    text = text_of(printed(context, invoice(discount={"percent": 5})))
    for line in (
        "Consulting 7.5 120.00 19% 900.00",
        "Subtotal 959.80 EUR",
        "Discount -47.99 EUR",
        "Net 911.81 EUR",
        "Tax 7% of 56.81 3.98 EUR",
        "Tax 19% of 855.00 162.45 EUR",
        "Total 1,078.24 EUR",
        "rounded half up to 0.01 EUR",
        "Number 2026-0042",
        "Date 2026-01-31",
    ):
        assert line in text


def test_the_file_is_in_the_bucket_secure(context: RecordingContext) -> None:
    """Under its number, with size and hash."""
    (file,) = pdf_invoice(Invoice.model_validate(invoice()), context)["files"]
    assert (file["bucket"], file["key"]) == ("secure", "invoices/2026-0042.pdf")
    assert context.objects.head("secure", file["key"]).size == file["size"]


@pytest.mark.parametrize("number", ["../../x", "a/b", "..", ".hidden", "", "a\\b", "a b", "a\n", "x" * 65, "ä"])
def test_a_number_that_is_no_file_name_is_refused_at_the_door(number: str) -> None:
    """So that no invoice is written outside its folder."""
    with pytest.raises(ValidationError, match="number"):
        Invoice.model_validate(invoice(number=number))


def test_the_same_invoice_gives_the_same_bytes_in_another_process(context: RecordingContext) -> None:
    """Whatever the hash seed, the clock and the folder of the fonts."""
    payload = invoice(buyer={"name": "北京 مرحبا Ωμέγα"}, brand={"logo": {"data": png_logo()}})
    (file,) = pdf_invoice(Invoice.model_validate(payload), context)["files"]
    script = (
        "import sys, hashlib\n"
        "from jobsched.handlers import _invoice, _invoice_pdf, _invoice_totals, pdf_invoice\n"
        "invoice = _invoice.Invoice.model_validate_json(sys.stdin.read())\n"
        "from jobsched.core.config import load\n"
        "class Context:\n"
        "    settings = load(environ={})\n"
        "    def log(self, *a, **k): pass\n"
        "logo = pdf_invoice._read_logo(invoice.brand.logo, Context())\n"
        "totals = _invoice_totals.calculate(invoice)\n"
        "data, _ = _invoice_pdf.render(invoice, totals, logo, _invoice_totals.smallest_unit('EUR'))\n"
        "print(hashlib.sha256(data).hexdigest())\n"
    )
    text = Invoice.model_validate(payload).model_dump_json(exclude_none=True)
    env = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", script], input=text, capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout.strip() == file["sha256"]
    assert done.stderr == ""


def test_nothing_in_the_file_is_of_today(context: RecordingContext) -> None:
    """Its dates are the invoice's, so that tomorrow's file is today's."""
    metadata = printed(context, invoice()).metadata
    assert metadata is not None
    assert {key for key in metadata if key.endswith("Date")} == {"/CreationDate"}
    assert metadata["/CreationDate"].startswith("D:20260131000000")


def test_a_long_invoice_repeats_its_header_and_counts_its_pages(context: RecordingContext) -> None:
    """Every page that has lines has the header; every page says which of how many it is."""
    items = [{"description": f"Item {number}", "unit_price": "1.00"} for number in range(100)]
    pages = [page.extract_text() for page in printed(context, invoice(items=items)).pages]
    assert len(pages) >= 3
    for number, page in enumerate(pages, 1):
        assert f"Invoice 2026-0042 · Page {number} of {len(pages)}" in page
        assert ("Item " not in page) or ("Description Quantity Unit price" in page)
    assert "".join(pages).count("Item ") == 100
    assert "Total 100.00 EUR" in pages[-1]


def test_a_long_invoice_stops_soon_when_it_is_asked_to(context: RecordingContext) -> None:
    """Wherever it is: the longest take minutes, and who does not listen is ended with its neighbours."""
    asked = 0
    check = context.check_cancelled

    def check_and_count() -> None:
        nonlocal asked
        asked += 1
        context.cancelled = asked > 300
        check()

    context.check_cancelled = check_and_count  # type: ignore[method-assign]
    items = [{"description": "x", "unit_price": 1}] * 100
    with pytest.raises(Cancelled):
        pdf_invoice(Invoice.model_validate(invoice(items=items)), context)
    assert asked == 301


@pytest.mark.parametrize("lines", range(22, 30))
def test_the_totals_never_stand_on_a_page_alone(context: RecordingContext, lines: int) -> None:
    """The last line goes with them, under a header of its own."""
    items = [{"description": f"Item {number}", "unit_price": "1.00"} for number in range(lines)]
    pages = [page.extract_text() for page in printed(context, invoice(items=items)).pages]
    for part in ("Description Quantity", f"Item {lines - 1}", "Subtotal", f"Total {lines}.00 EUR"):
        assert part in pages[-1]
    assert "".join(pages).count("Item ") == lines


@pytest.mark.parametrize(
    "description",
    ["a\n" * 400, "W" * 1000, "-" * 1000, "שלום " * 200, "ש" + "-" * 999],
    ids=["lines", "wide", "neutral", "right to left", "both"],
)
def test_a_description_longer_than_a_page_goes_on_in_the_next_row(context: RecordingContext, description: str) -> None:
    """What passes the door can be drawn."""
    reader = printed(context, invoice(items=[{"description": description, "unit_price": "1.00"}] * 2))
    text = text_of(reader)
    for character in set(description) - set("\n "):
        assert text.count(character) >= 2 * description.count(character)
    assert all("Description Quantity" in page.extract_text() for page in reader.pages)


@pytest.mark.parametrize("word", ["שלום", "مرحبا"])
def test_a_number_after_right_to_left_text_is_read_after_it(context: RecordingContext, word: str) -> None:
    """Left of it, that is, and not turned round; also within text from left to right (UAX #9, rule L2)."""
    text = text_of(printed(context, invoice(notes=f"Mixed {word} 4,125.50 end"))).replace("\n", " ")
    visual = "".join(text.split())
    number = visual.index("4,125.50")
    assert visual.index("Mixed") < number < visual.index("end")
    assert min(visual.index(character, visual.index("Mixed")) for character in word) > number


SCRIPTS = {
    "greek": "Ωμέγα Εμπορική",
    "cyrillic": "Общество Ёлка",
    "vietnamese": "Công ty Nguyễn",
    "chinese": "北京发票有限公司",
    "japanese": "株式会社カタカナ",
    "korean": "주식회사 한국",
    "arabic": "شركة",
    "hebrew": "חברה",
    "thai": "บริษัท",
    "devanagari": "कंपनी",
    "combining": "Z̷a̋ m̈",
    "symbols": "✈ ☎",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_name_of_any_script_is_printed(context: RecordingContext, script: str) -> None:
    """With real glyphs: the text is in the PDF, and no character had to be replaced."""
    name = SCRIPTS[script]
    text = text_of(printed(context, invoice(buyer={"name": name})))
    assert {character for character in name if not character.isspace()} <= set(text)
    assert "\N{REPLACEMENT CHARACTER}" not in text
    assert context.logs == []


def test_no_page_shows_the_box_of_a_missing_glyph(context: RecordingContext) -> None:
    """All scripts together, over several pages, with accents that combine and what has no shape: glyph 0,
    .notdef, is in none of the strings that are drawn."""
    unseen = "a\u0301 e\u0323\u0302 \ufeffbom zero\u200bwidth \u2764\ufe0f नि\u200dक soft\u00adhyphen"
    items = [
        {"description": f"{n} {name}", "unit_price": "1"} for n, name in enumerate([*SCRIPTS.values(), unseen] * 8)
    ]
    reader = printed(context, invoice(items=items, buyer={"name": " ".join(SCRIPTS.values())}))
    assert context.logs == []
    shown = 0
    for page in reader.pages:
        content = page.get_contents()
        assert content is not None
        for operands, operator in content.operations:
            for each in operands[0] if operator == b"TJ" else operands if operator == b"Tj" else []:
                if isinstance(each, ByteStringObject | TextStringObject):
                    codes = each.original_bytes
                    shown += len(codes) // 2
                    assert b"\0\0" not in [codes[at : at + 2] for at in range(0, len(codes), 2)]
    assert shown > 1000


def test_a_character_that_no_font_has_is_replaced_and_told(context: RecordingContext) -> None:
    """The job succeeds, and its log says what could not be printed."""
    text = text_of(printed(context, invoice(notes="smile \U0001f600 !")))
    assert "smile \N{REPLACEMENT CHARACTER} !" in text
    assert context.logs[0][1] == {"characters": "U+1F600"}


def test_text_cannot_turn_an_amount_round_or_smuggle_control_characters(context: RecordingContext) -> None:
    """Direction marks and escape sequences are left out; markup is only text."""
    text = text_of(printed(context, invoice(notes="a\u202e00.1\u202c b\x1b[31m [red]**c**[/red] {nb}")))
    assert "a00.1 b [31m [red]**c**[/red] {nb}" in text


def png_logo() -> str:
    out = io.BytesIO()
    Image.new("RGBA", (300, 100), (200, 30, 30, 128)).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_a_logo_comes_with_the_payload_or_from_the_object_store(context: RecordingContext) -> None:
    """PNG or JPEG; it is in the PDF, once."""
    (image,) = printed(context, invoice(brand={"logo": {"data": png_logo()}})).pages[0].images
    assert (image.image.size if image.image else None) == (300, 100)
    out = io.BytesIO()
    Image.new("RGB", (2000, 1000), "navy").save(out, "JPEG")
    context.objects.put("brand", "logo.jpg", out.getvalue(), "image/jpeg")
    logo = {"bucket": "brand", "key": "logo.jpg"}
    (image,) = printed(context, invoice(brand={"logo": logo, "colour": "#ffee00"})).pages[0].images
    assert (image.image.size if image.image else None) == (900, 450)


def test_a_logo_that_is_damaged_or_missing_is_discarded(context: RecordingContext) -> None:
    """No attempt could succeed."""
    with pytest.raises(Discard, match="image"):
        printed(context, invoice(brand={"logo": {"data": base64.b64encode(b"\x89PNG\r\n\x1a\nxx").decode()}}))
    with pytest.raises(Discard, match="no object"):
        printed(context, invoice(brand={"logo": {"bucket": "brand", "key": "none"}}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"due_date": "2026-01-30"}, "due_date"),
        ({"items": []}, "items"),
        ({"items": [{"description": "x", "unit_price": "1", "discount": {"amount": "1.01"}}]}, r"items\.0\.discount"),
        ({"items": [{"description": "x", "unit_price": "NaN"}]}, "unit_price"),
        ({"items": [{"description": "x", "unit_price": "1", "quantity": 0}]}, "quantity"),
        ({"discount": {"amount": "5000"}}, "discount: 5000.00 is more than"),
        ({"discount": {"amount": 1, "percent": 1}}, "either percent or amount"),
        ({"currency": "euro"}, "currency"),
        ({"brand": {"colour": "red"}}, "colour"),
        ({"brand": {"logo": {"data": "%%%"}}}, "not base64"),
        ({"brand": {"logo": {"data": base64.b64encode(b"GIF89a").decode()}}}, "neither PNG nor JPEG"),
        ({"brand": {"logo": {"bucket": "brand"}}}, "give both"),
        ({"brand": {"logo": {"bucket": "brand", "key": "a\x1b[31m"}}}, r"brand\.logo\.key\n.*control"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_door(changes: dict[str, Any], message: str) -> None:
    """With the field's name, before the job is stored."""
    with pytest.raises(ValidationError, match=message):
        Invoice.model_validate(invoice(**changes))


@pytest.mark.parametrize(("currency", "total"), [("JPY", "2"), ("EUR", "1.50"), ("KWD", "1.500")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, total: str) -> None:
    """None for yen, three for dinars; halves go up."""
    payload = invoice(currency=currency, items=[{"description": "x", "unit_price": "1.5"}])
    assert str(calculate(Invoice.model_validate(payload)).total) == total


DIGITS = {"EUR": 2, "JPY": 0, "BHD": 3}
percents = st.decimals(0, 100, places=2)
prices = st.decimals(0, 100_000, places=4)
discounts = st.none() | st.fixed_dictionaries({"percent": percents}) | st.fixed_dictionaries({"part": percents})
"""`part`: an amount, given here as so many percent of what it is off, since it may not be more."""
items = st.fixed_dictionaries(
    {
        "description": st.just("x"),
        "quantity": st.decimals(Decimal("0.001"), 1000, places=3),
        "unit_price": prices,
        "tax_rate": st.sampled_from([Decimal(rate) for rate in ("0", "5.5", "7", "19")]) | percents,
        "discount": discounts,
    }
)


def half_up(amount: Fraction, digits: int) -> int:
    """Smallest units, halves up: integer arithmetic, nothing of `decimal`."""
    scaled = amount * 10**digits * 2 + 1
    return scaled.numerator // scaled.denominator // 2


def taken_off(discount: dict[str, Any] | None, whole: int, digits: int) -> tuple[int, dict[str, Any] | None]:
    """The discount in smallest units, and as the payload says it."""
    if discount is None:
        return 0, None
    if "percent" in discount:
        return half_up(Fraction(discount["percent"]) / 100 * whole / 10**digits, digits), discount
    amount = int(Fraction(discount["part"]) / 100 * whole)
    return amount, {"amount": str(Decimal(amount).scaleb(-digits))}


def shares(amount: int, weights: list[int]) -> list[int]:
    """Hamilton's method: everybody's whole part, then one more for the largest remainders."""
    exact = [Fraction(amount * weight, sum(weights) or 1) for weight in weights]
    parts = [int(each) for each in exact]
    left = amount - sum(parts) if sum(weights) else 0
    for _, index in sorted((part - share, index) for index, (share, part) in enumerate(zip(exact, parts, strict=True)))[
        :left
    ]:
        parts[index] += 1
    return parts


@settings(max_examples=200, deadline=None)
@given(st.lists(items, min_size=1, max_size=8), discounts, st.sampled_from(sorted(DIGITS)))
def test_totals_agree_with_an_independent_computation(
    lines: list[dict[str, Any]], discount: dict[str, Any] | None, currency: str
) -> None:
    """To the smallest unit, in whole numbers and fractions; and whatever is printed adds up."""
    digits = DIGITS[currency]
    nets: dict[Fraction, int] = {}
    line_nets = []
    for line in lines:
        gross = half_up(Fraction(line["quantity"]) * Fraction(line["unit_price"]), digits)
        off, line["discount"] = taken_off(line["discount"], gross, digits)
        line_nets.append(gross - off)
        rate = Fraction(line["tax_rate"])
        nets[rate] = nets.get(rate, 0) + gross - off
    subtotal = sum(line_nets)
    reduction, said = taken_off(discount, subtotal, digits)
    rates = sorted(nets)
    parts = shares(reduction, [nets[rate] for rate in rates])
    expected = []
    for rate, part in zip(rates, parts, strict=True):
        net = nets[rate] - part
        expected.append((rate, net, half_up(rate / 100 * net / 10**digits, digits)))

    totals = calculate(Invoice.model_validate(invoice(items=lines, discount=said, currency=currency)))

    def units(amount: Decimal) -> int:
        assert -amount.as_tuple().exponent == digits  # type: ignore[operator]
        return int(amount.scaleb(digits))

    assert [units(each.net) for each in totals.lines] == line_nets
    assert (units(totals.subtotal), units(totals.discount)) == (subtotal, reduction)
    assert [(Fraction(each.rate), units(each.net), units(each.tax)) for each in totals.taxes] == expected
    assert sum(net for _, net, _ in expected) == units(totals.net) == subtotal - reduction
    assert units(totals.total) == subtotal - reduction + sum(tax for _, _, tax in expected)
