"""Cohorts asked of the tables are those of the orders' own accounts, added up customer by customer."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reconcile.lines import day
from tests.reconcile.tables import Tables
from tests.reconcile.test_lives_law import FIRST, LAST, desk_in, told_worlds
from twofold.attribution.reading import cohorts_asked
from twofold.reconcile.chain.report import accounts_of
from twofold.reconcile.chain.told import Asked, Told, period_of
from twofold.reconcile.chain.values import Order
from twofold.reconcile.reading.whole import bought_of

Months = dict[tuple[str, str], tuple[int, int, Decimal, Decimal]]


def by_accounts(told: Told, desk: Any, as_of: int) -> Months:
    """(first month, month) to customers, orders, revenue, contribution."""
    accounts, _ = accounts_of(told, Asked(since="1970-01-01", until="9999-12-31", as_of=as_of), desk)
    mine = [a for a in accounts if a.order.buyer and a.is_delivered]
    first: dict[str, str] = {}
    for one in mine:
        month = period_of("month", one.day)
        first[one.order.buyer] = min(first.get(one.order.buyer, month), month)
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for one in mine:
        found[first[one.order.buyer], period_of("month", one.day)].append(one)
    return {
        key: (len({a.order.buyer for a in some}), len(some), sum((a.due for a in some), Decimal(0)),
              sum((a.cm3 or Decimal(0) for a in some), Decimal(0)))
        for key, some in found.items()
    }  # fmt: skip


def by_tables(tables: Tables, as_of: int) -> Months:
    (answer,) = tables.ask([cohorts_asked(as_of)])
    return {(r.first_month, r.month): (r.customers, r.orders, r.due, r.margin) for r in answer.rows}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(told_worlds(), st.integers(1, 30))
def test_cohorts_are_those_of_the_accounts(told: Told, until: int) -> None:
    desk, as_of = desk_in("Asia/Tbilisi"), day(until)
    assert by_tables(Tables(told, desk, FIRST, LAST), as_of) == by_accounts(told, desk, as_of)


def bought(number: int, buyer: str, at: int, total: str, **more: Any) -> Order:
    return Order(
        key=f"1/{number}", row=number, order_id=str(number), placed_at=at, buyer=buyer, total=Decimal(total), currency="GEL",
        method="card", **{"confirmed_at": at, "shipped_at": at, "delivered_at": at + 60, **more},
    )  # fmt: skip


def test_a_cohort_by_hand() -> None:
    """Two win in March and one of them comes back in April; what came back, and whose buyer nobody knows, is in no cohort."""
    month = 31 * 86_400
    told_of = [
        bought(1, "a", day(3), "40.00"), bought(2, "b", day(4), "10.00"), bought(3, "a", day(5) + month, "5.00"),
        bought(4, "c", day(6), "70.00", returned_at=day(8)), bought(5, "", day(6), "90.00"), bought(6, "d", day(5) + month, "8.00"),
    ]  # fmt: skip
    told = Told(orders=told_of, moves={}, bought=[bought_of(one) for one in told_of])
    tables = Tables(told, desk_in(""), FIRST, LAST + 40)
    found = by_tables(tables, day(20) + 2 * month)
    assert {key: row[:3] for key, row in found.items()} == {
        ("2026-03", "2026-03"): (2, 2, Decimal("50.00")), ("2026-03", "2026-04"): (1, 1, Decimal("5.00")),
        ("2026-04", "2026-04"): (1, 1, Decimal("8.00")),
    }  # fmt: skip
