"""Figures of a row of attribution: returns, costs of an order and of a customer, what a platform overclaims. Sums before ratios.

Owns the formulas and which names they have; each has its role and link in the table below. A ratio that would divide by
nothing is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal

from msgspec import Struct

from twofold.attribution.table import ZERO, Line
from twofold.reconcile.chain.rows import closed, ratio

ROLES: dict[str, tuple[str, str]] = {
    "platform_roas": ("signal", "signalled"),
    "placed_roas": ("truth", "placed"),
    "delivered_roas": ("truth", "delivered"),
    "true_roas": ("truth", "true"),
    "banked_roas": ("truth", "banked"),
    "poas": ("truth", "margin"),
    "cm4": ("truth", "margin"),
    "break_even_roas": ("truth", "margin"),
    "overclaim": ("signal", "placed"),
    "cost_per_order": ("truth", "placed"),
    "cac_placed": ("truth", "placed"),
    "cac": ("truth", "delivered"),
}
"""Of each figure its role and the link it is read from."""


class Figures(Struct, frozen=True, kw_only=True):
    """Of one row. Money in the reporting currency; ratios to four digits, money closed to minor units."""

    platform_roas: Decimal | None = None
    placed_roas: Decimal | None = None
    delivered_roas: Decimal | None = None
    true_roas: Decimal | None = None
    true_roas_low: Decimal | None = None
    true_roas_high: Decimal | None = None
    banked_roas: Decimal | None = None
    poas: Decimal | None = None
    cm4: Decimal | None = None
    break_even_roas: Decimal | None = None
    overclaim: Decimal | None = None
    cost_per_order: Decimal | None = None
    cac_placed: Decimal | None = None
    cac: Decimal | None = None


def figures_of(line: Line, currency: str, least_costed: Decimal) -> Figures:
    """All figures of a row."""
    money, cost = line.amounts, line.cost
    spend = ZERO if cost.unrated else cost.spend  # a part of what it cost would make every return too good
    costed = bool(line.margins) and line.costed_due >= line.final_due * least_costed
    cm3 = money["margin"]
    count = Decimal(line.orders.numerator) / line.orders.denominator
    low, high = (line.true_interval.low, line.true_interval.high) if line.true_interval else (None, None)
    return Figures(
        platform_roas=ratio(cost.claimed_value, spend) if cost.claimed_value is not None else None,
        placed_roas=ratio(money["placed"], spend),
        delivered_roas=ratio(money["delivered"], spend),
        true_roas=ratio(money["true"], spend),
        true_roas_low=_of_float(low, spend),
        true_roas_high=_of_float(high, spend),
        banked_roas=ratio(money["banked"], spend),
        poas=ratio(cm3, spend) if costed else None,
        cm4=closed(cm3 - spend, currency) if costed and spend else None,
        break_even_roas=ratio(line.costed_due, cm3) if costed and cm3 > 0 else None,
        overclaim=ratio(cost.claimed_value, money["placed"])
        if cost.claimed_value is not None and not cost.unrated
        else None,
        cost_per_order=ratio(spend, count, 2) if spend else None,
        cac_placed=ratio(spend, line.new, 2) if spend else None,
        cac=ratio(spend, line.new_delivered, 2) if spend else None,
    )


def closed_column(amounts: Sequence[Decimal], currency: str) -> list[Decimal]:
    """A column in minor units that adds up to its closed sum, as the chain shows it: what rounding leaves goes to the largest
    remainders. Amounts in minor units stay what they are."""
    unit = closed(Decimal(1), currency).as_tuple().exponent
    scaled = [amount.scaleb(-int(unit)) for amount in amounts]
    floors = [int(one.to_integral_value(ROUND_FLOOR)) for one in scaled]
    left = int(closed(sum(amounts, Decimal(0)), currency).scaleb(-int(unit))) - sum(floors)
    by_rest = sorted(range(len(scaled)), key=lambda place: (floors[place] - scaled[place], place))
    for place in by_rest[:left]:
        floors[place] += 1
    return [Decimal(floor).scaleb(int(unit)) for floor in floors]


def _of_float(value: float | None, spend: Decimal) -> Decimal | None:
    return None if value is None or not spend else ratio(Decimal(repr(value)), spend)
