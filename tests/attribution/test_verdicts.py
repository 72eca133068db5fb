"""Verdicts on campaigns whose true contribution is known, and customers' cohorts against the worked example."""

from __future__ import annotations

import math
import random
from datetime import date
from decimal import Decimal

import pytest

from twofold.attribution.cohorts import Brought, cohorts
from twofold.attribution.verdicts import Sample, Says, interval_of, verdict_of

POOL = [Decimal(n) for n in (20, 25, 30, 35, 40, -10)]


def orders(rng: random.Random, mean: float) -> list[Decimal]:
    """So many as chance has it, one in six refused at the door."""
    count, chance, end = 0, rng.random(), math.exp(-mean)
    while chance > end:
        count, chance = count + 1, chance * rng.random()
    return [rng.choice(POOL) for _ in range(count)]


@pytest.mark.parametrize("mean", [2, 8, 40])
def test_the_interval_covers_what_was_to_be_expected(mean: int) -> None:
    """Of the sum of a chance number of orders: in nine of ten at least."""
    rng = random.Random(mean)
    expected = mean * float(sum(POOL)) / len(POOL)
    found = [interval_of(Sample.of(orders(rng, mean)), POOL, str(n)) for n in range(60)]
    assert sum(one.low <= expected <= one.high for one in found) >= 53


@pytest.mark.parametrize(("factor", "right"), [(0.4, Says.EARNS), (2.5, Says.LOSES)])
def test_a_verdict_is_right_where_it_speaks(factor: float, right: Says) -> None:
    rng = random.Random(9)
    spend = Decimal(str(60 * float(sum(POOL)) / len(POOL) * factor))
    found = [verdict_of(Sample.of(orders(rng, 60)), spend, POOL, str(n)).says for n in range(40)]
    assert set(found) <= {right, Says.UNSURE}
    assert found.count(right) > 30


def test_no_verdict_inside_the_noise() -> None:
    even = verdict_of(Sample.of([Decimal(20)] * 5), Decimal(100), POOL, "1")
    assert even.says is Says.UNSURE
    assert even.more_orders is None  # they would never decide
    close = verdict_of(Sample.of([Decimal(20)] * 25), Decimal(400), POOL, "1")
    assert close.says is Says.UNSURE
    assert close.more_orders == math.ceil(25 * 1.959963984540054**2 * 25 * 400 / 100**2) - 25
    assert verdict_of(Sample.of([]), Decimal(5), POOL, "1").says is Says.UNSURE  # nothing came of little: no word
    assert verdict_of(Sample.of([]), Decimal(5000), POOL, "1").says is Says.LOSES


def test_what_is_open_can_take_the_word_away() -> None:
    final = Sample.of([Decimal(30)] * 100)
    assert verdict_of(final, Decimal(1500), POOL, "1").says is Says.EARNS
    assert verdict_of(final, Decimal(1500), POOL, "1", open_worst=Decimal(-1500)).says is Says.UNSURE
    assert verdict_of(final, Decimal(4500), POOL, "1").says is Says.LOSES
    assert verdict_of(final, Decimal(4500), POOL, "1", open_best=Decimal(2000)).says is Says.UNSURE


def test_more_orders_are_named_only_where_they_would_decide() -> None:
    """Not where enough are here already and what is open holds the word back, nor where orders that nobody saw may make up for the loss."""
    final = Sample.of([Decimal(30)] * 100)
    assert verdict_of(final, Decimal(1500), POOL, "1", open_worst=Decimal(-1500)).more_orders is None
    assert verdict_of(final, Decimal(4500), POOL, "1", open_best=Decimal(2000)).more_orders is None
    hidden = verdict_of(final, Decimal(4500), POOL, "1", unseen=0.5)
    assert (hidden.says, hidden.more_orders) == (Says.UNSURE, None)
    # a loss of 4500 * 0.7 - 3000 = 150 even if three in ten were not seen: against 1.96 * 30 * sqrt(orders), for so many times 100
    loses = verdict_of(final, Decimal(4500), POOL, "1", unseen=0.3)
    assert (loses.says, loses.more_orders) == (Says.UNSURE, math.ceil(100 * (1.959963984540054 * 300 / 150) ** 2) - 100)


def test_without_costs_or_spend_nothing_is_said() -> None:
    assert verdict_of(Sample.of([Decimal(30)]), Decimal(5), POOL, "1", costed=False).says is Says.NO_COSTS
    assert verdict_of(Sample.of([Decimal(30)]), Decimal(0), POOL, "1").says is Says.NO_SPEND


def test_the_same_orders_in_any_order_give_the_same_interval() -> None:
    told = [Decimal(n) for n in range(50)]
    assert interval_of(Sample.of(told), POOL, "a") == interval_of(Sample.of(told[::-1]), POOL[::-1], "a")
    assert interval_of(Sample.of(told), POOL, "a") != interval_of(Sample.of(told), POOL, "b")
    many = [Decimal(n % 50) for n in range(399)]
    few, normal = interval_of(Sample.of(many), POOL, "a"), interval_of(Sample.of([*many, Decimal(0)]), POOL, "a")
    assert few.low == pytest.approx(normal.low, rel=0.03)
    assert few.high == pytest.approx(normal.high, rel=0.03)


def test_cohorts() -> None:
    """Four customers of one month: 120.00, 20.00 and nothing; spend 100.00: paid back in the first month."""
    months = (("2026-01", 4, 120), ("2026-02", 2, 20))
    bought = [Brought(first_month="2026-01", month=m, customers=n, amount=Decimal(a)) for m, n, a in months]
    (found,) = cohorts(bought, date(2026, 4, 10), {"2026-01": Decimal(100)})
    assert (found.month, found.customers) == ("2026-01", 4)
    assert found.amounts == [120, 20, 0]
    assert found.value == [30, 35, 35]
    assert found.cost == 25
    assert found.ratio == [Decimal("1.2"), Decimal("1.4"), Decimal("1.4")]
    assert found.paid_back == 0
    (young,) = cohorts(bought, date(2026, 2, 28))
    assert young.amounts == [120]
    assert (young.cost, young.ratio, young.paid_back) == (None, None, None)
    assert cohorts(bought, date(2026, 1, 31)) == []
