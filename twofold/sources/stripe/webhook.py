"""One delivery of a Stripe event: its signature, and which reader its type goes to.

Owns the signature scheme and the table of types.

Platform rules, read October 2026:
- docs.stripe.com/webhooks, "Verify manually": ``Stripe-Signature: t=<Unix s>,v1=<hex>[,v1=<hex>]``; v1 is HMAC-SHA256 of
  the timestamp's text, a dot and the raw body, with the endpoint's secret; several v1 while a secret is rolled; other
  schemes (v0) are for Stripe's own tests and are passed over. Stripe's libraries tolerate 300 s.
- deliveries are repeated for up to three days, in any order; a repeat is signed anew with its own time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from twofold.event.refusal import Refusal
from twofold.sources.contract import Ignored, SourceOptions
from twofold.sources.signatures import fits_hex
from twofold.sources.stripe.checkouts import read_expired, read_invoice, read_invoice_payment, read_session
from twofold.sources.stripe.deliveries import Delivery, open_envelope, open_object
from twofold.sources.stripe.payments import (
    read_canceled,
    read_charge_refunded,
    read_dispute,
    read_failure,
    read_pending,
    read_refund,
    read_reserved,
    read_success,
)
from twofold.sources.stripe.readings import Answer

TOLERANCE_MS = 300_000  # both ways: an old body is a replay, one from the future is a wrong clock
MAX_SIGNATURES = 8  # Stripe sends one for each secret that is valid, so two

_TIME = re.compile(r"[0-9]{1,12}")


class Type(Struct, frozen=True, kw_only=True):
    """How a type is read. ``rank`` orders the events of one second: see `Delivery.version`."""

    read: Callable[[Delivery], Answer]
    rank: int


TYPES: Mapping[str, Type] = {
    "checkout.session.completed": Type(read=read_session, rank=400),
    "checkout.session.async_payment_succeeded": Type(read=read_session, rank=600),
    "checkout.session.async_payment_failed": Type(read=read_session, rank=500),
    "checkout.session.expired": Type(read=read_expired, rank=100),
    "payment_intent.processing": Type(read=read_pending, rank=200),
    "payment_intent.amount_capturable_updated": Type(read=read_reserved, rank=300),
    "payment_intent.succeeded": Type(read=read_success, rank=600),
    "payment_intent.payment_failed": Type(read=read_failure, rank=150),
    "payment_intent.canceled": Type(read=read_canceled, rank=700),
    "charge.succeeded": Type(read=read_success, rank=350),
    "charge.captured": Type(read=read_success, rank=600),
    "charge.failed": Type(read=read_failure, rank=150),
    "charge.refunded": Type(read=read_charge_refunded, rank=800),
    "charge.refund.updated": Type(read=read_refund, rank=800),
    "refund.created": Type(read=read_refund, rank=800),
    "refund.updated": Type(read=read_refund, rank=800),
    "refund.failed": Type(read=read_refund, rank=800),
    "charge.dispute.created": Type(read=read_dispute, rank=900),
    "charge.dispute.updated": Type(read=read_dispute, rank=900),
    "charge.dispute.funds_withdrawn": Type(read=read_dispute, rank=900),
    "charge.dispute.funds_reinstated": Type(read=read_dispute, rank=900),
    "charge.dispute.closed": Type(read=read_dispute, rank=900),
    "invoice.paid": Type(read=read_invoice, rank=600),
    "invoice.payment_succeeded": Type(read=read_invoice, rank=600),  # the same moment under its older name
    "invoice_payment.paid": Type(read=read_invoice_payment, rank=600),
}

# How the other types are classified: by the first of these that a type begins with, else by its first word.
OTHERS = {
    "payout.": "payout",
    "balance.": "payout",
    "transfer.": "payout",
    "invoice.payment_failed": "payment failed",
    "payment_intent.": "payment",
    "charge.": "payment",
    "checkout.": "checkout",
    "customer.subscription.": "subscription",
    "subscription_schedule.": "subscription",
}


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Is the body signed with one of the secrets, not more than five minutes from now?"""
    items = [item.partition("=") for item in headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in items if name == "t"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not times[0].isascii():
        return False
    given = [value for name, _, value in items if name == "v1"][:MAX_SIGNATURES]
    message = times[0].encode() + b"." + body
    fits = [fits_hex(value, message, secrets) for value in given]  # each is tried, whichever fits
    return any(fits) and abs(now_ms - int(times[0]) * 1000) <= TOLERANCE_MS


class _Typed(Struct, frozen=True):
    type: str = ""


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """The event's type, such as charge.refunded."""
    del headers
    try:
        return msgspec.json.decode(body, type=_Typed).type
    except (msgspec.DecodeError, RecursionError):
        return ""


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer:
    """One signed event. Everything it is worth stands in the body, which is signed as a whole."""
    del headers, now_ms
    envelope = open_envelope(body)
    if isinstance(envelope, Refusal):
        return envelope
    known = TYPES.get(envelope.type)
    if known is None:
        return Ignored(kind=_kind_of(envelope.type), reason="a type of event that tells nothing of an order")
    delivery = open_object(envelope, known.rank, options)
    return delivery if isinstance(delivery, Refusal) else known.read(delivery)


def _kind_of(name: str) -> str:
    found = next((kind for prefix, kind in OTHERS.items() if name.startswith(prefix)), None)
    first = name.partition(".")[0]
    return found or (first if re.fullmatch(r"[a-z0-9_]{1,40}", first) else "unknown")
