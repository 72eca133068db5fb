"""The orders behind a term of the chain, as the tables have them, are those whose accounts have it, with as much of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reconcile.lines import day
from tests.reconcile.tables import Tables
from tests.reconcile.test_lives_law import FIRST, LAST, desk_in, told_worlds
from twofold.reconcile.chain.account import Account
from twofold.reconcile.chain.cohort import at_stake
from twofold.reconcile.chain.report import accounts_of
from twofold.reconcile.chain.standing import Station
from twofold.reconcile.chain.told import BY, Asked, Told, group_of
from twofold.reconcile.chain.values import Order
from twofold.reconcile.lives.asking import named
from twofold.reconcile.reading.whole import bought_of

LINKS = ("placed", "confirmed", "shipped", "delivered", "collected", "banked")


def has(one: Account, place: str, reason: str) -> Iterator[Decimal]:
    """What an order's own account has of a term; nothing where it has none of it."""
    if place == "link":
        is_in, amount = {
            "placed": (True, one.total), "confirmed": (one.standing.confirmed, one.total),
            "shipped": (one.standing.shipped, one.total),
            "delivered": (bool(one.delivered or one.refunds), one.delivered - one.refunds),
            "collected": (one.purse.is_collected or bool(one.collected), one.collected),
            "banked": (one.purse.is_banked or bool(one.banked), one.banked),
        }[reason]  # fmt: skip
        if is_in:
            yield amount
    elif place == "matrix":
        if (one.is_delivered, one.purse.is_collected) == (reason[0] == "1", reason[1] == "1"):
            yield at_stake(one)
    elif reason in set(Station):
        early = reason != Station.CANCELLED or one.standing.confirmed == (place == "confirmed")
        if Station(reason) in one.parts and early:
            yield one.parts[Station(reason)]
    elif reason == "refunded":
        if one.refunds:
            yield one.refunds
    elif reason in one.gap:
        yield one.gap[reason]
    elif reason in one.terms:
        yield -one.terms[reason]


def terms_of(accounts: list[Account]) -> list[tuple[str, str]]:
    """Every term that any of them may have."""
    found = {("link", link) for link in LINKS} | {("matrix", f"{a}{b}") for a in (0, 1) for b in (0, 1)}
    for one in accounts:
        found |= {("shipped", str(station)) for station in one.parts if station is not Station.DELIVERED}
        found |= {("delivered", reason) for reason in one.gap} | {("collected", str(reason)) for reason in one.terms}
        found |= {("placed", "cancelled"), ("confirmed", "cancelled"), ("delivered", "refunded")}
    return sorted(found)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(told_worlds(), st.sampled_from(["", *BY]), st.data())
def test_the_orders_behind_a_term_are_those_whose_accounts_have_it(told: Told, by: str, data: Any) -> None:
    desk = desk_in("Asia/Tbilisi")
    tables = Tables(told, desk, FIRST, LAST)
    first = data.draw(st.integers(1, 20))
    asked = Asked(
        since=f"2026-03-{first:02d}", until=f"2026-03-{data.draw(st.integers(first, 25)):02d}",
        as_of=data.draw(st.integers(day(1), day(30))),
    )  # fmt: skip
    accounts, _ = accounts_of(told, asked, desk)
    groups = sorted({group_of(by, desk)(one.order) for one in accounts}) if by else [""]
    group = data.draw(st.sampled_from(groups)) if groups else ""
    mine = [one for one in accounts if not by or group_of(by, desk)(one.order) == group]
    for place, reason in terms_of(accounts):
        compare(tables, mine, asked, by if group else "", group, place, reason)


def test_an_order_that_was_cancelled_is_lost_where_it_stood() -> None:
    """One before and one after it was confirmed: neither stands behind the other's leak, nor in no leak at all."""
    common = {"currency": "GEL", "method": "cod"}
    early = Order(
        key="1/1", row=1, order_id="1", placed_at=day(3), total=Decimal("40.00"), cancelled_at=day(4), **common
    )
    late = Order(key="1/2", row=2, order_id="2", placed_at=day(3) + 60, total=Decimal("70.00"), confirmed_at=day(4),
                 cancelled_at=day(5), **common)  # fmt: skip
    told = Told(orders=[early, late], moves={}, bought=[bought_of(early), bought_of(late)])
    desk = desk_in("")
    tables = Tables(told, desk, FIRST, LAST)
    asked = Asked(since="2026-03-01", until="2026-03-10", as_of=day(9))
    accounts, _ = accounts_of(told, asked, desk)
    behind = {
        place: compare(tables, accounts, asked, "", "", place, "cancelled", after=0)
        for place in ("placed", "confirmed")
    }
    assert behind == {"placed": ["1"], "confirmed": ["2"]}


def compare(
    tables: Tables, mine: list[Account], asked: Asked, by: str, group: str, place: str, reason: str, after: int = 1
) -> list[str]:
    """What the tables have of a term is what accounts have; answers which orders were shown."""
    expected = [(one.order.order_id, one.total, amount) for one in mine for amount in has(one, place, reason)][::-1]
    given = {
        "since": asked.since, "until": asked.until, "as_of": asked.as_of, "by": by, "grp": group,
        "dataset": "", "place": place, "reason": reason, "after": after, "most": 3,
    }  # fmt: skip
    (answer,) = tables.ask(named(("term_orders",), given))
    shown = [(row.order_id, row.total, row.amount) for row in answer.rows if row.order_id is not None]
    assert shown == expected[after : after + 3], (place, reason)
    sums = {(row.orders, row.amounts) for row in answer.rows}
    assert sums == {(len(expected), sum((amount for *_, amount in expected), Decimal(0)))}, (place, reason)
    return [order for order, _, _ in shown]
