"""The money that pages and other senders tell of a Purchase, against its order's: what the difference is made of.

Owns the comparison of one copy and which differences are a fault. A difference is named only where it fits to the minor unit:
cents told as units, without tax, without shipping, before the discount, another currency; everything else is *other*. What is
sent for such a Purchase is the order's own money; the platform's pixel, which tells the page's, is what goes wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from msgspec import MsgspecError

from twofold.ledger.model import Amounts
from twofold.ledger.money import digits_of, to_minor
from twofold.ledger.state import OrderState, decode_state
from twofold.router.finding import Finding, Kind, When, sums_of
from twofold.router.rules.reading import Signals, ToldPurchase

LEAST, LEAST_SHARE = 5, 0.05  # ours: fewer copies that differ are edits and upsells
FEW, FEW_SHARE = 4, 0.02  # of those that are off by exactly a part of their order, which no edit is
EXACT = frozenset({"tax", "shipping", "tax_and_shipping", "minor_units", "discount"})
OTHER = "other"


def findings_of_page_money(signals: Signals) -> Iterator[Finding]:
    """A finding a reason and sender."""
    looked: dict[tuple[str, str], int] = defaultdict(int)
    differ: dict[tuple[str, str, str], list[tuple[ToldPurchase, Amounts]]] = defaultdict(list)
    for told in signals.told:
        amounts = _order_of(told)
        if amounts is None or told.event.custom_data.value is None:
            continue
        looked[told.dataset, told.sender] += 1
        reason = reason_of(told, amounts)
        if reason:
            differ[told.dataset, told.sender, reason].append((told, amounts))
    for (dataset, sender, reason), some in differ.items():
        least, share = (FEW, FEW_SHARE) if reason in EXACT else (LEAST, LEAST_SHARE)
        if len(some) >= least and len(some) / looked[dataset, sender] >= share:
            yield _finding(sender, reason, some, looked[dataset, sender])


def reason_of(told: ToldPurchase, order: Amounts) -> str:
    """What makes the copy's money another than the order's; empty where they are equal or both could be meant."""
    said, currency = told.event.custom_data.value, told.event.custom_data.currency
    assert said is not None
    if currency is not None and currency != order.currency:
        return "currency"
    if to_minor(said, order.currency) == order.total:
        return ""
    shown = [(name, order.total - part) for name, part in _parts(order)]
    shown.append(("minor_units", order.total * 10 ** digits_of(order.currency)))
    shown.append(("discount", order.total + (order.discount or 0)))
    return next((name for name, amount in shown if amount != order.total and said == amount), OTHER)


def _parts(order: Amounts) -> Iterator[tuple[str, Decimal]]:
    tax, shipping = order.tax or Decimal(0), order.shipping or Decimal(0)
    yield "tax", tax
    yield "shipping", shipping
    yield "tax_and_shipping", tax + shipping
    if order.shipping_tax:
        yield "shipping", shipping + order.shipping_tax
        yield "tax_and_shipping", tax + shipping - order.shipping_tax


def _order_of(told: ToldPurchase) -> Amounts | None:
    """The order's money as it was placed. One that was changed since says nothing about the page."""
    if told.state is None:
        return None
    try:
        state: OrderState = decode_state(told.state)
    except (MsgspecError, ValueError):
        return None
    if state.refunded or state.cancelled_at is not None or state.test:
        return None
    return state.presentment or state.shop


def _finding(sender: str, reason: str, some: list[tuple[ToldPurchase, Amounts]], looked: int) -> Finding:
    off: dict[str, Decimal] = defaultdict(Decimal)
    for told, order in some:
        if reason != "currency" and told.event.custom_data.value is not None:
            off[order.currency] += abs(to_minor(told.event.custom_data.value, order.currency) - order.total)
    newest, order = some[0]
    said = newest.event.custom_data
    times = [told.received_at // 1000 for told, _ in some]
    return Finding(
        kind=Kind.PAGE_MONEY, about=f"{sender}: {reason}", when=When.NOW, events=len(some), of=looked, orders=len(some),
        money=sums_of(off), parts=(("Purchase", len(some)),), marks=(reason,), since=min(times), last=max(times),
        link="/senders",
        evidence=(("page_says", f"{said.value} {said.currency or ''}".strip()), ("order_says", f"{order.total} {order.currency}")),
    )  # fmt: skip
