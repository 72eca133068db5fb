"""The bridge from the ledger's day to what GA4 counted: by single purchases where it tells their ids, else in sums.

Owns the reasons by which GA4 lacks an order, has one that we lack, or has it with other money. Without ids only what our own
evidence says is a reason; two faults that lift each other stay hidden in the residual, and it says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

from twofold.ledger.ties import plain
from twofold.reconcile.day.sent import NOT_WEB, value_terms
from twofold.reconcile.day.values import GA4, ZERO, Bridge, DayOrder, Report, Sum, Tally, bridge

InDay = Callable[[int], bool]
_NO_ID = frozenset({"", "(notset)", "notset", "null", "undefined"})


def bridge_ga4(orders: Sequence[DayOrder], report: Report, shop_day: InDay, ga4_day: InDay, until: int) -> Bridge:
    """``orders``: all of either day."""
    real = [o for o in orders if not o.test]
    basis = [o for o in real if shop_day(o.placed_at)]
    tally = Tally()
    for order in basis:
        if not ga4_day(order.placed_at):
            tally.add("time_zone", -1, -order.total, order.number, next(iter(_unseen(order)), ""))
    here = [o for o in real if ga4_day(o.placed_at)]
    for order in here:
        if not shop_day(order.placed_at):
            tally.add("time_zone", 1, order.total, order.number)
    if report.rows:
        _by_ids(tally, here, orders, report, until)
    else:
        for order in here:
            reasons = _unseen(order)
            if reasons:
                tally.add(reasons[0], -1, -order.total, order.number, reasons[1] if len(reasons) > 1 else "")
            else:
                _browsers_value(tally, order, until)
    if report.refunds:
        tally.add("refund_day", 0, -report.refunds)
    total = Sum(name="basis", count=len(basis), amount=sum((o.total for o in basis), ZERO))
    return bridge(GA4, total, [(tally, "expected")], report)


def _unseen(order: DayOrder) -> list[str]:
    """Why our own evidence says that GA4 cannot have it."""
    found = []
    if any(_denies(action.consent, order.banner) for action in order.actions):
        found.append("consent")
    if order.sale in NOT_WEB:
        found.append("no_browser")
    elif not order.has_browser_copy:
        found.append("page_not_reached" if order.visited else "no_trace")
    return found


def _denies(consent: str, banner: bool) -> bool:
    """What the copies said of analytics: denied in all, denied by that name, or silent where silence is not enough."""
    word, *parts = consent.split(";")
    if word == "denied" or "-analytics" in parts:
        return True
    silent = word in ("", "unstated") and "+analytics" not in parts
    return silent and (banner or "!" in parts)


def _by_ids(tally: Tally, here: Sequence[DayOrder], known: Sequence[DayOrder], report: Report, until: int) -> None:
    """Sets first: in both, only here, only there."""
    names: dict[str, DayOrder] = {}
    for order in known:
        for name in (order.order_id, order.number):
            names.setdefault(plain(name), order)
    told: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for number, count, value in report.rows:
        found = names.get(plain(number))
        if plain(number) in _NO_ID:
            tally.add("merged_there", int(count), value)
        elif found is None:
            tally.add("source_not_connected", int(count), value, number)
        else:
            told[found.key].append((count, value))
    mine = {o.key for o in here}
    for order in known:
        rows = told.get(order.key)
        if rows and order.key not in mine:
            reason = "test_order" if order.test else "late"
            tally.add(reason, int(sum((c for c, _ in rows), ZERO)), sum((v for _, v in rows), ZERO), order.number)
    for order in here:
        rows = told.get(order.key)
        if rows is None:
            reasons = [*_unseen(order), "blocked_there"]
            tally.add(reasons[0], -1, -order.total, order.number, reasons[1] if len(reasons) > 1 else "")
            continue
        count, value = sum((c for c, _ in rows), ZERO), sum((v for _, v in rows), ZERO)
        if count > 1:
            extra = value * (count - 1) / count
            tally.add("duplicate_there", int(count) - 1, extra, order.number)
            value -= extra
        for reason, amount in value_terms(order, value, until):
            tally.add(reason, 0, amount, order.number)


def _browsers_value(tally: Tally, order: DayOrder, until: int) -> None:
    """The page's own value, which GA4 was most likely told, against the order's."""
    values = {a.told for a in order.actions[:1] if a.browser and a.told is not None}
    if len(values) == 1:
        for reason, amount in value_terms(order, values.pop(), until):
            tally.add(reason, 0, amount, order.number)
