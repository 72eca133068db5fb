"""Where a figure, a verdict's ground or a plan turns: on the very edge, worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from tests.attribution.reference import thinned
from tests.attribution.test_experiment import BEGINS, DAYS, HISTORY, SINCE, _days
from tests.attribution.test_table import ASKED
from twofold.attribution.cohorts import Brought, cohorts
from twofold.attribution.experiment import ALL, LEAST_ORDERS, Pair, Plan, Refused, _promise, plan, read
from twofold.attribution.figures import ROLES, closed_column, figures_of
from twofold.attribution.markov import Outcome
from twofold.attribution.period import share_period, tells_apart
from twofold.attribution.reading import _rates
from twofold.attribution.table import Cost, Group, Line
from twofold.attribution.verdicts import Sample


def test_break_even_is_of_orders_whose_cost_is_known() -> None:
    """Delivered 100.00, of which 96.00 are of orders whose contribution is known: 96 / 48, and not 100 / 48. Below 95 % nothing is said."""
    line = Line(group=Group("meta:1", "Spring", "meta"), cost=Cost(spend=D(40)), final_due=D(100), costed_due=D(96))
    line.amounts |= {"delivered": D(100), "margin": D(48)}
    line.margins = Sample.of([D(48)])
    assert figures_of(line, "EUR", D("0.95")).break_even_roas == D("2.0000")
    line.costed_due = D("94.99")
    assert figures_of(line, "EUR", D("0.95")).break_even_roas is None
    line.costed_due = D(95)
    assert figures_of(line, "EUR", D("0.95")).poas == D("1.2000")


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [
        (["0.334", "0.333", "0.333"], ["0.34", "0.33", "0.33"]),
        (["0.331", "0.333", "0.336"], ["0.33", "0.33", "0.34"]),  # whoever is nearest to one more, wherever it stands
        (["0.005", "0.005"], ["0.01", "0.00"]),  # of equals the first
        (["-0.004", "1.004"], ["0.00", "1.00"]),
    ],
)
def test_what_rounding_leaves_goes_to_the_largest_remainder(amounts: list[str], shown: list[str]) -> None:
    assert closed_column([D(one) for one in amounts], "EUR") == [D(one) for one in shown]


@pytest.mark.parametrize(("few", "rows"), [(29, {"(small)", "a"}), (30, {"a", "b", "c"})])
def test_thirty_paths_are_enough_for_a_row(few: int, rows: set[str]) -> None:
    paths = {("a",): Outcome(20, 80), ("b",): Outcome(5, few - 5), ("c",): Outcome(5, few - 5)}
    found = share_period(paths, [Line(group=Group("a", "a"))], ASKED, {}, {})
    assert {line.group.key for line in found} == rows


@pytest.mark.parametrize(("won", "apart"), [(40, False), (41, True)])
def test_channels_are_told_apart_beyond_chance(won: int, apart: bool) -> None:
    """Of 100 paths with a and 100 without, 27 of the latter led to an order: chi-square of 40 is 3.79, of 41 is 4.37; 3.84 is the bound."""
    assert tells_apart({("a",): Outcome(won, 100 - won), ("b",): Outcome(27, 73)}) == apart


def weeks(*kept: int, method: str = "cod", still_open: int = 0) -> list[Any]:
    return [
        SimpleNamespace(method=method, week=f"2026-W{n:02}", open=still_open, confirmed=D(100), kept=D(one))
        for n, one in enumerate(kept, 10)
    ]


def test_what_usually_comes_is_of_the_last_eight_whole_weeks() -> None:
    """By hand: of eight weeks 50, 60, … 120 of 100 each the mean is 0.85, the band that of the first and the last. Older weeks and those in which
    something is open tell nothing, and three weeks are too few."""
    told = weeks(1, 1, 50, 60, 70, 80, 90, 100, 110, 120)
    (rate,) = _rates(
        [
            *told,
            *weeks(7, 7, 7, method="card"),
            *(SimpleNamespace(method="cod", week="2026-W40", open=1, confirmed=D(9), kept=D(0)),),
        ]
    ).values()
    assert (rate.mean, rate.low, rate.high) == (D("0.85"), D("0.5"), D("1.2"))
    many = weeks(*range(10, 21))
    (rate,) = _rates(many).values()
    assert (rate.low, rate.high) == (D("0.13"), D("0.20"))


def test_what_stands_for_all_amounts() -> None:
    assert thinned(map(D, (3, 1, 2)), most=3) == [1, 2, 3]
    assert thinned(map(D, range(10)), most=5) == [1, 3, 5, 7, 9]
    assert thinned(map(D, range(6)), most=1) == [5]


def test_a_customer_who_brings_what_they_cost_has_paid_back() -> None:
    bought = [
        Brought(first_month="2026-01", month=month, customers=2, amount=D(amount))
        for month, amount in (("2026-01", 30), ("2026-02", 20))
    ]
    (found,) = cohorts(bought, date(2026, 4, 1), {"2026-01": D(50)})
    assert (found.cost, found.value, found.paid_back) == (25, [15, 25, 25], 1)


def test_small_regions_stay_out_of_a_plan() -> None:
    """One order short of the least, in a time in which all others sell alike."""
    days = _days(BEGINS, HISTORY)
    sold = {f"r{n:02}": dict.fromkeys(days, 10.0) for n in range(12)}
    small = {f"s{n}": {days[0]: float(LEAST_ORDERS - 1)} for n in range(2)}
    assert plan("x", "regions", "orders", SINCE, DAYS, "1", sold | small, BEGINS).left_out == ["s0", "s1"]
    enough = {name: {days[0]: float(LEAST_ORDERS)} for name in small}
    assert len(plan("x", "regions", "orders", SINCE, DAYS, "1", sold | enough, BEGINS).pairs) == 7


def test_days_are_compared_with_their_own_weekday_before_it_and_no_later_day() -> None:
    """Mondays sell 10, all other days 40; the first day of the experiment itself is no day before it."""
    before, since = date(2026, 1, 5), date(2026, 1, 19)
    sold = {before + timedelta(days=n): 10.0 if n % 7 == 0 else 40.0 for n in range(28)}
    pairs = [Pair(on=str(since + timedelta(days=n)), off=str(since + timedelta(days=n + 7))) for n in range(7)]
    planned = Plan(name="x", over="days", measure="orders", since=since, until=since + timedelta(days=13), before=before, compared_until=since,
                   seed="1", pairs=pairs, left_out=[], sees=0.1, power={})  # fmt: skip
    assert read(planned, {ALL: sold}).lift == pytest.approx(0)
    more = {day: sales * (1.5 if since <= day < since + timedelta(days=7) else 1) for day, sales in sold.items()}
    found = read(planned, {ALL: more})
    # (15.5/10.5) on Mondays and (60.5/40.5) on six other days, weighted by 21/2 and 81/2 each: halves are added to every count
    assert found.lift == pytest.approx(
        ((15.5 / 10.5) ** 10.5 * (60.5 / 40.5) ** (6 * 40.5)) ** (1 / (10.5 + 6 * 40.5)) - 1
    )
    assert found.incremental == pytest.approx(found.on * (1 - 1 / (1 + found.lift)))


def test_a_plan_promises_a_tenth_more_than_its_widest_trial() -> None:
    """0.2 and a tenth are 0.22; a lift that is wider than an interval that grows with it: 0.22 / 0.78 = 0.28205, said in thousandths."""
    assert _promise(0.2) == 0.283
    assert _promise(0.68) == 2.969
    with pytest.raises(Refused):
        _promise(0.69)


def test_each_figure_of_a_row() -> None:
    """No two amounts of it are alike, so that none can stand in for another."""
    amounts = {
        "placed": D(200),
        "confirmed": D(190),
        "delivered": D(160),
        "true": D(120),
        "banked": D(110),
        "margin": D(60),
    }
    line = Line(group=Group("meta:1", "Spring", "meta"), amounts=amounts, orders=Fraction(4), new=3, new_delivered=2, final_due=D(160),
                costed_due=D(160), margins=Sample.of([D(60)]), cost=Cost(spend=D(50), claimed_count=D(7), claimed_value=D(300)))  # fmt: skip
    expected = {
        "platform_roas": "6.0000", "placed_roas": "4.0000", "delivered_roas": "3.2000", "true_roas": "2.4000", "banked_roas": "2.2000",
        "poas": "1.2000", "cm4": "10.00", "break_even_roas": "2.6667", "overclaim": "1.5000", "cost_per_order": "12.50",
        "cac_placed": "16.67", "cac": "25.00",
    }  # fmt: skip
    found = figures_of(line, "EUR", D("0.95"))
    assert {name: str(getattr(found, name)) for name in expected} == expected
    assert set(expected) == set(ROLES)
    line.cost = Cost(spend=D(50), claimed_value=D(300), unrated=True)
    part = figures_of(line, "EUR", D("0.95"))
    assert {name for name in expected if getattr(part, name) is not None} == {"break_even_roas"}
    line.cost = Cost(spend=D(50))
    assert (figures_of(line, "EUR", D("0.95")).overclaim, figures_of(line, "EUR", D("0.95")).platform_roas) == (
        None,
        None,
    )


def test_a_model_of_a_period_shares_out_what_is_open_and_young() -> None:
    paths = {("a",): Outcome(30, 30), ("b",): Outcome(10, 50)}
    whole = Line(group=Group("a", "a"), orders=Fraction(40), open=D("10.01"), young=D("5.00"))
    found = share_period(paths, [whole], replace(ASKED, model="shapley_sum"), {}, {})
    assert {line.group.key: (line.open, line.young) for line in found} == {
        "a": (D("7.51"), D("3.75")),
        "b": (D("2.50"), D("1.25")),
    }
