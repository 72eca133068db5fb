"""Laws of the chain: bridges close for any orders and lines, parts add up to orders, arrival plays no part."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.lines import batch, day, line
from twofold.ledger.lines import Cost, MoneyKind
from twofold.ledger.model import ParcelState
from twofold.reconcile.chain.account import Desk, account_of
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.report import report_chain
from twofold.reconcile.chain.rows import Cell, Link, Residual
from twofold.reconcile.chain.told import Asked, Told
from twofold.reconcile.chain.values import Item, Order, ParcelWord, Rules
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.life import _purses
from twofold.reconcile.matches.matching import no_rate
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import Days, Due
from twofold.reconcile.reading.world import match_all

D = Decimal
TIMES = st.integers(day(1), day(20))
MAYBE = st.none() | TIMES
AMOUNTS = st.sampled_from(["120.00", "80.00", "60.00", "0.10", "99.99", "0.00"])
NAMES = ["1001", "1002", "1003", "1004"]


@st.composite
def orders(draw, name):
    total = D(draw(AMOUNTS))
    words = [
        ParcelWord(parcel=draw(st.sampled_from(["p", "q"])), state=draw(st.sampled_from(list(ParcelState))), at=draw(TIMES),
                   due=draw(st.none() | AMOUNTS.map(D)), courier="swift", evidence=str(n))
        for n in range(draw(st.integers(0, 4)))
    ]  # fmt: skip
    refunded = D(draw(AMOUNTS)) if draw(st.booleans()) else D(0)
    parcels = draw(st.integers(0, 3))
    return Order(
        key=f"1/{name}", order_id=name, placed_at=draw(st.integers(day(1), day(10))), currency="GEL", total=total,
        method=draw(st.sampled_from(["card", "cod", "bank_transfer"])), refunded=min(refunded, total),
        received=D(draw(AMOUNTS)) if draw(st.booleans()) else D(0), paid_at=draw(MAYBE), confirmed_at=draw(MAYBE),
        shipped_at=draw(MAYBE), delivered_at=draw(MAYBE), refused_at=draw(MAYBE), returned_at=draw(MAYBE),
        lost_at=draw(MAYBE), cancelled_at=draw(MAYBE), parcels=parcels, parcels_delivered=draw(st.integers(0, parcels)),
        words=tuple(words), items=(Item("A", 1),), buyer=draw(st.sampled_from(["", "x", "y"])), courier="swift",
        sale=draw(st.sampled_from(["web", "store", "chat"])), replaces=draw(st.sampled_from(["", "", "", *NAMES])),
    )  # fmt: skip


@st.composite
def lines(draw, number):
    kind = draw(st.sampled_from(list(MoneyKind)))
    out = kind in ("refund", "bank_debit", "payout", "freight", "freight_return", "cod_fee", "reserve_hold", "dispute")
    bank = kind in ("bank_credit", "bank_debit")
    order = draw(st.sampled_from(NAMES))
    return line(
        kind, ("-" if out else "") + draw(AMOUNTS), draw(TIMES), *([f"order:{order}"] if draw(st.booleans()) else []),
        fee="0" if bank else draw(st.sampled_from(["0", "1.50"])), id=str(number),
        batch="" if bank else draw(st.sampled_from(["", "B1", "B2"])), text=f"order {order}" if bank else "",
        source="bank" if bank else draw(st.sampled_from(["psp", "courier:swift"])),
    )  # fmt: skip


@st.composite
def worlds(draw):
    count = draw(st.integers(1, 4))
    owed = [draw(orders(name)) for name in NAMES[:count]]
    told = [draw(lines(n)) for n in range(draw(st.integers(0, 12)))]
    declared = [batch("B1", draw(AMOUNTS), draw(TIMES))] if draw(st.booleans()) else []
    return owed, told, declared


def desk() -> Desk:
    rates = Exchange()
    costs = Costs([Cost(sku="A", since="2026-01-01", amount=D("20"), currency="GEL")], rates)
    return Desk(rules=Rules(currency="GEL", vat=D(18)), rates=rates, costs=costs, days=Days(UTC))


def matched_of(world):
    owed, told, declared = world
    dues = [
        Due(
            order=o.key, placed_at=o.placed_at, amounts={"GEL": o.total}, keys=(f"order:{o.order_id}",), method=o.method
        )
        for o in owed
    ]
    return match_all(dues, told, declared, [], tolerance=Tolerance(), convert=no_rate, days=Days(UTC))


def report_of(world, view="cohort"):
    matched = matched_of(world)
    told = Told(orders=world[0], moves=matched.moves, loose=matched.loose, unmatched=matched.unmatched)
    asked = Asked(since="2026-03-01", until="2026-03-15", as_of=day(16), by="method", view=view)
    return report_chain(told, asked, desk())


@settings(max_examples=120, deadline=None)
@given(worlds())
def test_every_bridge_closes_to_the_cent_in_both_views(world):
    """Orders and money: no residual, in the whole and in each group."""
    for view in ("cohort", "booked"):
        left = [(r.group, r.start, r.count, r.amount) for r in report_of(world, view).rows if isinstance(r, Residual)]
        assert all(amount == 0 for *_, amount in left), (view, left)
        assert all(count == 0 for _, _, count, _ in left), (view, left)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.randoms())
def test_the_order_of_arrival_plays_no_part(world, random):
    first = {view: report_of(world, view) for view in ("cohort", "booked")}
    for part in world:
        random.shuffle(part)
    assert {view: report_of(world, view) for view in first} == first


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_matrix_holds_every_order_once(world):
    rows = report_of(world).rows
    placed = next(r.count for r in rows if isinstance(r, Link) and r.link == "placed" and not r.group)
    assert sum(r.count for r in rows if isinstance(r, Cell) and not r.group) == placed


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_the_purses_of_an_order_are_what_it_was_worth(world):
    """Where its money is adds up to its total: with the buyer, kept, under way, on the bank, given back, given up."""
    matched = matched_of(world)
    for order in world[0]:
        account = account_of(order, matched.moves.get(order.key, ()), desk(), day(16))
        assert account is not None
        parts = sum((p.amount for p in _purses(account, desk())), D(0))
        assert parts == order.total, [(p.where, p.amount) for p in _purses(account, desk())]
