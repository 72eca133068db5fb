"""The law of the tables: a report asked of them is the report worked out of accounts, row by row and byte by byte."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.reconcile.lines import day
from tests.reconcile.tables import Tables, both
from tests.reconcile.test_chain_law import matched_of, worlds
from twofold.ledger.lines import Cost, MoneyKind, Rate
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.rows import Leak, Open, Step
from twofold.reconcile.chain.told import BY, Asked, Told
from twofold.reconcile.chain.values import Move, Order, Rules, Settlement
from twofold.reconcile.exchange import Exchange, day_number
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.whole import bought_of

D = Decimal
FIRST, LAST = day_number("2026-02-20"), day_number("2026-04-10")


def desk_in(zone: str) -> Desk:
    """Two currencies: dollars have a rate, which does not divide evenly; euros have one from the eighth on."""
    rates = Exchange.of([
        Rate(source="nbg", day="2026-03-01", currency="USD", per=3, rate=D("8.1234"), base="GEL"),
        Rate(source="nbg", day="2026-03-07", currency="USD", per=1, rate=D("2.71"), base="GEL"),
        Rate(source="nbg", day="2026-03-08", currency="EUR", per=1, rate=D("2.9177"), base="GEL"),
    ])  # fmt: skip
    costs = Costs([Cost(sku="A", since="2026-01-01", amount=D("20"), currency="GEL")], rates)
    rules = Rules(currency="GEL", vat=D(18), confirm_days=3, history_days=4)
    return Desk(rules=rules, rates=rates, costs=costs, days=Days(ZoneInfo(zone) if zone else UTC))


@st.composite
def told_worlds(draw: Any) -> Told:
    owed, told, declared = draw(worlds())
    currency = st.sampled_from(["GEL", "GEL", "USD", "EUR"])
    owed = [
        replace(o, currency=draw(currency), channel=draw(st.sampled_from(["", "paid"])), row=n)
        for n, o in enumerate(owed, 1)
    ]
    matched = matched_of((owed, told, declared))
    moves = {key: tuple(replace(m, currency=draw(currency)) for m in found) for key, found in matched.moves.items()}
    return Told(
        orders=owed, moves=moves, loose=tuple(replace(m, currency=draw(currency)) for m in matched.loose),
        unmatched=matched.unmatched, bought=[bought_of(o) for o in owed],
    )  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told_worlds(), st.sampled_from(["", "Asia/Tbilisi", "America/New_York"]), st.data())
def test_tables_say_what_accounts_say(told: Told, zone: str, data: Any) -> None:
    """Every view, in groups of every kind, of any days, as of any time."""
    desk = desk_in(zone)
    tables = Tables(told, desk, FIRST, LAST)
    for _ in range(4):
        first = data.draw(st.integers(1, 20))
        asked = Asked(
            since=f"2026-03-{first:02d}", until=f"2026-03-{data.draw(st.integers(first, 25)):02d}",
            as_of=data.draw(st.integers(day(1), day(30))), by=data.draw(st.sampled_from(["", *BY])),
            view=data.draw(st.sampled_from(["cohort", "booked"])),
        )  # fmt: skip
        accounts, asked_tables = both(told, asked, desk, tables)
        assert asked_tables == accounts, asked
        assert repr(asked_tables) == repr(accounts)


def test_a_day_that_passes_is_a_change() -> None:
    """Nobody confirmed it in time; the bank's line of a batch is late: nothing happened but that time went by."""
    waits = Order(
        key="1/1001", row=1, order_id="1001", placed_at=day(1), currency="GEL", total=D("50.00"), method="cod"
    )
    paid = replace(
        waits, key="1/1002", row=2, order_id="1002", method="card", confirmed_at=day(1), delivered_at=day(2), parcels=1
    )
    batch = Settlement(batch="batch:psp/B1", at=day(3), closes=True, late_after=day(9) // 86_400, expected_at=day(6))
    charge = Move(
        line="a1", kind=MoneyKind.CHARGE, gross=D("50.00"), fee=D("1.00"), currency="GEL", at=day(1), day=day(1) // 86_400,
        source="psp", settlement=batch,
    )  # fmt: skip
    told = Told(orders=[waits, paid], moves={"1/1002": [charge]}, bought=[bought_of(waits), bought_of(paid)])
    tables = Tables(told, desk_in(""), FIRST, LAST)
    said = set()
    for as_of in (day(1) + 3 * 86_400, day(1) + 3 * 86_400 + 1, day(10) - 1, day(10)):
        asked = Asked(since="2026-03-01", until="2026-03-01", as_of=as_of)
        accounts, asked_tables = both(told, asked, desk_in(""), tables)
        assert asked_tables == accounts
        said |= {row.reason for row in asked_tables.rows if isinstance(row, Open | Leak)}
    assert {"awaits_confirmation", "unconfirmed", "in_flight", "not_arrived"} <= said


def test_amounts_that_cancel_out_concern_their_orders() -> None:
    """What came for one order and went back for another, neither of them delivered: nothing together, and two orders."""
    paid, unpaid = (
        Order(
            key=f"1/100{n}",
            row=n,
            order_id=f"100{n}",
            placed_at=day(1),
            currency="GEL",
            total=D("120.00"),
            method="card",
        )
        for n in (1, 2)
    )
    moves = {
        one.key: [Move(line=f"b{one.row}", kind=kind, gross=gross, fee=D(0), currency="GEL", at=day(1), day=day(1) // 86_400,
                       source="bank", direct=True)]
        for one, kind, gross in ((paid, MoneyKind.BANK_CREDIT, D("80.00")), (unpaid, MoneyKind.BANK_DEBIT, D("-80.00")))
    }  # fmt: skip
    told = Told(orders=[paid, unpaid], moves=moves, bought=[bought_of(paid), bought_of(unpaid)])
    asked = Asked(since="2026-03-01", until="2026-03-02", as_of=day(3), view="booked")
    accounts, asked_tables = both(told, asked, desk_in(""), Tables(told, desk_in(""), FIRST, LAST))
    assert asked_tables == accounts
    (step,) = (row for row in asked_tables.rows if isinstance(row, Step) and row.reason == "not_delivered")
    assert (step.count, step.amount) == (2, D("0.00"))


def test_each_courier_has_its_own_habit() -> None:
    """Thirty parcels whose cash came after two days, thirty after nine, and one of each courier that is open: by the ninth day."""
    orders, moves = [], {}
    for courier, days in (("fast", 2), ("slow", 9)):
        for n in range(31):
            row = len(orders) + 1
            orders.append(Order(
                key=f"1/{row}", row=row, order_id=str(row), placed_at=day(1), currency="GEL", total=D("10.00"), method="cod",
                confirmed_at=day(1), delivered_at=day(2), parcels=1, courier=courier,
            ))  # fmt: skip
            if n:
                batch = Settlement(batch=f"batch:{row}", at=day(2), closes=True, late_after=day(30) // 86_400, expected_at=day(9),
                                   banked_at=day(2 + days))  # fmt: skip
                moves[f"1/{row}"] = [Move(
                    line=f"a{row}", kind=MoneyKind.COD_COLLECTED, gross=D("10.00"), fee=D(0), currency="GEL", at=day(2),
                    day=day(2) // 86_400, source=f"courier:{courier}", settlement=batch,
                )]  # fmt: skip
    told = Told(orders=orders, moves=moves, bought=[bought_of(one) for one in orders])
    asked = Asked(since="2026-03-01", until="2026-03-01", as_of=day(20))
    accounts, asked_tables = both(told, asked, desk_in(""), Tables(told, desk_in(""), FIRST, LAST))
    assert asked_tables == accounts
    (held,) = (row for row in asked_tables.rows if isinstance(row, Open) and row.reason == "courier_holds")
    assert held.expected == "2026-03-11"
