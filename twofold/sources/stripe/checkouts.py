"""Checkout sessions and invoices: the objects of Stripe that state a whole order.

Owns their amounts and states (docs.stripe.com/api, "The Checkout Session object", "The Invoice object", read October
2026). A session's ``payment_status`` is unpaid while a method that settles later (debits, vouchers) is under way; the
money's word then comes as checkout.session.async_payment_succeeded or _failed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twofold.event.refusal import Refusal
from twofold.ledger.model import Amounts, Paid, Payment, Sale
from twofold.sources import lenient
from twofold.sources.contract import Ignored
from twofold.sources.stripe.deliveries import Delivery
from twofold.sources.stripe.identity import Identity, identify
from twofold.sources.stripe.minor_units import to_amount
from twofold.sources.stripe.readings import (
    Answer,
    Money,
    build_copy,
    build_reading,
    build_snapshot,
    in_both_currencies,
    minor,
    nameless,
    read_amount,
    sale_of,
    stated_total,
)

RENEWALS = frozenset({"subscription_cycle", "subscription_threshold", "subscription_update", "subscription"})
"""Why an invoice was made when nobody placed an order; "subscription" is the word of versions before 2018."""


def read_session(delivery: Delivery) -> Answer:
    """A checkout that the buyer went through, paid or to be paid, or whose late payment came or failed."""
    session = delivery.object
    if session.get("mode") == "setup":
        return Ignored(kind="card saved", reason="a checkout that sells nothing")
    identity = identify(delivery)
    if identity is None:
        return nameless("checkout")
    money = read_amount(session, "amount_total")
    if isinstance(money, Refusal):
        return money
    failed = delivery.envelope.type.endswith("async_payment_failed")
    settled = session.get("payment_status") in ("paid", "no_payment_required")
    paid = Paid.VOIDED if failed else Paid.PAID if settled else Paid.UNPAID
    shop, presentment, is_part = _session_amounts(delivery, identity, money)
    snapshot = build_snapshot(
        delivery,
        paid=None if is_part and paid is Paid.PAID else paid,
        shop=shop,
        presentment=presentment,
        sale=sale_of(session),
    )
    free_trial = session.get("mode") == "subscription" and not money.amount
    return build_reading(
        delivery,
        identity,
        kind="payment failed" if failed else "checkout paid" if settled else "checkout unpaid",
        event="payment failed" if failed else "paid" if settled else "placed",
        snapshot=snapshot,
        payments=_payments(delivery, identity, money) if settled and not failed else (),
        copy=None if free_trial else build_copy(delivery, identity, snapshot, money),
    )


def read_expired(delivery: Delivery) -> Answer:
    """A checkout that nobody finished. It is an order only where the shop had made one before."""
    identity = identify(delivery)
    if identity is None or not identity.named:
        return Ignored(kind="checkout expired", reason="a checkout that was not finished is no order")
    snapshot = build_snapshot(delivery, paid=Paid.VOIDED, shop=None, sale=sale_of(delivery.object))
    return build_reading(delivery, identity, kind="checkout expired", event="cancelled", snapshot=snapshot)


def read_invoice(delivery: Delivery) -> Answer:
    """A paid invoice: a subscription's first order or a renewal of it, or one that staff or a checkout made."""
    invoice = delivery.object
    identity = identify(delivery)
    if identity is None:
        return nameless("invoice")
    money = read_amount(invoice, "amount_paid")
    if isinstance(money, Refusal):
        return money
    reason = lenient.text(invoice, "billing_reason") or ""
    renewal, first = reason in RENEWALS, reason == "subscription_create"
    sale = Sale.RENEWAL if renewal else Sale.WEB
    snapshot = build_snapshot(delivery, paid=Paid.PAID, shop=_invoice_amounts(invoice, money), sale=sale)
    # Any other invoice is written by staff, or by a checkout that has a session of its own to speak for it; a trial
    # that begins is not a purchase.
    speaks = (renewal or first) and money.amount > 0
    return build_reading(
        delivery,
        identity,
        kind="renewal" if renewal else "invoice paid",
        event="renewed" if renewal else "paid",
        snapshot=snapshot,
        payments=_payments(delivery, identity, money) if money.amount else (),
        copy=build_copy(delivery, identity, snapshot, money) if speaks else None,
    )


def read_invoice_payment(delivery: Delivery) -> Answer:
    """Says which intent paid which invoice; since 2025-03-31 neither of the two says it reliably."""
    identity = identify(delivery)
    if identity is None or identity.invoice is None:
        return nameless("invoice payment")
    return build_reading(delivery, identity, kind="invoice payment", event="paid")


def _session_amounts(delivery: Delivery, identity: Identity, money: Money) -> tuple[Amounts, Amounts | None, bool]:
    """(in the shop's currency, in the buyer's when it is another, is the session only a part of the order)."""
    session, currency = delivery.object, money.currency
    stated = stated_total(delivery, identity)
    if stated is not None and stated != money.amount:
        return Amounts(currency=currency, total=stated), None, stated > money.amount
    totals, cost = lenient.part(session, "total_details"), lenient.part(session, "shipping_cost")
    with_tax = minor(cost, "amount_total", currency)
    shipping_tax = minor(cost, "amount_tax", currency)
    amounts = Amounts(
        currency=currency,
        total=money.amount,
        tax=minor(totals, "amount_tax", currency),
        # total less tax is right for prices with and without tax inside
        shipping=minor(totals, "amount_shipping", currency) if with_tax is None else with_tax - (shipping_tax or 0),
        shipping_tax=shipping_tax,
        discount=minor(totals, "amount_discount", currency),
    )
    return *in_both_currencies(session, amounts), False


def _invoice_amounts(invoice: dict[str, Any], money: Money) -> Amounts:
    currency = money.currency
    total = minor(invoice, "total", currency)
    taxes = lenient.parts(invoice, "total_taxes") or lenient.parts(invoice, "total_tax_amounts")
    tax = sum((to_amount(lenient.whole(item, "amount") or 0, currency) for item in taxes), Decimal())
    discounts = lenient.parts(invoice, "total_discount_amounts")
    discount = sum((to_amount(lenient.whole(item, "amount") or 0, currency) for item in discounts), Decimal())
    return Amounts(
        currency=currency,
        total=total if total is not None and total >= 0 else money.amount,
        tax=tax if taxes else minor(invoice, "tax", currency),
        discount=discount if discounts else None,
    )


def _payments(delivery: Delivery, identity: Identity, money: Money) -> tuple[Payment, ...]:
    """The money under its intent's id, as the intent's own event has it, so that both are one payment. Without the
    intent's id there is nothing to know them as one by, and the intent's event, which comes anyway, says it."""
    intent = next((a.partition(":")[2] for a in identity.aliases if a.startswith("payment:")), None)
    if intent is None:
        return ()
    return (Payment(id=intent, kind="sale", amount=money.amount, currency=money.currency, at=delivery.at),)
