"""`pdf_invoice`: an invoice as PDF, in bucket `secure` as `invoices/<number>.pdf`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ..core.handler import Context, handler
from ._invoice import Invoice, Logo
from ._source import put_object, read_object

if TYPE_CHECKING:
    from PIL.Image import Image

BUCKET = "secure"
LOGO_PIXELS = 900
"""Longest side as printed: 55 mm at 400 dots per inch."""


@handler(
    "pdf_invoice",
    timeout=120,
    examples=(
        {
            "number": "2026-0042",
            "date": "2026-01-31",
            "due_date": "2026-02-14",
            "seller": {"name": "Example GmbH", "address": ["Hauptstraße 1", "10115 Berlin"], "tax_id": "DE123456789"},
            "buyer": {"name": "Ωμέγα", "address": ["Οδός Ερμού 5", "Αθήνα"]},
            "currency": "EUR",
            "items": [
                {"description": "Consulting", "quantity": "7.5", "unit": "h", "unit_price": "120.00", "tax_rate": 19},
                {"description": "Handbook", "quantity": 2, "unit_price": "29.90", "tax_rate": 7},
            ],
            "discount": {"percent": 5},
        },
    ),
)
def pdf_invoice(payload: Invoice, context: Context) -> dict[str, Any]:
    """Draw an invoice with totals by tax rate and store it; the same invoice gives the same bytes."""
    from . import _invoice_pdf
    from ._invoice_totals import calculate, smallest_unit

    totals = calculate(payload)
    logo = _read_logo(payload.brand.logo, context) if payload.brand.logo else None
    context.progress(0.2, "drawing")
    data, missing = _invoice_pdf.render(payload, totals, logo, smallest_unit(payload.currency), context.check_cancelled)
    if missing:
        codes = " ".join(f"U+{ord(character):04X}" for character in sorted(missing)[:20])
        context.log("no font has these characters; a replacement was printed", characters=codes)
    context.check_cancelled()
    ref = put_object(BUCKET, f"invoices/{payload.number}.pdf", data, "application/pdf", context)
    taxes = [{"rate": str(each.rate), "net": str(each.net), "tax": str(each.tax)} for each in totals.taxes]
    return {"files": [ref.as_result()], "total": str(totals.total), "currency": payload.currency, "taxes": taxes}


def _read_logo(logo: Logo, context: Context) -> Image:
    from . import _imaging

    if logo.data is not None:
        data = base64.b64decode(logo.data)
    else:
        limit = context.settings["fetch.max_bytes"]
        data = read_object(logo.bucket or "", logo.key or "", context, max_bytes=limit)
    image = _imaging.decode(data, context.settings["images.max_pixels"], note=context.log)
    return _imaging.resize(image, LOGO_PIXELS, LOGO_PIXELS, cover=False, upscale=False, max_pixels=LOGO_PIXELS**2)
