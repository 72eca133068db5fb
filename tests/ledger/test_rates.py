"""Conversion: the day's rate, at most seven days carried, one source's base, sums unrounded until the end."""

from __future__ import annotations

import random
from decimal import Decimal as D
from fractions import Fraction

import pytest

from twofold.ledger.lines import MoneyKind, MoneyLine, Rate
from twofold.ledger.rates import Rates, close, line_factor, total

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
    assert total([("2026-03-10", "JPY", D(10_000))], "GEL", Rates(NBG)).amount == D("175.00")


@pytest.mark.parametrize(
    ("day", "told", "age"),
    [("2025-12-24", "2025-12-24", 0), ("2025-12-25", "2025-12-24", 1), ("2025-12-27", "2025-12-24", 3),
     ("2025-12-28", "2025-12-24", 4), ("2025-12-29", "2025-12-29", 0), ("2026-01-05", "2025-12-29", 7)],
)  # fmt: skip
def test_day_without_a_rate_takes_the_last_earlier_one(day, told, age):
    factor = Rates(ECB).factor("USD", "EUR", day)

    assert (factor.day, factor.age, factor.carried) == (told, age, age > 0)


def test_rate_older_than_seven_days_is_none():
    """The amount stays in its own currency, out of the sum, and is told."""
    found = total([("2026-01-06", "USD", D("10.00")), ("2026-01-06", "EUR", D("5.00"))], "EUR", Rates(ECB))

    assert (found.amount, found.out) == (D("5.00"), {"USD": D("10.00")})


def test_no_rate_of_a_later_day():
    assert Rates(ECB).factor("USD", "EUR", "2025-12-22") is None


def test_no_lari_from_the_ecb():
    assert Rates(ECB).factor("EUR", "GEL", "2025-12-24") is None
    assert total([("2025-12-24", "EUR", D("10.00"))], "GEL", Rates(ECB)).out == {"EUR": D("10.00")}


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


def test_sum_is_rounded_once_half_to_even():
    """Three times 0.005 are 0.015, which is 0.02; each rounded by itself would be 0.00 or 0.03."""
    rates = Rates(
        [Rate(source="nbg", day=f"2026-03-1{n}", currency="USD", rate=D("0.5"), base="GEL") for n in range(3)]
    )

    assert total([(f"2026-03-1{n}", "USD", D("0.01")) for n in range(3)], "GEL", rates).amount == D("0.02")
    assert [close(Fraction(n, 1000), "GEL") for n in (5, 15, 25, -5, -15)] == [
        D("0.00"),
        D("0.02"),
        D("0.02"),
        D("0.00"),
        D("-0.02"),
    ]
    assert close(Fraction(5, 2), "JPY") == D(2)
    assert close(Fraction(1, 3), "KWD") == D("0.333")


def test_sum_says_how_much_of_it_took_an_earlier_rate():
    found = total([("2025-12-24", "USD", D("117.92")), ("2025-12-27", "USD", D("11.792"))], "EUR", Rates(ECB))

    assert (found.exact, found.carried, found.oldest, found.sources) == (110, 10, 3, ("ecb",))


def test_sum_is_the_same_in_any_order():
    facts = [
        (f"2025-12-{day}", code, D(f"{n}.37"))
        for n, day in enumerate(range(22, 30))
        for code in ("USD", "EUR", "JPY", "GEL")
    ]
    first = total(facts, "EUR", Rates(ECB))
    for seed in range(10):
        drawn = random.Random(seed).sample(facts, len(facts))
        assert total(drawn, "EUR", Rates(random.Random(seed).sample(ECB, len(ECB)))) == first


def test_rate_on_the_line_decides_for_that_line():
    """A provider paid 27.10 lari for 10.00 dollars: the line in dollars goes by its own rate."""
    line = MoneyLine(source="bank", account="a", kind=MoneyKind.CHARGE, gross=D("27.10"), net=D("27.10"), currency="GEL", at=0,
                     original=D("10.00"), original_currency="USD", rate=D("2.71"))  # fmt: skip

    assert Fraction(line.gross) * line_factor(line, "USD").value == 10
    assert line_factor(line, "EUR") is None
