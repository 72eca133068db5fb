"""The two bridges that are ours to check: the shop's own report of its day, and the Purchase actions of our log.

Owns their reasons. The shop's figure counts orders placed on the day, also those that were cancelled later; what came back on
the day is taken off, whatever day its order is of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from twofold.reconcile.day.sent import value_terms
from twofold.reconcile.day.values import LOG, SHOP, ZERO, Bridge, DayOrder, Report, Sent, Sum, Tally, bridge

InDay = Callable[[int], bool]


def shop_report(orders: Sequence[DayOrder], shop_day: InDay, zone: str, currency: str) -> Report:
    """What the shop's admin says of the day: orders placed, less what was cancelled or given back on it."""
    placed = [o for o in orders if shop_day(o.placed_at) and not o.test]
    total = sum((o.total for o in placed), ZERO)
    gone = sum((_came_back(o, shop_day) for o in orders if not o.test), ZERO)
    gifts = sum((o.gift_cards for o in placed), ZERO)
    return Report(
        source=SHOP, count=len(placed), amount=total - gone - gifts, original_amount=total - gone - gifts,
        original_currency=currency, zone=zone, window="by_return_day",
    )  # fmt: skip


def _came_back(order: DayOrder, shop_day: InDay) -> Decimal:
    """What the admin takes off on the day: what was given back on it, and what a cancellation on it leaves no more."""
    given = _given(order)
    today = sum((a for at, a in given if shop_day(at)), ZERO)
    if order.cancelled_at is None or not shop_day(order.cancelled_at):
        return today
    return today + order.total - sum((a for _, a in given), ZERO)


def _given(order: DayOrder) -> list[tuple[int, Decimal]]:
    """What was given back, without what a cancellation gave back itself."""
    end = order.cancelled_at if order.cancelled_at is not None else 1 << 62
    return [(at, a) for at, a in order.back if at < end]


def bridge_shop(orders: Sequence[DayOrder], report: Report, shop_day: InDay) -> Bridge:
    """From the orders of the day to the shop's total sales."""
    tally = Tally()
    real = [o for o in orders if not o.test]
    basis = [o for o in real if shop_day(o.placed_at)]
    for order in real:
        mine = shop_day(order.placed_at)
        given = _given(order)
        if order.cancelled_at is not None and shop_day(order.cancelled_at):
            left = order.total - sum((a for _, a in given), ZERO)
            tally.add("cancelled" if mine else "return_day", 0, -left, order.number)
        today = sum((a for at, a in given if shop_day(at)), ZERO)
        if today:
            tally.add("refund_day" if mine else "return_day", 0, -today, order.number)
        if mine and order.gift_cards:
            tally.add("gift_card", 0, -order.gift_cards, order.number)
    total = Sum(name="basis", count=len(basis), amount=sum((o.total for o in basis), ZERO))
    return bridge(SHOP, total, [(tally, "expected")], report)


def log_report(orders: Sequence[DayOrder], strays: Sequence[Sent], shop_day: InDay, zone: str, currency: str) -> Report:
    """Purchase actions whose event is of the day."""
    sent = [a for o in orders for a in o.actions if shop_day(a.at)] + [s for s in strays if shop_day(s.at)]
    amount = sum((a.told or ZERO for a in sent), ZERO)
    return Report(
        source=LOG, count=len(sent), amount=amount, original_amount=amount, original_currency=currency, zone=zone
    )


def bridge_log(
    orders: Sequence[DayOrder], strays: Sequence[Sent], report: Report, shop_day: InDay, until: int
) -> Bridge:
    """From the orders of the day to the actions of our own journal."""
    tally = Tally()
    basis = [o for o in orders if shop_day(o.placed_at) and not o.test]
    mine = {o.key for o in basis}
    for order in orders:
        for place, action in enumerate(order.actions):
            if not shop_day(action.at):
                continue
            told = action.told or ZERO
            if order.test:
                tally.add("test_order", 1, told, order.number)
            elif place:
                tally.add("duplicate_there", 1, told, order.number)
            elif order.key not in mine:
                tally.add("late", 1, told, order.number)
    for order in basis:
        main = order.main
        if main is None:
            tally.add("source_not_connected", -1, -order.total, order.number)
        elif not shop_day(main.at):
            tally.add("late", -1, -order.total, order.number)
        else:
            for reason, amount in value_terms(order, main.told or ZERO, until):
                tally.add(reason, 0, amount, order.number)
    for stray in strays:
        if shop_day(stray.at):
            tally.add("source_not_connected", 1, stray.told or ZERO, f"action {stray.action}")
    total = Sum(name="basis", count=len(basis), amount=sum((o.total for o in basis), ZERO))
    return bridge(LOG, total, [(tally, "expected")], report)
