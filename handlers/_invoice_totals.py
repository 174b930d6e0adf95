"""What an invoice comes to. Not a handler.

Rounding, always half up and always to the currency's smallest unit (ISO 4217):
1. each line: quantity x unit price, then its discount, then the difference is the line's net;
2. the discount on the whole; it is spread over the tax rates in proportion to their nets, by the
   method of largest remainders, so that the parts add up to it exactly;
3. the tax of each rate, once, on what is left of that rate's net.
The total is the sum of these rounded amounts, so what is printed always adds up.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._invoice import Discount, Invoice, Item

_NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())  # noqa: SIM905
_THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905
_EXACT = Context(prec=60)
"""18-digit prices times 15-digit quantities times rates: nothing is rounded before we say so."""


@dataclass(frozen=True, slots=True)
class LineTotal:
    """gross: before the line's discount. net: after it."""

    gross: Decimal
    discount: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """One tax rate. net: of its lines, less its part of the invoice's discount."""

    rate: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """subtotal: sum of the lines' nets. net: subtotal less discount. total: net plus tax. taxes: by rate."""

    lines: tuple[LineTotal, ...]
    subtotal: Decimal
    discount: Decimal
    net: Decimal
    taxes: tuple[TaxTotal, ...]
    tax: Decimal
    total: Decimal


def smallest_unit(currency: str) -> Decimal:
    """0.01 for most currencies, 1 for yen and its like, 0.001 for dinars."""
    if currency in _NO_DECIMALS:
        return Decimal(1)
    return Decimal("0.001") if currency in _THREE_DECIMALS else Decimal("0.01")


def calculate(invoice: Invoice) -> Totals:
    """Return every amount of the invoice. ValueError: a discount larger than what it is off."""
    unit = smallest_unit(invoice.currency)
    lines = tuple(_line(item, unit, number) for number, item in enumerate(invoice.items))
    subtotal = sum((line.net for line in lines), Decimal(0))
    discount = _discount(invoice.discount, subtotal, unit, "discount")
    nets: dict[Decimal, Decimal] = {}
    for item, line in zip(invoice.items, lines, strict=True):
        nets[item.tax_rate] = nets.get(item.tax_rate, Decimal(0)) + line.net
    rates = sorted(nets)
    parts = _spread(discount, [nets[rate] for rate in rates], unit)
    taxes = tuple(_tax(rate, nets[rate] - part, unit) for rate, part in zip(rates, parts, strict=True))
    tax = sum((each.tax for each in taxes), Decimal(0))
    net = subtotal - discount
    return Totals(lines, _round(subtotal, unit), discount, _round(net, unit), taxes, tax, _round(net + tax, unit))


def _line(item: Item, unit: Decimal, number: int) -> LineTotal:
    gross = _round(_EXACT.multiply(item.quantity, item.unit_price), unit)
    discount = _discount(item.discount, gross, unit, f"items.{number}.discount")
    return LineTotal(gross, discount, gross - discount)


def _discount(discount: Discount | None, whole: Decimal, unit: Decimal, field: str) -> Decimal:
    if discount is None:
        return _round(Decimal(0), unit)
    if discount.percent is not None:
        return _percent(whole, discount.percent, unit)
    amount = _round(discount.amount or Decimal(0), unit)
    if amount > whole:
        raise ValueError(f"{field}: {amount} is more than the {whole} that it is off")
    return amount


def _tax(rate: Decimal, net: Decimal, unit: Decimal) -> TaxTotal:
    return TaxTotal(rate, _round(net, unit), _percent(net, rate, unit))


def _spread(amount: Decimal, weights: list[Decimal], unit: Decimal) -> list[Decimal]:
    """Split `amount` in proportion to `weights` so that the rounded parts add up to it exactly."""
    whole, coins = int(sum(weights) / unit), int(amount / unit)
    if not whole:
        return [Decimal(0)] * len(weights)
    exact = [divmod(coins * int(weight / unit), whole) for weight in weights]
    parts = [quotient for quotient, _ in exact]
    by_remainder = sorted(range(len(weights)), key=lambda index: -exact[index][1])
    for index in by_remainder[: coins - sum(parts)]:
        parts[index] += 1
    return [part * unit for part in parts]


def _percent(amount: Decimal, rate: Decimal, unit: Decimal) -> Decimal:
    return _round(_EXACT.multiply(_EXACT.multiply(amount, rate), Decimal("0.01")), unit)


def _round(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, ROUND_HALF_UP, _EXACT)
