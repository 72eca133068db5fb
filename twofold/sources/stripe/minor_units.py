"""Stripe's whole numbers to exact amounts: how many decimals each currency has in the API.

Source: docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies" and "Special cases", read
October 2026. The special cases ISK, UGX, HUF and TWD are hundredths in the API, although ISK and UGX have no decimals
in life: 500 is 5 kronur. (The page names UGX in both lists; its own sentence on UGX is the more exact one.)
"""

from __future__ import annotations

from decimal import Decimal

ZERO_DECIMAL = frozenset({
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
})  # fmt: skip
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def to_amount(minor: int, currency: str) -> Decimal:
    """The exact amount in ``currency`` (upper-case)."""
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return Decimal(minor).scaleb(-places)
