"""Payment intents, charges, refunds and disputes: money that moved for an order.

Owns their states (docs.stripe.com/api, read October 2026).

A refund is told twice: as a refund object with its id (refund.created, refund.updated, charge.refund.updated), and as
the charge's cumulative ``amount_refunded`` (charge.refunded, since API version 2022-11-15 without the refunds' ids). No
id is common to both, so they go to two places: charge.refunded makes `Refund` facts, by the refunds' ids where it lists
them, else one for the step of the sum, with the sum, which holds what a lost event would have said; refund objects make
`Payment` facts of the kind ``refund`` with their state. What was given back is the larger of the two sums, never both.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from twofold.event.refusal import Refusal
from twofold.ledger.model import Amounts, Paid, Payment
from twofold.ledger.model import Refund as RefundFact
from twofold.sources import lenient
from twofold.sources.contract import Ignored
from twofold.sources.schema import read_label
from twofold.sources.stripe.deliveries import Delivery
from twofold.sources.stripe.identity import Identity, identify
from twofold.sources.stripe.methods import types_of
from twofold.sources.stripe.minor_units import to_amount
from twofold.sources.stripe.readings import (
    Answer,
    Money,
    build_copy,
    build_reading,
    build_snapshot,
    in_both_currencies,
    nameless,
    read_amount,
    sale_of,
    stated_total,
)

REFUND_STATES = {"succeeded": "success", "failed": "failure", "canceled": "failure"}
DISPUTE_STATES = {"lost": "success", "won": "failure", "warning_closed": "failure", "prevented": "failure"}
"""The money goes to the bank with "lost"; "won" gives it back; a warning (an inquiry) never took it."""

# Intents that Stripe Billing makes itself; where they do not name their invoice, nothing tells whose they are.
_OF_BILLING = ("Subscription creation", "Subscription update", "Payment for Invoice")


def read_success(delivery: Delivery) -> Answer:
    """payment_intent.succeeded, charge.succeeded and charge.captured: money that was taken, or reserved."""
    thing = delivery.object
    reserved = thing.get("captured") is False
    names = ("amount",) if reserved else ("amount_received", "amount_captured", "amount")
    return _read_money(delivery, names, Paid.AUTHORISED if reserved else Paid.PAID)


def read_reserved(delivery: Delivery) -> Answer:
    """payment_intent.amount_capturable_updated: reserved, to be taken later."""
    if not lenient.whole(delivery.object, "amount_capturable"):
        return Ignored(kind="payment", reason="nothing is reserved any more; the capture or the cancelling says why")
    return _read_money(delivery, ("amount_capturable",), Paid.AUTHORISED)


def read_pending(delivery: Delivery) -> Answer:
    """payment_intent.processing: the buyer agreed, the money takes days."""
    return _read_money(delivery, ("amount",), Paid.UNPAID)


def read_failure(delivery: Delivery) -> Answer:
    """A declined try. The buyer may try again, so it says nothing of the order but that it happened."""
    thing = delivery.object
    identity, money = identify(delivery), read_amount(thing, "amount")
    if identity is None:
        return nameless("payment failed")
    if isinstance(money, Refusal):
        return money
    charge = next((a.partition(":")[2] for a in identity.aliases if a.startswith("charge:")), None)
    # Never the intent's own id, under which the success is kept.
    payment_id = charge or f"{lenient.token(thing, 'id') or identity.order_id}:{delivery.envelope.id}"
    payment = _payment(delivery, payment_id, "sale", money, "failure")
    return build_reading(delivery, identity, kind="payment failed", event="payment failed", payments=(payment,))


def read_canceled(delivery: Delivery) -> Answer:
    """An intent that was given up. It is an order only where the shop named it or money had been tried."""
    identity = identify(delivery)
    if identity is None or not (identity.named or delivery.object.get("latest_charge")):
        return Ignored(kind="payment cancelled", reason="a payment that nobody tried is no order")
    snapshot = build_snapshot(delivery, paid=Paid.VOIDED, shop=None, sale=sale_of(delivery.object))
    return build_reading(delivery, identity, kind="payment cancelled", event="cancelled", snapshot=snapshot)


def read_charge_refunded(delivery: Delivery) -> Answer:
    charge = delivery.object
    identity, money = identify(delivery), read_amount(charge, "amount_refunded")
    if identity is None:
        return nameless("refund")
    if isinstance(money, Refusal):
        return money
    refunds = _listed(charge, money) or _step(delivery, money)
    return build_reading(delivery, identity, kind="refund", event="refund", refunds=refunds)


def read_refund(delivery: Delivery) -> Answer:
    return _read_taken_back(delivery, "refund", REFUND_STATES)


def read_dispute(delivery: Delivery) -> Answer:
    return _read_taken_back(delivery, "dispute", DISPUTE_STATES)


def _read_taken_back(delivery: Delivery, kind: str, states: Mapping[str, str]) -> Answer:
    """Money that leaves again, as an object of its own: a payment of that kind, in the state its word stands for."""
    thing = delivery.object
    identity, money, number = identify(delivery, own=False), read_amount(thing, "amount"), lenient.token(thing, "id")
    if identity is None or number is None:
        return nameless(kind)
    if isinstance(money, Refusal):
        return money
    state = states.get(lenient.text(thing, "status") or "", "pending")
    payment = _payment(delivery, number, kind, money, state)
    return build_reading(delivery, identity, kind=kind, event=kind, payments=(payment,))


def _read_money(delivery: Delivery, names: tuple[str, ...], paid: Paid) -> Answer:
    thing = delivery.object
    identity, money = identify(delivery), read_amount(thing, *names)
    if identity is None:
        return nameless("payment")
    if isinstance(money, Refusal):
        return money
    if identity.invoice is None and not identity.named and _is_of_billing(thing):
        return Ignored(kind="payment", reason="a subscription's payment; its invoice's event says what it is for")
    total = _total(delivery, identity, money)
    is_part = total is not None and total > money.amount
    shop = None if total is None else Amounts(currency=money.currency, total=total)
    # What the buyer was shown is this payment's, which is the whole order where its total is this payment's too.
    whole = in_both_currencies(thing, shop) if shop is not None and total == money.amount else (shop, None)
    snapshot = build_snapshot(
        delivery,
        paid=None if is_part else paid,
        shop=whole[0],
        presentment=whole[1],
        sale=sale_of(thing),
    )
    return build_reading(
        delivery,
        identity,
        kind=_KINDS[paid],
        event=_EVENTS[paid],
        snapshot=snapshot if identity.invoice is None else None,
        payments=_moved(delivery, identity, money, paid),
        copy=build_copy(delivery, identity, snapshot, money) if _speaks(delivery, identity) else None,
    )


_KINDS = {Paid.PAID: "payment", Paid.AUTHORISED: "payment reserved", Paid.UNPAID: "payment pending"}
_EVENTS = {Paid.PAID: "paid", Paid.AUTHORISED: "authorised", Paid.UNPAID: "placed"}


def _total(delivery: Delivery, identity: Identity, money: Money) -> Decimal | None:
    """The whole order's total: the merchant's word; else, for a payment that is an order of its own, its amount."""
    stated = stated_total(delivery, identity)
    return stated if stated is not None else None if identity.named else money.amount


def _speaks(delivery: Delivery, identity: Identity) -> bool:
    """Does this payment stand for an order by itself? One of an invoice does not; nor, where the operator said under
    which name the shop's order id stands, one that lacks it: it belongs to a session that has it."""
    if identity.invoice is not None:
        return False
    if identity.named or not delivery.options.fields.get("order_id"):
        return True
    delivery.notes.append("the metadata lacks the configured order id, so this payment makes no Purchase")
    return False


