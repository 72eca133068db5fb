"""Cases of the chain that are easy to get wrong: payouts that failed, vouchers, currencies, exchanges, parcels that went apart."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.reconcile.lines import batch, credit, day, due, line
from twofold.ledger.lines import Cost, Rate
from twofold.ledger.model import ParcelState
from twofold.reconcile.chain.account import Desk, account_of
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.report import report_chain
from twofold.reconcile.chain.rows import Leak, Link, Metric, Open, Residual, Step
from twofold.reconcile.chain.told import Asked, Told, one_of_each_exchange
from twofold.reconcile.chain.values import Item, Order, ParcelWord, Rules
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.matches.matching import no_rate
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.world import Matched, match_all

D = Decimal
DELIVERED = {"confirmed_at": day(2), "shipped_at": day(3), "delivered_at": day(4), "parcels": 1, "parcels_delivered": 1}


def order(name: str = "1001", total: str = "120.00", **more) -> Order:
    facts = {"currency": "GEL", "method": "card", "items": (Item("A", 1),)} | DELIVERED | more
    return Order(key=f"1/{name}", order_id=name, placed_at=day(1), total=D(total), **facts)


def desk(*rates: Rate) -> Desk:
    exchange = Exchange.of(rates)
    costs = Costs([Cost(sku="A", since="2026-01-01", amount=D("20"), currency="GEL")], exchange)
    return Desk(rules=Rules(currency="GEL"), rates=exchange, costs=costs, days=Days(UTC))


def matched(orders: list[Order], told: list, batches: list = ()) -> Matched:
    dues = [replace(due(o.key, "0", o.placed_at), amounts={o.currency: o.total - o.vouchers}, keys=(f"order:{o.order_id}",))
            for o in orders]  # fmt: skip
    return match_all(dues, told, list(batches), [], tolerance=Tolerance(), convert=no_rate, days=Days(UTC))


def rows(orders: list[Order], told: list, batches: list = (), desk_: Desk | None = None, **asked):
    found = matched(orders, told, batches)
    given = {"since": "2026-03-01", "until": "2026-03-20", "as_of": day(20)} | asked
    whole = Told(orders=orders, moves=found.moves, loose=found.loose, unmatched=found.unmatched)
    report = report_chain(whole, Asked(**given), desk_ or desk())
    assert all(not r.amount and not r.count for r in report.rows if isinstance(r, Residual))
    return report.rows


def link(found, name: str) -> tuple[int, str]:
    return next((r.count, f"{r.amount:.2f}") for r in found if isinstance(r, Link) and r.link == name)


def steps(found, start: str) -> dict[str, str]:
    return {r.reason: f"{r.amount:.2f}" for r in found if isinstance(r, Step) and r.start == start}


def test_a_payout_that_failed_is_paid_with_the_next_one():
    """117.60 leave, come back, and leave with 50.00 more in the next payout: both are banked with its credit."""
    charge = line("charge", "120.00", day(2), "order:1001", fee="2.40", id="1", batch="po_1")
    first = [charge, line("payout", "-117.60", day(5), id="2", batch="po_1"),]  # fmt: skip
    second = [
        line("payout_failed", "117.60", day(7), id="3", batch="po_2"),
        line("charge", "50.00", day(7), "order:1002", id="4", batch="po_2"),
        line("payout", "-167.60", day(9), id="5", batch="po_2"),
    ]
    declared = [batch("po_1", "117.60", day(5), status="failed"), batch("po_2", "167.60", day(9))]
    orders = [order(), order("1002", "50.00")]
    found = rows(orders, [*first, *second], declared)
    assert link(found, "banked") == (0, "0.00")
    found = rows(orders, [*first, *second, credit("167.60", day(10))], declared)
    assert link(found, "banked") == (2, "167.60")


def test_a_payout_that_left_again_under_its_own_name_is_paid_once():
    told = [
        line("charge", "120.00", day(2), "order:1001", fee="2.40", id="1", batch="po_1"),
        line("payout", "-117.60", day(5), id="2", batch="po_1"), line("payout_failed", "117.60", day(6), id="3", batch="po_1"),
    ]  # fmt: skip
    assert link(rows([order()], told), "banked") == (0, "0.00")
    again = [*told, line("payout", "-117.60", day(8), id="4", batch="po_1"), credit("117.60", day(9))]
    assert link(rows([order()], again), "banked") == (1, "117.60")


def test_who_paid_twice_and_has_one_of_it_back_was_refunded_nothing():
    """120.00 by card twice, and one of them given back: 120.00 were delivered, taken and kept. 20.00 more that went back are a refund."""
    twice = [line("charge", "120.00", day(n), "order:1001", id=str(n)) for n in (2, 3)]
    back = line("refund", "-120.00", day(5), "order:1001", id="5")
    found = rows([order()], [*twice, back])
    assert steps(found, "delivered") == {"delivered": "120.00", "collected": "120.00"}
    assert steps(rows([order()], twice), "delivered") == {
        "delivered": "120.00", "short_collected": "120.00", "collected": "240.00",
    }  # fmt: skip
    more = rows([order()], [*twice, back, line("refund", "-20.00", day(6), "order:1001", id="6")])
    assert steps(more, "delivered") == {"delivered": "120.00", "refunded": "-20.00", "collected": "100.00"}
    told = rows([order(refunded=D("120.00"))], [*twice, back])  # the shop says that the order's own money went back
    assert steps(told, "delivered")["refunded"] == "-120.00"


def test_half_by_voucher_half_at_the_door():
    """100.00, of which a gift card pays 50.00: nothing is short."""
    found = rows(
        [order(total="100.00", method="cod", vouchers=D("50.00"))],
        [line("cod_collected", "50.00", day(4), "order:1001", source="courier:swift")],
    )  # fmt: skip
    assert steps(found, "delivered") == {"delivered": "100.00", "paid_by_voucher": "-50.00", "collected": "50.00"}
    whole = rows([order(total="100.00", method="gift_card", vouchers=D("100.00"))], [])
    assert steps(whole, "delivered") == {"delivered": "100.00", "paid_by_voucher": "-100.00", "collected": "0.00"}


def test_a_rate_that_moved_is_a_term_of_its_own():
    """100 USD at 2.70 on the order's day; the provider settled 268.00 GEL: 2.00 less."""
    told = line("charge", "268.00", day(3), "order:1001", fee="8.00", id="1", batch="po", original=D("100.00"),
                original_currency="USD")  # fmt: skip
    table = desk(Rate(source="own", day="2026-03-01", currency="USD", rate=D("2.70"), base="GEL"))
    found = rows([order(total="100.00", currency="USD")], [told, credit("260.00", day(4))], desk_=table)
    assert link(found, "placed") == (1, "270.00")
    assert steps(found, "delivered") == {"delivered": "270.00", "rate_difference": "-2.00", "collected": "268.00"}
    assert link(found, "banked") == (1, "260.00")


