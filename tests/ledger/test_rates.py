"""Conversion: the day's rate, at most seven days carried, one source's base."""

from __future__ import annotations

from decimal import Decimal as D
from fractions import Fraction

import pytest

from twofold.ledger.lines import Rate
from twofold.ledger.rates import Rates

NBG = [
    Rate(source="nbg", day="2026-03-10", currency="JPY", per=D(100), rate=D("1.7500"), base="GEL"),
    Rate(source="nbg", day="2026-03-10", currency="USD", per=D(1), rate=D("2.7000"), base="GEL"),
    Rate(source="nbg", day="2026-03-10", currency="EUR", per=D(1), rate=D("3.1500"), base="GEL"),
]
# The ECB tells units of the currency for one euro.
ECB = [Rate(source="ecb", day=day, currency="USD", per=D("1.1792"), rate=D(1), base="EUR") for day in ("2025-12-23", "2025-12-24")] + [
    Rate(source="ecb", day="2025-12-24", currency="JPY", per=D("183.65"), rate=D(1), base="EUR"),
    Rate(source="ecb", day="2025-12-29", currency="USD", per=D("1.1766"), rate=D(1), base="EUR"),
]  # fmt: skip


def test_quantity_of_the_national_bank():
    """1.7500 lari are for 100 yen: 10,000 yen are 175.00, not 17,500.00."""
    assert 10_000 * Rates(NBG).factor("JPY", "GEL", "2026-03-10").value == 175


def test_from_the_base_to_another():
    """1.1792 dollars are for one euro, and one euro is 3.15 lari."""
    assert Rates(ECB).factor("EUR", "USD", "2025-12-24").value == Fraction("1.1792")
    assert Rates(NBG).factor("GEL", "EUR", "2026-03-10").value == 1 / Fraction("3.15")


@pytest.mark.parametrize(
    ("day", "told", "age"),
    [("2025-12-24", "2025-12-24", 0), ("2025-12-25", "2025-12-24", 1), ("2025-12-27", "2025-12-24", 3),
     ("2025-12-28", "2025-12-24", 4), ("2025-12-29", "2025-12-29", 0), ("2026-01-05", "2025-12-29", 7)],
)  # fmt: skip
def test_day_without_a_rate_takes_the_last_earlier_one(day, told, age):
    factor = Rates(ECB).factor("USD", "EUR", day)

    assert (factor.day, factor.age, factor.carried) == (told, age, age > 0)


def test_rate_older_than_seven_days_is_none():
    """The last dollar was told on 29 December. A euro is a euro on any day."""
    assert Rates(ECB).factor("USD", "EUR", "2026-01-06") is None
    assert Rates(ECB).factor("EUR", "EUR", "2026-01-06").value == 1


def test_no_rate_of_a_later_day():
    assert Rates(ECB).factor("USD", "EUR", "2025-12-22") is None


def test_no_lari_from_the_ecb():
    assert Rates(ECB).factor("EUR", "GEL", "2025-12-24") is None


def test_cross_rate_by_the_base_of_one_source():
    """Euro to dollar through the lari of the National Bank; never a half of one source and a half of another."""
    assert Rates(NBG).factor("EUR", "USD", "2026-03-10").value == Fraction(315, 270)
    mixed = [NBG[1], Rate(source="ecb", day="2026-03-10", currency="JPY", per=D("170"), rate=D(1), base="EUR")]
    assert Rates(mixed).factor("JPY", "USD", "2026-03-10") is None


def test_both_halves_of_a_cross_rate_are_of_one_day():
    """The yen was not told on the 29th: dollar to yen goes by the 24th for both."""
    factor = Rates(ECB).factor("USD", "JPY", "2025-12-29")

    assert (factor.day, factor.age, factor.value) == ("2025-12-24", 5, Fraction(D("183.65")) / Fraction(D("1.1792")))


def test_the_operators_own_rate_stands_before_a_banks():
    own = Rate(source="own", day="2026-03-10", currency="USD", rate=D("2.6500"), base="GEL")

    assert Rates([*NBG, own]).factor("USD", "GEL", "2026-03-10").source == "own"
    assert Rates([*NBG, own], sources=("nbg",)).factor("USD", "GEL", "2026-03-10").source == "nbg"