def _is_of_billing(thing: dict[str, Any]) -> bool:
    return (lenient.text(thing, "description") or "").startswith(_OF_BILLING)


def _moved(delivery: Delivery, identity: Identity, money: Money, paid: Paid) -> tuple[Payment, ...]:
    """One id for the intent and its charge, so that both events are one payment; reserved money has its own."""
    aliases = dict(alias.split(":", 1) for alias in identity.aliases)
    payment_id = aliases.get("payment") or aliases.get("charge")
    if payment_id is None or paid is Paid.UNPAID:
        return ()
    if paid is Paid.AUTHORISED:
        return (_payment(delivery, f"{payment_id}:reserved", "authorisation", money, "success"),)
    return (_payment(delivery, payment_id, "sale", money, "success"),)


def _payment(delivery: Delivery, payment_id: str, kind: str, money: Money, state: str) -> Payment:
    types = types_of(delivery.object)
    return Payment(
        id=payment_id,
        kind=kind,
        amount=money.amount,
        currency=money.currency,
        state=state,
        at=delivery.at,
        gateway=types[0] if types else "",
    )


def _listed(charge: dict[str, Any], money: Money) -> tuple[RefundFact, ...]:
    """Each refund by its id, where the charge lists them all; those that failed gave nothing back."""
    listing = lenient.part(charge, "refunds")
    found = []
    for entry in lenient.parts(listing, "data"):
        number, amount = lenient.token(entry, "id"), lenient.whole(entry, "amount")
        if not number or not amount or amount < 0 or REFUND_STATES.get(str(entry.get("status"))) == "failure":
            continue
        found.append(
            RefundFact(
                id=number,
                amount=to_amount(amount, money.currency),
                currency=money.currency,
                at=lenient.whole(entry, "created") or 0,
                reason=read_label(entry.get("reason")) or "",
                payment=lenient.token(charge, "id") or "",
            )
        )
    complete = listing.get("has_more") is not True and sum((r.amount for r in found), Decimal()) == money.amount
    return tuple(found) if complete else ()


def _step(delivery: Delivery, money: Money) -> tuple[RefundFact, ...]:
    """How far this event raised the charge's sum, and the sum itself, as the event before it may have been lost. The id
    names the sum reached, so a repeat is the same fact."""
    before = lenient.whole(delivery.before, "amount_refunded") or 0
    charge_id, reached = lenient.token(delivery.object, "id"), lenient.whole(delivery.object, "amount_refunded") or 0
    if charge_id is None or reached <= before:
        return ()
    return (
        RefundFact(
            id=f"{charge_id}:{reached}",
            amount=to_amount(reached - before, money.currency),
            currency=money.currency,
            at=delivery.at,
            total=money.amount,
            payment=charge_id,
        ),
    )