def test_an_order_without_a_rate_stands_in_no_sum_and_is_told():
    found = matched([], [])
    told = Told(orders=[order(currency="USD"), order("1002")], moves=found.moves)
    report = report_chain(told, Asked(since="2026-03-01", until="2026-03-20", as_of=day(20)), desk())
    assert link(report.rows, "placed") == (1, "120.00")
    assert report.missing["rate"] == D("0.5")


def test_an_exchange_is_one_order_with_the_money_of_both():
    """Paid under the old number, delivered under the new one."""
    old = order(shipped_at=None, delivered_at=None, parcels=0, parcels_delivered=0)
    new = order("1002", replaces="1001")
    found = rows([old, new], [line("charge", "120.00", day(2), "order:1001", id="1")])
    assert link(found, "placed") == (1, "120.00")
    assert link(found, "collected") == (1, "120.00")


def test_orders_that_name_each_other_are_one_the_later_one():
    """Whichever is read first; and of two that replace one, the last has its money."""
    first, second = order(replaces="1002"), replace(order("1002", replaces="1001"), placed_at=day(3))
    third = replace(order("1003", replaces="1001"), placed_at=day(4))
    told = [line("charge", "120.00", day(5), "order:1001", id="1")]
    for both in ([first, second], [second, first]):
        assert one_of_each_exchange(both, {"1/1001": told}) == [(second, told)]
    for all_three in ([first, second, third], [third, second, first]):
        found = {o.order_id: m for o, m in one_of_each_exchange(all_three, {"1/1001": told})}
        assert found == {"1002": [], "1003": told}


NOT_SHIPPED = {"shipped_at": None, "delivered_at": None, "parcels": 0, "parcels_delivered": 0}
LEAKS = [
    ("placed", "cancelled", {**NOT_SHIPPED, "confirmed_at": None, "cancelled_at": day(2)}, ()),
    ("confirmed", "cancelled", {**NOT_SHIPPED, "cancelled_at": day(3)}, ()),
    ("shipped", "refused", {"delivered_at": None, "refused_at": day(5), "parcels_delivered": 0}, ()),
    ("shipped", "lost", {"delivered_at": None, "lost_at": day(6), "parcels_delivered": 0}, ()),
    ("delivered", "returned", {"returned_at": day(6)}, ()),
    ("delivered", "paid_by_voucher", {"method": "gift_card", "vouchers": D("120.00")}, ()),
    ("delivered", "short_collected", {"method": "cod"}, (line("cod_collected", "70.00", day(5), "order:1001", source="courier:swift"),)),
]  # fmt: skip


