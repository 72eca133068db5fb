"""The worked example of eight orders, to the cent: every figure was computed by hand from the orders' own amounts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from twofold.ledger.lines import Cost, MoneyKind
from twofold.ledger.model import ParcelState
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.customers import Bought
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.metrics import Advertising
from twofold.reconcile.chain.report import report_chain
from twofold.reconcile.chain.rows import Cell, Leak, Link, Metric, Open, Residual, Step
from twofold.reconcile.chain.told import Asked, Told
from twofold.reconcile.chain.values import Item, Move, Order, ParcelWord, Rules, Settlement
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.matches.values import Days

D = Decimal
TBILISI = timezone(timedelta(hours=4))
DAYS = Days(TBILISI)


def march(day: int, hour: int = 12) -> int:
    return int(datetime(2026, 3, day, hour, tzinfo=TBILISI).timestamp())


def order(name: str, day: int, total: str, method: str = "cod", sale: str = "web", **more: object) -> Order:
    words = {"confirmed_at": march(day, 13), "buyer": name, "courier": "swift" if method == "cod" else ""} | more
    return Order(
        key=f"shop/{name}", order_id=name, placed_at=march(day), currency="GEL", total=D(total), method=method, sale=sale,
        items=(Item(name, 1),), parcels=1, **words,
    )  # fmt: skip


def parcel(name: str, *states: tuple[str, int]) -> tuple[ParcelWord, ...]:
    return tuple(ParcelWord(parcel=f"P{name}", state=ParcelState(s), at=march(d)) for s, d in states)


P1 = Settlement(
    batch="batch:psp/P1",
    at=march(10),
    closes=True,
    late_after=DAYS.of(march(17)),
    expected_at=march(11),
    banked_at=march(11),
)
R1 = Settlement(
    batch="batch:courier:swift/R1",
    at=march(11),
    closes=True,
    late_after=DAYS.of(march(18)),
    expected_at=march(12),
    banked_at=march(12, 0),
)


def move(kind: str, gross: str, day: int, fee: str = "0", batch: Settlement = P1) -> Move:
    source = "psp" if batch is P1 else "courier:swift"
    return Move(line=f"{kind}{gross}{day}{source}", kind=MoneyKind(kind), gross=D(gross), fee=D(fee), currency="GEL",
                at=march(day), day=DAYS.of(march(day)), source=source, settlement=batch)  # fmt: skip


ORDERS = [
    order("A1", 1, "120.00", "card", words=parcel("A1", ("in_transit", 2), ("delivered", 3))),
    order("A2", 1, "80.00", words=parcel("A2", ("in_transit", 2), ("delivered", 4))),
    order("A3", 1, "60.00", sale="chat", words=parcel("A3", ("in_transit", 2), ("delivered", 4))),
    order("A4", 2, "150.00", sale="chat", words=parcel("A4", ("in_transit", 3), ("refused", 5), ("returned", 8))),
    Order(key="shop/A5", order_id="A5", placed_at=march(2), currency="GEL", total=D("95.00"), method="cod",
          cancelled_at=march(3), items=(Item("A5", 1),), buyer="A5"),
    order("A6", 2, "200.00", "card", refunded=D("50.00"), words=parcel("A6", ("in_transit", 3), ("delivered", 5))),
    order("A7", 9, "70.00", words=parcel("A7", ("in_transit", 10))),
    order("A8", 4, "110.00", sale="phone", words=parcel("A8", ("in_transit", 5), ("delivered", 6))),
]  # fmt: skip
MOVES = {
    "shop/A1": [move("charge", "120.00", 1, "2.40")],
    "shop/A6": [move("charge", "200.00", 2, "4.00"), move("refund", "-50.00", 9)],
    "shop/A2": [move("cod_collected", "80.00", 4, "1.60", R1), move("freight", "-6.00", 11, batch=R1)],
    "shop/A3": [move("cod_collected", "60.00", 4, "1.20", R1), move("freight", "-6.00", 11, batch=R1)],
    "shop/A4": [move("freight", "-6.00", 11, batch=R1), move("freight_return", "-4.00", 11, batch=R1)],
}
COGS = {"A1": 48, "A2": 30, "A3": 22, "A4": 60, "A5": 40, "A6": 75, "A7": 28, "A8": 44}
COSTS = [
    *(Cost(sku=name, since="2026-01-01", amount=D(value), currency="GEL") for name, value in COGS.items()),
    Cost(rule="freight", since="2026-01-01", amount=D("6.00"), currency="GEL"),
    Cost(rule="freight_return", since="2026-01-01", amount=D("4.00"), currency="GEL"),
    Cost(rule="cod_fee", since="2026-01-01", percent=D("2")),
]
EARLIER = [
    Bought(key=f"old/{b}", buyer=b, placed_at=march(1) - 200 * 86_400, counts=True, delivered=True)
    for b in ("A2", "A6")
]


def desk() -> Desk:
    rates = Exchange()
    rules = Rules(currency="GEL", vat=D("18"))
    return Desk(rules=rules, rates=rates, costs=Costs(COSTS, rates), days=DAYS)


@pytest.fixture(scope="module")
def rows() -> list:
    bought = [
        Bought(key=o.key, buyer=o.buyer, placed_at=o.placed_at, counts=o.cancelled_at is None,
               delivered=o.order_id in ("A1", "A2", "A3", "A6", "A8"))
        for o in ORDERS
    ]  # fmt: skip
    told = Told(orders=ORDERS, moves=MOVES, bought=[*bought, *EARLIER], ads=Advertising(spend=D("108.00")))
    asked = Asked(since="2026-03-01", until="2026-03-12", as_of=march(12))
    return list(report_chain(told, asked, desk()).rows)


def links(rows: list) -> dict[str, tuple]:
    return {r.link: (r.count, str(r.amount), r.before and str(r.before)) for r in rows if isinstance(r, Link)}


def test_links(rows):
    assert links(rows) == {
        "signalled": (0, "0.00", None),
        "placed": (8, "885.00", None),
        "confirmed": (7, "790.00", None),
        "shipped": (7, "790.00", None),
        "delivered": (5, "520.00", "570.00"),
        "collected": (4, "410.00", "460.00"),
        "banked": (4, "378.80", None),
    }


def test_leaks_and_what_is_open(rows):
    leaks = {(r.after, r.reason): (r.count, str(r.amount)) for r in rows if isinstance(r, Leak)}
    assert leaks == {
        ("placed", "cancelled"): (1, "95.00"),
        ("shipped", "refused"): (1, "150.00"),
        ("delivered", "refunded"): (1, "50.00"),
        ("collected", "fee_psp"): (2, "6.40"),
        ("collected", "fee_cod"): (2, "2.80"),
        ("collected", "freight_deducted"): (3, "22.00"),
    }
    waits = {r.reason: (r.link, r.count, str(r.amount), r.oldest_days, r.expected) for r in rows if isinstance(r, Open)}
    assert waits == {
        "in_transit": ("shipped", 1, "70.00", 2, None),
        "courier_holds": ("delivered", 1, "110.00", 6, "2026-03-13"),
    }


def test_matrix(rows):
    cells = {(r.delivered, r.collected): (r.count, str(r.amount)) for r in rows if isinstance(r, Cell)}
    assert cells == {
        (True, True): (4, "410.00"), (True, False): (1, "110.00"), (False, True): (0, "0.00"), (False, False): (3, "315.00"),
    }  # fmt: skip


def test_bridges_close_from_their_own_terms(rows):
    steps = [(r.start, r.reason, r.count, str(r.amount)) for r in rows if isinstance(r, Step)]
    assert steps == [
        ("placed", "placed", 8, "885.00"), ("placed", "cancelled", -1, "-95.00"), ("placed", "in_transit", -1, "-70.00"),
        ("placed", "refused", -1, "-150.00"), ("placed", "delivered", 5, "570.00"),
        ("delivered", "delivered", 5, "570.00"), ("delivered", "refunded", 0, "-50.00"),
        ("delivered", "courier_holds", -1, "-110.00"), ("delivered", "collected", 4, "410.00"),
        ("collected", "collected", 4, "410.00"), ("collected", "fee_psp", 0, "-6.40"),
        ("collected", "fee_cod", 0, "-2.80"), ("collected", "freight_deducted", 0, "-22.00"),
        ("collected", "banked", 4, "378.80"),
    ]  # fmt: skip
    assert [(r.count, r.amount) for r in rows if isinstance(r, Residual)] == [(0, 0)] * 3


def test_metrics(rows):
    found = {(r.name, r.of): r.value for r in rows if isinstance(r, Metric)}
    wanted = {
        ("confirmation_rate", "cod"): "0.8333", ("delivery_rate", "cod"): "0.7500", ("return_rate", "cod"): "0.2500",
        ("cash_held_by_couriers", "all"): "110.00", ("cash_held_days", "swift"): "6", ("bank_coverage", "all"): "1.0000",
        ("collection_rate", "all"): "0.7885", ("cm3", "all"): "170.28", ("cm4", "all"): "62.28",
        ("mer_placed", "all"): "8.1944", ("mer", "all"): "4.8148", ("blended_cac", "all"): "36.00",
        ("amer", "all"): "2.6852", ("customers_new", "all"): "6", ("customers_new_delivered", "all"): "3",
    }  # fmt: skip
    assert {key: str(found[key]) for key in wanted} == wanted


def test_contribution_of_each_order():
    from twofold.reconcile.chain.account import account_of

    found = {}
    for one in ORDERS:
        account = account_of(one, MOVES.get(one.key, []), desk(), march(12))
        found[one.order_id] = account.cm3 and str(account.cm3), str(account.margin.tax) if account.margin else None
    assert found == {
        "A1": ("45.29", "18.31"), "A2": ("30.20", "12.20"), "A3": ("21.65", "9.15"), "A4": ("-10.00", "0.00"),
        "A5": (None, None), "A6": ("42.12", "22.88"), "A7": (None, None), "A8": ("41.02", "16.78"),
    }  # fmt: skip
