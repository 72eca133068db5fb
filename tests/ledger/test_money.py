"""Minor units."""

from __future__ import annotations

from decimal import Decimal

import pytest

from twofold.ledger.money import digits_of, to_minor

# ISO 4217's exponents.
DIGITS = [("EUR", 2), ("USD", 2), ("GEL", 2), ("JPY", 0), ("KRW", 0), ("CLP", 0), ("VND", 0), ("ISK", 0),
          ("KWD", 3), ("BHD", 3), ("TND", 3), ("HUF", 2), ("TWD", 2), ("XYZ", 2)]  # fmt: skip
AMOUNTS = [
    ("12.345", "EUR", "12.34"),  # half to even
    ("12.355", "EUR", "12.36"),
    ("12", "EUR", "12.00"),
    ("1200.5", "JPY", "1200"),
    ("1201.5", "JPY", "1202"),
    ("1.2345", "KWD", "1.234"),
    ("0.0005", "KWD", "0.000"),
]


@pytest.mark.parametrize(("currency", "digits"), DIGITS)
def test_digits_behind_the_point(currency, digits):
    """Each currency has the exponent that ISO 4217 lists."""
    assert digits_of(currency) == digits


@pytest.mark.parametrize(("amount", "currency", "expected"), AMOUNTS)
def test_whole_minor_units(amount, currency, expected):
    """An amount has exactly its currency's digits, rounded half to even."""
    assert str(to_minor(Decimal(amount), currency)) == expected