@pytest.mark.parametrize(("after", "reason", "facts", "told"), LEAKS, ids=lambda v: v if isinstance(v, str) else "")
def test_each_leak_stands_after_the_last_link_that_the_order_reached(after, reason, facts, told):
    """What is cancelled before anybody confirmed it was only placed; what a courier lost was shipped; what came back had been delivered."""
    lost = [
        (r.after, r.reason, r.count, f"{r.amount:.2f}")
        for r in rows([order(**facts)], list(told))
        if isinstance(r, Leak)
    ]
    assert lost == [(after, reason, 1, "50.00" if told else "120.00")]


def test_parcels_that_went_apart_part_the_money_and_count_where_more_is():
    """Two parcels, 80.00 arrived and 40.00 refused: one delivered order of 80.00, 40.00 of it refused."""
    words = tuple(
        ParcelWord(parcel=p, state=ParcelState(s), at=day(4), due=D(d), courier="swift")
        for p, s, d in (("p", "delivered", "80.00"), ("q", "refused", "40.00"))
    )
    one = order(method="cod", words=words, delivered_at=None, parcels=2)
    found = rows([one], [line("cod_collected", "80.00", day(5), "order:1001", source="courier:swift")])
    assert link(found, "delivered") == (1, "80.00")
    assert steps(found, "placed") == {"placed": "120.00", "refused": "-40.00", "delivered": "80.00"}
    assert [(r.reason, r.count, f"{r.amount:.2f}") for r in found if isinstance(r, Leak)] == [("refused", 1, "40.00")]


def test_delivered_then_returned_leaves_the_cohort_and_the_day_it_came_back_in_the_books():
    """Delivered on the 4th, back on the 9th: the cohort has it returned, the books have both days."""
    words = tuple(
        ParcelWord(parcel="p", state=ParcelState(s), at=day(d), courier="swift")
        for s, d in (("in_transit", 3), ("delivered", 4), ("returned", 9))
    )
    one = order(method="cod", words=words, delivered_at=None)
    assert link(rows([one], []), "delivered") == (0, "0.00")
    assert link(rows([one], [], view="booked", since="2026-03-04", until="2026-03-05"), "delivered") == (1, "120.00")
    assert link(rows([one], [], view="booked", since="2026-03-08", until="2026-03-10"), "delivered") == (-1, "-120.00")


def test_a_dispute_that_was_won_is_nothing_in_the_end():
    told = [
        line("charge", "120.00", day(2), "order:1001", id="1"),
        line("dispute", "-120.00", day(5), "payment:1", fee="15.00", id="2"),
        line("dispute_reversal", "120.00", day(9), "payment:1", fee="-15.00", id="3"),
    ]
    found = rows([order()], told)
    assert steps(found, "collected") == {"collected": "120.00", "payout_pending": "-120.00", "banked": "0.00"}
    lost = rows([order()], told[:2])
    assert steps(lost, "collected")["disputed"] == "-120.00"
    account = account_of(order(), matched([order()], told[:2]).moves["1/1001"], desk(), day(20))
    assert account is not None
    assert (account.net_revenue, account.cm3) == (D("0.00"), D("-35.00"))


def test_money_of_an_order_that_is_not_here_is_told_apart():
    """A parcel of another shop in the courier's file: its batch closes, and the line is counted as unmatched."""
    told = [line("cod_collected", "80.00", day(4), "parcel:X9", source="courier:swift", batch="R1", id="1"),
            credit("80.00", day(5))]  # fmt: skip
    found = rows([order()], told)
    values = {r.name: r.value for r in found if isinstance(r, Metric)}
    assert (values["unmatched_lines"], values["unmatched_lines_count"]) == (D("80.00"), 1)
    assert values["unmatched_bank_credits"] == 0
    assert link(found, "banked") == (0, "0.00")


def test_a_batch_of_nothing_is_settled_without_the_bank():
    """A charge and a refund of the same money: nothing comes, and nothing is missing."""
    told = [line("charge", "120.00", day(2), "order:1001", id="1", batch="po"),
            line("refund", "-120.00", day(3), "order:1001", id="2", batch="po")]  # fmt: skip
    found = rows([order(refunded=D("120.00"))], told)
    assert not [r for r in found if isinstance(r, Open)]
    assert link(found, "banked") == (1, "0.00")
