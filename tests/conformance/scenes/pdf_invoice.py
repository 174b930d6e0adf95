"""Invoices without a place to go, or with a logo that is not there."""

from __future__ import annotations

from typing import Any

from ..scene import Scene


def temporary(scene: Scene) -> dict[str, Any]:
    """The object store is down."""
    scene.settings(objects__endpoint="http://127.0.0.1:1", objects__access_key="s3cret-k", objects__secret_key="s3cret")
    return _invoice()


def hopeless(scene: Scene) -> dict[str, Any]:
    """Its logo is not in the object store."""
    return _invoice(brand={"logo": {"bucket": "brand", "key": "missing.png"}})


def _invoice(**changes: Any) -> dict[str, Any]:
    parties = {"seller": {"name": "Seller"}, "buyer": {"name": "Buyer"}}
    items = [{"description": "Thing", "unit_price": "1.00"}]
    return {"number": "1", "date": "2026-01-31", "items": items, **parties, **changes}
