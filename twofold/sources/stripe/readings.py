"""What a Stripe object says of its order, brought into a report and a copy: the part that all readers share.

Owns the decision what the order's total is. A session states it. One payment's amount is the order's total only where
nothing says otherwise: metadata ``order_total`` is the merchant's word for the whole, and a payment that names the
shop's order without it may be one of several, so it adds a payment and claims no total.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import lenient_amount, read_currency, read_order_currency
from twofold.ledger.model import Amounts, OrderReport, Paid, Payment, Refund, Sale, Snapshot
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading
from twofold.sources.people import place_of
from twofold.sources.stripe.deliveries import Delivery
from twofold.sources.stripe.identity import Identity
from twofold.sources.stripe.methods import IN_PERSON, method_of, types_of
from twofold.sources.stripe.minor_units import to_amount
from twofold.sources.stripe.purchases import build_purchase, shipped_to

SENDER = "stripe"
ORDER_TOTAL = "order_total"

Answer = Reading | Refusal | Ignored


class Money(Struct, frozen=True, kw_only=True):
    """An amount that an object states."""

    amount: Decimal
    currency: str


def read_amount(thing: dict[str, Any], *names: str) -> Money | Refusal:
    """The first of the fields that is there, in the object's currency."""
    currency = read_order_currency(thing.get("currency"))
    if currency is None:
        given = thing.get("currency")
        reason = DropReason.INVALID_CURRENCY if given else DropReason.MISSING_CURRENCY
        return Refusal(reason=reason, path="data.object.currency", expected="three letters", got=describe(given))
    name = next((name for name in names if thing.get(name) is not None), names[0])
    minor = lenient.whole(thing, name)
    if minor is None or minor < 0:
        given = thing.get(name)
        reason = DropReason.MISSING_VALUE if given is None else DropReason.INVALID_VALUE
        expected = "a whole number of minor units, zero or more"
        return Refusal(reason=reason, path=f"data.object.{name}", expected=expected, got=describe(given))
    return Money(amount=to_amount(minor, currency), currency=currency)


def in_both_currencies(thing: dict[str, Any], amounts: Amounts) -> tuple[Amounts, Amounts | None]:
    """(in the shop's currency, in the buyer's when it is another).

    With Adaptive Pricing the buyer pays in another currency. Newer versions keep the object in the shop's and add
    presentment_details; older ones turn a session into the buyer's and keep the shop's in currency_conversion.
    """
    shown = lenient.part(thing, "presentment_details")
    currency, total = read_currency(shown.get("presentment_currency")), lenient.whole(shown, "presentment_amount")
    if currency and total is not None and currency != amounts.currency:
        return amounts, Amounts(currency=currency, total=to_amount(total, currency))
    source = lenient.part(thing, "currency_conversion")
    currency, total = read_currency(source.get("source_currency")), lenient.whole(source, "amount_total")
    if currency and total is not None and currency != amounts.currency:
        return Amounts(currency=currency, total=to_amount(total, currency)), amounts
    return amounts, None


def minor(thing: dict[str, Any], name: str, currency: str) -> Decimal | None:
    """A part of an amount; None where it is not stated."""
    value = lenient.whole(thing, name)
    return None if value is None else to_amount(value, currency)


def stated_total(delivery: Delivery, identity: Identity) -> Decimal | None:
    """The order's whole total by the merchant's metadata, in the payment's currency and in its major unit: "99.50"."""
    name = delivery.options.fields.get(ORDER_TOTAL, ORDER_TOTAL).strip().lower()
    given = identity.metadata.get(name)
    total = lenient_amount(given)
    if total is not None and total < 0:
        total = None
    if total is None and given not in (None, ""):
        delivery.notes.append(f"metadata {ORDER_TOTAL} is not a plain decimal number; left out")
    return total


def sale_of(thing: dict[str, Any]) -> Sale:
    return Sale.STORE if IN_PERSON & set(types_of(thing)) else Sale.WEB


def build_snapshot(
    delivery: Delivery, *, paid: Paid | None, shop: Amounts | None, presentment: Amounts | None = None, sale: Sale
) -> Snapshot:
    types = types_of(delivery.object)
    return Snapshot(
        version=delivery.version,
        placed_at=delivery.placed_at,
        shop=shop,
        presentment=presentment,
        gateways=types,
        method=method_of(types),
        paid=paid,
        sale=sale,
        test=not delivery.envelope.live,
        cancelled_at=delivery.at if paid is Paid.VOIDED else None,
        cancel_reason="payment given up" if paid is Paid.VOIDED else "",
    )


def build_reading(
    delivery: Delivery,
    identity: Identity,
    *,
    kind: str,
    event: str,
    snapshot: Snapshot | None = None,
    payments: tuple[Payment, ...] = (),
    refunds: tuple[Refund, ...] = (),
    copy: RawEvent | None = None,
) -> Reading:
    """``kind`` is for the answer, ``event`` the report's one word."""
    if snapshot is None and not delivery.envelope.live:
        # A test must be known as one, whichever of its events comes first.
        snapshot = Snapshot(version=0, placed_at=delivery.placed_at, test=True)
    country, region = place_of(*shipped_to(delivery.object))
    report = OrderReport(
        order_id=identity.order_id,
        kind=event,
        at=delivery.at,
        reference=delivery.reference,
        aliases=identity.aliases,
        snapshot=snapshot,
        payments=payments,
        refunds=refunds,
        country=country,
        region=region,
    )
    return Reading(kind=kind, sender=SENDER, order=report, copy=copy, notes=tuple(delivery.notes))


def build_copy(delivery: Delivery, identity: Identity, snapshot: Snapshot, money: Money) -> RawEvent | None:
    """None for a test, and for an order whose payment was given up."""
    if snapshot.test or snapshot.paid is Paid.VOIDED:
        return None
    whole = snapshot.presentment or snapshot.shop
    return build_purchase(
        delivery.object,
        identity,
        delivery.options,
        value=whole.total if whole else money.amount,
        currency=whole.currency if whole else money.currency,
        placed_at=snapshot.placed_at,
        sale=snapshot.sale,
    )


def nameless(kind: str) -> Ignored:
    return Ignored(kind=kind, reason="names no payment by which an order could be found")
