"""Minor units: how many digits an amount of a currency has behind the point. Nothing is rounded without it.

ISO 4217 lists the exponents; the tables name the currencies whose exponent is not two.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

_WITHOUT = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_WITH_THREE = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def digits_of(currency: str) -> int:
    """Digits behind the point; two for a currency that is not known."""
    return 0 if currency in _WITHOUT else 3 if currency in _WITH_THREE else 2


def to_minor(amount: Decimal, currency: str) -> Decimal:
    """The amount in whole minor units of its currency, half to even; it keeps its own exponent otherwise."""
    return amount.quantize(Decimal(1).scaleb(-digits_of(currency)), rounding=ROUND_HALF_EVEN)
