"""The invoice that a payload describes. Not a handler; needs pydantic and nothing heavier."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ._source import Bucket, Key

MAX_LOGO_BYTES = 700_000
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4)]
Price = Annotated[Decimal, Field(ge=0, lt=10**12, max_digits=18, decimal_places=6)]
Line = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Party(_Strict):
    """Who sells or buys. Names may be of any script."""

    name: Line
    address: list[Line] = Field(default_factory=list, max_length=8, description="one line each")
    tax_id: Line | None = Field(None, description="such as a VAT number")
    email: Line | None = None


class Discount(_Strict):
    """Either `percent` or `amount`."""

    percent: Percent | None = Field(None, description="one of percent and amount")
    amount: Price | None = Field(None, description="in the invoice's currency")

    @model_validator(mode="after")
    def _is_one(self) -> Discount:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("give either percent or amount")
        return self


class Item(_Strict):
    """A line: `quantity` times `unit_price` (net), less `discount`, taxed at `tax_rate` percent."""

    description: str = Field(min_length=1, max_length=1000, description="what was delivered")
    quantity: Decimal = Field(
        Decimal(1), gt=0, lt=10**9, max_digits=15, decimal_places=6, description="how many of the unit"
    )
    unit: str = Field("", max_length=20, description="such as h or kg")
    unit_price: Price = Field(description="without tax")
    tax_rate: Percent = Field(Decimal(0), description="percent")
    discount: Discount | None = None


class Logo(_Strict):
    """A PNG or JPEG: its base64 `data`, or object `key` of `bucket`."""

    data: str | None = Field(None, max_length=MAX_LOGO_BYTES * 4 // 3 + 4, description="the image, in base64")
    bucket: Bucket | None = Field(None, description="bucket of the object store in which the image is")
    key: Key | None = Field(None, description="its key there")

    @field_validator("data")
    @classmethod
    def _is_an_image(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            start = base64.b64decode(value, validate=True)[:8]
        except binascii.Error:
            raise ValueError("it is not base64") from None
        if not start.startswith((_PNG, _JPEG)):
            raise ValueError("it is neither PNG nor JPEG")
        return value

    @model_validator(mode="after")
    def _is_one(self) -> Logo:
        if (self.data is None) == (self.bucket is None and self.key is None):
            raise ValueError("give either data, or bucket and key")
        if self.data is None and (self.bucket is None or self.key is None):
            raise ValueError("bucket and key belong together: give both")
        return self


class Brand(_Strict):
    """How it looks. name: shown large; default: the seller's."""

    name: Line | None = None
    logo: Logo | None = None
    colour: str = Field(default="#1f4e79", pattern=r"^#[0-9A-Fa-f]{6}$", description="#rrggbb")


class Invoice(_Strict):
    """An invoice. Prices are net. Amounts are numbers or, to be exact, strings like "19.99"."""

    number: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="letters, digits, . _ and -; the file is invoices/<number>.pdf",
    )
    date: dt.date
    due_date: dt.date | None = None
    seller: Party
    buyer: Party
    brand: Brand = Field(default_factory=Brand)
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217")
    items: list[Item] = Field(min_length=1, max_length=1000, description="the lines of the invoice")
    discount: Discount | None = Field(None, description="off the whole, spread over the tax rates")
    notes: str | None = Field(None, max_length=4000)

    @model_validator(mode="after")
    def _adds_up(self) -> Invoice:
        from ._invoice_totals import calculate

        if self.due_date is not None and self.due_date < self.date:
            raise ValueError("due_date: it is before date")
        calculate(self)
        return self
