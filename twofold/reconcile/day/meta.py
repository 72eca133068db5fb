"""The bridge from the ledger's day to what Meta claims.

Owns which reasons take an order out of what Meta accepted on its own day, and which accepted events a click of ours confirms.
The figure that Meta reports is looked at once: at the end, for the residual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from twofold.reconcile.day.sent import sent_terms, unsent_reasons
from twofold.reconcile.day.values import META, ZERO, Bridge, Claim, DayOrder, Report, Sent, Sum, Tally, bridge

CLICK_DAYS = 7
_VIEWS = {"1d_view": "view_through", "1d_ev": "engaged_view"}
_CLICK = "7d_click"

InDay = Callable[[int], bool]
"""Whether a time lies on a day."""


def bridge_meta(
    orders: Sequence[DayOrder], strays: Sequence[Sent], report: Report, shop_day: InDay, meta_day: InDay, until: int
) -> tuple[Bridge, list[Claim]]:
    """``orders``: all of either day, ``strays``: actions of no known order. ``until``: as of when."""
    orders = [o for o in orders if not o.test]
    basis = [o for o in orders if shop_day(o.placed_at)]
    there = Tally()
    _move(there, basis, orders, shop_day, meta_day)
    accepted: list[tuple[Sent, str]] = []
    for order in orders:
        if meta_day(order.placed_at):
            accepted += _accept(there, order, meta_day, until)
        else:
            accepted += _late_in(there, order, meta_day)
    for stray in strays:
        if stray.accepted and meta_day(stray.at):
            there.add("source_not_connected", 1, _value(stray), f"action {stray.action}")
            accepted.append((stray, f"action {stray.action}"))
    clicks = Tally()
    confirmed = _clicks(clicks, accepted, report.other_ads)
    if report.by_click_day:
        confirmed += _by_click_day(clicks, accepted, orders, report.other_ads, meta_day)
    tallies = [(there, "accepted"), (clicks, "expected_by_click")]
    views = Tally()
    for window, reason in _VIEWS.items():
        if window in report.windows:
            count, value = report.windows[window]
            views.add(reason, int(count), value)
    if report.windows:
        tallies.append((views, "expected"))
    total = Sum(name="basis", count=len(basis), amount=sum((o.total for o in basis), ZERO))
    return bridge(META, total, tallies, report), _claims(report, confirmed)


def _move(
    tally: Tally, basis: Sequence[DayOrder], orders: Sequence[DayOrder], shop_day: InDay, meta_day: InDay
) -> None:
    """Orders of the shop's day that are on another day of Meta's, and the reverse."""
    for order in basis:
        if not meta_day(order.placed_at):
            second = next(iter(unsent_reasons(order)), "")
            tally.add("time_zone", -1, -order.total, order.number, second)
    for order in orders:
        if meta_day(order.placed_at) and not shop_day(order.placed_at):
            tally.add("time_zone", 1, order.total, order.number)


def _accept(tally: Tally, order: DayOrder, meta_day: InDay, until: int) -> list[tuple[Sent, str]]:
    """What of an order of Meta's day Meta accepted on that day; the rest is told with its reason."""
    reasons = unsent_reasons(order)
    main = order.main
    found: list[tuple[Sent, str]] = []
    if not reasons and main is not None and not meta_day(main.at):
        reasons = ["late"]
    if reasons:
        tally.add(reasons[0], -1, -order.total, order.number, reasons[1] if len(reasons) > 1 else "")
    elif main is not None:
        for reason, amount in sent_terms(order, main, until):
            tally.add(reason, 0, amount, order.number)
        found.append((main, order.number))
    return found + _again(tally, order, meta_day)


def _late_in(tally: Tally, order: DayOrder, meta_day: InDay) -> list[tuple[Sent, str]]:
    """An order of another day whose event says this one."""
    main = order.main
    found = []
    if main is not None and main.accepted and meta_day(main.at) and not unsent_reasons(order):
        tally.add("late", 1, _value(main), order.number)
        found.append((main, order.number))
    return found + _again(tally, order, meta_day)


def _again(tally: Tally, order: DayOrder, meta_day: InDay) -> list[tuple[Sent, str]]:
    found = []
    for other in order.actions[1:]:
        if other.accepted and meta_day(other.at):
            tally.add("duplicate_there", 1, _value(other), order.number)
            found.append((other, order.number))
    return found


def _clicks(tally: Tally, accepted: Sequence[tuple[Sent, str]], other_ads: frozenset[str]) -> int:
    """Takes out what no click of the platform in its window stands behind; how many are left."""
    left = 0
    for sent, name in accepted:
        reasons = _not_by_click(sent, other_ads)
        if reasons:
            tally.add(reasons[0], -1, -_value(sent), name, reasons[1] if len(reasons) > 1 else "")
        else:
            left += 1
    return left


def _not_by_click(sent: Sent, other_ads: frozenset[str]) -> list[str]:
    """Why no click of this figure's accounts stands behind an accepted event, in the reasons' order."""
    if sent.click_at is None:
        return ["no_meta_click"]
    found = ["outside_window"] if sent.at - sent.click_at > CLICK_DAYS * 86_400 else []
    return [*found, "other_account"] if sent.click_ad in other_ads else found


def _by_click_day(
    tally: Tally,
    accepted: Sequence[tuple[Sent, str]],
    orders: Sequence[DayOrder],
    other_ads: frozenset[str],
    meta_day: InDay,
) -> int:
    """Moves what the click's day says: out what was clicked on another day, in what was clicked on this one. The change."""
    change = 0
    for sent, name in accepted:
        if not _not_by_click(sent, other_ads) and sent.click_at is not None and not meta_day(sent.click_at):
            tally.add("click_day", -1, -_value(sent), name)
            change -= 1
    for order in orders:
        for sent in order.actions:
            clicked = sent.click_at is not None and meta_day(sent.click_at)
            if clicked and sent.accepted and not meta_day(sent.at) and not _not_by_click(sent, other_ads):
                tally.add("click_day", 1, _value(sent), order.number)
                change += 1
    return change


def _claims(report: Report, confirmed: int) -> list[Claim]:
    found = []
    for window, (count, _) in report.windows.items():
        ours = confirmed if window == _CLICK else 0
        seen = min(int(count), ours)
        found.append(
            Claim(window=window, claimed=count, confirmed=seen, unconfirmed=count - seen, unclaimed=ours - seen)
        )  # fmt: skip
    return found


def _value(sent: Sent) -> Decimal:
    return sent.value if sent.value is not None else sent.told or ZERO
