"""Customers over time: what a month's new customers brought, month by month, against what it cost to win them.

Owns the table. The cohort is the month of a customer's first delivered order; a cell is shown only when the whole cohort is
that old; nothing is extrapolated. Amounts are contribution before ads, or revenue where that is asked. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from itertools import accumulate

from msgspec import Struct


class Brought(Struct, frozen=True, kw_only=True):
    """What the customers whose first delivered order was in ``first_month`` brought in ``month``, both as 2026-03; ``customers``: how many
    of them bought in it, so in their first month all."""

    first_month: str
    month: str
    customers: int
    amount: Decimal


class Cohort(Struct, frozen=True, kw_only=True):
    """``month``: 2026-03. ``amounts``: of all its customers together, in month 0, 1, 2 …, each shown whole or not at all.
    ``value``: what one customer brought up to and with each month. ``paid_back``: the first month in which that reached
    what a customer cost; None where it has not, or no spend is known."""

    month: str
    customers: int
    amounts: list[Decimal]
    value: list[Decimal]
    spend: Decimal | None = None
    cost: Decimal | None = None
    ratio: list[Decimal] | None = None
    paid_back: int | None = None


def cohorts(brought: Iterable[Brought], today: date, spend: Mapping[str, Decimal] | None = None) -> list[Cohort]:
    """The cohorts up to the last whole month but for month 0 of the present one, which is left out. ``spend`` by month."""
    sums: dict[int, dict[int, Decimal]] = {}
    sizes: dict[int, int] = {}
    for one in brought:
        first, place = _number(one.first_month), _number(one.month) - _number(one.first_month)
        sums.setdefault(first, {})[place] = one.amount
        if place == 0:
            sizes[first] = one.customers
    now = today.year * 12 + today.month - 1
    return [_cohort(m, sizes[m], sums[m], now - m, (spend or {}).get(_name(m))) for m in sorted(sizes) if m < now]


def _cohort(month: int, customers: int, sums: Mapping[int, Decimal], age: int, spend: Decimal | None) -> Cohort:
    """``age``: whole months since; the month that goes on now is not shown."""
    amounts = [sums.get(place, Decimal(0)) for place in range(age)]
    value = [total / customers for total in accumulate(amounts)]
    cost = spend / customers if spend is not None else None
    ratio = [one / cost for one in value] if cost else None
    paid_back = next((n for n, one in enumerate(value) if cost is not None and one >= cost), None)
    return Cohort(
        month=_name(month), customers=customers, amounts=amounts, value=value, spend=spend, cost=cost, ratio=ratio,
        paid_back=paid_back,
    )  # fmt: skip


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _name(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"
