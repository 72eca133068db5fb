"""PayPal's webhooks of payments: captures, authorisations, refunds, disputes.

Owns their signature and events (developer.paypal.com, "Integrate webhooks", self verification, read November 2026): the base64 in
``PAYPAL-TRANSMISSION-SIG`` is RSA with SHA-256 over the transmission's id, its time, the webhook's id and the CRC32 of the body as a
number, with ``|`` between. PayPal says in a header where its certificate lies; what a sender says is not asked for here: the
certificates that the operator set are the only ones that count. The webhook's id, which is PayPal's name for this one address of this one
account, stands beside them in ``secret``: without it a delivery to another merchant would fit.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from twofold.event.refusal import Refusal
from twofold.ledger.model import Payment
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Source, SourceOptions
from twofold.sources.payments.movement import Answer, Movement, body_of, money_at, reading_of, seconds_at
from twofold.sources.schema import read_id
from twofold.sources.signatures import fits_rsa, is_public_key

SENDER = "paypal"
REFERENCES = ("invoice_id", "custom_id")
"""Where a shop may put its order; the first of them unless ``fields.order_id`` says the other."""

MOVEMENTS: Mapping[str, tuple[str, str, str, str]] = {
    "PAYMENT.CAPTURE.COMPLETED": ("sale", "success", "payment", "paid"),
    "PAYMENT.CAPTURE.PENDING": ("sale", "pending", "payment pending", "placed"),
    "PAYMENT.CAPTURE.DENIED": ("sale", "failure", "payment failed", "failed"),
    "PAYMENT.CAPTURE.DECLINED": ("sale", "failure", "payment failed", "failed"),
    "PAYMENT.AUTHORIZATION.CREATED": ("authorisation", "success", "payment reserved", "authorised"),
    "PAYMENT.AUTHORIZATION.VOIDED": ("authorisation", "failure", "payment given up", "voided"),
    "PAYMENT.CAPTURE.REFUNDED": ("refund", "success", "refund", "refund"),
    "PAYMENT.CAPTURE.REVERSED": ("refund", "success", "refund", "refund"),
}
"""An event -> kind and state of the money, words for the answer and the history."""

DISPUTES = {
    "CUSTOMER.DISPUTE.CREATED": "success",
    "CUSTOMER.DISPUTE.UPDATED": "success",
    "CUSTOMER.DISPUTE.RESOLVED": "success",
}
_FOR_THE_SELLER = frozenset({"RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED"})
"""Outcomes of a dispute after which the money stays."""

_HEADERS = ("paypal-transmission-id", "paypal-transmission-time")


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """PayPal repeats for three days, so no age is refused; a repeat is the same movement."""
    del now_ms
    webhooks = [secret for secret in secrets if secret and not is_public_key(secret)]
    keys = [secret for secret in secrets if is_public_key(secret)]
    said = [headers.get(name, "") for name in _HEADERS]
    if not all(said) or any("|" in text for text in said) or headers.get("paypal-auth-algo") != "SHA256withRSA":
        return False
    fits = [
        fits_rsa(
            headers.get("paypal-transmission-sig", ""),
            "|".join([*said, webhook, str(zlib.crc32(body))]).encode("utf-8", "surrogatepass"),
            keys,
        )
        for webhook in webhooks
    ]
    return any(fits)


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Such as PAYMENT.CAPTURE.COMPLETED."""
    del headers
    tree = body_of(body)
    return "" if isinstance(tree, Refusal) else (lenient.token(tree, "event_type") or "")[:60]


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer:
    """One event."""
    del headers, now_ms
    event = body_of(body)
    if isinstance(event, Refusal):
        return event
    name, thing = lenient.token(event, "event_type") or "", lenient.part(event, "resource")
    if name in DISPUTES:
        return _dispute(event, thing)
    if name not in MOVEMENTS:
        return Ignored(kind="event", reason="an event that moves no money of an order")
    return _movement(event, thing, name, options)


def _movement(event: dict[str, Any], thing: dict[str, Any], name: str, options: SourceOptions) -> Answer:
    number = lenient.token(thing, "id")
    if number is None:
        return Ignored(kind="payment", reason="names no payment")
    kind, state, said, word = MOVEMENTS[name]
    money, at = _money(thing, "amount"), seconds_at(event, "create_time", "create_time")
    if isinstance(money, Refusal):
        return money
    if isinstance(at, Refusal):
        return at
    # A refund is of the capture that its link says; everything else is a payment by itself.
    payment = (_above(thing) or number) if kind == "refund" else number
    named = options.fields.get("order_id", REFERENCES[0])
    return _told(event, said, word, at, read_id(thing.get(named)) or "", payment,
                 Payment(id=number, kind=kind, amount=money[0], currency=money[1], state=state, at=at, gateway="paypal"))  # fmt: skip


def _dispute(event: dict[str, Any], thing: dict[str, Any]) -> Answer:
    """All events of a dispute are one: the latest says whether it stands."""
    number, about = lenient.token(thing, "dispute_id"), lenient.parts(thing, "disputed_transactions")
    payment = lenient.token(about[0], "seller_transaction_id") if about else None
    if number is None or payment is None:
        return Ignored(kind="dispute", reason="names no payment")
    money, at = _money(thing, "dispute_amount"), seconds_at(event, "create_time", "create_time")
    if isinstance(money, Refusal):
        return money
    if isinstance(at, Refusal):
        return at
    outcome = lenient.text(lenient.part(thing, "dispute_outcome"), "outcome_code")
    state = "failure" if outcome in _FOR_THE_SELLER else "success"
    return _told(event, "dispute", "dispute", at, "", payment,
                 Payment(id=number, kind="dispute", amount=money[0], currency=money[1], state=state, at=at, gateway="paypal"))  # fmt: skip


def _told(event: dict[str, Any], kind: str, word: str, at: int, order: str, payment: str, movement: Payment) -> Answer:
    reference = f"paypal {lenient.token(event, 'event_type')} {lenient.token(event, 'id') or movement.id}"
    return reading_of(
        Movement(
            sender=SENDER, kind=kind, event=word, reference=reference, at=at, order=order, payment=payment, payments=(movement,)
        )
    )  # fmt: skip


def _above(refund: dict[str, Any]) -> str | None:
    """The capture's id, from the address of the link ``up``."""
    for link in lenient.parts(refund, "links"):
        if lenient.text(link, "rel") == "up":
            path = lenient.address_of(lenient.text(link, "href")).path
            return lenient.token({"id": path.rpartition("/captures/")[2]}, "id") if "/captures/" in path else None
    return None


def _money(thing: dict[str, Any], name: str) -> tuple[Decimal, str] | Refusal:
    return money_at(thing, name, f"resource.{name}", "currency_code")


PAYPAL = Source(name="paypal", signed=signed, topic=topic_of, read=read)
