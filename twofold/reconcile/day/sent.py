"""Why an order's Purchase is not at the platform, and why its money there is another: read from deliveries and orders.

Owns these two answers, which know nothing of what the platform reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from twofold.reconcile.day.values import ZERO, DayOrder, Sent

NOT_WEB = frozenset({"phone", "chat", "store", "staff", "renewal", "api", "crm"})
"""Where nobody's browser can have been."""

_SUPPRESSED = {
    "order_cancelled": "cancelled_before_sent", "order_deleted": "cancelled_before_sent", "order_voided": "voided",
    "order_emptied": "emptied", "order_returned": "returned", "order_refunded": "returned", "renewal": "renewal",
    "test_order": "test_order", "no_order": "source_not_connected",
}  # fmt: skip


def unsent_reasons(order: DayOrder) -> list[str]:
    """Reasons for which the order is not among what the platform accepted on its web column, in their order.

    Empty for one that it accepted there. What is sent of a chat or a call stands in another column.
    """
    found = []
    sent = order.main
    if sent is None:
        found.append("source_not_connected")
    elif not sent.accepted:
        found.append(_why(sent))
    if order.sale in NOT_WEB:
        found.append("no_browser")
    return found


def _why(sent: Sent) -> str:
    reason = sent.reason
    if reason.startswith("consent") or reason == "withdrawn":
        return "consent"
    if reason.startswith("not_"):
        return "not_yet"
    if reason.startswith("never_"):
        return "not_yet"
    if reason in _SUPPRESSED:
        return _SUPPRESSED[reason]
    if "too_old" in reason or reason == "expired":
        return "late"
    if sent.state == "dead":
        return "rejected" if "reject" in reason else "dead"
    return "waiting" if sent.state in ("waiting", "paused", "") else "source_not_connected"


def sent_terms(order: DayOrder, sent: Sent, until: int) -> Iterator[tuple[str, Decimal]]:
    """Why the value that was sent is another than the order's total. A margin is no price: what it leaves out has one reason."""
    value = sent.value or ZERO
    if not sent.as_margin:
        yield from value_terms(order, value, until)
    elif value != order.total:
        yield "margin_told", value - order.total


def value_terms(order: DayOrder, value: Decimal, until: int) -> Iterator[tuple[str, Decimal]]:
    """Why a value is another than the order's total: parts that are left out, then refunds and edits, then the price.

    Exact or nothing: a part explains the difference when it is the difference.
    """
    left = value - order.total
    if not left:
        return
    for parts in _combinations(order):
        taken = -sum(parts.values(), ZERO)
        if parts and taken == left:
            yield "value_parts", left
            return
    out = -sum(order.left_out.values(), ZERO)
    later = sum((amount for at, amount in order.back if at <= until), ZERO)
    if later and left == out - later:
        if out:
            yield "value_parts", out
        yield "refunded_after", -later
    elif order.discount and left in (order.discount, out + order.discount):
        if left != order.discount:
            yield "value_parts", out
        yield "discount", order.discount
    elif order.edited and left == out - order.edited:
        if out:
            yield "value_parts", out
        yield "edited_after", -order.edited
    else:
        yield "price_differs", left


def _combinations(order: DayOrder) -> Iterator[dict[str, Decimal]]:
    """What the policy leaves out first; then each part alone, then shipping and tax together."""
    yield dict(order.left_out)
    for name, amount in order.parts.items():
        if amount:
            yield {name: amount}
    both = {n: order.parts[n] for n in ("shipping", "tax") if order.parts.get(n)}
    if len(both) == 2:
        yield both
